#include "tests/conformance/otp/sup_world.h"

/* Group G, first part: significant children. */

static int start_significant(struct fl_self *self, struct world *w, enum fl_auto_shutdown when,
                             struct fl_child *children, size_t count)
{
    struct fl_sup_opts opts = {
        .auto_shutdown = when, .max_restarts = 3, .children = children, .children_count = count};
    return start_sup(self, w, &opts);
}

static struct fl_child significant(struct world *w, const char *name, enum fl_restart restart)
{
    struct fl_child child = CHILD(w, name);
    child.restart = restart;
    child.significant = true;
    return child;
}

/* It ends for good: the supervisor ends with shutdown, the others are stopped in reverse. */
CASE(case_166_any_significant)
{
    static const struct {
        enum fl_restart restart;
        enum fl_exit_kind kind;
    } rows[] = {
        {FL_TRANSIENT, FL_EXIT_NORMAL}, {FL_TRANSIENT, FL_EXIT_SHUTDOWN},
        {FL_TEMPORARY, FL_EXIT_NORMAL}, {FL_TEMPORARY, FL_EXIT_ERROR},
        {FL_TEMPORARY, FL_EXIT_KILL},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct fl_child children[] = {CHILD(w, "a"), significant(w, "b", rows[i].restart),
                                      CHILD(w, "c")};
        CHECK_CODE(w, start_significant(self, w, FL_ANY_SIGNIFICANT, children, 3), 0);
        end_kid(self, w, "b", rows[i].kind);
        EXPECT(self, w, "start a\nstart b\nstart c\ngone b\ngone c\ngone a\nsup shutdown\n");
    }
}

/* A restart, no shutdown. */
CASE(case_167_transient_abnormal_is_restarted)
{
    struct fl_child children[] = {CHILD(w, "a"), significant(w, "b", FL_TRANSIENT)};
    CHECK_CODE(w, start_significant(self, w, FL_ANY_SIGNIFICANT, children, 2), 0);
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "start a\nstart b\ngone b\nstart b\n");
    CHECK_WHICH(self, w, "b running, a running");
}

/* The end of one of two is not enough. */
CASE(case_168_all_significant_only_at_the_last_one)
{
    struct fl_child children[] = {significant(w, "a", FL_TRANSIENT), CHILD(w, "b"),
                                  significant(w, "c", FL_TEMPORARY)};
    CHECK_CODE(w, start_significant(self, w, FL_ALL_SIGNIFICANT, children, 3), 0);
    end_kid(self, w, "c", FL_EXIT_ERROR);
    EXPECT(self, w, "start a\nstart b\nstart c\ngone c\n");
    CHECK_WHICH(self, w, "b running, a running");
    end_kid(self, w, "a", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone a\ngone b\nsup shutdown\n");
}

/* Nor does its restart afterwards hurt. */
CASE(case_169_a_termination_that_was_asked_for_does_not_count)
{
    struct fl_child children[] = {significant(w, "a", FL_TRANSIENT), CHILD(w, "b")};
    CHECK_CODE(w, start_significant(self, w, FL_ANY_SIGNIFICANT, children, 2), 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK_WHICH(self, w, "b running, a undefined");
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", NULL, NULL), 0);
    EXPECT(self, w, "start a\nstart b\ngone a\nstart a\n");
}

/* Stopped by one_for_all: the supervisor goes on. */
CASE(case_170_as_a_sibling_in_a_strategy_it_does_not_count)
{
    struct fl_child children[] = {significant(w, "a", FL_TRANSIENT), CHILD(w, "b"),
                                  significant(w, "t", FL_TEMPORARY)};
    struct fl_sup_opts opts = {.strategy = FL_ONE_FOR_ALL,
                               .auto_shutdown = FL_ANY_SIGNIFICANT,
                               .max_restarts = 3,
                               .children = children,
                               .children_count = 3};
    CHECK_CODE(w, start_sup(self, w, &opts), 0);
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "start a\nstart b\nstart t\ngone b\ngone t\ngone a\nstart a\nstart b\n");
    CHECK_WHICH(self, w, "b running, a running");
    end_kid(self, w, "a", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone a\ngone b\nsup shutdown\n");
}

/* Its own auto_shutdown is the end of the one above. */
CASE(case_171_a_significant_supervisor_propagates)
{
    struct fl_child leaf = significant(w, "x", FL_TEMPORARY);
    const struct fl_sup_opts inner = {
        .auto_shutdown = FL_ANY_SIGNIFICANT, .children = &leaf, .children_count = 1};
    struct fl_child children[] = {CHILD(w, "a"),
                                  {.id = "inner",
                                   .server = &fl_sup_server,
                                   .args = &inner,
                                   .restart = FL_TRANSIENT,
                                   .significant = true}};
    CHECK_CODE(w, start_significant(self, w, FL_ANY_SIGNIFICANT, children, 2), 0);
    end_kid(self, w, "x", FL_EXIT_NORMAL);
    EXPECT(self, w, "start a\nstart x\ngone x\ngone a\nsup shutdown\n");
}

/* significant with permanent, or with auto_shutdown never. */
CASE(case_172_bad_combinations_are_rejected)
{
    struct fl_child permanent = significant(w, "p", FL_PERMANENT),
                    transient = significant(w, "t", FL_TRANSIENT);
    CHECK_CODE(w, start_significant(self, w, FL_ANY_SIGNIFICANT, &permanent, 1),
               FL_EBADSIGNIFICANT);
    CHECK_CODE(w, start_significant(self, w, FL_NEVER_BY_CHILD, &transient, 1), FL_EBADSIGNIFICANT);
    CHECK_CODE(w, start_significant(self, w, FL_ALL_SIGNIFICANT, &transient, 1), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &permanent, NULL), FL_EBADSIGNIFICANT);
    EXPECT(self, w, "start t\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_166_any_significant),
        cmocka_unit_test(case_167_transient_abnormal_is_restarted),
        cmocka_unit_test(case_168_all_significant_only_at_the_last_one),
        cmocka_unit_test(case_169_a_termination_that_was_asked_for_does_not_count),
        cmocka_unit_test(case_170_as_a_sibling_in_a_strategy_it_does_not_count),
        cmocka_unit_test(case_171_a_significant_supervisor_propagates),
        cmocka_unit_test(case_172_bad_combinations_are_rejected),
    };
    return cmocka_run_group_tests_name("OTP supervisors: auto_shutdown", tests, NULL, NULL);
}
