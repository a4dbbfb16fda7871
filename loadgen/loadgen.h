/* loadgen.h: drives the loads of a plan through real connections, in a process of its own.
 *
 * Open loop: every operation has a due time, and latency counts from there (docs/plan.md,
 * docs/journal.md). Arrivals of a load are due in [t0_ns, until_ns); after until_ns the worker
 * waits for what is in flight and drains queues, at most drain_ns.
 *
 * The engine speaks to it over descriptor 3, one JSON object a line. To the worker:
 *   {"op":"start","t0_ns":N,"until_ns":N,"drain_ns":N,
 *    "endpoints":{"<via>":[{"instance":"chat.1","host":"127.0.0.1","port":1}]}}
 *   {"op":"up","instance":"chat.1","up":false}
 *       connections spread over those up; with "port":N it has moved there
 *   {"op":"stop"}     no more arrivals: drain and end (Ctrl-C)
 * From the worker:
 *   {"ev":"ready"}    it runs and has read its plan
 *   {"ev":"figures","t":N,"loads":[{"name":"talkers","rate":199.5,"errors":0.0,"p50_ns":N,
 *    "p99_ns":N,"inflight":3}]}     five times a second
 *   {"ev":"done"}     everything is accounted for, the journal is flushed; it exits 0
 *   {"ev":"trouble","what":"…"}     the harness's own trouble; what cannot go on exits 70 */
#ifndef FL_LOADGEN_LOADGEN_H
#define FL_LOADGEN_LOADGEN_H

#include "runtime/base/param.h"

/** One kind of load; the parser, `faultline list workloads` and the worker walk these rows. */
struct fl_workload {
    const char *name;
    const struct fl_param *params; /* beside through, to, rate, users, timeout, slow */
    const char *help;
    const struct fl_driver *driver; /* private to loadgen */
    double standard_rate_per_s; /* when only users are given and needs_rate is false; per user */
    int standard_users; /* when users are absent; 0: as many slots as rate × timeout needs */
    bool needs_rate;    /* false: users alone make the load */
    bool is_scattered;  /* arrivals anywhere in their gap, not evenly spaced: for what itself ticks
                           evenly, so that the one does not stand still against the other */
};
struct fl_driver;

/** The rows, ended by one with a NULL name. */
extern const struct fl_workload fl_workloads[];
/** The workload of this name, or NULL. */
const struct fl_workload *fl_workload_find(const char *name);

/** The worker process: `faultline worker load RUN`, where RUN/plan.json is the plan and RUN/journal
 * gets the segment `load`. Returns its exit code. */
int fl_load_worker_main(const char *run_folder);

#endif
