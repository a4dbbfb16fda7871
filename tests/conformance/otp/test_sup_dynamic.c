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

/* ---- 4.14: a spec of its own for each child */

static int start_bare(struct fl_self *self, struct world *w, struct fl_sup_opts opts)
{
    opts.strategy = FL_DYNAMIC;
    return start_sup(self, w, &opts);
}

static int add_spec(struct fl_self *self, struct world *w, struct kid model, struct fl_child like,
                    struct fl_pid *out)
{
    struct fl_child child = child_of(w, model);
    child.id = NULL; /* ids of dynamic children mean nothing */
    child.restart = like.restart;
    child.shutdown_ns = like.shutdown_ns;
    child.type = like.type;
    child.significant = like.significant;
    return fl_dynamic_start_child_spec(self, w->sup, &child, out);
}
#define SPEC(...) ((struct fl_child){__VA_ARGS__})
#define KID(...) ((struct kid){.name = __VA_ARGS__})

/* Permanent, transient and temporary children under one supervisor without a template. */
CASE(semantics_4_14_each_child_is_restarted_as_its_own_spec_says)
{
    struct fl_pid p = FL_NO_PID, t = FL_NO_PID, again = FL_NO_PID;
    struct fl_child *got = NULL;
    CHECK_CODE(w, start_bare(self, w, (struct fl_sup_opts){.max_restarts = 9}), 0);
    CHECK_COUNTS(self, w, 0, 0, 0, 0);
    CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, NULL), FL_ENOSERVER);
    CHECK_CODE(w, fl_sup_get_childspec(self, w->sup, "", &got), FL_ENOTFOUND);
    CHECK_CODE(w, add_spec(self, w, KID("p"), SPEC(.restart = FL_PERMANENT), &p), 0);
    CHECK_CODE(w, add_spec(self, w, KID("t"), SPEC(.restart = FL_TRANSIENT), &t), 0);
    CHECK_CODE(w,
               add_spec(self, w, KID("x"),
                        SPEC(.restart = FL_TEMPORARY, .type = FL_CHILD_SUPERVISOR), NULL),
               0);
    CHECK(w, fl_pid_eq(fl_whereis(w->node, "t"), t));
    CHECK_COUNTS(self, w, 3, 3, 1, 2);
    EXPECT(self, w, "start p\nstart t\nstart x\n");
    end_kid(self, w, "p", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone p\nstart p\n");
    kill_kid(self, w, "x");
    EXPECT(self, w, "gone x\n");
    CHECK_COUNTS(self, w, 2, 2, 0, 2);
    end_kid(self, w, "t", FL_EXIT_ERROR);
    EXPECT(self, w, "gone t\nstart t\n");
    end_kid(self, w, "t", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone t\n");
    CHECK_COUNTS(self, w, 1, 1, 0, 1);
    again = fl_whereis(w->node, "p");
    CHECK(w, !fl_pid_eq(again, p));
    CHECK_CODE(w, fl_dynamic_terminate_child(self, w->sup, again), 0);
    EXPECT(self, w, "gone p\n");
    CHECK_COUNTS(self, w, 0, 0, 0, 0);
}

/* max_children and the limit of restarts count both; a bad spec is told. */
CASE(semantics_4_14_specs_of_their_own_beside_the_template)
{
    struct fl_pid own = FL_NO_PID;
    struct fl_child bad = CHILD(w, "bad");
    bad.server = NULL;
    CHECK_CODE(w,
               start_dynamic(self, w, (struct fl_sup_opts){.max_children = 2, .max_restarts = 1},
                             (struct fl_child){.restart = FL_TEMPORARY}),
               0);
    CHECK_CODE(w, ADD(self, w, NULL, "a"), 0);
    CHECK_CODE(w, add_spec(self, w, KID("r", .init_code = FL_EREFUSED), SPEC(0), NULL),
               FL_EREFUSED);
    CHECK_CODE(w, fl_dynamic_start_child_spec(self, w->sup, &bad, NULL), FL_ENOSERVER);
    CHECK_CODE(w, add_spec(self, w, KID("own"), SPEC(.significant = true), NULL),
               FL_EBADSIGNIFICANT);
    CHECK_CODE(w, add_spec(self, w, KID("own", .starts = 1), SPEC(0), &own), 0);
    CHECK_CODE(w, add_spec(self, w, KID("c"), SPEC(0), NULL), FL_EFULL);
    CHECK_COUNTS(self, w, 2, 2, 0, 2);
    EXPECT(self, w, "start a\nrefuse r\nstart own\n");
    /* it cannot start again: that uses up the limit, and takes the others along */
    end_kid(self, w, "own", FL_EXIT_ERROR);
    EXPECT(self, w, "gone own\nrefuse own\ngone a\nsup shutdown\n");
    CHECK(w, strstr(w->notes, "limit own 1: error, 1 of 1\n") != NULL);
}

/* The last significant one ends it; others do not count. */
CASE(semantics_4_14_significant_ones_of_many_specs)
{
    CHECK_CODE(w, start_bare(self, w, (struct fl_sup_opts){.auto_shutdown = FL_ALL_SIGNIFICANT}),
               0);
    struct fl_child weighty = SPEC(.restart = FL_TEMPORARY, .significant = true);
    CHECK_CODE(w, add_spec(self, w, KID("a"), weighty, NULL), 0);
    CHECK_CODE(w, add_spec(self, w, KID("b"), weighty, NULL), 0);
    CHECK_CODE(w, add_spec(self, w, KID("c"), SPEC(0), NULL), 0);
    EXPECT(self, w, "start a\nstart b\nstart c\n");
    end_kid(self, w, "a", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone a\n");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "gone b\ngone c\nsup shutdown\n");
}

/* All are told at once, each is killed when its own time is over. */
CASE(semantics_4_14_each_has_its_own_time_to_end)
{
    fl_ns short_ns = w->is_real ? fl_ms(20) : fl_s(1), long_ns = 3 * short_ns;
    CHECK_CODE(w, start_bare(self, w, (struct fl_sup_opts){0}), 0);
    struct kid slow = {.traps = true, .hangs = true};
    slow.name = "long";
    CHECK_CODE(w, add_spec(self, w, slow, SPEC(.shutdown_ns = long_ns), NULL), 0);
    slow.name = "short";
    CHECK_CODE(w, add_spec(self, w, slow, SPEC(.shutdown_ns = short_ns), NULL), 0);
    slow.name = "brutal";
    CHECK_CODE(w, add_spec(self, w, slow, SPEC(.shutdown_ns = FL_SHUTDOWN_BRUTAL), NULL), 0);
    EXPECT(self, w, "start long\nstart short\nstart brutal\n");
    fl_ns asked_ns = fl_self_now(self);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN), FL_NEVER), 0);
    fl_ns took_ns = fl_self_now(self) - asked_ns;
    CHECK(w, took_ns >= long_ns);
    if (!w->is_real) CHECK(w, took_ns < long_ns + short_ns); /* all at once */
    const char *brutal = strstr(w->diary, "gone brutal"), *early = strstr(w->diary, "gone short"),
               *late = strstr(w->diary, "gone long");
    CHECK(w, strstr(w->diary, "terminate brutal") == NULL);
    CHECK(w, brutal != NULL && early != NULL && late != NULL && brutal < early && early < late);
    CHECK(w, strstr(w->notes, "shutdown_error short 1: killed") != NULL);
    CHECK(w, strstr(w->notes, "shutdown_error brutal") == NULL);
}

/* ---- 4.14: extra_arguments come before the child's own */

struct extra {
    int number;
};

static int extra_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct extra *extra = args;
    struct kid *kid = NULL;
    memcpy(&kid, (const char *)args + FL_EXTRA_ARGS_BYTES(sizeof *extra), sizeof kid);
    memcpy(state, &kid, sizeof kid);
    say(kid->world, "extra %d ", extra->number);
    return kid_on_init_said(self, kid);
}

/* Before the child's own args, also at a restart. */
CASE(semantics_4_14_extra_arguments_come_first)
{
    static const struct fl_server server = {.name = "extra",
                                            .state_bytes = sizeof(struct kid *),
                                            .on_init = extra_on_init,
                                            .on_cast = kid_on_cast};
    struct extra extra = {.number = 42};
    struct fl_pid pid = FL_NO_PID;
    CHECK_CODE(w,
               start_bare(self, w,
                          (struct fl_sup_opts){.extra_args = &extra,
                                               .extra_bytes = sizeof extra,
                                               .max_restarts = 1}),
               0);
    extra.number = 7; /* it was copied */
    struct fl_child child = CHILD(w, "e");
    struct kid *kid = KID_OF(child);
    child.server = &server;
    child.args = &kid;
    child.args_bytes = sizeof kid;
    CHECK_CODE(w, fl_dynamic_start_child_spec(self, w->sup, &child, &pid), 0);
    EXPECT(self, w, "extra 42 start e\n");
    end_pid(self, pid, FL_EXIT_ERROR);
    EXPECT(self, w, "extra 42 start e\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_173_max_children_counts_restarting_ones),
        cmocka_unit_test(case_174_dynamic_requests),
        cmocka_unit_test(case_175_dynamic_restarts_with_its_own_args),
        cmocka_unit_test(case_175_dynamic_intensity_3_ends_at_death_4),
        cmocka_unit_test(semantics_4_4_dynamic_children_are_stopped_all_at_once),
        cmocka_unit_test(semantics_4_14_each_child_is_restarted_as_its_own_spec_says),
        cmocka_unit_test(semantics_4_14_specs_of_their_own_beside_the_template),
        cmocka_unit_test(semantics_4_14_significant_ones_of_many_specs),
        cmocka_unit_test(semantics_4_14_each_has_its_own_time_to_end),
        cmocka_unit_test(semantics_4_14_extra_arguments_come_first),
    };
    return cmocka_run_group_tests_name("OTP supervisors: dynamic", tests, NULL, NULL);
}
