/* archive.h: what was said in rooms, kept in SQLite (WAL), one commit for a group.
 *
 * A room numbers its *changes* 1, 2, 3, …: a message gets one when it is said (its seq), and one
 * more each time it is edited or erased. Who knows the room up to a number learns the rest with
 * FL_ARCHIVE_SINCE. Of each room the newest messages are kept; who said one may say it again with
 * the same id as long as it is kept, and it stays one message.
 * Knows: SQLite, one file. Does not know: the runtime, what time it is.
 * Thread: one at a time, any. A second archive on the same file is safe. */
#ifndef FL_CHAT_ARCHIVE_H
#define FL_CHAT_ARCHIVE_H

#include "runtime/base/str.h"

#define FL_ARCHIVE_BODY_MAX 16384         /* bytes of a body, JSON text */
#define FL_ARCHIVE_ID_MAX 128             /* bytes of a client's id, JSON text */
#define FL_ARCHIVE_NAME_MAX 64            /* bytes of a room's or a user's name */
#define FL_ARCHIVE_PAGE_MAX 200           /* messages in an answer … */
#define FL_ARCHIVE_PAGE_BYTES (128 << 10) /* … and their bytes; one always fits */
#define FL_ARCHIVE_GROUP_MAX 1024         /* operations in one commit */

struct fl_archive_opts {
    const char *path;  /* the database file; made when it is not there */
    int64_t kept_max;  /* messages kept of each room; 0: 2,000 */
    int64_t rooms_max; /* rooms that anything was ever said in; 0: 100,000; above: FL_EFULL */
    int64_t pages_max; /* 4 KiB pages the file may have; 0: 262,144, which is 1 GiB */
    bool relaxed;      /* synchronous=NORMAL: a power cut may lose the last commits, a crash none */
    bool unchecked;    /* the caller knows that the file is sound */
};

enum fl_archive_kind {
    FL_ARCHIVE_SAY = 1, /* room, user, id, body → seq, number, at_ms, existed */
    FL_ARCHIVE_EDIT,    /* room, user, seq, body → number, at_ms, existed: it read so already */
    FL_ARCHIVE_ERASE,   /* room, user, seq → number, existed: it was erased already */
    FL_ARCHIVE_PAGE,  /* room, seq (0: the end), limit → rows before it, more: there are older */
    FL_ARCHIVE_SINCE, /* room, seq: a number, limit → rows: what changed after it: new messages,
                         then older ones that were edited. more: that would be too much, or is not
                         kept any more, and rows are the newest messages instead */
    FL_ARCHIVE_ROOMS, /* limit → rows: the rooms that something was said in last, latest first; seq:
                         messages kept, number: when (ms), and their names in place of JSON */
};

/** One message of an answer; its JSON, of json_len bytes, follows. */
struct fl_archive_row {
    int64_t seq, number; /* number: of its last change */
    uint32_t json_len;
    uint32_t is_erased;
};

/** One operation and its answer. Zero it, then set what the kind asks for. */
struct fl_archive_op {
    enum fl_archive_kind kind;
    struct fl_str room, user, id, body; /* borrowed during fl_archive_apply; body and id: JSON */
    int64_t seq;
    int limit;

    /** 0, FL_ERANGE (outside the limits), FL_ENOTFOUND (no such message is kept), FL_EREFUSED (it
     * is somebody else's), FL_EFULL (too many rooms, or the disk), FL_EIO (the storage failed: it
     * may turn out to have happened). */
    int code;
    bool existed, more;
    int64_t number, last;   /* last: the room's last number, after this */
    int64_t at_ms, said_ms; /* of a change: when it was made, and when its message was said */
    struct fl_buf rows;     /* struct fl_archive_row and JSON, one behind the other */
};

struct fl_archive;

/** Opens or makes the database. FL_EIO: it cannot be opened, is damaged, or is not an archive. */
int fl_archive_open(struct fl_archive **out, const struct fl_archive_opts *opts,
                    struct fl_err *err);
/** Closes; NULL is fine. */
void fl_archive_close(struct fl_archive *archive);
/** Applies a group in order, in one transaction, which is on the disk when this returns 0; each
 * op's code says how it went. Otherwise the group was rolled back and every op has the code that is
 * returned: FL_EFULL (the disk is full: try later) or FL_EIO (open the archive anew). */
int fl_archive_apply(struct fl_archive *archive, struct fl_archive_op *ops, size_t count,
                     int64_t now_ms, struct fl_err *err);
/** Frees the answer that an op holds. */
void fl_archive_op_fini(struct fl_archive_op *op);

/** A message as clients get it. */
struct fl_message {
    struct fl_str user;       /* text */
    struct fl_str body, id;   /* JSON text; id empty, or one of our own: not shown */
    int64_t at_ms, edited_ms; /* edited_ms 0: never */
    int64_t seq, number;
    bool is_erased;
};
/** Appends the message as a JSON object that ends with its number: `…,"seq":7,"ver":9}`. */
void fl_message_put(const struct fl_message *message, struct fl_buf *out);

#endif
