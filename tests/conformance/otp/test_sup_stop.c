#include "tests/conformance/otp/sup_world.h"

/* Group E, second part: how a supervisor stops its children. */

/* Each is gone before the next is asked. */
CASE(case_124_stop_order_is_reverse_and_one_at_a_time)
{
    struct fl_child children[] = {CHILD(w, "a", .traps = true), CHILD(w, "b", .traps = true),
                                  CHILD(w, "c", .traps = true)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 3), 0);
    EXPECT(self, w, "start a\nstart b\nstart c\n");
    shut_down(self, w);
    EXPECT(self, w,
           "terminate c shutdown\ngone c\nterminate b shutdown\ngone b\n"
           "terminate a shutdown\ngone a\nsup shutdown\n");
}

/* A child that hangs is waited for. */
CASE(case_125_shutdown_infinity_waits)
{
    struct fl_child child = CHILD(w, "a", .traps = true, .hangs = true);
    child.shutdown_ns = FL_SHUTDOWN_INFINITY;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, &child, 1), 0);
    shut_down(self, w);
    EXPECT(self, w, "start a\nterminate a shutdown\n");
    pause_ns(self, w, w->is_real ? fl_ms(20) : fl_s(100));
    EXPECT(self, w, "");
    fl_exit(self, fl_whereis(w->node, "a"), fl_reason_of(FL_EXIT_KILL));
    EXPECT(self, w, "gone a\nsup shutdown\n");
}

/* After the limit, within 10 % of it, it is killed. */
CASE(case_126_shutdown_timeout_then_kill)
{
    fl_ns limit_ns = w->is_real ? fl_ms(50) : fl_s(2);
    struct fl_child child = CHILD(w, "a", .traps = true, .hangs = true);
    child.shutdown_ns = limit_ns;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, &child, 1), 0);
    fl_ns asked_ns = fl_self_now(self);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    fl_ns took_ns = fl_self_now(self) - asked_ns;
    CHECK(w, took_ns >= limit_ns);
    if (!w->is_real) CHECK(w, took_ns <= limit_ns + limit_ns / 10);
    EXPECT(self, w, "start a\nterminate a shutdown\ngone a\n");
}

/* Killed at once. */
CASE(case_127_brutal_kill_runs_no_terminate)
{
    struct fl_child child = CHILD(w, "a", .traps = true);
    child.shutdown_ns = FL_SHUTDOWN_BRUTAL;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, &child, 1), 0);
    shut_down(self, w);
    EXPECT(self, w, "start a\ngone a\nsup shutdown\n");
}

/* The end of the parent ends the tree from the leaves up, whatever its reason was. */
static int parent_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct fl_sup_opts *opts = args;
    struct fl_sup_opts linked = *opts;
    linked.link_to = fl_self_pid(self);
    return fl_sup_start(fl_self_node(self), self, &linked, NULL);
}

static void parent_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_exit(self, fl_reason_of((enum fl_exit_kind)msg->tag));
}
static const struct fl_server parent_server = {
    .name = "parent", .on_init = parent_on_init, .on_cast = parent_on_cast};

CASE(case_138_parent_death_stops_the_tree_bottom_up)
{
    static const enum fl_exit_kind kinds[] = {FL_EXIT_NORMAL, FL_EXIT_SHUTDOWN, FL_EXIT_ERROR};
    static const char *const words[] = {"normal", "shutdown", "error"};
    for (size_t i = 0; i < FL_COUNT(kinds); i++) {
        struct fl_child leaves[] = {CHILD(w, "x"), CHILD(w, "y")};
        const struct fl_sup_opts inner = {.children = leaves, .children_count = 2};
        struct fl_child children[] = {CHILD(w, "a"),
                                      {.id = "inner", .server = &fl_sup_server, .args = &inner},
                                      CHILD(w, "b")};
        const struct fl_sup_opts opts = {.children = children, .children_count = 3, .name = "tree"};
        struct fl_pid parent = FL_NO_PID;
        struct fl_spawn_opts spawn = {.args = &opts, .shard = -1};
        CHECK_CODE(w, fl_spawn(self, &parent_server, &spawn, &parent), 0);
        EXPECT(self, w, "start a\nstart x\nstart y\nstart b\n");
        w->sup = fl_whereis(w->node, "tree");
        fl_call(self, w->watcher, 1, &w->sup, sizeof w->sup, NULL, 0, NULL, FL_NEVER);
        fl_send(self, parent, (uint32_t)kinds[i], NULL, 0);
        char text[128];
        snprintf(text, sizeof text, "gone b\ngone y\ngone x\ngone a\nsup %s\n", words[i]);
        EXPECT(self, w, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_124_stop_order_is_reverse_and_one_at_a_time),
        cmocka_unit_test(case_125_shutdown_infinity_waits),
        cmocka_unit_test(case_126_shutdown_timeout_then_kill),
        cmocka_unit_test(case_127_brutal_kill_runs_no_terminate),
        cmocka_unit_test(case_138_parent_death_stops_the_tree_bottom_up),
    };
    return cmocka_run_group_tests_name("OTP supervisors: stop", tests, NULL, NULL);
}
