#include "services/queue/keeper.h"

#include "runtime/base/clock.h"
#include "services/queue/notices.h"
#include "services/queue/wait.h"
#include "services/queue/writer.h"
#include "services/services.h"

#define KEEPER_TICK_NS fl_ms(5) /* between two looks at what is due, at least */
#define KEEPER_FULL_NS fl_s(1)  /* before the next one, when the disk is full */
/* tags */
enum { KEEPER_OPEN = 1, KEEPER_COMMITTED, KEEPER_DUE };

struct keeper {
    const struct fl_service_opts *opts;
    struct fl_writer *writer; /* NULL until the store is open */
    struct fl_pid lender;     /* the process that lends it a thread */
    struct fl_waits waits;
    fl_ns wall_ns;    /* queue time at the node clock's zero */
    int64_t next_ms;  /* when a tick may find something to do */
    uint64_t timer;   /* 0: none */
    fl_ns timer_ns;   /* when it fires, by the node's clock */
    fl_ns looked_ns;  /* when it last did */
    bool tick_is_out; /* a tick is among what is to be committed */
};

/** Work for a pool thread: opening may replay a long log. */
struct keeper_opening {
    char *path;
    struct fl_store *store;
    struct fl_err err;
};

static int keeper_open_work(void *arg)
{
    struct keeper_opening *opening = arg;
    /* The OS process checked the file when it started (queue.c), and a crash of mine harms no file:
     * be back at once. */
    struct fl_store_opts opts = {.path = opening->path, .unchecked = true};
    return fl_store_open(&opening->store, &opts, &opening->err);
}

static void keeper_opening_free(void *arg)
{
    struct keeper_opening *opening = arg;
    fl_store_close(opening->store);
    free(opening->path);
    free(opening);
}

static int64_t keeper_now_ms(struct fl_self *self, const struct keeper *keeper)
{
    return (keeper->wall_ns + fl_self_now(self)) / FL_NS_PER_MS;
}

static void keeper_look_ahead(struct fl_self *self, struct keeper *keeper);

static int keeper_begin(struct fl_self *self, struct keeper *keeper, struct fl_store *store_take)
{
    /* Wall time is read once: leases must not end because somebody sets the clock meanwhile. And
     * when it was set back since the last commit, queue time goes on from there. */
    int64_t now_ms = fl_store_now(store_take, fl_wall_now() / FL_NS_PER_MS);
    keeper->wall_ns = fl_ms(now_ms) - fl_self_now(self);
    keeper->next_ms = fl_store_next_ms(store_take);
    struct fl_writer *writer = fl_writer_new(fl_self_node(self), fl_self_pid(self),
                                             KEEPER_COMMITTED, store_take);
    fl_self_own(self, writer, fl_writer_close);
    const struct fl_spawn_opts lender = {.args = &writer, .link_to = fl_self_pid(self)};
    int code = fl_spawn(self, &fl_writer_server, &lender, &keeper->lender);
    if (code != 0) return code;
    keeper->writer = writer;
    keeper_look_ahead(self, keeper);
    return 0;
}

/** Opens the store unless it is open. False: I am ending. */
static bool keeper_open(struct fl_self *self, struct keeper *keeper)
{
    if (keeper->writer != NULL) return true;
    struct keeper_opening *opening = fl_new(struct keeper_opening);
    opening->path = fl_format("%s/queue.db", keeper->opts->folder);
    int code = fl_blocking(self, keeper_open_work, opening, keeper_opening_free);
    if (code != 0) fprintf(stderr, "%s: %s\n", keeper->opts->instance, opening->err.text);
    struct fl_store *store = opening->store;
    opening->store = NULL;
    keeper_opening_free(opening);
    if (code == 0) code = keeper_begin(self, keeper, store);
    if (code != 0) fl_self_fail(self, code);
    return code == 0;
}

/** Adds a request to what will be committed next. Frees its bytes when it is none. */
static void keeper_add(struct fl_self *self, struct keeper *keeper, struct fl_group_asker *asker)
{
    bool kick;
    int code = fl_writer_add(keeper->writer, asker, keeper_now_ms(self, keeper), &kick);
    if (code != 0) {
        free(asker->bytes);
        fl_self_reply_error(self, asker->from, asker->ref, code);
    }
    if (kick) fl_send(self, keeper->lender, 0, NULL, 0);
}

static void keeper_add_tick(struct fl_self *self, struct keeper *keeper)
{
    struct fl_buf request = {0};
    fl_keeper_put(&request, &(struct fl_store_op){.kind = FL_STORE_TICK});
    struct fl_group_asker asker = {.len = request.len};
    asker.bytes = fl_buf_take(&request);
    keeper->tick_is_out = true;
    keeper_add(self, keeper, &asker);
}

/* ---- those who wait ---- */

static void keeper_answer_nothing(struct fl_self *self, struct fl_waiter *waiter_take)
{
    static const char nothing[] = "{\"jobs\":[]}";
    char answer[sizeof(struct fl_keeper_answer) + sizeof nothing - 1];
    struct fl_keeper_answer row = {.json_len = sizeof nothing - 1};
    memcpy(answer, &row, sizeof row);
    memcpy(answer + sizeof row, nothing, sizeof nothing - 1);
    fl_self_reply(self, waiter_take->asker.from, waiter_take->asker.ref, answer, sizeof answer);
    fl_demonitor(self, waiter_take->monitor);
    free(waiter_take->asker.bytes);
    free(waiter_take);
}

/** Nobody waits any more: a job that it got would be hidden for nothing. */
static void keeper_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                           const struct fl_reason *reason)
{
    (void)self, (void)who, (void)reason;
    struct keeper *keeper = state;
    struct fl_waiter *waiter = fl_waits_take_monitor(&keeper->waits, ref);
    if (waiter == NULL) return;
    free(waiter->asker.bytes);
    free(waiter);
}

/** Lets the first ones of a line ask again, for so many jobs. */
static void keeper_let_go_on(struct fl_self *self, struct keeper *keeper, struct fl_wait_line *line,
                             int64_t jobs)
{
    while (jobs > 0 && line->first != NULL) {
        struct fl_waiter *waiter = fl_waits_pop(&keeper->waits, line);
        struct fl_group_asker asker = waiter->asker;
        jobs -= waiter->max;
        fl_demonitor(self, waiter->monitor);
        free(waiter);
        keeper_add(self, keeper, &asker);
    }
}

/** A group has changed these queues: who waits there? */
static void keeper_serve_changed(struct fl_self *self, struct keeper *keeper,
                                 const struct fl_buf *changes)
{
    size_t count = 0;
    if (changes->len == 0 || keeper->waits.count == 0) return;
    const char *at = fl_notices_queues(changes->at, changes->len, &count);
    for (size_t i = 0; i < count; i++, at += sizeof(struct fl_queue_news)) {
        struct fl_queue_news news;
        memcpy(&news, at, sizeof news);
        struct fl_wait_line *line = fl_waits_find(&keeper->waits, news.info.name);
        if (line == NULL) continue;
        line->again_ms = news.again_ms;
        keeper_let_go_on(self, keeper, line, news.leasable);
    }
}

/** Time has come for somebody without a change: one asks again, and brings news. Returns when that
 * is for the others. */
static int64_t keeper_serve_due(struct fl_self *self, struct keeper *keeper, int64_t now_ms)
{
    int64_t again_ms = INT64_MAX;
    for (struct fl_wait_line *line = keeper->waits.lines; line != NULL; line = line->next) {
        if (line->again_ms <= now_ms) {
            line->again_ms = INT64_MAX;
            keeper_let_go_on(self, keeper, line, 1);
        }
        if (line->again_ms < again_ms) again_ms = line->again_ms;
    }
    fl_waits_sweep(&keeper->waits);
    return again_ms;
}

/** Answers those who waited long enough, lets go on those who can, and sets the timer for the rest.
 */
static void keeper_look_ahead(struct fl_self *self, struct keeper *keeper)
{
    fl_ns now_ns = fl_self_now(self);
    struct fl_waiter *late = fl_waits_take_late(&keeper->waits, now_ns);
    while (late != NULL) {
        struct fl_waiter *next = late->next;
        keeper_answer_nothing(self, late);
        late = next;
    }
    int64_t due_ms = keeper_serve_due(self, keeper, keeper_now_ms(self, keeper));
    fl_writer_set_waiting(keeper->writer, keeper->waits.count);
    if (!keeper->tick_is_out && keeper->next_ms < due_ms) due_ms = keeper->next_ms;
    fl_ns due_ns = due_ms == INT64_MAX ? FL_NEVER : fl_ms(due_ms) - keeper->wall_ns;
    if (keeper->waits.next_ns != 0) due_ns = fl_ns_min(due_ns, keeper->waits.next_ns);
    if (due_ns != FL_NEVER) due_ns = fl_ns_max(due_ns, keeper->looked_ns + KEEPER_TICK_NS);

    if (keeper->timer != 0 && due_ns == keeper->timer_ns) return;
    if (keeper->timer != 0) fl_timer_cancel(self, keeper->timer);
    keeper->timer = 0;
    keeper->timer_ns = due_ns;
    if (due_ns == FL_NEVER) return;
    keeper->timer = fl_timer_start(self, fl_ns_max(due_ns - now_ns, 0), KEEPER_DUE);
}

static void keeper_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct keeper *keeper = state;
    if (tag != KEEPER_DUE || ref != keeper->timer) return;
    keeper->timer = 0;
    keeper->looked_ns = fl_self_now(self);
    if (!keeper->tick_is_out && keeper->next_ms <= keeper_now_ms(self, keeper))
        keeper_add_tick(self, keeper);
    keeper_look_ahead(self, keeper);
}

/* ---- what was committed ---- */

/** Answers an asker, or lets it wait. */
static void keeper_answer(struct fl_self *self, struct keeper *keeper, const struct fl_group *group,
                          struct fl_group_asker *asker)
{
    if (fl_pid_eq(asker->from, FL_NO_PID)) { /* nobody else asks for nobody */
        keeper->tick_is_out = false;
        return;
    }
    const struct fl_store_op *lease = fl_group_must_wait(group, asker);
    if (lease != NULL && asker->wait_until_ns > fl_self_now(self)) {
        struct fl_group_asker waits = {.from = asker->from,
                                       .ref = asker->ref,
                                       .bytes = asker->bytes,
                                       .len = asker->len,
                                       .wait_until_ns = asker->wait_until_ns};
        struct fl_waiter *waiter = fl_waits_push(&keeper->waits, lease->queue, &waits, lease->max,
                                                 lease->again_ms);
        if (waiter != NULL) {
            asker->bytes = NULL;
            waiter->monitor = fl_monitor(self, asker->from);
            return;
        }
    }
    struct fl_str answer = fl_group_answer(asker);
    fl_self_reply(self, asker->from, asker->ref, answer.at, answer.len);
}

static void keeper_tell(struct fl_self *self, struct keeper *keeper, struct fl_group *group)
{
    for (size_t i = 0; i < group->askers_count; i++)
        keeper_answer(self, keeper, group, &group->askers[i]);
    keeper_serve_changed(self, keeper, &group->news);
    if (group->news.len == 0) return;
    struct fl_pid notices = fl_whereis(fl_self_node(self), FL_NOTICES_NAME);
    fl_send(self, notices, FL_NOTICES_NEWS, group->news.at, group->news.len);
}

/** Tells everybody what the commits brought that are done by now. */
static void keeper_take(struct fl_self *self, struct keeper *keeper)
{
    int code = 0;
    struct fl_group *group;
    while (code == 0 && (group = fl_writer_take(keeper->writer)) != NULL) {
        fl_self_own(self, group, fl_group_free); /* a send may wait, and I be killed there */
        keeper_tell(self, keeper, group);
        keeper->next_ms = group->next_ms;
        code = group->code == FL_STORE_EDISK ? 0 : group->code;
        if (group->code != 0) fprintf(stderr, "%s: %s\n", keeper->opts->instance, group->err.text);
        if (group->code == FL_STORE_EDISK) keeper->looked_ns = fl_self_now(self) + KEEPER_FULL_NS;
        fl_self_disown(self, group);
        fl_group_free(group);
    }
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code != 0)
        fl_self_fail(self, code);
    else
        keeper_look_ahead(self, keeper);
}

/* ---- the process ---- */

static int keeper_on_init(struct fl_self *self, void *state, const void *args)
{
    struct keeper *keeper = state;
    keeper->opts = args;
    keeper->waits.count_max = FL_KEEPER_WAITERS_MAX;
    fl_self_own(self, &keeper->waits, fl_waits_fini);
    return fl_send(self, fl_self_pid(self), KEEPER_OPEN, NULL, 0);
}

static void keeper_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    if (!keeper_open(self, keeper)) return;
    struct fl_group_asker asker = {.from = msg->from, .ref = msg->ref, .len = msg->len};
    asker.bytes = fl_alloc(msg->len);
    if (msg->len > 0) memcpy(asker.bytes, msg->data, msg->len);
    int64_t wait_ms = fl_group_wait_ms(asker.bytes, asker.len);
    if (wait_ms > 0) asker.wait_until_ns = fl_self_now(self) + fl_ms(wait_ms);
    keeper_add(self, keeper, &asker);
}

static void keeper_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    if (msg->tag == KEEPER_OPEN) keeper_open(self, keeper);
    if (msg->tag == KEEPER_COMMITTED && keeper->writer != NULL) keeper_take(self, keeper);
}

const struct fl_server fl_keeper_server = {
    .name = "store",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
    .on_call = keeper_on_call,
    .on_cast = keeper_on_cast,
    .on_timer = keeper_on_timer,
    .on_down = keeper_on_down,
};
