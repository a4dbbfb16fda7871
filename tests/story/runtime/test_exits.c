#include "tests/support/testkit.h"

#include "runtime/node.h"
#include "runtime/server.h"

/* One kind of process for all stories: it does what its casts say and writes down what it sees. */
enum {
    DO_TRAP = 1,
    DO_UNTRAP,
    DO_LINK,
    DO_UNLINK,
    DO_EXIT_SELF,
    DO_EXIT_OTHER,
    DO_MONITOR,
    DO_DIE,
    DO_ASK
};

struct seen {
    char text[2048];
};

struct order {
    struct fl_pid who;
    struct fl_reason reason;
};

struct actor {
    struct seen *seen;
    const char *name;
};

static void note(struct seen *seen, const char *format, ...) FL_PRINTF(2, 3);
static void note(struct seen *seen, const char *format, ...)
{
    size_t len = strlen(seen->text);
    va_list args;
    va_start(args, format);
    vsnprintf(seen->text + len, sizeof seen->text - len, format, args);
    va_end(args);
}

static int actor_on_init(struct fl_self *self, void *state, const void *args)
{
    struct actor *actor = state;
    actor->seen = (struct seen *)(uintptr_t)args;
    return 0;
}

static void actor_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    const struct order *order = msg->data;
    switch (msg->tag) {
    case DO_TRAP:
        fl_self_trap_exits(self, true);
        break;
    case DO_UNTRAP:
        fl_self_trap_exits(self, false);
        break;
    case DO_LINK:
        fl_link(self, order->who);
        break;
    case DO_UNLINK:
        fl_unlink(self, order->who);
        break;
    case DO_EXIT_SELF:
        fl_exit(self, fl_self_pid(self), order->reason);
        break;
    case DO_EXIT_OTHER:
        fl_exit(self, order->who, order->reason);
        break;
    case DO_MONITOR:
        fl_monitor(self, order->who);
        break;
    case DO_DIE:
        fl_self_exit(self, order->reason);
        break;
    case DO_ASK: /* before, and after it has ended itself or was killed */
        note(((struct actor *)state)->seen, "%s", fl_self_is_ending(self) ? "ends" : "stays");
        if (order->reason.kind == FL_EXIT_KILL)
            fl_exit(self, fl_self_pid(self), order->reason);
        else if (order->reason.kind != FL_EXIT_NORMAL)
            fl_self_exit(self, order->reason);
        note(((struct actor *)state)->seen, ", %s\n", fl_self_is_ending(self) ? "ends" : "stays");
        break;
    default:
        note(((struct actor *)state)->seen, "cast %u\n", msg->tag);
        break;
    }
}

static void actor_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                          const struct fl_reason *reason)
{
    char text[96];
    note(((struct actor *)state)->seen, "exit %s\n", fl_reason_show(reason, text, sizeof text));
}

static void actor_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    char text[96];
    note(((struct actor *)state)->seen, "down %s\n", fl_reason_show(reason, text, sizeof text));
}

static void actor_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    char text[96];
    note(((struct actor *)state)->seen, "terminate %s\n",
         fl_reason_show(reason, text, sizeof text));
}

static const struct fl_server actor_server = {
    .name = "actor",
    .state_bytes = sizeof(struct actor),
    .on_init = actor_on_init,
    .on_cast = actor_on_cast,
    .on_exit = actor_on_exit,
    .on_down = actor_on_down,
    .on_terminate = actor_on_terminate,
};

/* P is looked at, Q does things to it, W watches P and so says how it ended. */
struct world {
    struct fl_node *node;
    struct seen p_seen, q_seen, w_seen;
    struct fl_pid p, q, w;
};

static struct fl_pid start(struct world *world, struct seen *seen)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.args = seen, .shard = -1, .link_to = FL_NO_PID};
    assert_int_equal(fl_node_spawn(world->node, &actor_server, &opts, &pid), 0);
    return pid;
}

static void tell(struct world *world, struct fl_pid to, uint32_t what, struct fl_pid who,
                 enum fl_exit_kind kind)
{
    struct order order = {.who = who, .reason = fl_reason_of(kind)};
    assert_int_equal(fl_node_send(world->node, to, what, &order, sizeof order), 0);
    fl_sim_run(world->node, 0);
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 7};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    world->p = start(world, &world->p_seen);
    world->q = start(world, &world->q_seen);
    world->w = start(world, &world->w_seen);
    tell(world, world->w, DO_MONITOR, world->p, FL_EXIT_NORMAL);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void expect_alive(struct world *world, const char *seen)
{
    assert_string_equal(world->w_seen.text, "");
    assert_string_equal(world->p_seen.text, seen);
}

static void expect_dead(struct world *world, const char *reason, const char *seen)
{
    char down[64];
    snprintf(down, sizeof down, "down %s\n", reason);
    assert_string_equal(world->w_seen.text, down);
    assert_string_equal(world->p_seen.text, seen);
}

static void a01_exit_normal_from_another_is_dropped(void **state)
{
    struct world *w = *state;
    tell(w, w->q, DO_EXIT_OTHER, w->p, FL_EXIT_NORMAL);
    expect_alive(w, "");
}

static void a02_exit_normal_from_another_is_a_message_when_trapping(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->q, DO_EXIT_OTHER, w->p, FL_EXIT_NORMAL);
    expect_alive(w, "exit normal\n");
}

static void a03_exit_normal_to_itself_ends_it(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_EXIT_SELF, w->p, FL_EXIT_NORMAL);
    expect_dead(w, "normal", "");
}

static void a04_exit_normal_to_itself_is_a_message_when_trapping(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_EXIT_SELF, w->p, FL_EXIT_NORMAL);
    expect_alive(w, "exit normal\n");
}

static void a05_kill_cannot_be_trapped_and_runs_no_cleanup(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->q, DO_EXIT_OTHER, w->p, FL_EXIT_KILL);
    expect_dead(w, "killed", "");
}

static void a06_kill_to_itself_cannot_be_trapped(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_EXIT_SELF, w->p, FL_EXIT_KILL);
    expect_dead(w, "killed", "");
}

static void a07_its_own_exit_with_kill_stays_kill(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_DIE, w->p, FL_EXIT_KILL);
    expect_dead(w, "kill", "terminate kill\n");
}

static void a08_its_own_exit_ignores_trapping(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_DIE, w->p, FL_EXIT_ERROR);
    expect_dead(w, "error", "terminate error\n");
}

static void a09_killed_as_a_reason_is_trappable(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->q, DO_EXIT_OTHER, w->p, FL_EXIT_KILLED);
    expect_alive(w, "exit killed\n");
}

static void a10_shutdown_ends_one_that_does_not_trap(void **state)
{
    struct world *w = *state;
    tell(w, w->q, DO_EXIT_OTHER, w->p, FL_EXIT_SHUTDOWN);
    expect_dead(w, "shutdown", "");
}

static void a11_a_linked_normal_end_is_dropped(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_NORMAL);
    expect_alive(w, "");
}

static void a12_a_linked_normal_end_is_a_message_when_trapping(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_NORMAL);
    expect_alive(w, "exit normal\n");
}

static void a13_a_linked_error_ends_the_partner_with_the_same_reason(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_ERROR);
    expect_dead(w, "error", "");
}

static void a14_a_linked_kill_is_trappable(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_KILL);
    expect_alive(w, "exit kill\n");
}

static void a17_two_links_give_one_signal(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->q, DO_LINK, w->p, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_ERROR);
    expect_alive(w, "exit error\n");
}

static void a18_after_unlink_no_exit_arrives(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    tell(w, w->p, DO_UNLINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_ERROR);
    expect_alive(w, "");
}

static void a20_a_link_to_the_dead_is_an_exit_noproc(void **state)
{
    struct world *w = *state;
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_NORMAL);
    tell(w, w->p, DO_TRAP, w->p, 0);
    tell(w, w->p, DO_LINK, w->q, 0);
    expect_alive(w, "exit noproc\n");
}

static void a21_a_link_to_the_dead_ends_one_that_does_not_trap(void **state)
{
    struct world *w = *state;
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_NORMAL);
    tell(w, w->p, DO_LINK, w->q, 0);
    expect_dead(w, "noproc", "");
}

static void a22_links_to_itself_and_unlinks_of_nothing_do_nothing(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_LINK, w->p, 0);
    tell(w, w->p, DO_UNLINK, w->q, 0);
    tell(w, w->q, DO_DIE, w->q, FL_EXIT_ERROR);
    expect_alive(w, "");
}

static void a23_what_was_trapped_stays_a_message(void **state)
{
    struct world *w = *state;
    tell(w, w->p, DO_TRAP, w->p, 0);
    /* both reach the mailbox before P runs: the trap flag is read when the signal arrives */
    struct order order = {.who = w->p};
    fl_node_send(w->node, w->p, DO_UNTRAP, &order, sizeof order);
    fl_node_exit(w->node, w->p, fl_reason_of(FL_EXIT_ERROR));
    fl_sim_run(w->node, 0);
    expect_dead(w, "error", "terminate error\n"); /* as a message of its parent, the node */
}

static void it_knows_whether_it_ends_after_its_handler(void **state)
{
    struct world *w = *state;
    tell(w, w->q, DO_ASK, w->q, FL_EXIT_NORMAL);
    assert_string_equal(w->q_seen.text, "stays, stays\n");
    tell(w, w->q, DO_ASK, w->q, FL_EXIT_KILL);
    assert_string_equal(w->q_seen.text, "stays, stays\nstays, ends\n");
    tell(w, w->p, DO_ASK, w->p, FL_EXIT_ERROR);
    expect_dead(w, "error", "stays, ends\nterminate error\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a01_exit_normal_from_another_is_dropped),
        STORY(a02_exit_normal_from_another_is_a_message_when_trapping),
        STORY(a03_exit_normal_to_itself_ends_it),
        STORY(a04_exit_normal_to_itself_is_a_message_when_trapping),
        STORY(a05_kill_cannot_be_trapped_and_runs_no_cleanup),
        STORY(a06_kill_to_itself_cannot_be_trapped),
        STORY(a07_its_own_exit_with_kill_stays_kill),
        STORY(a08_its_own_exit_ignores_trapping),
        STORY(a09_killed_as_a_reason_is_trappable),
        STORY(a10_shutdown_ends_one_that_does_not_trap),
        STORY(a11_a_linked_normal_end_is_dropped),
        STORY(a12_a_linked_normal_end_is_a_message_when_trapping),
        STORY(a13_a_linked_error_ends_the_partner_with_the_same_reason),
        STORY(a14_a_linked_kill_is_trappable),
        STORY(a17_two_links_give_one_signal),
        STORY(a18_after_unlink_no_exit_arrives),
        STORY(a20_a_link_to_the_dead_is_an_exit_noproc),
        STORY(a21_a_link_to_the_dead_ends_one_that_does_not_trap),
        STORY(a22_links_to_itself_and_unlinks_of_nothing_do_nothing),
        STORY(a23_what_was_trapped_stays_a_message),
        STORY(it_knows_whether_it_ends_after_its_handler),
    };
    return cmocka_run_group_tests_name("exit signals and links", tests, NULL, NULL);
}
