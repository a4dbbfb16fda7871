#include "services/queue/pool.h"

#include "runtime/base/units.h"
#include "runtime/sup.h"
#include "services/queue/keeper.h"
#include "services/queue/worker.h"
#include "services/wire/jscan.h"

#define POOL_VISIBILITY_MS 15000
#define POOL_HEARTBEAT_NS fl_s(5)
#define POOL_WAIT_MS 20000 /* of a lease that finds nothing */
#define POOL_AGAIN_NS fl_ms(200)

enum { POOL_START = 100 };               /* cast to myself */
enum { POOL_AGAIN = 1, POOL_HEARTBEAT }; /* timers */

/** A worker that is there. */
struct seat {
    struct fl_pid worker;
    uint64_t monitor;
    int64_t job; /* 0: none */
    uint64_t lease;
};

struct pool {
    struct fl_pool_args args;
    struct fl_pid sup;
    struct seat seats[FL_POOL_WORKERS_MAX];
    int seats_count, busy;
    uint64_t asked; /* the lease that is under way; 0: none */
    bool rests;     /* until a timer: the store could not be asked */
};

/* ---- what became of a job ---- */

static void pool_tell(struct fl_self *self, const struct fl_store_op *op)
{
    struct fl_buf request = {0};
    fl_keeper_put(&request, op);
    fl_keeper_ask_async(self,
                        &request); /* when it is lost the lease runs out, and it comes again */
}

static void pool_job_failed(struct fl_self *self, const struct seat *seat, struct fl_str words,
                            int64_t retry_ms)
{
    pool_tell(self, &(struct fl_store_op){.kind = FL_STORE_FAIL,
                                          .id = seat->job,
                                          .lease = seat->lease,
                                          .payload = words,
                                          .retry_ms = retry_ms});
}

/* ---- getting work ---- */

static void pool_lease(struct fl_self *self, struct pool *pool)
{
    int idle = pool->seats_count - pool->busy;
    if (pool->asked != 0 || pool->rests || idle <= 0) return;
    char name[FL_STORE_WORKER_MAX + 1];
    snprintf(name, sizeof name, "pool/%.50s", pool->args.queue);
    struct fl_buf request = {0};
    fl_keeper_put(&request, &(struct fl_store_op){.kind = FL_STORE_LEASE,
                                                  .queue = fl_str_of(pool->args.queue),
                                                  .worker = fl_str_of(name),
                                                  .max = idle,
                                                  .visibility_ms = POOL_VISIBILITY_MS,
                                                  .wait_ms = POOL_WAIT_MS});
    pool->asked = fl_keeper_ask_async(self, &request);
}

static void pool_rest(struct fl_self *self, struct pool *pool)
{
    if (!pool->rests) fl_timer_start(self, POOL_AGAIN_NS, POOL_AGAIN);
    pool->rests = true;
}

static struct seat *pool_idle_seat(struct pool *pool)
{
    for (int i = 0; i < pool->seats_count; i++)
        if (pool->seats[i].job == 0) return &pool->seats[i];
    return NULL;
}

static bool pool_read_lease(struct fl_str item, uint64_t *out)
{
    struct fl_str raw = fl_jscan_get(item, "lease");
    char digits[17] = {0};
    if (raw.len != 18) return false;
    memcpy(digits, raw.at + 1, 16);
    *out = strtoull(digits, NULL, 16);
    return *out != 0;
}

/** Hands one job to a worker that has none. */
static void pool_hand_out(struct fl_self *self, struct pool *pool, struct fl_str item)
{
    struct fl_worker_run run = {0};
    int64_t attempt = 0;
    uint64_t lease = 0;
    bool good = fl_parse_int(fl_jscan_get(item, "id"), 1, INT64_MAX, &run.id, NULL) == 0 &&
                fl_parse_int(fl_jscan_get(item, "attempt"), 1, INT32_MAX, &attempt, NULL) == 0 &&
                pool_read_lease(item, &lease);
    FL_ASSERT(good); /* our own keeper wrote it */
    struct seat *seat = pool_idle_seat(pool);
    if (seat == NULL) { /* it went away meanwhile: as if it had not been leased */
        pool_tell(self,
                  &(struct fl_store_op){.kind = FL_STORE_RELEASE, .id = run.id, .lease = lease});
        return;
    }
    run.attempt = (int)attempt;
    memcpy(run.queue, pool->args.queue, sizeof run.queue);
    seat->job = run.id;
    seat->lease = lease;
    pool->busy++;
    struct fl_str payload = fl_jscan_get(item, "payload");
    struct fl_buf bytes = {0};
    fl_buf_add(&bytes, &run, sizeof run);
    fl_buf_add(&bytes, payload.at, payload.len);
    fl_send(self, seat->worker, FL_WORKER_RUN, bytes.at, bytes.len); /* a seat's mailbox has room */
    fl_buf_fini(&bytes);
}

static void pool_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    struct pool *pool = state;
    if (ref != pool->asked) return;
    pool->asked = 0;
    const struct fl_keeper_answer *rows;
    struct fl_str json, item;
    if (code == 0) code = fl_keeper_read(data, len, 1, &rows, &json);
    if (code == 0) code = rows[0].code;
    if (code != 0) {
        pool_rest(self, pool);
        return;
    }
    struct fl_str rest = fl_jscan_get(json, "jobs");
    fl_jscan_punct(&rest, '[');
    while (!fl_jscan_punct(&rest, ']') && fl_jscan_take(&rest, &item) == 0) {
        pool_hand_out(self, pool, item);
        fl_jscan_punct(&rest, ',');
    }
    pool_lease(self, pool);
}

/* ---- workers come, work, and go ---- */

static struct seat *pool_seat_of(struct pool *pool, struct fl_pid worker)
{
    for (int i = 0; i < pool->seats_count; i++)
        if (fl_pid_eq(pool->seats[i].worker, worker)) return &pool->seats[i];
    return NULL;
}

static void pool_on_ready(struct fl_self *self, struct pool *pool, struct fl_pid worker)
{
    if (pool->seats_count == FL_POOL_WORKERS_MAX) return; /* its predecessor's DOWN is on the way */
    pool->seats[pool->seats_count++] = (struct seat){.worker = worker,
                                                     .monitor = fl_monitor(self, worker)};
    pool_lease(self, pool);
}

static void pool_on_ran(struct fl_self *self, struct pool *pool, const struct fl_msg *msg)
{
    struct fl_worker_ran ran;
    struct seat *seat = pool_seat_of(pool, msg->from);
    if (seat == NULL || msg->len < sizeof ran) return;
    memcpy(&ran, msg->data, sizeof ran);
    if (ran.id != seat->job) return;
    struct fl_str out = {(const char *)msg->data + sizeof ran, msg->len - sizeof ran};
    if (ran.code != 0) {
        pool_job_failed(self, seat, out.len > 0 ? out : fl_str_of(fl_code_name(ran.code)), -1);
    } else {
        struct fl_store_op ack = {.kind = FL_STORE_ACK, .id = seat->job, .lease = seat->lease};
        if (out.len > 0 && out.len <= FL_STORE_PAYLOAD_MAX) ack.payload = out;
        pool_tell(self, &ack);
    }
    seat->job = 0;
    pool->busy--;
    pool_lease(self, pool);
}

static void pool_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    (void)who;
    struct pool *pool = state;
    int at = 0;
    while (at < pool->seats_count && pool->seats[at].monitor != ref)
        at++;
    if (at == pool->seats_count) return;
    if (pool->seats[at].job != 0) {
        char why[96], words[128];
        snprintf(words, sizeof words, "the worker ended: %s",
                 fl_reason_show(reason, why, sizeof why));
        pool_job_failed(self, &pool->seats[at], fl_str_of(words), 0);
        pool->busy--;
    }
    pool->seats[at] = pool->seats[--pool->seats_count];
}

static void pool_heartbeat(struct fl_self *self, struct pool *pool)
{
    struct fl_buf request = {0};
    for (int i = 0; i < pool->seats_count; i++) {
        const struct seat *seat = &pool->seats[i];
        if (seat->job == 0) continue;
        fl_keeper_put(&request, &(struct fl_store_op){.kind = FL_STORE_HEARTBEAT,
                                                      .id = seat->job,
                                                      .lease = seat->lease,
                                                      .visibility_ms = POOL_VISIBILITY_MS});
    }
    if (request.len > 0) fl_keeper_ask_async(self, &request);
    fl_timer_start(self, POOL_HEARTBEAT_NS, POOL_HEARTBEAT);
}

static void pool_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref;
    struct pool *pool = state;
    if (tag == POOL_HEARTBEAT) pool_heartbeat(self, pool);
    if (tag != POOL_AGAIN) return;
    pool->rests = false;
    pool_lease(self, pool);
}

/* ---- the pool itself ---- */

static int pool_on_init(struct fl_self *self, void *state, const void *args)
{
    struct pool *pool = state;
    memcpy(&pool->args, args, sizeof pool->args);
    fl_self_trap_exits(self, true); /* to give its jobs back */
    return fl_send(self, fl_self_pid(self), POOL_START, NULL, 0);
}

static void pool_start(struct fl_self *self, struct pool *pool)
{
    const struct fl_sup_opts sup = {
        .strategy = FL_DYNAMIC,
        .max_restarts = 100000, /* the pause before a restart is what slows a bad handler down */
        .within_ns = fl_s(10),
        .max_children = FL_POOL_WORKERS_MAX,
        .link_to = fl_self_pid(self),
    };
    int code = fl_sup_start(fl_self_node(self), self, &sup, &pool->sup);
    const struct fl_worker_args worker = {.pool = fl_self_pid(self), .handler = pool->args.handler};
    const struct fl_child child = {
        .id = "worker",
        .server = &fl_worker_server,
        .args = &worker,
        .args_bytes = sizeof worker,
        .shutdown_ns = FL_SHUTDOWN_BRUTAL, /* it may be in the middle of a long job */
        .restart = FL_PERMANENT,
        .backoff = {.min_ns = fl_ms(20), .max_ns = fl_s(1), .jitter_percent = 20},
    };
    for (int i = 0; i < pool->args.workers && code == 0; i++) {
        struct fl_pid pid;
        code = fl_dynamic_start_child_spec(self, pool->sup, &child, &pid);
    }
    if (code != 0)
        fl_self_fail(self, code);
    else
        fl_timer_start(self, POOL_HEARTBEAT_NS, POOL_HEARTBEAT);
}

static void pool_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct pool *pool = state;
    if (msg->tag == POOL_START && fl_pid_eq(msg->from, fl_self_pid(self))) pool_start(self, pool);
    if (msg->tag == FL_WORKER_READY) pool_on_ready(self, pool, msg->from);
    if (msg->tag == FL_WORKER_RAN) pool_on_ran(self, pool, msg);
}

static void pool_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                         const struct fl_reason *reason)
{
    (void)state, (void)who;
    fl_self_exit(self, *reason); /* the workers' supervisor, or whoever wants me to end */
}

/** What workers were doing is given to others at once. */
static void pool_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    (void)reason;
    struct pool *pool = state;
    for (int i = 0; i < pool->seats_count; i++)
        if (pool->seats[i].job != 0)
            pool_tell(self, &(struct fl_store_op){.kind = FL_STORE_RELEASE,
                                                  .id = pool->seats[i].job,
                                                  .lease = pool->seats[i].lease});
}

const struct fl_server fl_pool_server = {
    .name = "queue.pool",
    .state_bytes = sizeof(struct pool),
    .on_init = pool_on_init,
    .on_cast = pool_on_cast,
    .on_reply = pool_on_reply,
    .on_timer = pool_on_timer,
    .on_down = pool_on_down,
    .on_exit = pool_on_exit,
    .on_terminate = pool_on_terminate,
};
