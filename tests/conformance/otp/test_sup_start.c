#include "tests/conformance/otp/sup_world.h"

/* Group E, first part: how a supervisor starts. */

/* permanent, 5 s for a worker, for ever for a supervisor, not significant. */
CASE(case_113_defaults_filled_in_childspec)
{
    static const struct fl_sup_opts inner = {0};
    struct fl_child children[] = {CHILD(w, "a"),
                                  {.id = "inner", .server = &fl_sup_server, .args = &inner}};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 2), 0);
    struct fl_child *spec = NULL;
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "a", &spec), 0);
    CHECK(w, strcmp(spec->id, "a") == 0 && strcmp(spec->name, "a") == 0);
    CHECK(w, spec->server == &kid_server && spec->args == children[0].args);
    CHECK(w, spec->restart == FL_PERMANENT && !spec->significant);
    CHECK(w, spec->type == FL_CHILD_WORKER && spec->shutdown_ns == fl_s(5));
    fl_self_free(self, spec);
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "inner", &spec), 0);
    CHECK(w, spec->type == FL_CHILD_SUPERVISOR && spec->shutdown_ns == FL_SHUTDOWN_INFINITY);
    fl_self_free(self, spec);
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "unknown", &spec), FL_ENOTFOUND);
}

struct bad_opts {
    struct fl_sup_opts opts;
    int code;
    const char *words;
};
struct bad_child {
    struct fl_child child;
    int code;
    const char *words;
};

/* A code and words each; no child was started. */
CASE(case_115_each_invalid_flag_has_its_own_error)
{
    static const struct bad_opts bad[] = {
        {{.strategy = (enum fl_strategy)9}, FL_EBADSTRATEGY, "invalid strategy"},
        {{.max_restarts = -1}, FL_EBADINTENSITY, "invalid restart intensity"},
        {{.within_ns = -1}, FL_EBADPERIOD, "invalid period"},
        {{.auto_shutdown = (enum fl_auto_shutdown)9}, FL_EBADAUTOSHUTDOWN, "invalid auto_shutdown"},
    };
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        struct fl_err err = {0};
        struct fl_sup_opts opts = bad[i].opts;
        opts.err = &err;
        CHECK_CODE(w, start_sup(self, w, &opts), bad[i].code);
        CHECK(w, err.code == bad[i].code && strcmp(err.text, bad[i].words) == 0);
    }
    const struct bad_child bad_children[] = {
        {{.server = &kid_server}, FL_ENOID, "a child: missing id"},
        {{.id = "x"}, FL_ENOSERVER, "child \"x\": missing server"},
        {{.id = "x", .server = &kid_server, .restart = (enum fl_restart)7},
         FL_EBADRESTART,
         "child \"x\": invalid restart type"},
        {{.id = "x", .server = &kid_server, .shutdown_ns = -2},
         FL_EBADSHUTDOWN,
         "child \"x\": invalid shutdown"},
        {{.id = "x", .server = &kid_server, .type = (enum fl_child_type)7},
         FL_EBADTYPE,
         "child \"x\": invalid child type"},
        {{.id = "x", .server = &kid_server, .significant = true},
         FL_EBADSIGNIFICANT,
         "child \"x\": invalid combination with significant"},
    };
    for (size_t i = 0; i < FL_COUNT(bad_children); i++) {
        struct fl_err err = {0};
        struct fl_child children[] = {CHILD(w, "a"), bad_children[i].child};
        struct fl_sup_opts opts = {.children = children, .children_count = 2, .err = &err};
        CHECK_CODE(w, start_sup(self, w, &opts), bad_children[i].code);
        CHECK(w, strcmp(err.text, bad_children[i].words) == 0);
        EXPECT(self, w, ""); /* all specs are looked at before the first child starts */
    }
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, NULL, 0), 0);
    for (size_t i = 0; i < FL_COUNT(bad_children); i++)
        CHECK_CODE(w, fl_sup_start_child(self, w->sup, &bad_children[i].child, NULL),
                   bad_children[i].code);
}

/* FL_EDUPLICATE, no child was started. */
CASE(case_116_duplicate_id_is_rejected)
{
    struct fl_err err = {0};
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b"), CHILD(w, "a")};
    struct fl_sup_opts opts = {.children = children, .children_count = 3, .err = &err};
    CHECK_CODE(w, start_sup(self, w, &opts), FL_EDUPLICATE);
    CHECK(w, strcmp(err.text, "child \"a\": duplicate child") == 0);
    EXPECT(self, w, "");
}

/* Children start as they stand in the table. */
CASE(case_117_start_order_is_list_order)
{
    struct fl_child children[] = {CHILD(w, "b"), CHILD(w, "c"), CHILD(w, "a")};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 3), 0);
    EXPECT(self, w, "start b\nstart c\nstart a\n");
}

/* Those before are stopped in reverse; the error names the child. */
CASE(case_118_start_failure_unwinds_in_reverse)
{
    struct fl_err err = {0};
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b", .traps = true),
                                  CHILD(w, "db", .init_code = FL_EREFUSED), CHILD(w, "d")};
    struct fl_sup_opts opts = {
        .children = children, .children_count = 4, .err = &err, .name = "tree"};
    CHECK_CODE(w, start_sup(self, w, &opts), FL_EREFUSED);
    EXPECT(self, w, "start a\nstart b\nrefuse db\nterminate b shutdown\ngone b\ngone a\n");
    CHECK(w, strcmp(err.text, "child \"db\" did not start: refused") == 0);
    CHECK(w, !is_alive(w, "tree"));
}

/* A supervisor has no on_init of a user's, so "bad return" and "crash" are its options and its
 * children; OTP's `ignore` of a whole supervisor is a child of the one above that ignores. */
CASE(case_119_a_supervisor_that_cannot_start)
{
    static const struct fl_sup_opts bad = {.max_restarts = -1, .name = "inner"};
    struct fl_err err = {0};
    struct fl_child children[] = {
        CHILD(w, "a"), {.id = "inner", .name = "inner", .server = &fl_sup_server, .args = &bad}};
    struct fl_sup_opts opts = {.children = children, .children_count = 2, .err = &err};
    CHECK_CODE(w, start_sup(self, w, &opts), FL_EBADINTENSITY);
    CHECK(w, strcmp(err.text, "child \"inner\" did not start: invalid restart intensity") == 0);
    CHECK(w, !is_alive(w, "inner"));
    EXPECT(self, w, "start a\ngone a\n");

    struct fl_child ignores = CHILD(w, "b", .init_code = FL_EIGNORE);
    struct fl_sup_opts empty = {.children = &ignores, .children_count = 1};
    CHECK_CODE(w, start_sup(self, w, &empty), 0);
    EXPECT(self, w, "ignore b\n");
}

/* Except a temporary one's; it can be started later. */
CASE(case_120_ignore_keeps_the_spec_without_a_pid)
{
    struct fl_child children[] = {CHILD(w, "p", .init_code = FL_EIGNORE),
                                  CHILD(w, "t", .init_code = FL_EIGNORE), CHILD(w, "z")};
    children[1].restart = FL_TEMPORARY;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 3), 0);
    EXPECT(self, w, "ignore p\nignore t\nstart z\n");
    CHECK_WHICH(self, w, "z running, p undefined"); /* the temporary one is not kept */
    CHECK_COUNTS(self, w, 2, 1, 0, 2);

    struct fl_child more = CHILD(w, "m", .init_code = FL_EIGNORE);
    struct fl_pid pid = w->sup;
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &more, &pid), 0);
    CHECK(w, pid.bits == 0);
    more.id = "n";
    more.restart = FL_TEMPORARY;
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &more, &pid), 0);
    CHECK_WHICH(self, w, "m undefined, z running, p undefined");

    KID_OF(more)->init_code = 0;
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "m", &pid, NULL), 0);
    CHECK(w, pid.bits != 0);
    CHECK_WHICH(self, w, "m running, z running, p undefined");
}

/* What a child hands out reaches who asked for its start or restart. */
CASE(case_123_extra_info_is_passed_through)
{
    char text[16] = "";
    struct fl_sup_info info = {.at = text, .max = sizeof text};
    struct fl_child child = CHILD(w, "a", .info = "port 4000");
    struct fl_pid pid = FL_NO_PID;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, NULL, 0), 0);
    CHECK_CODE(w, fl_sup_start_child_info(self, w->sup, &child, &pid, &info), 0);
    CHECK(w, info.len == 10 && strcmp(text, "port 4000") == 0);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    text[0] = '\0';
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "a", &pid, &info), 0);
    CHECK(w, info.len == 10 && strcmp(text, "port 4000") == 0);

    end_kid(self, w, "a", FL_EXIT_ERROR); /* what comes of its restart, nobody asked for */
    EXPECT(self, w, "start a\ngone a\nstart a\ngone a\nstart a\n");
    struct fl_child quiet = CHILD(w, "b");
    CHECK_CODE(w, fl_sup_start_child_info(self, w->sup, &quiet, &pid, &info), 0);
    CHECK(w, info.len == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_113_defaults_filled_in_childspec),
        cmocka_unit_test(case_115_each_invalid_flag_has_its_own_error),
        cmocka_unit_test(case_116_duplicate_id_is_rejected),
        cmocka_unit_test(case_117_start_order_is_list_order),
        cmocka_unit_test(case_118_start_failure_unwinds_in_reverse),
        cmocka_unit_test(case_119_a_supervisor_that_cannot_start),
        cmocka_unit_test(case_120_ignore_keeps_the_spec_without_a_pid),
        cmocka_unit_test(case_123_extra_info_is_passed_through),
    };
    return cmocka_run_group_tests_name("OTP supervisors: start", tests, NULL, NULL);
}
