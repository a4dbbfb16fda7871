#include "tests/conformance/otp/sup_world.h"

/* Group G, second part: simple_one_for_one and DynamicSupervisor. The children of these cases are
 * told apart by the args that each was started with: a pointer to its kid. */

static int dyn_on_init(struct fl_self *self, void *state, const void *args)
{
    struct kid *kid = *(struct kid *const *)args;
    memcpy(state, &kid, sizeof kid);
    int rc = kid_on_init_said(self, kid);
    if (rc == 0) fl_self_own(self, state, kid_gone);
    return rc;
}

static const struct fl_server dyn_server = {
    .name = "dyn",
    .state_bytes = sizeof(struct kid *),
    .on_init = dyn_on_init,
    .on_cast = kid_on_cast,
    .on_terminate = kid_on_terminate,
};

static int start_dynamic(struct fl_self *self, struct world *w, struct fl_sup_opts opts,
                         struct fl_child template)
{
    template.id = "any";
    template.server = &dyn_server;
    opts.strategy = FL_SIMPLE_ONE_FOR_ONE;
    opts.children = &template;
    opts.children_count = 1;
    return start_sup(self, w, &opts);
}

static int add(struct fl_self *self, struct world *w, struct kid model, struct fl_pid *out)
{
    struct fl_child child = child_of(w, model);
    struct kid *kid = KID_OF(child);
    return fl_dynamic_start_child(self, w->sup, &kid, sizeof kid, out);
}
#define ADD(self, w, out, ...) add((self), (w), (struct kid){.name = __VA_ARGS__}, (out))

/* A dynamic child has no name: by pid. */
static void end_pid(struct fl_self *self, struct fl_pid pid, enum fl_exit_kind kind)
{
    fl_send(self, pid, (uint32_t)kind, NULL, 0);
}

/* FL_EFULL until one of them is gone. */
CASE(case_173_max_children_counts_restarting_ones)
{
    struct fl_pid a = FL_NO_PID, b = FL_NO_PID, c = FL_NO_PID;
    CHECK_CODE(w,
               start_dynamic(self, w, (struct fl_sup_opts){.max_children = 2, .max_restarts = 1000},
                             (struct fl_child){0}),
               0);
    CHECK_CODE(w, ADD(self, w, &a, "a"), 0);
    CHECK_CODE(w, ADD(self, w, &b, "b", .starts = 1), 0);
    struct kid *kid_b = &w->kids[1];
    CHECK_CODE(w, ADD(self, w, &c, "c"), FL_EFULL);
    fl_exit(self, b, fl_reason_of(FL_EXIT_KILL));
    pause_ns(self, w, 0);
    CHECK_WHICH(self, w, "- restarting, - running");
    CHECK_COUNTS(self, w, 1, 1, 0, 2);
    CHECK_CODE(w, ADD(self, w, &c, "c"), FL_EFULL);
    /* one that is being restarted goes by the pid that it had */
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, b), 0);
    CHECK_WHICH(self, w, "- running");
    CHECK_CODE(w, ADD(self, w, &c, "c"), 0);
    CHECK(w, kid_b->started == 1);
}

/* By pid only; what does not start is not kept; counts. */
CASE(case_174_dynamic_requests)
{
    struct fl_pid a = FL_NO_PID, b = FL_NO_PID;
    struct fl_child spec = CHILD(w, "s"), *got = NULL;
    CHECK_CODE(w, start_dynamic(self, w, (struct fl_sup_opts){0}, (struct fl_child){0}), 0);
    CHECK_WHICH(self, w, "");
    CHECK_COUNTS(self, w, 1, 0, 0, 0);
    CHECK_CODE(w, ADD(self, w, &a, "a"), 0);
    CHECK_CODE(w, ADD(self, w, &b, "b"), 0);
    CHECK_COUNTS(self, w, 1, 2, 0, 2);
    /* nothing is kept of one that does not start */
    CHECK_CODE(w, ADD(self, w, NULL, "i", .init_code = FL_EIGNORE), FL_EIGNORE);
    CHECK_CODE(w, ADD(self, w, NULL, "r", .init_code = FL_EREFUSED), FL_EREFUSED);
    CHECK_COUNTS(self, w, 1, 2, 0, 2);
    /* by pid only */
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &spec, NULL), FL_EWRONGKIND);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "any"), FL_EWRONGKIND);
    CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "any", NULL, NULL), FL_EWRONGKIND);
    CHECK_CODE(w, fl_sup_delete_child(self, w->sup, "any"), FL_EWRONGKIND);
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "any", &got), 0);
    CHECK(w, got->server == &dyn_server && got->shutdown_ns == fl_s(5));
    fl_self_free(self, got);
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, a), 0);
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, a), 0);                  /* dead: fine */
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, w->mute), FL_ENOTFOUND); /* foreign */
    CHECK_COUNTS(self, w, 1, 1, 0, 1);
    EXPECT(self, w, "start a\nstart b\nignore i\nrefuse r\ngone a\n");
    shut_down(self, w);
    EXPECT(self, w, "gone b\nsup shutdown\n");
    /* and the other way round */
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, NULL, 0), 0);
    CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, NULL), FL_EWRONGKIND);
    struct fl_sup_opts none = {.strategy = FL_SIMPLE_ONE_FOR_ONE};
    CHECK_CODE(w, start_sup(self, w, &none), FL_ERANGE);
}

/* Three restart types, normal and error. */
CASE(case_175_dynamic_restarts_with_its_own_args)
{
    static const struct {
        enum fl_restart restart;
        enum fl_exit_kind kind;
        bool is_back;
    } rows[] = {
        {FL_PERMANENT, FL_EXIT_NORMAL, true},  {FL_PERMANENT, FL_EXIT_ERROR, true},
        {FL_TRANSIENT, FL_EXIT_NORMAL, false}, {FL_TRANSIENT, FL_EXIT_ERROR, true},
        {FL_TEMPORARY, FL_EXIT_NORMAL, false}, {FL_TEMPORARY, FL_EXIT_ERROR, false},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct fl_pid a = FL_NO_PID, b = FL_NO_PID;
        CHECK_CODE(w,
                   start_dynamic(self, w, (struct fl_sup_opts){.max_restarts = 3},
                                 (struct fl_child){.restart = rows[i].restart}),
                   0);
        CHECK_CODE(w, ADD(self, w, &a, "a"), 0);
        CHECK_CODE(w, ADD(self, w, &b, "b"), 0);
        end_pid(self, b, rows[i].kind);
        EXPECT(self, w,
               rows[i].is_back ? "start a\nstart b\ngone b\nstart b\n"
                               : "start a\nstart b\ngone b\n");
        CHECK_COUNTS(self, w, 1, rows[i].is_back ? 2u : 1u, 0, rows[i].is_back ? 2u : 1u);
        CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN), FL_NEVER), 0);
        EXPECT(self, w,
               rows[i].is_back ? "gone a\ngone b\nsup shutdown\n" : "gone a\nsup shutdown\n");
    }
}

/* Restarts that fail count here too. */
CASE(case_175_dynamic_intensity_3_ends_at_death_4)
{
    struct fl_pid a = FL_NO_PID;
    CHECK_CODE(
        w, start_dynamic(self, w, (struct fl_sup_opts){.max_restarts = 3}, (struct fl_child){0}),
        0);
    CHECK_CODE(w, ADD(self, w, NULL, "z"), 0);
    CHECK_CODE(w, ADD(self, w, &a, "a", .starts = 1), 0);
    end_pid(self, a, FL_EXIT_ERROR);
    EXPECT(self, w,
           "start z\nstart a\ngone a\nrefuse a\nrefuse a\nrefuse a\ngone z\nsup shutdown\n");
}

/* All are asked before one is gone; one limit for all. */
CASE(semantics_4_4_dynamic_children_are_stopped_all_at_once)
{
    fl_ns limit_ns = w->is_real ? fl_ms(50) : fl_s(2);
    struct fl_pid a = FL_NO_PID;
    CHECK_CODE(
        w,
        start_dynamic(self, w, (struct fl_sup_opts){0}, (struct fl_child){.shutdown_ns = limit_ns}),
        0);
    CHECK_CODE(w, ADD(self, w, &a, "a", .traps = true, .hangs = true), 0);
    CHECK_CODE(w, ADD(self, w, NULL, "b", .traps = true, .hangs = true), 0);
    w->diary[0] = '\0';
    fl_ns asked_ns = fl_self_now(self);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN), FL_NEVER), 0);
    fl_ns took_ns = fl_self_now(self) - asked_ns;
    CHECK(w, took_ns >= limit_ns);
    if (!w->is_real) CHECK(w, took_ns <= limit_ns + limit_ns / 10); /* once, not once each */
    /* both were asked before either was gone */
    char *first_gone = strstr(w->diary, "gone"), *last_asked = strstr(w->diary, "terminate a");
    CHECK(w, first_gone != NULL && last_asked != NULL && last_asked < first_gone);
    last_asked = strstr(w->diary, "terminate b");
    CHECK(w, last_asked != NULL && last_asked < first_gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_173_max_children_counts_restarting_ones),
        cmocka_unit_test(case_174_dynamic_requests),
        cmocka_unit_test(case_175_dynamic_restarts_with_its_own_args),
        cmocka_unit_test(case_175_dynamic_intensity_3_ends_at_death_4),
        cmocka_unit_test(semantics_4_4_dynamic_children_are_stopped_all_at_once),
    };
    return cmocka_run_group_tests_name("OTP supervisors: dynamic", tests, NULL, NULL);
}
