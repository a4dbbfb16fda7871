#include "tests/e2e/runtime/stage.h"

#include "runtime/base/clock.h"

/* Handlers that take their shard's time, and what the watchdog says of them. */

enum { SPIN = 1, QUICK, WAIT, SPIN_AFTER_WAIT };

struct world {
    struct fl_node *node;
    struct fl_pid mute, worker;
    fl_ns spin_ns, until_ns;
    int handled;
    /* written under the node's lock of notes, read once it has ended */
    struct fl_note notes[8];
    char names[8][16];
    int count;
};

static void on_note(void *cx, const struct fl_note *note)
{
    struct world *world = cx;
    if (note->kind != FL_NOTE_HOG || world->count == 8) return;
    snprintf(world->names[world->count], sizeof world->names[0], "%s",
             note->name == NULL ? "-" : note->name);
    world->notes[world->count++] = *note;
}

static int worker_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    return 0;
}

static void spin(fl_ns span_ns)
{
    fl_ns end_ns = fl_now() + span_ns;
    while (fl_now() < end_ns) {
    }
}

static void worker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = *(struct world **)state;
    world->handled++;
    if (msg->tag == WAIT || msg->tag == SPIN_AFTER_WAIT)
        fl_call(self, world->mute, 1, NULL, 0, NULL, 0, NULL, world->spin_ns);
    if (msg->tag == SPIN || msg->tag == SPIN_AFTER_WAIT) spin(world->spin_ns);
    if (msg->tag == QUICK) spin(fl_ms(2));
    if (msg->tag == QUICK && fl_now() < world->until_ns)
        fl_send(self, fl_self_pid(self), QUICK, NULL, 0); /* again and again, each short */
    else
        fl_node_stop(world->node, 0);
}

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};
static const struct fl_server worker_server = {.name = "worker",
                                               .state_bytes = sizeof(struct world *),
                                               .on_init = worker_on_init,
                                               .on_cast = worker_on_cast};

static void play(struct world *world, fl_ns hog_ns, const char *name, uint32_t tag)
{
    struct fl_node_opts opts = {
        .shards = 2, .hog_ns = hog_ns, .on_note = on_note, .note_cx = world};
    struct fl_spawn_opts worker = {.args = world, .name = name, .shard = 1};
    struct fl_spawn_opts mute = {.shard = 0}, curtain = {.shard = 0};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &curtain_server, &curtain, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &mute_server, &mute, &world->mute), 0);
    assert_int_equal(fl_node_spawn(world->node, &worker_server, &worker, &world->worker), 0);
    fl_node_send(world->node, world->worker, tag, NULL, 0);
    world->until_ns = fl_now() + world->spin_ns;
    stage_play(world->node);
    assert_true(world->handled > 0);
}

static void expect_hog(const struct world *world, const char *name)
{
    assert_int_equal(world->count, 2); /* while it lasts, and when it is over */
    for (int i = 0; i < 2; i++) {
        assert_true(fl_pid_eq(world->notes[i].pid, world->worker));
        assert_string_equal(world->names[i], name);
        assert_string_equal(world->notes[i].server, "worker");
        assert_int_equal(world->notes[i].is_over, i == 1);
        assert_true(world->notes[i].took_ns >= fl_ms(50));
    }
    assert_true(world->notes[1].took_ns >= world->notes[0].took_ns);
    assert_true(world->notes[1].took_ns < fl_s(30));
}

static void a_handler_that_hogs_its_shard_is_named_while_it_does(void **state)
{
    struct world world = {.spin_ns = fl_ms(300)};
    play(&world, fl_ms(50), "hog/a", SPIN);
    expect_hog(&world, "hog/a");
}

static void one_without_a_name_is_told_by_its_kind_and_waiting_does_not_count(void **state)
{
    struct world world = {.spin_ns = fl_ms(300)};
    play(&world, fl_ms(50), NULL, SPIN_AFTER_WAIT);
    expect_hog(&world, "-");
}

static void many_quick_handlers_are_no_hog(void **state)
{
    struct world world = {.spin_ns = fl_ms(700)};
    play(&world, fl_ms(500), "quick", QUICK);
    assert_int_equal(world.count, 0);
}

static void one_that_waits_is_no_hog(void **state)
{
    struct world world = {.spin_ns = fl_ms(300)};
    play(&world, fl_ms(100), "waiting", WAIT);
    assert_int_equal(world.count, 0);
}

static void nobody_looks_when_told_not_to(void **state)
{
    struct world world = {.spin_ns = fl_ms(200)};
    play(&world, -1, "free", SPIN);
    assert_int_equal(world.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_that_hogs_its_shard_is_named_while_it_does),
        cmocka_unit_test(one_without_a_name_is_told_by_its_kind_and_waiting_does_not_count),
        cmocka_unit_test(many_quick_handlers_are_no_hog),
        cmocka_unit_test(one_that_waits_is_no_hog),
        cmocka_unit_test(nobody_looks_when_told_not_to),
    };
    return cmocka_run_group_tests_name("hog", tests, NULL, NULL);
}
