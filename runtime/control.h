/* control.h: the seam through which chaos reaches runtime processes: list, kill, suspend, resume,
 * and filters on what they are sent.
 *
 * In another OS process it is spoken over descriptor 3, one JSON object a line:
 *
 *   {"id":1,"op":"list","glob":"room/%"}   answer {"id":1,"ok":true,"names":["room/a"]}
 *   {"id":2,"op":"exit","name":"room/a","kind":"crash"}   {"id":2,"ok":true,"at_ns":…}
 *                                                        once it is gone
 *   {"id":3,"op":"suspend","name":"room/a"}, resume   {"id":3,"ok":true}
 *   {"id":4,"op":"filter","name":"room/a","from":"user/b","kind":"drop"}
 *                                          {"id":4,"ok":true,"filter":1}
 *   {"id":5,"op":"counts","filter":1}      {"id":5,"ok":true,"seen":90,"hit":31,"held":0}
 *   {"id":6,"op":"unfilter","filter":1}    the same, for the last time
 *   whatever cannot be done                {"id":7,"ok":false,"error":"no such process"}
 *
 * (% stands for a star.) A name may be a pid as fl_pid_show writes it: "<0.17.3>". Kinds of exit:
 * crash, kill, shutdown, normal, error. Kinds of filter: drop, delay, duplicate, reorder; it may
 * have "probability" (above 0, up to 1), "nth", "limit", "seed" and "delay_ns" as in
 * struct fl_filter_opts, and "from". */
#ifndef FL_RUNTIME_CONTROL_H
#define FL_RUNTIME_CONTROL_H

#include <uv.h>

#include "runtime/process.h"

/** Calls fn for each registered name that matches, sorted. Shard 0's thread. */
void fl_control_list(struct fl_node *node, const char *glob, void (*fn)(void *cx, const char *name),
                     void *cx);
/** The process of this name, or of this pid as text ("<0.17.3>", which need not be alive), or
 * FL_NO_PID. Any thread. `who` below is looked up by this. */
struct fl_pid fl_control_find(struct fl_node *node, const char *who);
/** The reason of a kind of exit, "crash", "kill" …; false: there is none of this name. */
bool fl_control_reason(const char *word, struct fl_reason *out);
/** Ends a process with this reason: FL_EXIT_CRASH cannot be trapped either. FL_ENOPROC. */
int fl_control_exit(struct fl_node *node, const char *who, struct fl_reason reason);
/** The process stops taking messages; they queue. FL_ENOPROC. */
int fl_control_suspend(struct fl_node *node, const char *who);
/** Undoes fl_control_suspend. */
int fl_control_resume(struct fl_node *node, const char *who);

/* Filters: what is sent to one process, by all or by one other (a link has two directions, and a
 * filter for each), is dropped, held back, doubled or put out of order. Casts, calls and answers
 * are; EXIT, DOWN, timers, ports and what the runtime itself answers are not. A filter ends with
 * its process, or by fl_control_unfilter; several on one process act in the order they came. */
enum fl_filter_kind {
    FL_FILTER_DROP = 1,
    FL_FILTER_DELAY,     /* each sender's messages stay in order: what follows one waits for it */
    FL_FILTER_DUPLICATE, /* it comes twice, one right after the other */
    FL_FILTER_REORDER,   /* it changes places with the next one */
};
struct fl_filter_opts {
    enum fl_filter_kind kind;
    double probability; /* that a message is hit, drawn for each; 0: 1 */
    uint32_t nth;       /* only every nth message may be hit; 0: every one */
    uint64_t limit;     /* so many hits, then all pass; 0: no limit */
    uint64_t seed;      /* of the draws; 0: from the node's seed and the number of the filter */
    fl_ns delay_ns;     /* DELAY: how long. REORDER: how long it waits for a next one; 0: 100 ms */
};
/* What a filter did: evidence that it was in the way at all. */
struct fl_filter_counts {
    uint64_t seen; /* messages that it could have hit */
    uint64_t hit;
    uint64_t held; /* right now: of delay and reorder; also what waits behind them */
};
/** Puts a filter on what `who` is sent, from now on; from (a name, which may be taken by somebody
 * else later, or a pid) narrows it to one sender. *id is its number, never used again. Returns 0,
 * FL_ENOPROC, or FL_ERANGE with words in err (may be NULL). Any thread. */
int fl_control_filter(struct fl_node *node, const char *who, const char *from,
                      const struct fl_filter_opts *opts, uint64_t *id, struct fl_err *err);
/** Ends a filter: no message is hit from now on, and what it holds goes on at once, in order,
 * before anything newer. counts (may be NULL) are the last ones, with what it held. Also when its
 * process is gone. FL_ENOTFOUND: no such filter any more. Any thread. */
int fl_control_unfilter(struct fl_node *node, uint64_t id, struct fl_filter_counts *counts);
/** What it did so far. FL_ENOTFOUND. Any thread. */
int fl_control_filter_counts(struct fl_node *node, uint64_t id, struct fl_filter_counts *counts);

/** Serves this seam on a descriptor of ours (3) from the node's loop; closes when the peer does. */
int fl_control_serve(struct fl_node *node, int fd, struct fl_err *err);

/** The other end: asks a control server in another process. Thread: the loop's. */
struct fl_control_client;
/** Takes fd. on_lost (may be NULL) is called when the peer closes. */
int fl_control_client_open(struct fl_control_client **out, uv_loop_t *loop, int fd_take,
                           void (*on_lost)(void *cx), void *cx, struct fl_err *err);
/** Called once for each request: ok and the answer's JSON text, or why not; never after close. */
typedef void (*fl_control_fn)(void *cx, bool ok, const char *answer_json);
/** Sends `{"id":…, <request_fields>}`; the answer comes to fn, or ok=false after timeout_ns. */
void fl_control_ask(struct fl_control_client *client, const char *request_fields, fl_ns timeout_ns,
                    fl_control_fn fn, void *cx);
/** Closes; frees itself when libuv lets go. NULL is fine. */
void fl_control_client_close(struct fl_control_client *client);

#endif
