/* crash.h: what was going on when a process ended for a reason that is not quiet (OTP: the report
 * of a gen_server and proc_lib's crash report in one). Comes with FL_NOTE_CRASH (node.h). */
#ifndef FL_RUNTIME_CRASH_H
#define FL_RUNTIME_CRASH_H

#include "runtime/process.h"

enum { FL_CRASH_NEAR_MAX = 8, FL_CRASH_BYTES_MAX = 32, FL_CRASH_STATE_MAX = 2048 };

struct fl_crash_near {
    struct fl_pid pid;
    char name[48]; /* "" when it has none, or lives on another shard */
};
struct fl_crash {
    struct fl_pid pid;
    const char *name;   /* registered name or NULL */
    const char *server; /* kind of process */
    struct fl_reason reason;
    bool is_told;         /* it was made to end: an exit signal, a kill, a limit */
    bool is_in_handler;   /* and that in the middle of one, which kept its stack */
    const char *word;     /* the last message: "cast", "call" …; NULL: there was none */
    uint32_t tag, len;    /* of it */
    struct fl_pid from;   /* of it */
    struct fl_pid client; /* it was a call, and this one may wait for the answer */
    unsigned char bytes[FL_CRASH_BYTES_MAX]; /* of it: the first bytes_count */
    size_t bytes_count;
    const char *state; /* in words, cut to FL_CRASH_STATE_MAX; "" when the server has none */
    uint32_t mailbox_len;
    uint64_t handled;
    struct fl_crash_near ancestors[FL_CRASH_NEAR_MAX]; /* parent first, as far as is known here */
    size_t ancestors_count;
    struct fl_crash_near links[FL_CRASH_NEAR_MAX]; /* the first of them */
    size_t links_count;
    bool has_more_links;
    const void *alloc_site; /* the call of fl_self_alloc that passed memory_max, or NULL */
};

/** The report in words, several lines; cut to fit. Returns out. */
const char *fl_crash_show(const struct fl_crash *crash, char *out, size_t out_len);

#endif
