#include "tests/conformance/otp/otp_expect.h"

#include "runtime/tcp.h"

/* What comes before what. Cases 39 to 43. */

static void leave_when_told(struct fl_self *self, struct case_world *w)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
}

/* 2000 times: when DOWN is there, the name is free. */
CASE(case_39_name_free_before_down)
{
    for (int i = 0; i < case_times(2000); i++) {
        struct fl_pid p = start_with(leave_when_told, .name = "short");
        uint64_t ref = fl_monitor(self, p);
        expect(fl_pid_eq(fl_whereis(w->node, "short"), p));
        if (i % 2 == 0)
            fl_send(self, p, 1, NULL, 0);
        else
            fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
        expect_down(ref, i % 2 == 0 ? FL_EXIT_NORMAL : FL_EXIT_KILLED);
        expect_eq(fl_whereis(w->node, "short").bits, 0);
    }
}

/* And before an EXIT. */
CASE(name_free_before_exit)
{
    fl_self_trap_exits(self, true);
    for (int i = 0; i < case_times(500); i++) {
        struct fl_pid p = start_with(leave_when_told, .name = "short");
        fl_link(self, p);
        fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
        expect_exit(p, FL_EXIT_KILLED);
        expect_eq(fl_whereis(w->node, "short").bits, 0);
    }
}

static void note_closed(void *ptr)
{
    struct case_world *w = ptr;
    atomic_fetch_add(&w->n[0], 1);
}

static void own_something(struct fl_self *self, struct case_world *w)
{
    fl_self_own(self, w, note_closed);
    obey(self, w);
}

/* What a process owns is let go before its DOWN. */
CASE(case_40_resources_closed_before_down)
{
    for (int i = 0; i < 3; i++) {
        uint64_t ref = 0;
        struct fl_pid p = start_watched(own_something, &ref);
        expect_alive(p);
        expect_eq(w->n[0], i);
        if (i == 0) tell(p, QUIT(FL_EXIT_NORMAL));
        if (i == 1) fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
        if (i == 2) tell(p, .fn = do_leave, .reason = BOOM);
        case_await(self, w, CASE_AT, (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
        expect_eq(w->n[0], i + 1);
    }
}

static const struct fl_server nobody_server = {.name = "nobody"};

static void listen_somewhere(struct fl_self *self, struct case_world *w)
{
    int port = w->n[0];
    struct fl_listen_opts opts = {.server = &nobody_server, .port = port};
    if (fl_listen(self, &opts, &port, NULL) != 0) port = -1;
    atomic_store(&w->n[0], port);
    obey(self, w);
}

/* The port can be had again as soon as the DOWN of its owner is there. */
CASE(case_40_a_port_is_free_before_down)
{
    if (w->simulated) return; /* no sockets there */
    for (int i = 0; i < case_times(60); i++) {
        uint64_t ref = 0;
        struct fl_pid p = start_watched(listen_somewhere, &ref);
        expect_alive(p);
        expect(w->n[0] > 0);
        fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
        expect_down(ref, FL_EXIT_KILLED);
    }
}

static void send_two_and_return(struct fl_self *self, struct case_world *w)
{
    fl_send(self, w->driver, 1, NULL, 0);
    fl_send(self, w->driver, 2, NULL, 0);
}

/* What a process sent before its end arrives before its DOWN, in order. */
CASE(case_41_messages_before_down)
{
    for (int i = 0; i < case_times(300); i++) {
        uint64_t ref = 0;
        struct fl_msg msg;
        start_watched(send_two_and_return, &ref);
        for (uint32_t tag = 1; tag <= 2; tag++) {
            expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
            expect(msg.kind == FL_MSG_CAST && msg.tag == tag);
        }
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect(msg.kind == FL_MSG_DOWN && msg.ref == ref);
    }
}

static void send_two_and_exit_signal(struct fl_self *self, struct case_world *w)
{
    fl_send(self, w->driver, 1, NULL, 0);
    fl_exit(self, w->driver, BOOM);
    fl_send(self, w->driver, 2, NULL, 0);
}

/* An exit signal keeps its place among the messages of its sender. */
CASE(an_exit_signal_keeps_its_place_among_messages)
{
    struct fl_msg msg;
    fl_self_trap_exits(self, true);
    start(send_two_and_exit_signal);
    static const enum fl_msg_kind kinds[] = {FL_MSG_CAST, FL_MSG_EXIT, FL_MSG_CAST};
    for (size_t i = 0; i < FL_COUNT(kinds); i++) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect_eq(msg.kind, kinds[i]);
    }
}

/* Linked and monitored: EXIT, then DOWN. */
CASE(case_42_exit_before_down)
{
    fl_self_trap_exits(self, true);
    for (int i = 0; i < case_times(300); i++) {
        struct fl_pid p = start(leave_when_told);
        struct fl_msg msg;
        uint64_t ref = 0;
        if (i % 2 == 0) ref = fl_monitor(self, p); /* the order of asking does not matter */
        fl_link(self, p);
        if (i % 2 != 0) ref = fl_monitor(self, p);
        fl_send(self, p, 1, NULL, 0);
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect(msg.kind == FL_MSG_EXIT && fl_pid_eq(msg.from, p));
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect(msg.kind == FL_MSG_DOWN && msg.ref == ref);
    }
}

enum { SENDERS = 4 };

static void count_up_to_driver(struct fl_self *self, struct case_world *w)
{
    int me = atomic_fetch_add(&w->n[0], 1);
    int times = w->n[1];
    for (int i = 1; i <= times; i++) {
        int number[2] = {me, i};
        fl_send(self, w->driver, 1, number, sizeof number);
        if (i % 1000 == 0) fl_yield(self);
    }
}

/* Four senders, 100,000 numbered messages each: rising for each sender. */
CASE(case_43_pairwise_fifo)
{
    int last[SENDERS] = {0}, number[2];
    struct fl_msg msg;
    atomic_store(&w->n[1], w->simulated ? case_times(10000) : case_times(100000));
    for (int i = 0; i < SENDERS; i++)
        start(count_up_to_driver);
    for (int i = 0; i < SENDERS * w->n[1]; i++) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect_eq(msg.len, sizeof number);
        memcpy(number, msg.data, sizeof number);
        expect(number[0] >= 0 && number[0] < SENDERS);
        expect_eq(number[1], last[number[0]] + 1);
        last[number[0]]++;
    }
    expect_nothing();
}

/* ---- selective receive: what does not match stays, in its order */

static void send_1_to_5(struct fl_self *self, struct case_world *w)
{
    for (uint32_t tag = 1; tag <= 5; tag++)
        fl_send(self, w->driver, tag, NULL, 0);
}

CASE(a_receive_that_chooses_leaves_the_others_in_order)
{
    struct case_want third = {.kind = FL_MSG_CAST, .tag = 3};
    struct fl_msg msg;
    start(send_1_to_5);
    expect_code(fl_receive(self, case_matches, &third, w->patience_ns, &msg), 0);
    expect_eq(msg.tag, 3);
    static const uint32_t rest[] = {1, 2, 4, 5};
    for (size_t i = 0; i < FL_COUNT(rest); i++) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        expect_eq(msg.tag, rest[i]);
    }
    expect_nothing();
}

CASE(receive_after_0_looks_at_the_whole_mailbox)
{
    struct case_want fifth = {.kind = FL_MSG_CAST, .tag = 5},
                     sixth = {.kind = FL_MSG_CAST, .tag = 6};
    struct fl_msg msg;
    expect_code(fl_receive(self, NULL, NULL, 0, &msg), FL_ETIMEOUT);
    start(send_1_to_5);
    wait_for_mail(5);
    expect_code(fl_receive(self, case_matches, &sixth, 0, &msg), FL_ETIMEOUT);
    expect_code(fl_receive(self, case_matches, &fifth, 0, &msg), 0);
    expect_eq(fl_self_mailbox_len(self), 4);
}

CASE(a_receive_that_times_out_takes_its_time_and_nothing_else)
{
    struct case_want sixth = {.kind = FL_MSG_CAST, .tag = 6};
    struct fl_msg msg;
    start(send_1_to_5);
    wait_for_mail(5);
    fl_ns before_ns = fl_self_now(self);
    expect_code(fl_receive(self, case_matches, &sixth, fl_ms(20), &msg), FL_ETIMEOUT);
    expect(fl_self_now(self) - before_ns >= fl_ms(20));
    expect_eq(fl_self_mailbox_len(self), 5);
}

static void send_6_late(struct fl_self *self, struct case_world *w)
{
    send_1_to_5(self, w);
    fl_pause(self, fl_ms(5));
    fl_send(self, w->driver, 6, NULL, 0);
}

CASE(a_receive_that_waits_is_not_woken_for_others)
{
    struct case_want sixth = {.kind = FL_MSG_CAST, .tag = 6};
    struct fl_msg msg;
    start(send_6_late);
    expect_code(fl_receive(self, case_matches, &sixth, w->patience_ns, &msg), 0);
    expect_eq(msg.tag, 6);
    expect_eq(fl_self_mailbox_len(self), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_39_name_free_before_down),
        cmocka_unit_test(name_free_before_exit),
        cmocka_unit_test(case_40_resources_closed_before_down),
        cmocka_unit_test(case_40_a_port_is_free_before_down),
        cmocka_unit_test(case_41_messages_before_down),
        cmocka_unit_test(an_exit_signal_keeps_its_place_among_messages),
        cmocka_unit_test(case_42_exit_before_down),
        cmocka_unit_test(case_43_pairwise_fifo),
        cmocka_unit_test(a_receive_that_chooses_leaves_the_others_in_order),
        cmocka_unit_test(receive_after_0_looks_at_the_whole_mailbox),
        cmocka_unit_test(a_receive_that_times_out_takes_its_time_and_nothing_else),
        cmocka_unit_test(a_receive_that_waits_is_not_woken_for_others),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
