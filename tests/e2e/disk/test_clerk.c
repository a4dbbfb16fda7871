/* A clerk on a real pool: what waits shares a commit, and a kill in the middle of one harms nobody.
 */
#include "tests/e2e/runtime/stage.h"

#include <pthread.h>

#include "runtime/sup.h"
#include "services/disk/clerk.h"

#define ASK 7
#define CLERK "clerk"
enum { OPENED = 1, BEGUN, CLOSED }; /* what the pool tells the asker */

struct world {
    struct fl_node *node;
    struct fl_pid asker;
    void (*on_news)(struct fl_self *self, struct world *world, uint32_t what);
    void (*on_reply)(struct fl_self *self, struct world *world, int code);
    /* the shard's */
    int opened, begun, replies, died;
    bool closed_too_early;
    /* the lock's */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_is_open, closed_at_work;
    int closed, batches;
    size_t sizes[8];
};
struct db {
    struct world *world;
    bool is_at_work;
};

/* ---- what the pool does */

static int db_open(void **db, const void *args, struct fl_err *err)
{
    struct db *opened = fl_new(struct db);
    opened->world = *(struct world *const *)args;
    *db = opened;
    return fl_node_send(opened->world->node, opened->world->asker, OPENED, NULL, 0);
}

static void db_close(void *ptr)
{
    struct db *db = ptr;
    struct world *world = db->world;
    pthread_mutex_lock(&world->lock);
    world->closed++;
    world->closed_at_work |= db->is_at_work;
    pthread_mutex_unlock(&world->lock);
    fl_node_send(world->node, world->asker, CLOSED, NULL, 0);
    free(db);
}

/** Waits at the gate, then says the request again as its answer. */
static int db_work(void *ptr, struct fl_clerk_batch *batch)
{
    struct db *db = ptr;
    struct world *world = db->world;
    pthread_mutex_lock(&world->lock);
    db->is_at_work = true;
    world->sizes[world->batches++] = batch->count;
    fl_node_send(world->node, world->asker, BEGUN, NULL, 0);
    while (!world->gate_is_open)
        pthread_cond_wait(&world->changed, &world->lock);
    db->is_at_work = false;
    pthread_mutex_unlock(&world->lock);
    for (size_t i = 0; i < batch->count; i++) {
        struct fl_clerk_ask *ask = &batch->asks[i];
        fl_buf_add(&ask->answer, ask->bytes.at, ask->bytes.len);
    }
    return 0;
}

static void open_gate(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    world->gate_is_open = true;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->lock);
}

static int closed_so_far(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    int closed = world->closed;
    pthread_mutex_unlock(&world->lock);
    return closed;
}

static size_t weigh(const struct fl_msg *call)
{
    return call->len;
}

static const struct fl_clerk_kind kind = {
    .tag = ASK,
    .asks_max = 4,
    .weight_max = 100,
    .weigh = weigh,
    .open = db_open,
    .close = db_close,
    .work = db_work,
};

static int clerk_on_init(struct fl_self *self, void *state, const void *args)
{
    return fl_clerk_init(self, state, &kind, args, "clerk");
}

static const struct fl_server clerk_server = {
    .name = "clerk",
    .state_bytes = sizeof(struct fl_clerk),
    .on_init = clerk_on_init,
    .on_call = fl_clerk_on_call,
    .on_cast = fl_clerk_on_cast,
};

/* ---- the asker */

static int asker_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = *(struct world *const *)args;
    return 0;
}

static void asker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = *(struct world **)state;
    world->opened += msg->tag == OPENED;
    world->begun += msg->tag == BEGUN;
    world->on_news(self, world, msg->tag);
}

static void asker_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                           const void *data, size_t len)
{
    struct world *world = *(struct world **)state;
    world->replies += code == 0 && len == 5 && memcmp(data, "hello", 5) == 0;
    world->died += code == FL_EDIED;
    world->on_reply(self, world, code);
}

static const struct fl_server asker_server = {
    .name = "asker",
    .state_bytes = sizeof(struct world *),
    .on_init = asker_on_init,
    .on_cast = asker_on_cast,
    .on_reply = asker_on_reply,
};

static void ask(struct fl_self *self, uint32_t tag)
{
    struct fl_pid clerk = fl_whereis(fl_self_node(self), CLERK);
    fl_call_async(self, clerk, tag, "hello", 5, fl_s(30));
}

static void play(struct world *world)
{
    const struct fl_spawn_opts asker = {.args = &world};
    const struct fl_child clerk = {
        .id = CLERK, .name = CLERK, .server = &clerk_server, .args = &world};
    const struct fl_sup_opts top = {.max_restarts = 3, .children = &clerk, .children_count = 1};
    struct fl_pid pid;
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->changed, NULL);
    world->node = stage_open();
    assert_int_equal(fl_node_spawn(world->node, &asker_server, &asker, &world->asker), 0);
    assert_int_equal(fl_sup_start(world->node, NULL, &top, &pid), 0);
    stage_play(world->node);
    pthread_cond_destroy(&world->changed);
    pthread_mutex_destroy(&world->lock);
}

/* ---- what waits shares a commit */

static void crowd_on_news(struct fl_self *self, struct world *world, uint32_t what)
{
    if (what == OPENED) ask(self, ASK);
    if (what != BEGUN || world->begun > 1) return;
    for (int i = 0; i < 5; i++)
        ask(self, ASK);
    open_gate(world);
}

static void crowd_on_reply(struct fl_self *self, struct world *world, int code)
{
    if (world->replies == 6) fl_node_stop(world->node, 0);
}

static void what_waits_while_a_commit_runs_shares_the_next(void **state)
{
    struct world world = {.on_news = crowd_on_news, .on_reply = crowd_on_reply};
    play(&world);
    assert_int_equal(world.replies, 6);
    assert_int_equal(world.batches, 3);
    assert_int_equal(world.sizes[0], 1);
    assert_int_equal(world.sizes[1], 4); /* asks_max */
    assert_int_equal(world.sizes[2], 1);
    assert_int_equal(world.opened, 1);
    assert_int_equal(world.closed, 1);
}

/* ---- a kill in the middle */

static void kill_on_news(struct fl_self *self, struct world *world, uint32_t what)
{
    if (what == OPENED) ask(self, ASK);
    if (what == BEGUN && world->begun == 1)
        fl_exit(self, fl_whereis(world->node, CLERK), fl_reason_of(FL_EXIT_KILL));
    if (what == BEGUN && world->begun == 2) { /* the successor works while the first still does */
        world->closed_too_early = closed_so_far(world) > 0;
        open_gate(world);
    }
    if (world->replies == 1 && closed_so_far(world) == 1) fl_node_stop(world->node, 0);
}

static void kill_on_reply(struct fl_self *self, struct world *world, int code)
{
    if (world->replies == 1 && closed_so_far(world) == 1) fl_node_stop(world->node, 0);
}

static void a_clerk_killed_in_a_commit_leaves_its_database_to_that_commit(void **state)
{
    struct world world = {.on_news = kill_on_news, .on_reply = kill_on_reply};
    play(&world);
    assert_int_equal(world.died, 1);
    assert_int_equal(world.replies, 1);
    assert_int_equal(world.opened, 2);
    assert_false(world.closed_too_early);
    assert_false(world.closed_at_work);
    assert_int_equal(world.closed, 2);
}

/* ---- what is no request */

static void stranger_on_news(struct fl_self *self, struct world *world, uint32_t what)
{
    open_gate(world);
    if (what == OPENED) ask(self, ASK + 1);
}

static void stranger_on_reply(struct fl_self *self, struct world *world, int code)
{
    world->died += code == FL_EBADMSG;
    fl_node_stop(world->node, 0);
}

static void a_call_that_is_not_for_it_is_refused(void **state)
{
    struct world world = {.on_news = stranger_on_news, .on_reply = stranger_on_reply};
    play(&world);
    assert_int_equal(world.died, 1);
    assert_int_equal(world.batches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_while_a_commit_runs_shares_the_next),
        cmocka_unit_test(a_clerk_killed_in_a_commit_leaves_its_database_to_that_commit),
        cmocka_unit_test(a_call_that_is_not_for_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
