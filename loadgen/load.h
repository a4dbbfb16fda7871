/* load.h: one load of the plan while it runs: its schedules, its accounts, its driver.
 *
 * The worker pumps each load before its loop sleeps: overdue operations get their verdict, arrivals
 * that are due get an account, and those with a slot go to the driver. A driver never decides when
 * to send; it says what became of what it was given. Thread: the loop's. */
#ifndef FL_LOADGEN_LOAD_H
#define FL_LOADGEN_LOAD_H

#include <uv.h>

#include "loadgen/arrivals.h"
#include "loadgen/endpoints.h"
#include "loadgen/health.h"
#include "loadgen/ledger.h"
#include "loadgen/loadgen.h"
#include "loadgen/said.h"
#include "loadgen/settings.h"

struct fl_http_engine;
struct fl_load;

/** What all loads of a worker share. */
struct fl_load_host {
    uv_loop_t *loop;
    struct fl_journal *journal;
    struct fl_health health;
    struct fl_http_engine *http;
    struct fl_said said; /* what the worker told the engine */
    char *read_buffer;   /* for uv_alloc_cb: a read is handed over before the next one begins */
    size_t read_buffer_len;
};

/** One schedule of a load and the accounts of its arrivals. */
struct fl_stream {
    struct fl_load *load;
    struct fl_arrivals arrivals;
    struct fl_ledger ledger;
    const char *name;
    enum fl_op_kind kind;
    double rate_per_s;
};
#define FL_STREAMS_MAX 2

struct fl_load {
    const struct fl_workload *workload;
    struct fl_load_host *host;
    struct fl_settings settings;
    char *name, *via;
    int index, users;
    double rate_per_s;
    fl_ns timeout_ns;
    uint64_t seed;
    struct fl_endpoints endpoints;
    struct fl_stream streams[FL_STREAMS_MAX];
    int streams_count;
    struct fl_gauge gauge;
    void *state; /* the driver's */
};

/** How a workload speaks. Every function but issue may be NULL. */
struct fl_driver {
    /** Reads the settings and adds the streams (fl_load_add_stream). */
    int (*open)(struct fl_load *load, struct fl_err *err);
    /** Endpoints are known; arrivals begin at t0. */
    void (*start)(struct fl_load *load, fl_ns t0_ns);
    /** Sends one; its outcome goes to fl_load_settle, now or later. */
    void (*issue)(struct fl_load *load, struct fl_pending *pending);
    /** Its deadline passed: let go of it; it is settled by the caller. */
    void (*drop)(struct fl_load *load, struct fl_pending *pending);
    /** All arrivals are settled: begin, or go on, to empty what they filled. True: it is empty. */
    bool (*drain)(struct fl_load *load);
    /** The drain is over, complete or not. */
    void (*drained)(struct fl_load *load);
    /** Closes every handle; callbacks of closing come after. */
    void (*stop)(struct fl_load *load);
    /** The loop has ended: frees state, also one that open only began. */
    void (*fini)(struct fl_load *load);
};

extern const struct fl_driver fl_driver_http, fl_driver_tcp, fl_driver_chat, fl_driver_queue,
    fl_driver_dashboard, fl_driver_editor;

/** Makes a load from its object in the plan, which must outlive it. */
int fl_load_new(struct fl_load **out, struct fl_load_host *host, const cJSON *plan,
                struct fl_err *err);
/** Frees a load whose loop has ended. NULL is fine. */
void fl_load_free(struct fl_load *load);
/** For a driver's open: one more schedule, with this many slots (0: no limit). */
struct fl_stream *fl_load_add_stream(struct fl_load *load, enum fl_op_kind kind, const char *name,
                                     double rate_per_s, uint32_t slots);
/** Arrivals are due in [t0, until). */
void fl_load_start(struct fl_load *load, fl_ns t0_ns, fl_ns until_ns);
/** Does everything that is due by now. */
void fl_load_pump(struct fl_load *load, fl_ns now_ns);
/** When it must be pumped next; FL_NEVER: only after an event. */
fl_ns fl_load_wake(const struct fl_load *load);
/** No arrivals from this instant on. */
void fl_load_cease(struct fl_load *load, fl_ns at_ns);
/** Is every arrival settled, and none left to come? */
bool fl_load_is_settled(const struct fl_load *load);
/** Settles everything that is open, by what is known now. */
void fl_load_give_up(struct fl_load *load, fl_ns now_ns);

/** The outcome of an operation at done_ns; pending is gone after. */
void fl_load_settle(struct fl_pending *pending_take, enum fl_outcome outcome,
                    enum fl_op_error error, fl_ns done_ns);
/** Writes an observation for the checkers. */
void fl_load_observe(struct fl_load *load, enum fl_op_kind kind, fl_ns at_ns, uint64_t key,
                     uint32_t user, uint32_t info);
/** The stream of an operation. */
struct fl_stream *fl_load_stream_of(struct fl_pending *pending);
/** A key that no other arrival of the run has, never 0. */
uint64_t fl_load_key(const struct fl_load *load, uint64_t number);
/** Is it a key of this load? */
bool fl_load_owns_key(const struct fl_load *load, uint64_t key);
/** A uv_alloc_cb body: the shared read buffer. */
void fl_load_read_buffer(struct fl_load_host *host, uv_buf_t *buf);

#endif
