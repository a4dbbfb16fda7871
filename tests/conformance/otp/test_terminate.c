#include "tests/conformance/otp/otp_puppet.h"

/* When on_terminate runs and when not. Cases 96 to 100. */

enum what {
    PARENT_NORMAL,
    PARENT_BOOM,
    STRANGER_SHUTDOWN,
    STRANGER_KILL,
    STRANGER_NORMAL,
    LINKED_STRANGER,
    STOP,
    CRASH,
    WHATS
};

static const struct row {
    enum what what;
    bool traps;
    const char *diary; /* of the server */
    bool lives;
    enum fl_exit_kind reason; /* when it does not */
} rows[] = {
    {PARENT_NORMAL, true, "terminate normal\n", false, FL_EXIT_NORMAL},
    {PARENT_NORMAL, false, "", true, 0},
    {PARENT_BOOM, true, "terminate error: boom\n", false, FL_EXIT_ERROR},
    {PARENT_BOOM, false, "", false, FL_EXIT_ERROR},
    {STRANGER_SHUTDOWN, true, "exit shutdown\n", true, 0},
    {STRANGER_SHUTDOWN, false, "", false, FL_EXIT_SHUTDOWN},
    {STRANGER_KILL, true, "", false, FL_EXIT_KILLED},
    {STRANGER_KILL, false, "", false, FL_EXIT_KILLED},
    {STRANGER_NORMAL, true, "exit normal\n", true, 0},
    {STRANGER_NORMAL, false, "", true, 0},
    {LINKED_STRANGER, true, "exit error: boom\n", true, 0},
    {LINKED_STRANGER, false, "", false, FL_EXIT_ERROR},
    {STOP, true, "terminate shutdown: stop\n", false, FL_EXIT_SHUTDOWN},
    {STOP, false, "terminate shutdown: stop\n", false, FL_EXIT_SHUTDOWN},
    {CRASH, true, "terminate error: boom\n", false, FL_EXIT_ERROR},
    {CRASH, false, "terminate error: boom\n", false, FL_EXIT_ERROR},
};

/* the parent: starts the server linked, as start_link does */
ORDER(do_start_server)
{
    struct fl_pid pid = FL_NO_PID;
    try_puppet(NULL, &pid, .link_to = fl_self_pid(self));
    w->pids[0] = pid;
}
ORDER(do_stop)
{
    fl_self_exit(self, order->reason);
}

static void play_row(struct fl_self *self, struct case_world *w, const struct row *row)
{
    struct fl_pid parent = start(obey), stranger = start(obey);
    do_in(parent, .fn = do_start_server);
    struct fl_pid server = w->pids[0];
    uint64_t ref = fl_monitor(self, server);
    if (row->traps) do_in(server, .fn = do_trap);
    switch (row->what) {
    case PARENT_NORMAL:
        tell(parent, QUIT(FL_EXIT_NORMAL));
        break;
    case PARENT_BOOM:
        tell(parent, .fn = do_leave, .reason = BOOM);
        break;
    case STRANGER_SHUTDOWN:
        tell(stranger, .fn = do_signal, .pid = server, .reason = fl_reason_of(FL_EXIT_SHUTDOWN));
        break;
    case STRANGER_KILL:
        tell(stranger, .fn = do_signal, .pid = server, .reason = fl_reason_of(FL_EXIT_KILL));
        break;
    case STRANGER_NORMAL:
        tell(stranger, .fn = do_signal, .pid = server, .reason = fl_reason_of(FL_EXIT_NORMAL));
        break;
    case LINKED_STRANGER:
        do_in(stranger, .fn = do_link, .pid = server);
        tell(stranger, .fn = do_leave, .reason = BOOM);
        break;
    case STOP:
        tell(server, .fn = do_stop, .reason = fl_reason_with(FL_EXIT_SHUTDOWN, 0, "stop"));
        break;
    case CRASH:
    default:
        tell(server, .fn = do_leave, .reason = BOOM);
        break;
    }
    if (row->lives) {
        settle();
        expect_alive(server);
    } else {
        expect_down(ref, row->reason);
    }
    expect_diary(row->diary);
    settle();
    expect_diary("");
    fl_demonitor(self, ref);
    struct fl_pid all[] = {server, parent, stranger};
    for (size_t i = 0; i < FL_COUNT(all); i++) {
        fl_exit(self, all[i], fl_reason_of(FL_EXIT_KILL));
        expect_end(all[i]);
    }
}

static void play_rows(struct fl_self *self, struct case_world *w, bool traps)
{
    for (size_t i = 0; i < FL_COUNT(rows); i++)
        if (rows[i].traps == traps) play_row(self, w, &rows[i]);
}

/* Trapping, eight ways to end: parent, stranger, link, stop, crash, kill. */
CASE(case_96_terminate_matrix_trap)
{
    FL_ASSERT(FL_COUNT(rows) == 2 * WHATS);
    play_rows(self, w, true);
}
/* The same eight without trapping. */
CASE(case_96_terminate_matrix_notrap)
{
    play_rows(self, w, false);
}

/* ---- more of it */

CASE(terminate_runs_once_and_before_the_down)
{
    struct fl_pid server = start_puppet(NULL);
    uint64_t ref = fl_monitor(self, server);
    tell(server, .fn = do_stop, .reason = BOOM);
    expect_down_with(ref, BOOM);
    pthread_mutex_lock(&w->lock);
    bool was_first = strcmp(w->diary, "terminate error: boom\n") == 0;
    pthread_mutex_unlock(&w->lock);
    expect(was_first);
}

ORDER(do_stop_with_mail)
{
    for (uint32_t tag = 1; tag <= 3; tag++)
        fl_send(self, fl_self_pid(self), tag, NULL, 0);
    fl_self_exit(self, order->reason);
}

CASE(mail_that_waits_at_a_stop_is_not_handled)
{
    struct fl_pid server = start_puppet(NULL);
    uint64_t ref = fl_monitor(self, server);
    tell(server, .fn = do_stop_with_mail, .reason = fl_reason_of(FL_EXIT_NORMAL));
    expect_down(ref, FL_EXIT_NORMAL);
    expect_diary("terminate normal\n");
}

/* The parent's EXIT waits its turn behind what came before it. */
CASE(mail_before_the_exit_of_the_parent_is_handled_first)
{
    struct fl_pid parent = start(obey);
    do_in(parent, .fn = do_start_server);
    struct fl_pid server = w->pids[0];
    uint64_t ref = fl_monitor(self, server);
    do_in(server, .fn = do_trap);
    do_in(parent, .fn = do_send, .pid = server, .tag = 1);
    do_in(parent, .fn = do_send, .pid = server, .tag = 2);
    tell(parent, QUIT(FL_EXIT_SHUTDOWN));
    expect_down(ref, FL_EXIT_SHUTDOWN);
    expect_diary("cast 1\ncast 2\nterminate shutdown\n");
}

/* Its parent's signal, not only its death. */
CASE(an_exit_signal_of_the_parent_ends_a_server_that_traps)
{
    uint64_t parent_ref = 0;
    struct fl_pid parent = start_watched(obey, &parent_ref);
    do_in(parent, .fn = do_start_server);
    struct fl_pid server = w->pids[0];
    uint64_t ref = fl_monitor(self, server);
    do_in(server, .fn = do_trap);
    tell(parent, .fn = do_signal, .pid = server, .reason = fl_reason_of(FL_EXIT_SHUTDOWN));
    expect_down(ref, FL_EXIT_SHUTDOWN);
    expect_diary("terminate shutdown\n");
    expect_down(parent_ref, FL_EXIT_SHUTDOWN); /* they are linked */
}

CASE(a_kill_ends_one_that_hangs_in_on_terminate)
{
    struct fl_pid server = start_server(&slow_server);
    uint64_t ref = fl_monitor(self, server);
    tell(server, .fn = do_stop, .reason = BOOM);
    expect_diary("terminate begins\n");
    fl_exit(self, server, fl_reason_of(FL_EXIT_KILL));
    struct fl_msg msg = case_await(self, w, CASE_AT,
                                   (struct case_want){.kind = FL_MSG_DOWN, .ref = ref}, "a DOWN");
    expect_eq(msg.reason->kind, FL_EXIT_KILLED);
}

static void talking_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct case_world *w = puppet_world(state);
    int rc = fl_call(self, w->pids[1], CALL_ECHO, NULL, 0, NULL, 0, NULL, w->patience_ns);
    fl_send(self, w->driver, 1, NULL, 0);
    note(w, "call %s\n", fl_code_name(rc));
}
static const struct fl_server talking_server = {
    .name = "talking",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_cast = puppet_on_cast,
    .on_terminate = talking_on_terminate,
};

CASE(on_terminate_can_call_and_send)
{
    w->pids[1] = start_puppet(NULL);
    struct fl_pid server = start_server(&talking_server);
    uint64_t ref = fl_monitor(self, server);
    struct fl_msg msg;
    tell(server, .fn = do_stop, .reason = BOOM);
    expect_code(fl_receive(self, case_is_for_case, NULL, w->patience_ns, &msg), 0);
    expect(msg.kind == FL_MSG_CAST && msg.tag == 1); /* before its DOWN */
    expect_down_with(ref, BOOM);
    expect_diary("call ok\n");
}

CASE(a_server_without_on_terminate_ends_as_well)
{
    static const struct fl_server plain_server = {
        .name = "plain",
        .state_bytes = sizeof(struct puppet),
        .on_init = puppet_on_init,
        .on_cast = puppet_on_cast,
    };
    struct fl_pid server = start_server(&plain_server);
    uint64_t ref = fl_monitor(self, server);
    tell(server, .fn = do_stop, .reason = BOOM);
    expect_down_with(ref, BOOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_96_terminate_matrix_trap),
        cmocka_unit_test(case_96_terminate_matrix_notrap),
        cmocka_unit_test(terminate_runs_once_and_before_the_down),
        cmocka_unit_test(mail_that_waits_at_a_stop_is_not_handled),
        cmocka_unit_test(mail_before_the_exit_of_the_parent_is_handled_first),
        cmocka_unit_test(an_exit_signal_of_the_parent_ends_a_server_that_traps),
        cmocka_unit_test(a_kill_ends_one_that_hangs_in_on_terminate),
        cmocka_unit_test(on_terminate_can_call_and_send),
        cmocka_unit_test(a_server_without_on_terminate_ends_as_well),
    };
    return cmocka_run_group_tests_name("when terminate runs", tests, NULL, NULL);
}
