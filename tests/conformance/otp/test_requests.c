#include "tests/conformance/otp/otp_puppet.h"

#include "runtime/request.h"

/* Many calls at once: collections of requests, casts and calls to many. Cases 88 and 89. */

/* as a call: answers with the label it was sent, once n[0] has reached order->tag */
ORDER(do_answer_in_turn)
{
    const struct fl_msg *msg = fl_self_msg(self);
    struct fl_pid from = msg->from;
    uint64_t ref = msg->ref;
    while ((uint32_t)atomic_load(&w->n[0]) < order->tag)
        fl_pause(self, fl_ms(1));
    fl_self_reply(self, from, ref, "answer", 7);
}
ORDER(do_leave_in_turn)
{
    while ((uint32_t)atomic_load(&w->n[0]) < order->tag)
        fl_pause(self, fl_ms(1));
    fl_self_exit_now(self, BOOM);
}

static uint64_t send_order(struct fl_self *self, struct fl_requests *set, struct fl_pid to,
                           struct case_order order, uint64_t label)
{
    return fl_requests_send(self, set, to, CASE_ORDER, &order, sizeof order, label);
}
#define send_to(to, label, ...) \
    send_order(self, &set, (to), (struct case_order){__VA_ARGS__}, (label))

/* Three requests with labels: answers in the order of their completion. */
CASE(case_89_reqid_collection)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    uint64_t refs[4] = {0};
    for (uint32_t i = 1; i <= 3; i++) /* the third sent is answered first */
        refs[i] = send_to(start_puppet(NULL), 100 + i, .fn = do_answer_in_turn, .tag = 4 - i);
    expect_eq(fl_requests_count(&set), 3);
    for (uint32_t i = 3; i >= 1; i--) {
        atomic_store(&w->n[0], (int)(4 - i));
        expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), 0);
        expect_eq(got.label, 100 + i);
        expect_eq(got.ref, refs[i]);
        expect_code(got.code, 0);
        expect(got.len == 7 && strcmp(got.data, "answer") == 0);
        expect_eq(fl_requests_count(&set), i - 1);
    }
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), FL_ENOTFOUND);
    expect_nothing();
}

/* At an instant the rest is abandoned. */
CASE(case_89_abs_deadline_abandons_rest)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    fl_ns deadline_ns = fl_self_now(self) + (w->simulated ? fl_ms(50) : fl_ms(200));
    send_to(start_puppet(NULL), 1, .fn = do_answer_in_turn, .tag = 0);
    send_to(start_puppet(NULL), 2, .fn = do_answer_in_turn, .tag = 1);
    send_to(start_puppet(NULL), 3, .fn = do_answer_in_turn, .tag = 1);
    expect_code(fl_requests_receive_until(self, &set, deadline_ns, &got), 0);
    expect_eq(got.label, 1);
    expect_code(fl_requests_receive_until(self, &set, deadline_ns, &got), FL_ETIMEOUT);
    expect(fl_self_now(self) >= deadline_ns);
    atomic_store(&w->n[0], 1); /* now they answer */
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), FL_ENOTFOUND);
    expect_nothing();
}

CASE(wait_response_does_not_abandon)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    send_to(start_puppet(NULL), 1, .fn = do_answer_in_turn, .tag = 1);
    expect_code(fl_requests_wait(self, &set, fl_ms(5), &got), FL_ETIMEOUT);
    expect_eq(fl_requests_count(&set), 1);
    atomic_store(&w->n[0], 1);
    expect_code(fl_requests_wait(self, &set, w->patience_ns, &got), 0);
    expect_eq(got.label, 1);
    expect_nothing();
}

/* One request twice: FL_ETAKEN. */
CASE(case_89_duplicate_add_rejected)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    uint64_t ref = fl_call_async(self, start_puppet(NULL), CALL_ECHO, "one", 4, FL_NEVER);
    expect_code(fl_requests_add(self, &set, ref, 7), 0);
    expect_code(fl_requests_add(self, &set, ref, 8), FL_ETAKEN);
    expect_eq(fl_requests_count(&set), 1);
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), 0);
    expect(got.label == 7 && strcmp(got.data, "one") == 0);
}

/* FL_ENOTFOUND, without waiting. */
CASE(case_89_empty_collection_no_request)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    struct fl_msg msg = {.kind = FL_MSG_CAST};
    expect_eq(fl_requests_count(&set), 0);
    expect_code(fl_requests_receive(self, &set, FL_NEVER, &got), FL_ENOTFOUND);
    expect_code(fl_requests_wait(self, &set, FL_NEVER, &got), FL_ENOTFOUND);
    expect_code(fl_requests_check(&set, &msg, &got), FL_ENOTFOUND);
}

/* A dead one answers with an error value. */
CASE(case_89_error_value_for_a_dead_target)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    send_to(start_dead(), 1, .fn = do_answer_in_turn);
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), 0);
    expect_code(got.code, FL_ENOPROC);
    expect_eq(got.label, 1);
    send_to(start_puppet(NULL), 2, .fn = do_leave_in_turn, .tag = 0);
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), 0);
    expect_code(got.code, FL_EDIED);
    expect_eq(got.label, 2);
    expect_nothing();
}

CASE(other_mail_stays_while_answers_are_received)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    struct fl_msg msg;
    fl_send(self, fl_self_pid(self), 1, NULL, 0);
    send_to(start_puppet(NULL), 1, .fn = do_answer_in_turn, .tag = 0);
    expect_code(fl_requests_receive(self, &set, w->patience_ns, &got), 0);
    expect_code(fl_receive(self, NULL, NULL, 0, &msg), 0);
    expect(msg.kind == FL_MSG_CAST && msg.tag == 1);
}

CASE(check_response_knows_its_own)
{
    struct fl_requests set = {0};
    struct fl_response got = {0};
    struct fl_msg msg;
    send_to(start_puppet(NULL), 1, .fn = do_answer_in_turn, .tag = 0);
    fl_send(self, fl_self_pid(self), 1, NULL, 0);
    for (int left = 2; left > 0; left--) {
        expect_code(fl_receive(self, NULL, NULL, w->patience_ns, &msg), 0);
        int rc = fl_requests_check(&set, &msg, &got);
        if (msg.kind == FL_MSG_REPLY)
            expect_code(rc, 0);
        else
            expect(rc == FL_EBADMSG || (rc == FL_ENOTFOUND && left == 1));
    }
    expect_eq(got.label, 1);
    expect_eq(fl_requests_count(&set), 0);
}

CASE(abandoned_requests_are_never_heard_of)
{
    struct fl_requests set = {0};
    struct fl_pid p = start_puppet(NULL);
    for (uint64_t label = 0; label < 10; label++)
        send_to(p, label, .fn = do_answer_in_turn, .tag = 0);
    fl_requests_abandon(self, &set);
    expect_eq(fl_requests_count(&set), 0);
    expect_alive(p);
    expect_nothing();
}

/* ---- to many */

/* Casts to names; those that nobody has do not matter. */
CASE(case_88_abcast)
{
    static const char *const names[] = {"a", "nobody", "b"};
    start_puppet("a");
    start_puppet("b");
    expect_eq(fl_abcast(self, names, FL_COUNT(names), 5, NULL, 0), 2);
    expect_diary("cast 5\ncast 5\n");
}

static void on_answer(void *cx, size_t index, const void *data, size_t len)
{
    struct case_world *w = cx;
    note(w, "%zu %.*s\n", index, (int)len, (const char *)data);
}

/* Answers, and the indexes of those that did not. */
CASE(case_88_multi_call)
{
    struct fl_pid targets[] = {start_puppet(NULL), start_dead(), start_puppet(NULL),
                               start_puppet(NULL)};
    struct case_order order = {.fn = do_answer_in_turn, .tag = 0};
    size_t bad[FL_COUNT(targets)] = {9, 9, 9, 9};
    size_t good = fl_multi_call(self, targets, 2, CASE_ORDER, &order, sizeof order, w->patience_ns,
                                on_answer, w, bad);
    expect_eq(good, 1);
    expect_eq(bad[0], 1);
    expect_diary("0 answer\n");
    good = fl_multi_call(self, targets + 2, 2, CALL_ECHO, "x", 1, w->patience_ns, NULL, NULL, bad);
    expect_eq(good, 2);
    expect_nothing();
}

/* Nothing of it is left in the mailbox. */
CASE(case_88_multi_call_drops_what_comes_late)
{
    struct fl_pid targets[] = {start_puppet(NULL), start_puppet(NULL)};
    struct case_order order = {.fn = do_answer_in_turn, .tag = 1};
    size_t bad[2] = {9, 9};
    size_t good = fl_multi_call(self, targets, 2, CASE_ORDER, &order, sizeof order, fl_ms(10),
                                on_answer, w, bad);
    expect_eq(good, 0);
    expect(bad[0] == 0 && bad[1] == 1);
    atomic_store(&w->n[0], 1); /* they answer now */
    expect_alive(targets[0]);
    expect_alive(targets[1]);
    expect_nothing();
    expect_diary("");
}

CASE(a_multi_call_of_nobody_is_over_at_once)
{
    size_t bad = 9;
    expect_eq(fl_multi_call(self, NULL, 0, 1, NULL, 0, FL_NEVER, NULL, NULL, &bad), 0);
    expect_eq(bad, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_88_abcast),
        cmocka_unit_test(case_88_multi_call),
        cmocka_unit_test(case_88_multi_call_drops_what_comes_late),
        cmocka_unit_test(a_multi_call_of_nobody_is_over_at_once),
        cmocka_unit_test(case_89_reqid_collection),
        cmocka_unit_test(case_89_abs_deadline_abandons_rest),
        cmocka_unit_test(wait_response_does_not_abandon),
        cmocka_unit_test(case_89_duplicate_add_rejected),
        cmocka_unit_test(case_89_empty_collection_no_request),
        cmocka_unit_test(case_89_error_value_for_a_dead_target),
        cmocka_unit_test(other_mail_stays_while_answers_are_received),
        cmocka_unit_test(check_response_knows_its_own),
        cmocka_unit_test(abandoned_requests_are_never_heard_of),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
