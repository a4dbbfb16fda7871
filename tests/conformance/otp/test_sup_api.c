#include "tests/conformance/otp/sup_world.h"

/* Group E, third part: what a supervisor answers. */

/* Running: FL_ETAKEN and its pid; stopped: FL_EPRESENT; failing: not kept. */
CASE(case_131_start_child)
{
    struct fl_child a = CHILD(w, "a"), bad = CHILD(w, "bad", .init_code = FL_EREFUSED);
    struct fl_pid first = FL_NO_PID, again = FL_NO_PID;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, NULL, 0), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &a, &first), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &a, &again), FL_ETAKEN);
    CHECK(w, fl_pid_eq(first, again)); /* already_started says who */
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &a, &again), FL_EPRESENT);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &bad, &again), FL_EREFUSED);
    struct fl_child ends = CHILD(w, "ends", .init_code = -1); /* not one of ours: as it is */
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &ends, &again), -1);
    CHECK_WHICH(self, w, "a undefined"); /* what failed is not saved */
    EXPECT(self, w, "start a\ngone a\nrefuse bad\nrefuse ends\n");
}

/* Twice is fine; unknown: FL_ENOTFOUND; a temporary one is forgotten. */
CASE(case_132_terminate_child)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "t")};
    children[1].restart = FL_TEMPORARY;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 2), 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "unknown"), FL_ENOTFOUND);
    CHECK_WHICH(self, w, "t running, a undefined");
    /* a static supervisor knows no pids, not even of its children */
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, fl_whereis(w->node, "t")), FL_ENOTFOUND);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "t"), 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "t"), FL_ENOTFOUND);
    CHECK_WHICH(self, w, "a undefined");
    EXPECT(self, w, "start a\nstart t\ngone a\ngone t\n"); /* and no restart */
}

/* FL_ERUNNING, FL_ERESTARTING, FL_ENOTFOUND; one that fails stays stopped. */
CASE(case_133_restart_child)
{
    struct fl_child child = CHILD(w, "a");
    struct fl_pid first = FL_NO_PID, second = FL_NO_PID;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1000, &child, 1), 0);
    first = fl_whereis(w->node, "a");
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &second, NULL), FL_ERUNNING);
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "unknown", &second, NULL), FL_ENOTFOUND);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &second, NULL), 0);
    CHECK(w, second.bits != 0 && !fl_pid_eq(first, second));

    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    KID_OF(child)->init_code = FL_EREFUSED;
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &second, NULL), FL_EREFUSED);
    CHECK_WHICH(self, w, "a undefined"); /* it stays as it was */

    KID_OF(child)->init_code = 0;
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &second, NULL), 0);
    KID_OF(child)->init_code = FL_EREFUSED;
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), FL_ERUNNING);
    kill_kid(self, w, "a");
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &second, NULL), FL_ERESTARTING);
}

/* FL_ERUNNING, FL_ERESTARTING, FL_ENOTFOUND; else it is forgotten. */
CASE(case_134_delete_child)
{
    struct fl_child child = CHILD(w, "a");
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1000, &child, 1), 0);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), FL_ERUNNING);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "unknown"), FL_ENOTFOUND);
    KID_OF(child)->init_code = FL_EREFUSED;
    kill_kid(self, w, "a");
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), FL_ERESTARTING);
    /* terminated amid its restarts, it is left alone */
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_WHICH(self, w, "a undefined");
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), 0);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), FL_ENOTFOUND);
    CHECK_WHICH(self, w, "");
}

/* Order, states and numbers. */
CASE(case_135_which_children_and_count_children_after_each_step)
{
    static const struct fl_sup_opts inner = {0};
    struct fl_child children[] = {
        CHILD(w, "a"), {.id = "inner", .server = &fl_sup_server, .args = &inner}, CHILD(w, "t")};
    children[2].restart = FL_TRANSIENT;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1000, children, 3), 0);
    CHECK_WHICH(self, w, "t running, inner running, a running"); /* the last started is first */
    CHECK_COUNTS(self, w, 3, 3, 1, 2);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_WHICH(self, w, "t running, inner running, a undefined");
    CHECK_COUNTS(self, w, 3, 2, 1, 2);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), 0);
    CHECK_COUNTS(self, w, 2, 2, 1, 1);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "inner"), 0);
    CHECK_COUNTS(self, w, 2, 1, 1, 1);
    end_kid(self, w, "t", FL_EXIT_NORMAL);
    EXPECT(self, w, "start a\nstart t\ngone a\ngone t\n");
    CHECK_WHICH(self, w, "t undefined, inner undefined");
    CHECK_COUNTS(self, w, 2, 0, 1, 1);
    struct fl_child late = CHILD(w, "late");
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &late, NULL), 0);
    KID_OF(late)->init_code = FL_EREFUSED;
    kill_kid(self, w, "late");
    CHECK_WHICH(self, w, "late restarting, t undefined, inner undefined");
    CHECK_COUNTS(self, w, 3, 0, 1, 2);
}

/* Every function of it. */
CASE(case_137_api_to_a_dead_supervisor_says_noproc)
{
    struct fl_child child = CHILD(w, "a");
    struct fl_child_info *infos = NULL;
    struct fl_child *spec = NULL;
    struct fl_sup_counts counts;
    size_t count = 0;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, NULL, 0), 0);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_NORMAL), FL_NEVER), 0);
    EXPECT(self, w, "sup normal\n");
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &child, NULL), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", NULL, NULL), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "a"), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_stop_child(self, w->sup, "a"), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_which_children(self, w->sup, &infos, &count), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_count_children(self, w->sup, &counts), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "a", &spec), FL_ENOPROC);
    CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, NULL), FL_ENOPROC);
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, w->sup), FL_ENOPROC);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_NORMAL), FL_NEVER), FL_ENOPROC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_131_start_child),
        cmocka_unit_test(case_132_terminate_child),
        cmocka_unit_test(case_133_restart_child),
        cmocka_unit_test(case_134_delete_child),
        cmocka_unit_test(case_135_which_children_and_count_children_after_each_step),
        cmocka_unit_test(case_137_api_to_a_dead_supervisor_says_noproc),
    };
    return cmocka_run_group_tests_name("OTP supervisors: API", tests, NULL, NULL);
}
