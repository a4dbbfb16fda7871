#include "tests/conformance/otp/otp_puppet.h"

/* Limits of mailbox and memory, and priorities. Cases 111 and 112. */

/* Looks at its mail only once n[0] is set, then takes n[1] messages and writes them down. */
static void drain(struct fl_self *self, struct case_world *w)
{
    struct fl_msg msg;
    while (atomic_load(&w->n[0]) == 0)
        fl_pause(self, fl_ms(1));
    for (int i = 0; i < atomic_load(&w->n[1]); i++) {
        if (fl_receive(self, NULL, NULL, w->patience_ns, &msg) != 0) break;
        if (msg.kind == FL_MSG_CAST)
            note(w, "%u ", msg.tag);
        else
            note(w, "%s ", msg.kind == FL_MSG_EXIT ? "exit" : "signal");
    }
    note(w, "%s\n", fl_receive(self, NULL, NULL, 0, &msg) == 0 ? "and more" : ".");
    obey(self, w);
}
static void drain_and_trap(struct fl_self *self, struct case_world *w)
{
    fl_self_trap_exits(self, true);
    atomic_store(&w->n[4], 1);
    drain(self, w);
}

/* What was sent before this has arrived, there too. */
#define expect_arrived() expect_alive(w->pids[0])

static void let_drain(struct case_world *w, int messages)
{
    atomic_store(&w->n[1], messages);
    atomic_store(&w->n[0], 1);
}

/* No limit: 250,000 messages wait. */
CASE(case_111_unbounded)
{
    int messages = case_times(w->simulated ? 120000 : 250000);
    w->pids[0] = start(obey);
    struct fl_pid p = start_with(drain, .mailbox_max = FL_MAILBOX_UNBOUNDED);
    uint64_t ref = fl_monitor(self, p);
    for (int i = 0; i < messages; i++)
        expect_code(fl_send(self, p, 1, NULL, 0), 0);
    expect_arrived();
    fl_exit(self, p, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
}

CASE_ON_ONE(the_default_is_100000)
{
    struct fl_pid p = start(drain);
    for (int i = 0; i < 100000; i++)
        expect_code(fl_send(self, p, 1, NULL, 0), 0);
    expect_code(fl_send(self, p, 1, NULL, 0), FL_EFULL);
}

/* The newest is dropped; a sender on the same shard hears of it. */
CASE(case_111_drop_newest)
{
    w->pids[0] = start(obey);
    struct fl_pid p = start_with(drain, .mailbox_max = 3, .full = FL_FULL_REFUSE);
    for (uint32_t tag = 1; tag <= 5; tag++) {
        bool is_told = tag > 3 && w->there == 0; /* only a neighbour can know */
        expect_code(fl_send(self, p, tag, NULL, 0), is_told ? FL_EFULL : 0);
    }
    expect_arrived();
    let_drain(w, 3);
    expect_diary("1 2 3 .\n");
}

/* The oldest cast makes room. */
CASE(case_111_drop_oldest)
{
    w->pids[0] = start(obey);
    struct fl_pid p = start_with(drain, .mailbox_max = 3, .full = FL_FULL_DROP_OLDEST);
    for (uint32_t tag = 1; tag <= 5; tag++)
        expect_code(fl_send(self, p, tag, NULL, 0), 0);
    expect_arrived();
    let_drain(w, 3);
    expect_diary("3 4 5 .\n");
}

/* An EXIT is no cast: it stays. */
CASE(case_111_drop_oldest_spares_signals)
{
    w->pids[0] = start(obey);
    struct fl_pid p = start_with(drain_and_trap, .mailbox_max = 2, .full = FL_FULL_DROP_OLDEST);
    wait_until(atomic_load(&w->n[4]) == 1); /* it traps */
    fl_exit(self, p, BOOM);
    for (uint32_t tag = 1; tag <= 4; tag++)
        expect_code(fl_send(self, p, tag, NULL, 0), 0);
    expect_arrived();
    let_drain(w, 3);
    expect_diary("exit 3 4 .\n");
}

static void send_1_to_5(struct fl_self *self, struct case_world *w)
{
    for (uint32_t tag = 1; tag <= 5; tag++) {
        if (fl_send(self, w->pids[1], tag, NULL, 0) != 0) atomic_store(&w->n[3], 1);
        atomic_fetch_add(&w->n[2], 1);
    }
    obey(self, w);
}

/* A sender on the same shard waits for room. */
CASE_ON_ONE(case_111_block)
{
    w->pids[1] = start_with(drain, .mailbox_max = 3, .full = FL_FULL_BLOCK);
    struct fl_pid sender = start(send_1_to_5);
    wait_until(atomic_load(&w->n[2]) == 3);
    settle();
    expect_eq(w->n[2], 3); /* the fourth waits */
    let_drain(w, 5);
    expect_diary("1 2 3 4 5 .\n");
    expect_alive(sender);
    expect_eq(w->n[3], 0);
}

CASE_ON_ONE(one_that_waits_for_room_goes_on_when_the_other_dies)
{
    w->pids[1] = start_with(drain, .mailbox_max = 3, .full = FL_FULL_BLOCK);
    struct fl_pid sender = start(send_1_to_5);
    wait_until(atomic_load(&w->n[2]) == 3);
    fl_exit(self, w->pids[1], fl_reason_of(FL_EXIT_KILL));
    expect_alive(sender);
    expect_eq(w->n[2], 5);
    expect_eq(w->n[3], 0); /* a message to the dead is no error */
}

CASE_ON_ONE(one_that_waits_for_room_can_be_killed)
{
    w->pids[1] = start_with(drain, .mailbox_max = 3, .full = FL_FULL_BLOCK);
    uint64_t ref = 0;
    struct fl_pid sender = start_watched(send_1_to_5, &ref);
    wait_until(atomic_load(&w->n[2]) == 3);
    fl_exit(self, sender, fl_reason_of(FL_EXIT_KILL));
    expect_down(ref, FL_EXIT_KILLED);
    let_drain(w, 3);
    expect_diary("1 2 3 .\n");
}

/* The owner is killed. */
CASE(case_111_exit)
{
    struct fl_pid p = start_with(drain_and_trap, .mailbox_max = 3, .full = FL_FULL_EXIT);
    uint64_t ref = fl_monitor(self, p);
    for (uint32_t tag = 1; tag <= 4; tag++)
        fl_send(self, p, tag, NULL, 0);
    expect_down(ref, FL_EXIT_KILLED);
}

/* One message in the mailbox, which is all there is room for; then one of each kind of signal. */
static void full_and_watching(struct fl_self *self, struct case_world *w)
{
    struct fl_msg msg;
    bool seen[FL_MSG_PORT + 1] = {false};
    fl_self_trap_exits(self, true);
    fl_send(self, fl_self_pid(self), 1, NULL, 0);
    fl_monitor(self, w->pids[1]);
    fl_link(self, w->pids[1]);
    fl_timer_start(self, fl_ms(1), 5);
    fl_call_async(self, w->pids[2], CALL_ECHO, NULL, 0, FL_NEVER);
    int rc = call(self, w->pids[2], CALL_ECHO, w->patience_ns);
    fl_exit(self, w->pids[1], fl_reason_of(FL_EXIT_KILL));
    wait_for_mail(5);
    while (fl_receive(self, NULL, NULL, 0, &msg) == 0)
        seen[msg.kind] = true;
    note(w, "call %s, cast %d, reply %d, timer %d, down %d, exit %d\n", fl_code_name(rc),
         seen[FL_MSG_CAST], seen[FL_MSG_REPLY], seen[FL_MSG_TIMER], seen[FL_MSG_DOWN],
         seen[FL_MSG_EXIT]);
    obey(self, w);
}

/* Answers, EXIT, DOWN and timers pass a full mailbox. */
CASE(case_111_signals_are_never_counted_nor_dropped)
{
    static const enum fl_full policies[] = {FL_FULL_REFUSE, FL_FULL_DROP_OLDEST, FL_FULL_BLOCK,
                                            FL_FULL_EXIT};
    for (size_t i = 0; i < FL_COUNT(policies); i++) {
        w->pids[1] = start(obey);
        w->pids[2] = start_puppet(NULL);
        struct fl_pid p = start_with(full_and_watching, .mailbox_max = 1, .full = policies[i]);
        expect_diary("call ok, cast 1, reply 1, timer 1, down 1, exit 1\n");
        expect_alive(p);
    }
}

/* The other way round: signals leave the room to casts. */
CASE(signals_in_the_mailbox_take_no_room)
{
    w->pids[0] = start(obey);
    struct fl_pid p = start_with(drain_and_trap, .mailbox_max = 2, .full = FL_FULL_REFUSE);
    wait_until(atomic_load(&w->n[4]) == 1); /* it traps */
    for (int i = 0; i < 5; i++)
        fl_exit(self, p, BOOM);
    expect_code(fl_send(self, p, 1, NULL, 0), 0);
    expect_code(fl_send(self, p, 2, NULL, 0), 0);
    expect_arrived();
    let_drain(w, 7);
    expect_diary("exit exit exit exit exit 1 2 .\n");
}

CASE(a_call_to_a_full_server_says_so)
{
    struct fl_pid p = start_with(drain, .mailbox_max = 1, .full = FL_FULL_REFUSE);
    fl_send(self, p, 1, NULL, 0);
    expect_code(call(self, p, CALL_ECHO, w->patience_ns), FL_EFULL);
}

/* ---- memory */

ORDER(do_alloc)
{
    for (fl_ns i = 0; i < order->ns; i++)
        memset(fl_self_alloc(self, 1024), 1, 1024);
}
ORDER(do_alloc_and_free)
{
    for (fl_ns i = 0; i < order->ns; i++)
        fl_self_free(self, fl_self_alloc(self, 1024));
}

/* Above memory_max: killed. */
CASE(case_112_max_memory_kill)
{
    struct fl_pid p = start_with(obey, .memory_max = 64 * 1024);
    uint64_t ref = fl_monitor(self, p);
    do_in(p, .fn = do_trap); /* does not help */
    do_in(p, .fn = do_alloc, .ns = 10);
    expect_alive(p);
    tell(p, .fn = do_alloc, .ns = 100);
    expect_down(ref, FL_EXIT_KILLED);
}

CASE(memory_given_back_does_not_count)
{
    struct fl_pid p = start_with(obey, .memory_max = 64 * 1024);
    do_in(p, .fn = do_alloc_and_free, .ns = 1000);
    expect_alive(p);
}

CASE(without_a_limit_there_is_none)
{
    struct fl_pid p = start(obey);
    do_in(p, .fn = do_alloc, .ns = 1000);
    expect_alive(p);
}

/* Queued messages count. */
CASE(case_112_mail_that_waits_counts_as_memory)
{
    static const char page[1024] = "";
    struct fl_pid p = start_with(drain, .memory_max = 64 * 1024);
    uint64_t ref = fl_monitor(self, p);
    for (int i = 0; i < 200; i++)
        fl_send(self, p, 1, page, sizeof page);
    expect_down(ref, FL_EXIT_KILLED);
}

/* ---- priority */

CASE(set_priority_says_the_old_one)
{
    expect_eq(fl_self_set_priority(self, FL_PRIORITY_HIGH), FL_PRIORITY_NORMAL);
    expect_eq(fl_self_set_priority(self, FL_PRIORITY_LOW), FL_PRIORITY_HIGH);
    expect_eq(fl_self_set_priority(self, FL_PRIORITY_NORMAL), FL_PRIORITY_LOW);
}

static void note_normal(struct fl_self *self, struct case_world *w)
{
    note(w, "normal\n");
}
static void note_high(struct fl_self *self, struct case_world *w)
{
    note(w, "high\n");
}
static void note_low(struct fl_self *self, struct case_world *w)
{
    note(w, "low\n");
}

CASE_ON_ONE(a_high_one_runs_before_those_that_wait_and_a_low_one_runs_too)
{
    if (w->simulated) return; /* there the seed decides */
    start_with(note_low, .priority = FL_PRIORITY_LOW);
    start(note_normal);
    start(note_normal);
    start_with(note_high, .priority = FL_PRIORITY_HIGH);
    settle();
    pthread_mutex_lock(&w->lock);
    bool is_first = strncmp(w->diary, "high\n", 5) == 0;
    bool has_low = strstr(w->diary, "low\n") != NULL;
    pthread_mutex_unlock(&w->lock);
    expect(is_first);
    expect(has_low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_111_unbounded),
        cmocka_unit_test(the_default_is_100000),
        cmocka_unit_test(case_111_drop_newest),
        cmocka_unit_test(case_111_drop_oldest),
        cmocka_unit_test(case_111_drop_oldest_spares_signals),
        cmocka_unit_test(case_111_block),
        cmocka_unit_test(one_that_waits_for_room_goes_on_when_the_other_dies),
        cmocka_unit_test(one_that_waits_for_room_can_be_killed),
        cmocka_unit_test(case_111_exit),
        cmocka_unit_test(case_111_signals_are_never_counted_nor_dropped),
        cmocka_unit_test(signals_in_the_mailbox_take_no_room),
        cmocka_unit_test(a_call_to_a_full_server_says_so),
        cmocka_unit_test(case_112_max_memory_kill),
        cmocka_unit_test(memory_given_back_does_not_count),
        cmocka_unit_test(without_a_limit_there_is_none),
        cmocka_unit_test(case_112_mail_that_waits_counts_as_memory),
        cmocka_unit_test(set_priority_says_the_old_one),
        cmocka_unit_test(a_high_one_runs_before_those_that_wait_and_a_low_one_runs_too),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
