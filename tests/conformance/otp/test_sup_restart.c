#include "tests/conformance/otp/sup_world.h"

/* Group F: which deaths are answered with a restart, of whom, and how many. */

/* One child of a restart type ends in some way; what becomes of it. */
static void restart_type(struct fl_self *self, struct world *w, enum fl_restart restart,
                         struct fl_reason reason, const char *then)
{
    struct fl_child child = CHILD(w, "a");
    child.restart = restart;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 3, &child, 1), 0);
    fl_send(self, fl_whereis(w->node, "a"), (uint32_t)reason.kind, reason.detail,
            reason.detail[0] != '\0' ? sizeof reason.detail : 0);
    bool is_back = strcmp(then, "a running") == 0, is_kept = then[0] != '\0';
    EXPECT(self, w, is_back ? "start a\ngone a\nstart a\n" : "start a\ngone a\n");
    CHECK_WHICH(self, w, then);
    CHECK_COUNTS(self, w, (uint64_t)is_kept, (uint64_t)is_back, 0, (uint64_t)is_kept);
}

#define RESTART_CASE(name, restart, kind_, detail_, then)               \
    CASE(name)                                                          \
    {                                                                   \
        struct fl_reason reason = {.kind = (kind_), .detail = detail_}; \
        restart_type(self, w, (restart), reason, (then));               \
    }
/* Started again. */
RESTART_CASE(case_141_permanent_normal, FL_PERMANENT, FL_EXIT_NORMAL, "", "a running")
/* Started again. */
RESTART_CASE(case_142_permanent_shutdown, FL_PERMANENT, FL_EXIT_SHUTDOWN, "", "a running")
/* Started again. */
RESTART_CASE(case_143_permanent_shutdown_x, FL_PERMANENT, FL_EXIT_SHUTDOWN, "x", "a running")
/* Started again. */
RESTART_CASE(case_144_permanent_boom, FL_PERMANENT, FL_EXIT_ERROR, "boom", "a running")
/* Kept without a process. */
RESTART_CASE(case_145_transient_normal, FL_TRANSIENT, FL_EXIT_NORMAL, "", "a undefined")
/* Kept without a process. */
RESTART_CASE(case_146_transient_shutdown, FL_TRANSIENT, FL_EXIT_SHUTDOWN, "", "a undefined")
/* Kept without a process. */
RESTART_CASE(case_147_transient_shutdown_x, FL_TRANSIENT, FL_EXIT_SHUTDOWN, "x", "a undefined")
/* Started again. */
RESTART_CASE(case_148_transient_boom, FL_TRANSIENT, FL_EXIT_ERROR, "boom", "a running")
/* Forgotten. */
RESTART_CASE(case_149_temporary_normal, FL_TEMPORARY, FL_EXIT_NORMAL, "", "")
/* Forgotten. */
RESTART_CASE(case_150_temporary_shutdown, FL_TEMPORARY, FL_EXIT_SHUTDOWN, "", "")
/* Forgotten. */
RESTART_CASE(case_151_temporary_shutdown_x, FL_TEMPORARY, FL_EXIT_SHUTDOWN, "x", "")
/* Forgotten. */
RESTART_CASE(case_152_temporary_boom, FL_TEMPORARY, FL_EXIT_ERROR, "boom", "")

static void start_abc(struct fl_self *self, struct world *w, enum fl_strategy strategy)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b"), CHILD(w, "c")};
    CHECK_CODE(w, start_tree(self, w, strategy, 1, children, 3), 0);
    EXPECT(self, w, "start a\nstart b\nstart c\n");
    end_kid(self, w, "b", FL_EXIT_ERROR);
}

/* b ends: only b starts. */
CASE(case_153_one_for_one_leaves_the_siblings)
{
    start_abc(self, w, FL_ONE_FOR_ONE);
    EXPECT(self, w, "gone b\nstart b\n");
}

/* b ends: c stops, a stops, then a, b, c start. */
CASE(case_154_one_for_all_order)
{
    start_abc(self, w, FL_ONE_FOR_ALL);
    EXPECT(self, w, "gone b\ngone c\ngone a\nstart a\nstart b\nstart c\n");
    CHECK_WHICH(self, w, "c running, b running, a running");
}

/* b ends: c stops, then b, c start; a is left alone. */
CASE(case_155_rest_for_one_order)
{
    start_abc(self, w, FL_REST_FOR_ONE);
    EXPECT(self, w, "gone b\ngone c\nstart b\nstart c\n");
    CHECK_WHICH(self, w, "c running, b running, a running");
}

/* Stopped with the others, and forgotten. */
CASE(case_156_temporary_siblings_are_not_started_again)
{
    struct fl_child children[] = {CHILD(w, "t"), CHILD(w, "a"), CHILD(w, "u")};
    children[0].restart = children[2].restart = FL_TEMPORARY;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ALL, 1, children, 3), 0);
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "start t\nstart a\nstart u\ngone a\ngone u\ngone t\nstart a\n");
    CHECK_WHICH(self, w, "a running");
}

/* killed is no quiet reason. */
CASE(case_157_kill_restarts_a_transient_one)
{
    struct fl_child child = CHILD(w, "a");
    child.restart = FL_TRANSIENT;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, &child, 1), 0);
    fl_exit(self, fl_whereis(w->node, "a"), fl_reason_of(FL_EXIT_KILL));
    EXPECT(self, w, "start a\ngone a\nstart a\n");
}

/* With all three strategies: shutdown, children stopped in reverse first. */
CASE(case_158_intensity_0_1_3_ends_at_death_1_2_4)
{
    static const int limits[] = {0, 1, 3};
    static const enum fl_strategy strategies[] = {FL_ONE_FOR_ONE, FL_ONE_FOR_ALL, FL_REST_FOR_ONE};
    for (size_t i = 0; i < FL_COUNT(limits) * FL_COUNT(strategies); i++) {
        int limit = limits[i / FL_COUNT(strategies)];
        struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b"), CHILD(w, "c")};
        enum fl_strategy strategy = strategies[i % FL_COUNT(strategies)];
        CHECK_CODE(w, start_tree(self, w, strategy, limit, children, 3), 0);
        EXPECT(self, w, "start a\nstart b\nstart c\n");
        for (int death = 1; death <= limit; death++) {
            end_kid(self, w, "b", FL_EXIT_ERROR);
            EXPECT(self, w,
                   strategy == FL_ONE_FOR_ONE ? "gone b\nstart b\n"
                   : strategy == FL_ONE_FOR_ALL
                       ? "gone b\ngone c\ngone a\nstart a\nstart b\nstart c\n"
                       : "gone b\ngone c\nstart b\nstart c\n");
        }
        end_kid(self, w, "b", FL_EXIT_ERROR);
        EXPECT(self, w, "gone b\ngone c\ngone a\nsup shutdown\n");
    }
}

/* Ends that are farther apart than the period never add up. */
CASE(case_159_intensity_window)
{
    fl_ns period_ns = w->is_real ? fl_ms(10) : fl_s(5), spare_ns = w->is_real ? fl_ms(2) : fl_s(1);
    struct fl_child child = CHILD(w, "a");
    struct fl_sup_opts opts = {
        .max_restarts = 1, .within_ns = period_ns, .children = &child, .children_count = 1};
    CHECK_CODE(w, start_sup(self, w, &opts), 0);
    EXPECT(self, w, "start a\n");
    for (int death = 0; death < 6; death++) {
        end_kid(self, w, "a", FL_EXIT_ERROR);
        EXPECT(self, w, "gone a\nstart a\n");
        pause_ns(self, w, period_ns + spare_ns);
    }
    if (w->is_real) return; /* two deaths for certain within 10 ms are not to be had */
    end_kid(self, w, "a", FL_EXIT_ERROR);
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "gone a\nstart a\n");
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "gone a\nsup shutdown\n");
}

/* The one above restarts the supervisor, by its own rules. */
CASE(case_161_escalation)
{
    struct fl_child leaf = CHILD(w, "x");
    const struct fl_sup_opts inner = {.children = &leaf, .children_count = 1};
    struct fl_child children[] = {
        CHILD(w, "a"), {.id = "inner", .server = &fl_sup_server, .args = &inner}, CHILD(w, "b")};
    CHECK_CODE(w, start_tree(self, w, FL_REST_FOR_ONE, 1, children, 3), 0);
    EXPECT(self, w, "start a\nstart x\nstart b\n");
    end_kid(self, w, "x", FL_EXIT_ERROR);
    EXPECT(self, w, "gone x\ngone b\nstart x\nstart b\n");
    end_kid(self, w, "x", FL_EXIT_ERROR); /* now the one above is through with it as well */
    EXPECT(self, w, "gone x\ngone b\ngone a\nsup shutdown\n");
}

/* Each try counts; meanwhile it shows as restarting, and requests are answered. */
CASE(case_162_failing_restart_counts)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b", .starts = 1)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 3, children, 2), 0);
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w,
           "start a\nstart b\ngone b\nrefuse b\nrefuse b\nrefuse b\ngone a\nsup shutdown\n");

    /* with a limit out of reach: it shows as restarting, and the supervisor goes on answering */
    struct fl_child more[] = {CHILD(w, "c"), CHILD(w, "d", .starts = 1)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1000, more, 2), 0);
    kill_kid(self, w, "d");
    CHECK_WHICH(self, w, "d restarting, c running");
    CHECK_COUNTS(self, w, 2, 1, 0, 2);
    struct fl_child late = CHILD(w, "late");
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &late, NULL), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &more[1], NULL), FL_ETAKEN);
    CHECK_WHICH(self, w, "late running, d restarting, c running");
    KID_OF(more[1])->starts = 0; /* now it can */
    while (!is_alive(w, "d"))
        pause_ns(self, w, fl_ms(1));
    CHECK_WHICH(self, w, "late running, d running, c running");
}

/* The second try takes along what the first one started. */
CASE(case_163_one_for_all_retry_stops_everything_again)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b", .starts = 1), CHILD(w, "c")};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ALL, 2, children, 3), 0);
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w,
           "start a\nstart b\nstart c\n"
           "gone a\ngone c\ngone b\nstart a\nrefuse b\n" /* the first try */
           "gone a\nstart a\nrefuse b\n"                 /* the second takes a along */
           "gone a\nsup shutdown\n");
}

/* The second try leaves those before it alone. */
CASE(case_164_rest_for_one_retry_starts_at_the_one_that_failed)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b", .starts = 1), CHILD(w, "c")};
    CHECK_CODE(w, start_tree(self, w, FL_REST_FOR_ONE, 2, children, 3), 0);
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w,
           "start a\nstart b\nstart c\n"
           "gone a\ngone c\ngone b\nstart a\nrefuse b\n" /* the first try */
           "refuse b\n"                                  /* the second leaves a alone */
           "gone a\nsup shutdown\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_141_permanent_normal),
        cmocka_unit_test(case_142_permanent_shutdown),
        cmocka_unit_test(case_143_permanent_shutdown_x),
        cmocka_unit_test(case_144_permanent_boom),
        cmocka_unit_test(case_145_transient_normal),
        cmocka_unit_test(case_146_transient_shutdown),
        cmocka_unit_test(case_147_transient_shutdown_x),
        cmocka_unit_test(case_148_transient_boom),
        cmocka_unit_test(case_149_temporary_normal),
        cmocka_unit_test(case_150_temporary_shutdown),
        cmocka_unit_test(case_151_temporary_shutdown_x),
        cmocka_unit_test(case_152_temporary_boom),
        cmocka_unit_test(case_153_one_for_one_leaves_the_siblings),
        cmocka_unit_test(case_154_one_for_all_order),
        cmocka_unit_test(case_155_rest_for_one_order),
        cmocka_unit_test(case_156_temporary_siblings_are_not_started_again),
        cmocka_unit_test(case_157_kill_restarts_a_transient_one),
        cmocka_unit_test(case_158_intensity_0_1_3_ends_at_death_1_2_4),
        cmocka_unit_test(case_159_intensity_window),
        cmocka_unit_test(case_161_escalation),
        cmocka_unit_test(case_162_failing_restart_counts),
        cmocka_unit_test(case_163_one_for_all_retry_stops_everything_again),
        cmocka_unit_test(case_164_rest_for_one_retry_starts_at_the_one_that_failed),
    };
    return cmocka_run_group_tests_name("OTP supervisors: restart", tests, NULL, NULL);
}
