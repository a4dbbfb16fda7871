/* journal.h: facts on one clock, appended by one writer process, read only.
 *
 * A run folder's journal/ holds, for each writer process W:
 *   W.jsonl  one JSON object a line: {"t":<monotonic ns>,"fact":"<name>", …}   (docs/journal.md)
 *   W.ops    a 64-byte header, then fixed-size records `struct fl_op`
 * Both only grow. Every write is one write(2) into the page cache, so SIGKILL of the writer loses
 * at most what was not flushed: facts are flushed at once, operations when the writer's loop goes
 * to sleep (call fl_journal_flush there) or the buffer is full. Thread: one writer, one thread. */
#ifndef FL_BASE_JOURNAL_H
#define FL_BASE_JOURNAL_H

#include "runtime/base/str.h"

enum fl_outcome {
    FL_OK = 1,      /* happened */
    FL_FAIL = 2,    /* definitely did not happen: refused, rejected, not sent */
    FL_UNKNOWN = 3, /* may have happened: deadline passed after sending, link cut */
};

/** What went wrong with an operation, as the client saw it. */
enum fl_op_error {
    FL_OPERR_NONE = 0,
    FL_OPERR_REFUSED, /* connect refused or unreachable */
    FL_OPERR_RESET,   /* connection lost */
    FL_OPERR_TIMEOUT, /* the deadline passed */
    FL_OPERR_STATUS,  /* an error answer: HTTP 5xx, an error reply */
    FL_OPERR_CONTENT, /* an answer, but not the right one */
    FL_OPERR_UNSENT,  /* no free slot before the deadline */
    FL_OPERR_COUNT
};

/** Names of enum fl_op_error, in order; used by reports and by CSV. */
extern const char *const fl_op_error_names[FL_OPERR_COUNT];

/** What a record is. FL_OP_ARRIVAL and above are operations with a due time and enter every figure;
 * those below are observations (done_ns is when it was seen) that only checkers read. */
enum fl_op_kind {
    FL_OBS_HEARD = 1,        /* user heard message key; info: the room */
    FL_OBS_JOINED = 2,       /* user is a member of room info from done_ns on */
    FL_OBS_PARTED = 3,       /* user stopped being one */
    FL_OBS_SAID_ACK = 4,     /* the server acknowledged message key of user */
    FL_OBS_LEASED = 5,       /* a consumer was given job key; info: the attempt */
    FL_OBS_DONE = 6,         /* the server acknowledged the completion of job key */
    FL_OBS_DONE_MAYBE = 7,   /* a completion of job key was sent and not answered */
    FL_OBS_DONE_REFUSED = 8, /* the server refused the completion: the lease was lost */
    FL_OBS_LEFT = 9,         /* at the end of the drain the queue still held info jobs */
    FL_OBS_EDIT_IN = 10,     /* user's edit key is in the history; info: the document, as below */
    FL_OBS_EDIT_OUT_MAYBE = 11, /* an edit that takes the word of edit key out was sent */
    FL_OBS_EDIT_OUT = 12,       /* it is in the history: the word of edit key is out */
    FL_OBS_EDIT_MISSED = 13,    /* user does not find the word of its edit key, which is in */
    FL_OBS_EDIT_ASTRAY = 14,    /* a revision cannot be done to user's text */
    FL_OBS_TEXT = 15,        /* key: hash of user's text at the end of the history; 0: not there */
    FL_OBS_TOKEN = 16,       /* a word of the text then; once a document; key 0: no edit's */
    FL_OBS_VIEW_UNTRUE = 17, /* user was shown, at done_ns, what was not so; key: the update */
    FL_OP_ARRIVAL = 32,      /* http, tcp: a request */
    FL_OP_SAY = 33,     /* chat: said until heard by every member that was and stayed present */
    FL_OP_ENQUEUE = 34, /* queue: ok means the server promised to keep job key */
    FL_OP_WORK = 35,    /* queue: one lease and the acknowledgement of what it brought */
    FL_OP_VIEW = 36,    /* dashboard: a view that is newer than due, and true */
    FL_OP_EDIT = 37,    /* editor: ok means that the history holds edit key; info: the document */
    FL_OP_LAST = FL_OP_EDIT,
};

enum {
    FL_OPF_CENSORED = 1, /* done_ns is the deadline: the true latency is longer */
};

/** One operation or observation; little-endian, as in memory on x86-64 and arm64. */
struct fl_op {
    int64_t due_ns;  /* from the plan; latency counts from here */
    int64_t sent_ns; /* 0: never sent */
    int64_t done_ns; /* answered, failed, or deadline */
    uint64_t key;    /* what it was about: message, job; 0 none */
    uint32_t info;   /* see enum fl_op_kind */
    uint32_t user;   /* which simulated user or slot */
    uint16_t load;   /* index of the load in plan.json */
    uint8_t kind;    /* enum fl_op_kind */
    uint8_t outcome; /* enum fl_outcome; observations use FL_OK */
    uint8_t error;   /* enum fl_op_error */
    uint8_t flags;   /* FL_OPF_… */
    uint16_t reserved;
};
_Static_assert(sizeof(struct fl_op) == 48, "the record format is a contract");

/** Is this record an operation (true) or an observation? */
static inline bool fl_op_is_arrival(const struct fl_op *op)
{
    return op->kind >= FL_OP_ARRIVAL;
}

struct fl_journal; /* one writer's open segment */

/** Opens (appends to) `folder`/journal/`writer`.jsonl and .ops; makes the folder. */
int fl_journal_open(struct fl_journal **out, const char *folder, const char *writer,
                    struct fl_err *err);
/** Flushes and closes; NULL is fine. */
void fl_journal_close(struct fl_journal *journal);
/** Adds one record to the buffer. */
void fl_journal_op(struct fl_journal *journal, const struct fl_op *op);
/** Writes what is buffered. Returns 0 or FL_EIO (disk full); what failed is kept and tried again.
 */
int fl_journal_flush(struct fl_journal *journal);
/** Appends one fact at once. `fields_json` is the inside of an object after t and fact, such as
 * `"instance":"chat.1","pid":17`, or NULL. journal may be NULL: the fact is dropped. */
void fl_journal_fact(struct fl_journal *journal, fl_ns at_ns, const char *fact,
                     const char *fields_format, ...) FL_PRINTF(4, 5);
/** Calls fn with each fact's line (without its newline) right after it is appended: whoever shows
 * facts to a person tells the same story as the journal. fn NULL: nobody. */
void fl_journal_watch(struct fl_journal *journal, void (*fn)(void *cx, const char *line), void *cx);
/** True once a write has failed since opening: the record of the run has a hole. */
bool fl_journal_broken(const struct fl_journal *journal);

/** Called with each record, in file order. */
typedef void (*fl_op_fn)(void *cx, const struct fl_op *op);
/** Called with each fact's line, in file order; line is NUL-terminated and without its newline. */
typedef void (*fl_fact_fn)(void *cx, const char *writer, const char *line);

/** Reads every .ops segment of a run folder. A torn last record is left out; a file with another
 * record size is an error. */
int fl_journal_read_ops(const char *folder, fl_op_fn fn, void *cx, struct fl_err *err);
/** Reads every .jsonl segment of a run folder, segment by segment. A torn last line is left out. */
int fl_journal_read_facts(const char *folder, fl_fact_fn fn, void *cx, struct fl_err *err);

#endif
