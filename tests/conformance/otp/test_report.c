#include "runtime/crash.h"

#define CASE_REPORTS
#include "tests/conformance/otp/otp_puppet.h"

#include "runtime/sys.h"

/* Which ends are reported, and with what. Cases 100 and 112. */

static void told_on_format(const void *state, struct fl_buf *out)
{
    fl_buf_puts(out, "all is lost");
}
static const struct fl_server told_server = {
    .name = "told",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_cast = puppet_on_cast,
    .on_call = puppet_on_call,
    .on_format = told_on_format,
};

static int crashes(struct case_world *w)
{
    pthread_mutex_lock(&w->lock);
    int count = w->crashes;
    pthread_mutex_unlock(&w->lock);
    return count;
}
static bool report_has(struct case_world *w, const char *text)
{
    pthread_mutex_lock(&w->lock);
    bool has = strstr(w->report, text) != NULL;
    pthread_mutex_unlock(&w->lock);
    return has;
}

/* normal, shutdown, and shutdown with a detail make no report. */
CASE(case_100_silent_for_quiet_reasons)
{
    struct fl_reason quiet[] = {fl_reason_of(FL_EXIT_NORMAL), fl_reason_of(FL_EXIT_SHUTDOWN),
                                fl_reason_with(FL_EXIT_SHUTDOWN, 0, "x")};
    for (size_t i = 0; i < FL_COUNT(quiet); i++) {
        struct fl_pid server = start_server(&told_server), body = start(obey);
        expect_code(fl_stop(self, server, quiet[i], w->patience_ns), 0);
        tell(body, .fn = do_leave, .reason = quiet[i]);
        expect_end(body);
    }
    expect_eq(crashes(w), 0);
}

/* One report: reason, last message, state in words. */
CASE(case_100_one_report_otherwise)
{
    struct fl_pid server = start_server(&told_server);
    tell(server, .fn = do_leave, .reason = BOOM);
    expect_end(server);
    expect_eq(crashes(w), 1);
    expect(report_has(w, "told"));
    expect(report_has(w, "boom"));
    expect(report_has(w, "cast")); /* the last message */
    expect(report_has(w, "all is lost"));
}

/* Who waits for the answer stands in it. */
CASE(case_100_the_client_of_a_call_is_named)
{
    struct fl_pid server = start_server(&told_server);
    expect_code(call(self, server, CALL_DIE, w->patience_ns), FL_EDIED);
    expect_eq(crashes(w), 1);
    expect(report_has(w, "call"));
    pthread_mutex_lock(&w->lock);
    bool is_me = fl_pid_eq(w->report_client, fl_self_pid(self));
    pthread_mutex_unlock(&w->lock);
    expect(is_me);
}

/* A function that receives is reported as well. */
CASE(case_100_a_body_too)
{
    struct fl_pid body = start(obey);
    tell(body, .fn = do_leave, .reason = BOOM);
    expect_end(body);
    expect_eq(crashes(w), 1);
    expect(report_has(w, "boom"));
}

ORDER(do_alloc)
{
    for (int i = 0; i < 100; i++)
        fl_self_alloc(self, 1024);
}

/* The crash report says which limit, and how long the queue was. */
CASE(case_112_the_report_names_the_limit_and_the_queue)
{
    struct fl_pid p = start_with(obey, .memory_max = 64 * 1024);
    tell(p, .fn = do_alloc);
    expect_end(p);
    expect_eq(crashes(w), 1);
    expect(report_has(w, "memory_max 65536"));
    expect(report_has(w, "messages"));
}

/* The call of fl_self_alloc that passed the limit stands in it, as a place in the program. */
CASE(case_112_the_report_names_the_allocation_site)
{
    struct fl_pid p = start_with(obey, .memory_max = 64 * 1024), q = start(obey);
    tell(p, .fn = do_alloc);
    expect_end(p);
    expect(report_has(w, "allocated at: "));
    expect(report_has(w, "test_conformance_otp_report"));
    tell(q, .fn = do_leave, .reason = BOOM); /* one that was not killed for its memory */
    expect_end(q);
    expect(!report_has(w, "allocated at: "));
}

/* The same for a mailbox. */
CASE(case_111_the_report_names_the_mailbox)
{
    struct fl_pid p = start_with(obey, .mailbox_max = 3, .full = FL_FULL_EXIT);
    expect_alive(p); /* only what has started is reported */
    tell(p, .fn = do_pause, .ns = fl_s(1000));
    for (uint32_t tag = 1; tag <= 8; tag++)
        fl_send(self, p, tag, NULL, 0);
    expect_end(p);
    expect_eq(crashes(w), 1);
    expect(report_has(w, "mailbox_max 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_100_silent_for_quiet_reasons),
        cmocka_unit_test(case_100_one_report_otherwise),
        cmocka_unit_test(case_100_the_client_of_a_call_is_named),
        cmocka_unit_test(case_100_a_body_too),
        cmocka_unit_test(case_111_the_report_names_the_mailbox),
        cmocka_unit_test(case_112_the_report_names_the_limit_and_the_queue),
        cmocka_unit_test(case_112_the_report_names_the_allocation_site),
    };
    return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
