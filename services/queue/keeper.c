#include "services/queue/keeper.h"

#include "runtime/base/clock.h"
#include "services/queue/notices.h"
#include "services/queue/wait.h"
#include "services/services.h"

#define KEEPER_TICK_NS fl_ms(5) /* between two looks at what is due, at least */
#define KEEPER_FULL_NS fl_s(1)  /* before the next one, when the disk is full */
/* tags */
enum { KEEPER_OPEN = 1, KEEPER_FLUSH, KEEPER_DUE };

struct keeper {
    const struct fl_service_opts *opts;
    struct fl_held_store *held; /* NULL until it is open */
    struct fl_group *next;      /* what the next commit will hold; NULL: nothing yet */
    struct fl_waits waits;
    struct fl_figures figures;
    fl_ns wall_ns;  /* queue time at the node clock's zero */
    uint64_t timer; /* 0: none */
    fl_ns timer_ns; /* when it fires, by the node's clock */
    fl_ns looked_ns;
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

static void keeper_look_ahead(struct fl_self *self, struct keeper *keeper);

/** Opens the store unless it is open. False: I am ending. */
static bool keeper_open(struct fl_self *self, struct keeper *keeper)
{
    if (keeper->held != NULL) return true;
    struct keeper_opening *opening = fl_new(struct keeper_opening);
    opening->path = fl_format("%s/queue.db", keeper->opts->folder);
    int code = fl_blocking(self, keeper_open_work, opening, keeper_opening_free);
    if (code == 0) {
        keeper->held = fl_held_store_new(opening->store);
        /* Wall time is read once: leases must not end because somebody sets the clock meanwhile.
         * And when it was set back since the last commit, queue time goes on from there. */
        int64_t now_ms = fl_store_now(opening->store, fl_wall_now() / FL_NS_PER_MS);
        keeper->wall_ns = fl_ms(now_ms) - fl_self_now(self);
        opening->store = NULL;
        fl_self_own(self, keeper->held, fl_held_store_release);
    } else {
        fprintf(stderr, "%s: %s\n", keeper->opts->instance, opening->err.text);
        fl_self_fail(self, code);
    }
    keeper_opening_free(opening);
    if (code == 0) keeper_look_ahead(self, keeper);
    return code == 0;
}

static int64_t keeper_now_ms(struct fl_self *self, const struct keeper *keeper)
{
    return (keeper->wall_ns + fl_self_now(self)) / FL_NS_PER_MS;
}

/* ---- adding to the next group ---- */

static void keeper_flush(struct fl_self *self, struct keeper *keeper);

/** Adds a request to the next group, which is committed once all that is in the mailbox was.
 * Frees its bytes when it is none. */
static void keeper_add(struct fl_self *self, struct keeper *keeper, struct fl_group_asker *asker)
{
    int code = keeper->next != NULL ? fl_group_add(keeper->next, asker) : FL_EFULL;
    if (code == FL_EFULL) {
        /* the flush waits: should I be killed in it, somebody must free this */
        fl_self_own(self, asker->bytes, free);
        keeper_flush(self, keeper);
        fl_self_disown(self, asker->bytes);
        keeper->next = fl_group_new(keeper->held);
        fl_self_own(self, keeper->next, fl_group_free);
        code = fl_group_add(keeper->next, asker);
        /* a timer finds room in a full mailbox */
        if (code == 0 && fl_send(self, fl_self_pid(self), KEEPER_FLUSH, NULL, 0) != 0)
            fl_timer_start(self, 0, KEEPER_FLUSH);
    }
    if (code == 0) return;
    free(asker->bytes);
    fl_self_reply_error(self, asker->from, asker->ref, code);
}

static void keeper_add_tick(struct fl_self *self, struct keeper *keeper)
{
    struct fl_buf request = {0};
    fl_keeper_put(&request, &(struct fl_store_op){.kind = FL_STORE_TICK});
    struct fl_group_asker asker = {.len = request.len};
    asker.bytes = fl_buf_take(&request);
    keeper_add(self, keeper, &asker);
}

static void keeper_add_waiter(struct fl_self *self, struct keeper *keeper,
                              struct fl_waiter *waiter_take)
{
    struct fl_group_asker asker = waiter_take->asker;
    free(waiter_take);
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
    free(waiter_take->asker.bytes);
    free(waiter_take);
}

/** Lets those ask again for whom there is something now; says when to look again at the latest. */
static int64_t keeper_serve_waiters(struct fl_self *self, struct keeper *keeper, int64_t now_ms)
{
    int64_t again_ms = INT64_MAX;
    struct fl_store *store = fl_held_store_get(keeper->held);
    for (struct fl_wait_line *line = keeper->waits.lines; line != NULL; line = line->next) {
        int64_t at_ms;
        int64_t room = fl_store_leasable(store, fl_str_of(line->queue), now_ms, &at_ms);
        if (room <= 0 && at_ms < again_ms) again_ms = at_ms;
        while (room > 0 && line->first != NULL) {
            /* Adding to a full group would commit it in here; when it is, this comes again. */
            if (keeper->next != NULL && (keeper->next->ops_count == FL_STORE_GROUP_MAX ||
                                         keeper->next->heavy_count == FL_GROUP_HEAVY_MAX))
                return now_ms;
            room -= line->first->max;
            keeper_add_waiter(self, keeper, fl_waits_pop(&keeper->waits, line));
        }
    }
    fl_waits_sweep(&keeper->waits);
    return again_ms;
}

/** Answers those who waited long enough, lets go on those who can, and sets the timer for the rest.
 */
static void keeper_look_ahead(struct fl_self *self, struct keeper *keeper)
{
    fl_ns now_ns = fl_self_now(self);
    int64_t now_ms = keeper_now_ms(self, keeper);
    struct fl_waiter *late = fl_waits_take_late(&keeper->waits, now_ns);
    while (late != NULL) {
        struct fl_waiter *next = late->next;
        keeper_answer_nothing(self, late);
        late = next;
    }
    int64_t due_ms = keeper_serve_waiters(self, keeper, now_ms);
    int64_t store_ms = fl_store_next_ms(fl_held_store_get(keeper->held));
    if (store_ms < due_ms) due_ms = store_ms;
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
    if (tag == KEEPER_FLUSH) keeper_flush(self, keeper);
    if (tag != KEEPER_DUE || ref != keeper->timer) return;
    keeper->timer = 0;
    keeper->looked_ns = fl_self_now(self);
    int64_t store_ms = fl_store_next_ms(fl_held_store_get(keeper->held));
    if (store_ms <= keeper_now_ms(self, keeper)) keeper_add_tick(self, keeper);
    keeper_look_ahead(self, keeper);
}

/* ---- committing ---- */

/** Answers an asker, or lets it wait. */
static void keeper_answer(struct fl_self *self, struct keeper *keeper, const struct fl_group *group,
                          struct fl_group_asker *asker)
{
    struct fl_str queue;
    int max;
    if (fl_pid_eq(asker->from, FL_NO_PID)) return;
    if (fl_group_must_wait(group, asker, &queue, &max) &&
        asker->wait_until_ns > fl_self_now(self)) {
        struct fl_group_asker waits = {.from = asker->from,
                                       .ref = asker->ref,
                                       .bytes = asker->bytes,
                                       .len = asker->len,
                                       .wait_until_ns = asker->wait_until_ns};
        if (fl_waits_push(&keeper->waits, queue, &waits, max) == 0) {
            asker->bytes = NULL;
            return;
        }
    }
    fl_self_reply(self, asker->from, asker->ref, asker->answer.at, asker->answer.len);
}

static void keeper_count(struct keeper *keeper, const struct fl_group *group, int code)
{
    keeper->figures.commits += code == 0;
    keeper->figures.failures += code != 0;
    keeper->figures.operations += group->ops_count;
    keeper->figures.commit_ns += group->took_ns;
}

/** Commits what was collected, off this thread, and answers. New calls wait in the mailbox. */
static void keeper_flush(struct fl_self *self, struct keeper *keeper)
{
    struct fl_group *group = keeper->next;
    if (group == NULL) return;
    keeper->next = NULL;
    fl_self_disown(self, group); /* from here on fl_blocking frees it when I die */

    group->now_ms = keeper_now_ms(self, keeper);
    group->figures = keeper->figures;
    group->figures.waiting = keeper->waits.count;
    int code = fl_blocking(self, fl_group_commit, group, fl_group_free);
    keeper_count(keeper, group, code);
    for (size_t i = 0; i < group->askers_count; i++)
        keeper_answer(self, keeper, group, &group->askers[i]);
    struct fl_pid notices = fl_whereis(fl_self_node(self), FL_NOTICES_NAME);
    if (group->news.len > 0)
        fl_send(self, notices, FL_NOTICES_NEWS, group->news.at, group->news.len);
    if (code != 0) fprintf(stderr, "%s: %s\n", keeper->opts->instance, group->err.text);
    fl_group_free(group);
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code == FL_STORE_EDISK) keeper->looked_ns = fl_self_now(self) + KEEPER_FULL_NS;
    if (code != 0 && code != FL_STORE_EDISK)
        fl_self_fail(self, code);
    else
        keeper_look_ahead(self, keeper);
}

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
    if (msg->tag == KEEPER_FLUSH) keeper_flush(self, keeper);
}

const struct fl_server fl_keeper_server = {
    .name = "store",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
    .on_call = keeper_on_call,
    .on_cast = keeper_on_cast,
    .on_timer = keeper_on_timer,
};
