/* bench.h: what the measurements of the runtime share.
 *
 * A measurement is a function of a body process; it returns one number. Each runs in a node of its
 * own, in an OS process of its own. tests/bench/beam/ makes the same measurements on Erlang/OTP, by
 * the same names, with the same counts. */
#ifndef FL_TESTS_BENCH_H
#define FL_TESTS_BENCH_H

#include "runtime/node.h"
#include "runtime/server.h"

struct bench {
    const char *name, *unit; /* a unit with "/s" is a rate: more is better; else less is */
    double (*run)(struct fl_self *self, const struct bench *bench);
    uint64_t n;      /* how many of what it measures */
    double quantile; /* of the measurements that make one of their samples */
    int runs;        /* 0: the best of 3 */
    int shards;      /* 0: one */
};
/* What one file measures. */
struct bench_theme {
    const char *name;
    const struct bench *rows;
    size_t count;
};
extern const struct bench_theme bench_spawn, bench_messages, bench_call, bench_links, bench_timers,
    bench_misc, bench_memory, bench_sup, bench_tasks, bench_broadcast;

/* Nobody takes the core away from a process here; the peer does it about this often. A flood that
 * never lets others run would measure how memory is filled. */
#define BENCH_YIELD_EVERY 512

/** n things since started_ns, a second. */
double bench_rate(uint64_t n, fl_ns started_ns);
/** Sorts the samples and returns this quantile, 0.5 the median. Frees them. */
double bench_quantile(double *samples_take, size_t count, double quantile);
/** Resident memory of this OS process, bytes. */
double bench_rss(void);
/** A row of zeroed values for as long as the process lives; give it back with fl_self_free. */
#define bench_array(self, type, count) ((type *)fl_self_alloc((self), sizeof(type) * (count)))

/** Starts a server that must start. */
struct fl_pid bench_start(struct fl_self *self, const struct fl_server *server, const void *args);
/** Starts a body that must start, with a mailbox that never fills. */
struct fl_pid bench_body(struct fl_self *self, fl_run_fn fn, const void *args, size_t args_len);
/** Kills these and waits until they are gone. */
void bench_kill(struct fl_self *self, const struct fl_pid *pids, size_t count);
/** Sends and expects that it worked. */
static inline void bench_send(struct fl_self *self, struct fl_pid to, uint32_t tag)
{
    int rc = fl_send(self, to, tag, NULL, 0);
    FL_ASSERT(rc == 0);
}
/** Takes the next message, whatever it is. */
static inline void bench_receive(struct fl_self *self, struct fl_msg *msg)
{
    int rc = fl_receive(self, NULL, NULL, FL_NEVER, msg);
    FL_ASSERT(rc == 0);
}
/** Takes this many messages, whatever they are. */
void bench_receive_all(struct fl_self *self, uint64_t count);
/** Lets others run until this counter is there. */
void bench_await(struct fl_self *self, const uint64_t *counter, uint64_t until);

/* Takes what it is sent and counts it; answers a call with the count. args: NULL, or a pointer to
 * a `uint64_t *` that it counts in as well. 16 bytes of state. */
extern const struct fl_server bench_counter;

#endif
