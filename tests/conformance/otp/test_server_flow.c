#include "tests/conformance/otp/otp_puppet.h"

/* What a server does next: answer later, go on, time out, or end for want of a callback.
 * Cases 86 to 95. */

ORDER(do_continue)
{
    note(w, "asked\n");
    fl_self_continue(self, order->tag);
}
ORDER(do_set_timeout)
{
    fl_self_timeout(self, order->ns);
}
ORDER(do_answer_held)
{
    fl_self_reply(self, w->pids[7], w->refs[7], "late", 5);
}
/* handles one order while three more casts of its own queue */
ORDER(do_queue_then_continue)
{
    for (uint32_t tag = 1; tag <= 3; tag++)
        fl_send(self, fl_self_pid(self), tag, NULL, 0);
    fl_self_continue(self, order->tag);
}
ORDER(do_queue_then_timeout)
{
    for (uint32_t tag = 1; tag <= 3; tag++)
        fl_send(self, fl_self_pid(self), tag, NULL, 0);
    fl_self_timeout(self, order->ns);
}
ORDER(do_note_and_timeout)
{
    note(w, "order\n");
    fl_self_timeout(self, 0);
}
/* the same, but what is queued asks for the timeout again */
ORDER(do_queue_orders_then_timeout)
{
    for (int i = 0; i < 3; i++)
        case_order(self, &(struct case_order){.fn = do_note_and_timeout}, fl_self_pid(self));
    fl_self_timeout(self, 0);
}
ORDER(do_call_async)
{
    fl_call_async(self, order->pid, order->tag, "word", 5, order->ns);
}

/* A callback that answers nothing, and an answer later. */
CASE(case_86_noreply_then_reply_later)
{
    struct fl_pid server = start_puppet(NULL), client = start_puppet(NULL);
    do_in(client, .fn = do_call_async, .pid = server, .tag = CALL_HOLD, .ns = FL_NEVER);
    expect_alive(server); /* it goes on meanwhile */
    wait_until(atomic_load(&w->n[7]) > 0);
    fl_send(self, server, 5, NULL, 0);
    expect_diary("cast 5\n");
    do_in(server, .fn = do_answer_held);
    expect_diary("reply ok late\n");
}

CASE(an_async_call_says_what_went_wrong)
{
    struct fl_pid server = start_puppet(NULL), client = start_puppet(NULL);
    do_in(client, .fn = do_call_async, .pid = start_dead(), .tag = CALL_ECHO, .ns = FL_NEVER);
    expect_diary("reply no such process \n");
    do_in(client, .fn = do_call_async, .pid = server, .tag = CALL_HOLD, .ns = fl_ms(5));
    expect_diary("reply timeout \n");
    do_in(server, .fn = do_answer_held);
    settle();
    expect_diary(""); /* too late */
    do_in(client, .fn = do_call_async, .pid = server, .tag = CALL_DIE, .ns = FL_NEVER);
    expect_end(server);
    settle();
}

ORDER(do_call_async_and_abandon)
{
    uint64_t ref = fl_call_async(self, order->pid, CALL_ECHO, NULL, 0, FL_NEVER);
    fl_call_abandon(self, ref);
}

CASE(an_abandoned_call_is_never_heard_of)
{
    struct fl_pid server = start_puppet(NULL), client = start_puppet(NULL);
    do_in(client, .fn = do_call_async_and_abandon, .pid = server);
    expect_alive(server);
    expect_alive(client);
    settle();
    expect_diary("");
}

/* To a dead server: no error. */
CASE(case_87_cast_dead_ok)
{
    struct fl_pid server = start_puppet(NULL);
    fl_exit(self, server, fl_reason_of(FL_EXIT_KILL));
    expect_end(server);
    expect_code(fl_send(self, server, 5, NULL, 0), 0);
    expect_nothing();
}

/* on_continue runs before the casts that are queued. */
CASE(case_90_continue_before_queue)
{
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_queue_then_continue, .tag = 1);
    expect_diary("continue 1\ncast 1\ncast 2\ncast 3\n");
}

static int init_continues(struct fl_self *self, struct case_world *w)
{
    fl_send(self, fl_self_pid(self), 5, NULL, 0); /* is there before the start is over */
    fl_self_continue(self, 1);
    return 0;
}

/* Also when on_init asked for it. */
CASE(case_91_continue_from_init)
{
    struct fl_pid pid = FL_NO_PID;
    expect_code(try_puppet(init_continues, &pid, .name = NULL), 0);
    expect_diary("continue 1\ncast 5\n");
}

/* One may ask for the next. */
CASE(case_91_continue_chain)
{
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_queue_then_continue, .tag = 10);
    expect_diary("continue 10\ncontinue 11\ncast 1\ncast 2\ncast 3\n");
}

/* And may end the server. */
CASE(case_91_continue_stop)
{
    struct fl_pid server = start_puppet(NULL);
    uint64_t ref = fl_monitor(self, server);
    tell(server, .fn = do_queue_then_continue, .tag = 20);
    expect_down_with(ref, BOOM);
    expect_diary("continue 20\nterminate error: boom\n");
}

CASE(continue_from_a_call)
{
    struct fl_pid server = start_puppet(NULL);
    struct case_order order = {.fn = do_continue, .tag = 3};
    fl_call(self, server, CASE_ORDER, &order, sizeof order, NULL, 0, NULL, fl_ms(5));
    expect_diary("asked\ncontinue 3\n");
}

/* ---- timeouts */

/* No message within the time: on_timeout. */
CASE(case_92_timeout_fires)
{
    struct fl_pid server = start_puppet(NULL);
    fl_ns start_ns = fl_self_now(self);
    do_in(server, .fn = do_set_timeout, .ns = fl_ms(10));
    expect_diary("timeout\n");
    expect(fl_self_now(self) - start_ns >= fl_ms(10));
    settle();
    if (w->simulated) fl_pause(self, fl_s(100));
    expect_diary(""); /* once */
}

static int init_times_out(struct fl_self *self, struct case_world *w)
{
    fl_self_timeout(self, fl_ms(5));
    return 0;
}

CASE(a_timeout_from_init_fires)
{
    struct fl_pid pid = FL_NO_PID;
    expect_code(try_puppet(init_times_out, &pid, .name = NULL), 0);
    expect_diary("timeout\n");
}

/* Any message takes it back. */
CASE(case_93_timeout_cancelled_by_any_message)
{
    struct fl_pid server = start_puppet(NULL);
    fl_ns timeout_ns = w->simulated ? fl_s(5) : fl_ms(200);
    do_in(server, .fn = do_set_timeout, .ns = timeout_ns);
    expect_alive(server); /* a cast */
    fl_pause(self, 2 * timeout_ns);
    expect_diary("");

    do_in(server, .fn = do_set_timeout, .ns = timeout_ns);
    expect_code(call(self, server, CALL_ECHO, w->patience_ns), 0);
    fl_pause(self, 2 * timeout_ns);
    expect_diary("");
}

static int init_with_timer_and_timeout(struct fl_self *self, struct case_world *w)
{
    fl_timer_start(self, fl_ms(5), 1);
    fl_self_timeout(self, w->simulated ? fl_s(5) : fl_ms(300));
    return 0;
}

CASE(a_timer_is_a_message_too)
{
    struct fl_pid pid = FL_NO_PID;
    expect_code(try_puppet(init_with_timer_and_timeout, &pid, .name = NULL), 0);
    expect_diary("timer 1\n");
    fl_pause(self, w->simulated ? fl_s(10) : fl_ms(500));
    expect_diary("");
}

CASE(a_new_timeout_replaces_the_old_one)
{
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_set_timeout, .ns = fl_s(10000));
    do_in(server, .fn = do_set_timeout, .ns = fl_ms(5));
    expect_diary("timeout\n");
}

/* Zero: after what is queued already. */
CASE(case_95_timeout_zero_after_queue)
{
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_set_timeout, .ns = 0);
    expect_diary("timeout\n");
    do_in(server, .fn = do_queue_orders_then_timeout, .ns = 0);
    expect_diary("order\norder\norder\ntimeout\n");
}

CASE(a_message_that_was_queued_takes_a_timeout_of_zero_back)
{
    struct fl_pid server = start_puppet(NULL);
    do_in(server, .fn = do_queue_then_timeout, .ns = 0);
    expect_diary("cast 1\ncast 2\ncast 3\n");
    settle();
    expect_diary("");
}

/* ---- callbacks that are missing */

static int bare_on_init(struct fl_self *self, void *state, const void *args)
{
    return 0;
}
static const struct fl_server bare_server = {.name = "bare", .on_init = bare_on_init};

CASE(a_cast_without_on_cast_ends_the_server)
{
    struct fl_pid server = start_server(&bare_server);
    uint64_t ref = fl_monitor(self, server);
    fl_send(self, server, 1, NULL, 0);
    expect_down(ref, FL_EXIT_ERROR);
}

CASE(a_call_without_on_call_ends_the_server)
{
    struct fl_pid server = start_server(&bare_server);
    expect_code(call(self, server, 1, w->patience_ns), FL_EDIED);
    expect_eq(fl_call_reason(self)->kind, FL_EXIT_ERROR);
}

static int init_continues_into_nothing(struct fl_self *self, void *state, const void *args)
{
    fl_self_continue(self, 1);
    fl_self_trap_exits(self, true);
    return 0;
}
static const struct fl_server no_continue_server = {.name = "no continue",
                                                    .on_init = init_continues_into_nothing};

CASE(a_continue_without_on_continue_ends_the_server)
{
    struct fl_pid server = start_server(&no_continue_server);
    uint64_t ref = fl_monitor(self, server);
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect(msg.reason->kind == FL_EXIT_ERROR || msg.reason->kind == FL_EXIT_NOPROC);
}

/* Everything at once that is not a cast or a call: a timer, a DOWN, an EXIT. */
static int eventful_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct puppet_args *mine = args;
    ((struct puppet *)state)->world = mine->world;
    struct fl_pid dead = mine->world->pids[0];
    fl_self_trap_exits(self, true);
    fl_timer_start(self, 0, 1);
    fl_monitor(self, dead);
    fl_link(self, dead);
    return 0;
}
static const struct fl_server deaf_server = {
    .name = "deaf",
    .state_bytes = sizeof(struct puppet),
    .on_init = eventful_on_init,
    .on_cast = puppet_on_cast,
};

CASE(what_has_neither_a_callback_nor_on_info_is_dropped)
{
    w->pids[0] = start_dead();
    struct fl_pid server = start_server(&deaf_server);
    settle();
    expect_alive(server);
    expect_diary("");
}

static void info_on_info(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    atomic_fetch_add(&puppet_world(state)->n[msg->kind == FL_MSG_TIMER  ? 0
                                             : msg->kind == FL_MSG_DOWN ? 1
                                             : msg->kind == FL_MSG_EXIT ? 2
                                                                        : 3],
                     1);
    note(puppet_world(state), "i");
}
static const struct fl_server info_server = {
    .name = "info",
    .state_bytes = sizeof(struct puppet),
    .on_init = eventful_on_init,
    .on_cast = puppet_on_cast,
    .on_info = info_on_info,
};

CASE(on_info_gets_what_has_no_callback)
{
    w->pids[0] = start_dead();
    struct fl_pid server = start_server(&info_server);
    expect_diary("iii");
    expect(w->n[0] == 1 && w->n[1] == 1 && w->n[2] == 1 && w->n[3] == 0);
    expect_alive(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_86_noreply_then_reply_later),
        cmocka_unit_test(an_async_call_says_what_went_wrong),
        cmocka_unit_test(an_abandoned_call_is_never_heard_of),
        cmocka_unit_test(case_87_cast_dead_ok),
        cmocka_unit_test(case_90_continue_before_queue),
        cmocka_unit_test(case_91_continue_from_init),
        cmocka_unit_test(case_91_continue_chain),
        cmocka_unit_test(case_91_continue_stop),
        cmocka_unit_test(continue_from_a_call),
        cmocka_unit_test(case_92_timeout_fires),
        cmocka_unit_test(a_timeout_from_init_fires),
        cmocka_unit_test(case_93_timeout_cancelled_by_any_message),
        cmocka_unit_test(a_timer_is_a_message_too),
        cmocka_unit_test(a_new_timeout_replaces_the_old_one),
        cmocka_unit_test(case_95_timeout_zero_after_queue),
        cmocka_unit_test(a_message_that_was_queued_takes_a_timeout_of_zero_back),
        cmocka_unit_test(a_cast_without_on_cast_ends_the_server),
        cmocka_unit_test(a_call_without_on_call_ends_the_server),
        cmocka_unit_test(a_continue_without_on_continue_ends_the_server),
        cmocka_unit_test(what_has_neither_a_callback_nor_on_info_is_dropped),
        cmocka_unit_test(on_info_gets_what_has_no_callback),
    };
    return cmocka_run_group_tests_name("what a server does next", tests, NULL, NULL);
}
