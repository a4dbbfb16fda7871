/* trace.h: what one process does, as it does it: messages in and out, spawns, links, its end (OTP:
 * sys:trace, erlang:trace/3 of one process).
 *
 * A process that is not traced pays nothing; one that is has one watcher, a bound and a rate. */
#ifndef FL_RUNTIME_TRACE_H
#define FL_RUNTIME_TRACE_H

#include "runtime/process.h"

enum fl_trace_kind {
    FL_TRACE_IN = 1, /* a message arrived: in the mailbox, or an answer that is waited for */
    FL_TRACE_TAKE,   /* a message left the mailbox: its handler runs next */
    FL_TRACE_OUT,    /* it sent one */
    FL_TRACE_SPAWN,  /* it started other, a `word` */
    FL_TRACE_LINK,   /* it is linked to other now */
    FL_TRACE_UNLINK, /* it took a link back */
    FL_TRACE_EXIT,   /* it ended; the last event */
};
struct fl_trace_event {
    enum fl_trace_kind kind;
    fl_ns at_ns;
    struct fl_pid pid, other;
    const char *word; /* of a message: "cast", "call" …; of a spawn: the server, or NULL */
    uint32_t tag, len;
    const struct fl_reason *reason; /* FL_TRACE_EXIT */
    uint64_t lost;                  /* how many events before this one were over the rate */
};
/* on_event must be there, on_end may be NULL. */
struct fl_trace_opts {
    /** Called on the shard's thread, in the middle of what it tells: short, and nothing that waits.
     * What it sends to the traced process is not told. */
    void (*on_event)(void *cx, const struct fl_trace_event *event);
    /** Called once, and nothing after it: 0 when the trace ended (the process did, events_max was
     * reached, or fl_trace_stop), FL_ENOPROC, FL_ETAKEN (somebody else traces it). */
    void (*on_end)(void *cx, int code);
    void *cx;
    uint64_t events_max; /* 0: 1000 */
    uint32_t per_s_max;  /* 0: 1000 events in a second; those above are counted */
};

/** Begins to trace a process; soon, when it lives on another shard. FL_ENOPROC: no such shard, and
 * on_end is not called. Any thread of the node. */
int fl_trace_start(struct fl_node *node, struct fl_pid pid, const struct fl_trace_opts *opts);
/** Ends the trace that has this cx, soon; none is fine. Any thread of the node. */
void fl_trace_stop(struct fl_node *node, struct fl_pid pid, void *cx);
/** An event in words: `in cast tag 5, 8 bytes from <0.3.1>`. Returns out. */
const char *fl_trace_show(const struct fl_trace_event *event, char *out, size_t out_len);
/** "in", "take", … Any thread. */
const char *fl_trace_word(enum fl_trace_kind kind);

#endif
