#include "tests/conformance/otp/otp_puppet.h"

/* How a server starts, and how it does not. Cases 59 to 68.
 * Every failure is the same story: the code, why, the name is free, the child gone; a linked
 * caller that traps gets its EXIT, one that does not trap dies of it. */

static int init_slowly(struct fl_self *self, struct case_world *w)
{
    fl_pause(self, fl_ms(5));
    note(w, "init done\n");
    return 0;
}
static int init_ignore(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    return FL_EIGNORE;
}
static int init_stop(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    return FL_EREFUSED;
}
static int init_crash(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    fl_self_exit_now(self, BOOM);
}
static int init_exit_shutdown(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    fl_self_exit_now(self, fl_reason_with(FL_EXIT_SHUTDOWN, 0, "x"));
}
static int init_bad_return(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    return 7;
}
static int init_for_ever(struct fl_self *self, struct case_world *w)
{
    w->pids[0] = fl_self_pid(self);
    fl_pause(self, FL_NEVER);
    return 0;
}

/* The start returns after on_init, and the name is there. */
CASE(case_59_start_ok_blocks_until_init)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_reason why = {0};
    expect_code(try_puppet(init_slowly, &pid, .name = "slow", .why = &why), 0);
    expect_diary("init done\n");
    expect_alive(pid);
    expect(fl_pid_eq(fl_whereis(w->node, "slow"), pid));
}

/* A start that fails, by a linked caller that traps. */
static void expect_failed_start(struct fl_self *self, struct case_world *w, const char *at,
                                int (*init)(struct fl_self *, struct case_world *), int code,
                                struct fl_reason reason)
{
    struct fl_pid pid = {77};
    struct fl_reason why = fl_reason_of(FL_EXIT_NOCONNECTION);
    fl_self_trap_exits(self, true);
    int rc = try_puppet(init, &pid, .name = "failing", .link_to = fl_self_pid(self), .why = &why);
    if (rc != code) {
        case_record(w, at, "the start should say %s, it says %s", fl_code_name(code),
                    fl_code_name(rc));
        fl_self_exit_now(self, BOOM);
    }
    expect_eq(pid.bits, 77); /* only set on success */
    expect_eq(fl_whereis(w->node, "failing").bits, 0);
    case_reason_is(self, w, at, "the why", &why, reason, false);
    case_exit_is(self, w, at, w->pids[0], reason, false);
    expect_gone(w->pids[0]);
    expect_nothing();
    expect_diary(""); /* on_terminate is not for those that never were */
}

/* FL_EIGNORE, the name is free; a linked caller that traps sees EXIT normal. */
CASE(case_60_init_ignore)
{
    expect_failed_start(self, w, CASE_AT, init_ignore, FL_EIGNORE, fl_reason_of(FL_EXIT_NORMAL));
}

/* The code of on_init; the caller sees EXIT with it. */
CASE(case_61_init_stop)
{
    expect_failed_start(self, w, CASE_AT, init_stop, FL_EREFUSED, fl_reason_of(FL_EXIT_ERROR));
}

/* The code and the reason of the crash; EXIT with the same. */
CASE(case_62_init_crash)
{
    struct fl_reason why = {0};
    struct fl_pid pid = FL_NO_PID;
    fl_self_trap_exits(self, true);
    int rc = try_puppet(init_crash, &pid, .name = "failing", .link_to = fl_self_pid(self),
                        .why = &why);
    expect_code(rc, BOOM.code);
    case_reason_is(self, w, CASE_AT, "the why", &why, BOOM, true);
    expect_exit_with(w->pids[0], BOOM);
    expect_eq(fl_whereis(w->node, "failing").bits, 0);
    expect_nothing();
}

/* A positive number is a bad return: FL_EBADRETURN, EXIT. */
CASE(case_63_init_bad_return)
{
    expect_failed_start(self, w, CASE_AT, init_bad_return, FL_EBADRETURN,
                        fl_reason_of(FL_EXIT_ERROR));
}

CASE(init_exit_shutdown_says_died_and_why)
{
    expect_failed_start(self, w, CASE_AT, init_exit_shutdown, FL_EDIED,
                        fl_reason_of(FL_EXIT_SHUTDOWN));
}

/* FL_ETIMEOUT, the child is gone, and no EXIT is left in the caller. */
CASE(case_65_init_timeout)
{
    struct fl_pid pid = FL_NO_PID;
    fl_ns start_ns = fl_self_now(self);
    fl_self_trap_exits(self, true);
    int rc = try_puppet(init_for_ever, &pid, .name = "slow", .link_to = fl_self_pid(self),
                        .start_within_ns = fl_ms(30));
    expect_code(rc, FL_ETIMEOUT);
    expect(fl_self_now(self) - start_ns >= fl_ms(30));
    expect_eq(fl_whereis(w->node, "slow").bits, 0);
    expect_gone(w->pids[0]);
    expect_nothing(); /* no EXIT either */
}

CASE(a_start_within_its_time_is_not_hurt_by_it_later)
{
    struct fl_pid pid = FL_NO_PID;
    expect_code(try_puppet(init_slowly, &pid, .start_within_ns = fl_s(5)), 0);
    if (w->simulated) fl_pause(self, fl_s(10));
    expect_alive(pid);
}

/* FL_ETAKEN, and who has the name. */
CASE(case_68_already_started)
{
    struct fl_pid first = start_puppet("taken"), second = FL_NO_PID;
    expect_code(try_puppet(NULL, &second, .name = "taken"), FL_ETAKEN);
    expect(fl_pid_eq(second, first));
    expect_alive(first);
}

CASE(a_taken_name_sends_no_exit_to_a_linked_caller)
{
    struct fl_pid second = FL_NO_PID;
    start_puppet("taken");
    fl_self_trap_exits(self, true);
    int rc = try_puppet(NULL, &second, .name = "taken", .link_to = fl_self_pid(self));
    expect_code(rc, FL_ETAKEN);
    expect_nothing();
}

CASE(a_failed_start_that_is_not_linked_sends_no_exit)
{
    struct fl_pid pid = FL_NO_PID;
    fl_self_trap_exits(self, true);
    expect_code(try_puppet(init_stop, &pid, .name = "failing"), FL_EREFUSED);
    expect_code(try_puppet(init_ignore, &pid, .name = "failing"), FL_EIGNORE);
    expect_nothing();
}

ORDER(do_start_linked_and_fail)
{
    struct fl_pid pid = FL_NO_PID;
    try_puppet(init_stop, &pid, .link_to = fl_self_pid(self));
    note(w, "went on\n");
}

CASE(a_failed_linked_start_takes_its_caller_along)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_start_linked_and_fail);
    expect_down(ref, FL_EXIT_ERROR);
}

ORDER(do_start_linked_and_ignore)
{
    struct fl_pid pid = FL_NO_PID;
    atomic_store(&w->n[0], try_puppet(init_ignore, &pid, .link_to = fl_self_pid(self)));
}

CASE(an_ignored_linked_start_does_not)
{
    struct fl_pid p = start(obey);
    do_in(p, .fn = do_start_linked_and_ignore);
    expect_code(w->n[0], FL_EIGNORE);
    expect_sees_nothing(p);
}

CASE(the_name_is_free_when_the_start_has_failed)
{
    struct fl_pid pid = FL_NO_PID;
    for (int i = 0; i < case_times(200); i++) {
        expect_code(try_puppet(init_crash, &pid, .name = "failing"), BOOM.code);
        expect_eq(fl_whereis(w->node, "failing").bits, 0);
    }
    expect_code(try_puppet(NULL, &pid, .name = "failing"), 0);
}

ORDER(do_start_for_ever)
{
    struct fl_pid pid = FL_NO_PID;
    try_puppet(init_for_ever, &pid, .name = "orphan", .link_to = fl_self_pid(self));
}

CASE(a_starter_that_dies_takes_the_child_along_that_still_starts)
{
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref);
    tell(p, .fn = do_start_for_ever);
    wait_until(fl_whereis(w->node, "orphan").bits != 0);
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
    wait_until(fl_whereis(w->node, "orphan").bits == 0);
}

static int init_sends_to_itself(struct fl_self *self, struct case_world *w)
{
    fl_send(self, fl_self_pid(self), 5, NULL, 0);
    note(w, "init\n");
    return 0;
}

CASE(mail_that_came_during_init_is_handled_after_it)
{
    struct fl_pid pid = FL_NO_PID;
    expect_code(try_puppet(init_sends_to_itself, &pid, .name = NULL), 0);
    expect_diary("init\ncast 5\n");
}

static int init_notes(struct fl_self *self, struct case_world *w)
{
    note(w, "child\n");
    return 0;
}
static int init_continues(struct fl_self *self, struct case_world *w)
{
    fl_self_continue(self, 1);
    return 0;
}
static void starter_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    struct case_world *w = puppet_world(state);
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.link_to = fl_self_pid(self)};
    note(w, "continue\n");
    expect_code(case_serve(self, w, &puppet_server, init_notes, opts, &pid), 0);
    note(w, "started\n");
}
static const struct fl_server starter_server = {
    .name = "starter",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_continue = starter_on_continue,
};

/* on_continue may start processes, though whoever started this one has not gone on yet. */
CASE(a_server_starts_others_right_after_its_init)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = w->there};
    expect_code(case_serve(self, w, &starter_server, init_continues, opts, &pid), 0);
    expect_diary("continue\nchild\nstarted\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_59_start_ok_blocks_until_init),
        cmocka_unit_test(case_60_init_ignore),
        cmocka_unit_test(case_61_init_stop),
        cmocka_unit_test(case_62_init_crash),
        cmocka_unit_test(case_63_init_bad_return),
        cmocka_unit_test(init_exit_shutdown_says_died_and_why),
        cmocka_unit_test(case_65_init_timeout),
        cmocka_unit_test(a_start_within_its_time_is_not_hurt_by_it_later),
        cmocka_unit_test(case_68_already_started),
        cmocka_unit_test(a_taken_name_sends_no_exit_to_a_linked_caller),
        cmocka_unit_test(a_failed_start_that_is_not_linked_sends_no_exit),
        cmocka_unit_test(a_failed_linked_start_takes_its_caller_along),
        cmocka_unit_test(an_ignored_linked_start_does_not),
        cmocka_unit_test(the_name_is_free_when_the_start_has_failed),
        cmocka_unit_test(a_starter_that_dies_takes_the_child_along_that_still_starts),
        cmocka_unit_test(mail_that_came_during_init_is_handled_after_it),
        cmocka_unit_test(a_server_starts_others_right_after_its_init),
    };
    return cmocka_run_group_tests_name("how servers start", tests, NULL, NULL);
}
