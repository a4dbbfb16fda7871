#include "tests/e2e/runtime/stage.h"

#include "runtime/control.h"

/* Filters on a process of one shard, while another shard sends to it, a third one puts them there
 * and takes them back, and in the end it dies. Also run under TSan and Helgrind. */

#define NUMBERS 4000
#define ROUNDS 60

enum { NUMBER = 1, LAST, ASK, GO };

struct world {
    struct fl_node *node;
    struct fl_pid box, sender, mute;
    uint32_t next, heard;
    int disorder, rounds, edied;
    uint64_t seen;
};

static struct world *world_of(void *state)
{
    return *(struct world **)state;
}

static int any_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    return 0;
}

static void box_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = world_of(state);
    uint32_t number;
    memcpy(&number, msg->data, sizeof number);
    world->heard++;
    if (number != world->next) world->disorder++;
    world->next = number + 1;
    if (world->heard == NUMBERS) fl_node_send(world->node, world->sender, LAST, NULL, 0);
}

static void box_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == ASK) return; /* it dies instead */
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

static const struct fl_server box_server = {.name = "box",
                                            .state_bytes = sizeof(struct world *),
                                            .on_init = any_on_init,
                                            .on_cast = box_on_cast,
                                            .on_call = box_on_call};

static void sender_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = world_of(state);
    if (msg->tag == GO) {
        for (uint32_t i = 0; i < NUMBERS; i++) {
            fl_send(self, world->box, NUMBER, &i, sizeof i);
            if (i % 64 == 0) fl_call(self, world->mute, 1, NULL, 0, NULL, 0, NULL, fl_ms(1));
        }
        return;
    }
    /* all came; now the box dies in the middle of a call whose answers are all dropped */
    struct fl_filter_opts drop = {.kind = FL_FILTER_DROP};
    uint64_t id;
    assert_int_equal(fl_control_filter(world->node, "sender", NULL, &drop, &id, NULL), 0);
    assert_int_equal(fl_control_filter(world->node, "box", NULL, &drop, &id, NULL), 0);
    fl_node_exit(world->node, world->box, fl_reason_of(FL_EXIT_KILL));
    world->edied = fl_call(self, world->box, ASK, NULL, 0, NULL, 0, NULL, fl_s(30));
    fl_node_stop(world->node, 0);
}

static const struct fl_server sender_server = {.name = "sender",
                                               .state_bytes = sizeof(struct world *),
                                               .on_init = any_on_init,
                                               .on_cast = sender_on_cast};

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

static void meddle(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    fl_node_send(world->node, world->sender, GO, NULL, 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct fl_filter_opts opts = {
            .kind = FL_FILTER_DELAY, .delay_ns = fl_ms(i % 3 == 0 ? 1000 : 1), .probability = 0.5};
        struct fl_filter_counts counts;
        uint64_t id;
        if (fl_control_filter(world->node, "box", i % 2 ? "sender" : NULL, &opts, &id, NULL) != 0)
            break;
        fl_call(self, world->mute, 1, NULL, 0, NULL, 0, NULL, fl_ms(1));
        assert_int_equal(fl_control_filter_counts(world->node, id, &counts), 0);
        assert_int_equal(fl_control_unfilter(world->node, id, &counts), 0);
        world->seen += counts.seen;
        world->rounds++;
    }
}

static struct fl_pid come(struct world *world, const struct fl_server *server, const char *name,
                          int shard)
{
    struct fl_pid pid;
    struct fl_spawn_opts opts = {.name = name, .args = world, .shard = shard};
    assert_int_equal(fl_node_spawn(world->node, server, &opts, &pid), 0);
    return pid;
}

static void delays_put_there_and_taken_back_all_the_time_lose_nothing_and_keep_order(void **state)
{
    struct world world = {0};
    struct fl_node_opts opts = {.shards = 3};
    assert_int_equal(fl_node_new(&world.node, &opts, NULL), 0);
    come(&world, &curtain_server, NULL, 0);
    world.mute = come(&world, &mute_server, NULL, 0);
    world.box = come(&world, &box_server, "box", 1);
    world.sender = come(&world, &sender_server, "sender", 2);
    stage_add(world.node, meddle, &world);
    stage_play(world.node);
    assert_int_equal(world.heard, NUMBERS);
    assert_int_equal(world.disorder, 0);
    assert_true(world.rounds > 0 && world.seen > 0);
    /* dead before the question came, or while it was there: both are the runtime's own answers */
    assert_true(world.edied == FL_EDIED || world.edied == FL_ENOPROC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_put_there_and_taken_back_all_the_time_lose_nothing_and_keep_order),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
