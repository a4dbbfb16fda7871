#include "tests/support/testkit.h"

#include <stdatomic.h>

#include "runtime/base/rng.h"
#include "runtime/node.h"
#include "runtime/presence.h"
#include "runtime/sup.h"

/* Presence on several shards at once: real threads, no clock. People of all shards come, change and
 * go while the tracker is killed; watchers of all shards end up with the list. */

enum { SHARDS = 3, PEOPLE = 60, WATCHERS = 6, TURNS = 200, KILLS = 30, REFS_MAX = 4096 };
enum { READY = 1, DONE, SETTLE, SETTLED };
#define TOPIC "square"

struct square {
    struct fl_node *node;
    struct fl_pubsub *pubsub;
    struct fl_presence *presence;
    struct fl_pid conductor;
    struct fl_pid watchers[WATCHERS];
    atomic_int failures;
};
struct role {
    struct square *square;
    int number;
};

/* cmocka's own may not be used off its thread. */
static void fail_unless_at(struct square *square, bool is_fine, int line)
{
    if (is_fine) return;
    atomic_fetch_add(&square->failures, 1);
    fprintf(stderr, "not so: line %d\n", line);
}
#define fail_unless(square, is_fine) fail_unless_at((square), (is_fine), __LINE__)

static struct fl_pid spawn(struct fl_self *self, struct square *square, fl_run_fn fn, int number)
{
    struct role role = {.square = square, .number = number};
    struct fl_spawn_opts opts = {.shard = FL_SHARD(number % SHARDS)};
    struct fl_pid pid = FL_NO_PID;
    fail_unless(square, fl_spawn_run(self, fn, &role, sizeof role, &opts, &pid) == 0);
    return pid;
}

static bool is_tag(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_CAST && msg->tag == *(const uint32_t *)cx;
}

static void await_all(struct fl_self *self, uint32_t tag, int count)
{
    struct fl_msg msg;
    for (int i = 0; i < count; i++)
        fl_receive(self, is_tag, &tag, FL_NEVER, &msg);
}

static void person_body(struct fl_self *self, const void *args, size_t len)
{
    static const char *const names[] = {"ana", "bob", "cat", "dan", "eve"};
    struct role role;
    struct fl_rng rng;
    memcpy(&role, args, sizeof role);
    struct fl_presence *presence = role.square->presence;
    fl_rng_init(&rng, (uint64_t)role.number);
    for (int i = 0; i < TURNS; i++) {
        struct fl_str key = fl_str_of(names[fl_rng_between(&rng, 0, 4)]);
        int64_t what = fl_rng_between(&rng, 0, 3);
        if (what == 0) fl_presence_track(self, presence, TOPIC, key, FL_STR("came"));
        if (what == 1) fl_presence_update(self, presence, TOPIC, key, FL_STR("changed"));
        if (what == 2) fl_presence_untrack(self, presence, TOPIC, key);
        if (what == 3) fl_yield(self);
    }
    fl_send(self, role.square->conductor, DONE, NULL, 0);
    if (role.number % 2 == 0) fl_pause(self, FL_NEVER); /* the others end */
}

struct shown {
    uint64_t refs[REFS_MAX];
    size_t count;
    bool has_state;
};

static void shown_set(struct shown *shown, uint64_t ref, bool is_there)
{
    size_t at = 0;
    while (at < shown->count && shown->refs[at] != ref)
        at++;
    if (is_there && at == shown->count && at < REFS_MAX) shown->refs[shown->count++] = ref;
    if (!is_there && at < shown->count) shown->refs[at] = shown->refs[--shown->count];
}

static void shown_apply(struct shown *shown, const struct fl_msg *msg)
{
    struct fl_presence_entry entry;
    if (msg->tag == FL_PRESENCE_STATE) {
        shown->count = 0;
        shown->has_state = true;
    }
    for (int pass = 0; pass < 2; pass++) { /* who came first */
        struct fl_presence_view view = {TOPIC, msg->data, msg->len};
        while (fl_presence_next(&view, &entry))
            if (entry.left == (pass == 1)) shown_set(shown, entry.ref.clock, pass == 0);
    }
}

static bool shows_the_list(struct square *square, const struct shown *shown)
{
    struct fl_buf list = {0};
    struct fl_presence_entry entry;
    struct shown rest = *shown;
    size_t count = fl_presence_list(square->presence, TOPIC, &list);
    struct fl_presence_view view = {TOPIC, list.at, list.len};
    while (fl_presence_next(&view, &entry))
        shown_set(&rest, entry.ref.clock, false);
    fl_buf_fini(&list);
    return shown->has_state && shown->count == count && rest.count == 0;
}

/* After SETTLE it says when it shows the list: all that was to be told is on its way. */
static void watcher_body(struct fl_self *self, const void *args, size_t len)
{
    struct role role;
    struct fl_msg msg;
    bool settles = false;
    memcpy(&role, args, sizeof role);
    struct shown *shown = fl_self_alloc(self, sizeof *shown);
    fl_pubsub_subscribe(self, role.square->pubsub, TOPIC);
    fl_presence_ask(self, role.square->presence, TOPIC);
    fl_send(self, role.square->conductor, READY, NULL, 0);
    for (;;) {
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
        if (msg.tag == SETTLE)
            settles = true;
        else
            shown_apply(shown, &msg);
        if (!settles || !shows_the_list(role.square, shown)) continue;
        fl_send(self, role.square->conductor, SETTLED, NULL, 0);
        settles = false;
    }
}

static void conductor_body(struct fl_self *self, const void *args, size_t len)
{
    struct role role;
    memcpy(&role, args, sizeof role);
    struct square *square = role.square;
    square->conductor = fl_self_pid(self);
    for (int i = 0; i < WATCHERS; i++)
        square->watchers[i] = spawn(self, square, watcher_body, i);
    await_all(self, READY, WATCHERS);
    for (int i = 0; i < PEOPLE; i++)
        spawn(self, square, person_body, i);
    for (int i = 0; i < KILLS; i++) {
        fl_exit(self, fl_whereis(square->node, "tracker"), fl_reason_of(FL_EXIT_KILL));
        await_all(self, DONE, PEOPLE / KILLS);
    }
    for (int i = 0; i < WATCHERS; i++)
        fl_send(self, square->watchers[i], SETTLE, NULL, 0);
    await_all(self, SETTLED, WATCHERS);
    fl_node_stop(square->node, 0);
}

static void watchers_of_all_shards_end_up_with_the_list(void **state)
{
    struct square square = {0};
    const struct fl_node_opts opts = {.shards = SHARDS};
    assert_int_equal(fl_node_new(&square.node, &opts, NULL), 0);
    square.pubsub = fl_pubsub_new(square.node);
    const struct fl_presence_opts presence = {.pubsub = square.pubsub};
    square.presence = fl_presence_new(square.node, &presence);
    const struct fl_child children[] = {
        {.id = "pubsub", .server = &fl_pubsub_server, .args = square.pubsub},
        {.id = "tracker",
         .name = "tracker",
         .server = &fl_presence_server,
         .args = square.presence},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 1000, .children = children, .children_count = FL_COUNT(children)};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(square.node, NULL, &sup, &pid), 0);
    const struct role role = {.square = &square};
    const struct fl_spawn_opts plain = {.shard = FL_SHARD(0)};
    assert_int_equal(
        fl_node_spawn_run(square.node, conductor_body, &role, sizeof role, &plain, NULL), 0);
    assert_int_equal(fl_node_run(square.node), 0);
    fl_presence_free(square.presence);
    fl_pubsub_free(square.pubsub);
    fl_node_free(square.node);
    assert_int_equal(atomic_load(&square.failures), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watchers_of_all_shards_end_up_with_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
