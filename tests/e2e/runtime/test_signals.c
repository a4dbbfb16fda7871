#include "tests/e2e/runtime/stage.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/signals.h"

enum { GO = 1000, END };

/* Processes that watch signals; the test's own OS process is the one that gets them. */
struct world {
    struct fl_node *node;
    struct fl_pid watchers[2];
    int heard[2][NSIG];
    void (*on_heard)(struct fl_self *self, struct world *world, int me, int number);
    int code;
};
struct watcher {
    struct world *world;
    int me, number;
};

static int watcher_on_init(struct fl_self *self, void *state, const void *args)
{
    struct watcher *watcher = state;
    *watcher = *(const struct watcher *)args;
    return fl_signals_watch(self, watcher->number, NULL);
}

static void watcher_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct watcher *watcher = state;
    assert_int_equal(msg->from.bits, 0);
    if (msg->tag < NSIG) watcher->world->heard[watcher->me][msg->tag]++;
    watcher->world->on_heard(self, watcher->world, watcher->me, (int)msg->tag);
}

static const struct fl_server watcher_server = {.name = "watcher",
                                                .state_bytes = sizeof(struct watcher),
                                                .on_init = watcher_on_init,
                                                .on_cast = watcher_on_cast};

static void add_watcher(struct world *world, int me, int number)
{
    struct watcher args = {.world = world, .me = me, .number = number};
    struct fl_spawn_opts opts = {.args = &args};
    assert_int_equal(fl_node_spawn(world->node, &watcher_server, &opts, &world->watchers[me]), 0);
}

/* ---- one signal, told to all who watch it */

static void hang_up(struct fl_self *self, void *cx)
{
    kill(getpid(), SIGHUP);
}

static void end_when_both_heard(struct fl_self *self, struct world *world, int me, int number)
{
    if (world->heard[0][SIGHUP] == 1 && world->heard[1][SIGHUP] == 1) fl_node_stop(world->node, 0);
}

static void a_signal_is_a_message_of_everybody_who_watches_it(void **state)
{
    struct world world = {.on_heard = end_when_both_heard};
    world.node = stage_open();
    add_watcher(&world, 0, SIGHUP);
    add_watcher(&world, 1, SIGHUP);
    stage_add(world.node, hang_up, NULL); /* which would end us, if nobody watched */
    stage_play(world.node);
}

/* ---- a watch that was undone, or whose process ended, hears nothing: the next one does */

static void watch_and_leave(struct fl_self *self, struct world *world, int me, int number)
{
    if (number == SIGUSR1 && me == 0) {
        assert_int_equal(fl_signals_unwatch(self, SIGUSR1), 0);
        assert_int_equal(fl_signals_unwatch(self, SIGUSR1), FL_ENOTFOUND);
        kill(getpid(), SIGUSR1);
    }
    if (number == SIGUSR1 && me == 1 && world->heard[1][SIGUSR1] == 2) {
        fl_node_stop(world->node, 0);
    }
}

static void raise_first(struct fl_self *self, void *cx)
{
    kill(getpid(), SIGUSR1);
}

static void who_takes_the_watch_back_hears_no_more(void **state)
{
    struct world world = {.on_heard = watch_and_leave};
    world.node = stage_open();
    add_watcher(&world, 0, SIGUSR1);
    add_watcher(&world, 1, SIGUSR1);
    stage_add(world.node, raise_first, NULL);
    stage_play(world.node);
    assert_int_equal(world.heard[0][SIGUSR1], 1);
    assert_int_equal(world.heard[1][SIGUSR1], 2);
}

static void raise_after_end(struct fl_self *self, struct world *world, int me, int number)
{
    if (me == 0) {
        fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
        fl_node_send(world->node, world->watchers[1], GO, NULL, 0);
    } else if (number == GO) {
        kill(getpid(), SIGUSR1);
    } else {
        fl_node_stop(world->node, 0);
    }
}

static void end_first(struct fl_self *self, void *cx)
{
    struct world *world = cx;
    fl_node_send(world->node, world->watchers[0], END, NULL, 0);
}

static void a_watch_ends_with_its_process(void **state)
{
    struct world world = {.on_heard = raise_after_end};
    world.node = stage_open();
    add_watcher(&world, 0, SIGUSR1);
    add_watcher(&world, 1, SIGUSR1);
    stage_add(world.node, end_first, &world);
    stage_play(world.node);
    assert_int_equal(world.heard[0][SIGUSR1], 0);
    assert_int_equal(world.heard[1][SIGUSR1], 1);
}

/* ---- what cannot be watched */

static void watch_badly(struct fl_self *self, void *cx)
{
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, 0, -1, NSIG};
    struct fl_err err = {0};
    for (size_t i = 0; i < FL_COUNT(never); i++)
        assert_int_equal(fl_signals_watch(self, never[i], &err), FL_ERANGE);
    assert_string_equal(err.text, "signal 65 cannot be watched");
    assert_int_equal(fl_signals_watch(self, SIGUSR2, NULL), 0);
    assert_int_equal(fl_signals_watch(self, SIGUSR2, NULL), FL_ESTATE);
    fl_node_stop(fl_self_node(self), 0);
}

static void what_cannot_be_watched_is_an_error_value(void **state)
{
    struct fl_node *node = stage_open();
    stage_add(node, watch_badly, NULL);
    stage_play(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_is_a_message_of_everybody_who_watches_it),
        cmocka_unit_test(who_takes_the_watch_back_hears_no_more),
        cmocka_unit_test(a_watch_ends_with_its_process),
        cmocka_unit_test(what_cannot_be_watched_is_an_error_value),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
