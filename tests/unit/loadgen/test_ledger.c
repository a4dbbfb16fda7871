#include "tests/support/testkit.h"

#include "loadgen/ledger.h"

static struct fl_op settle(struct fl_pending *pending, enum fl_outcome outcome,
                           enum fl_op_error error, fl_ns done_ns)
{
    struct fl_op record;
    struct fl_verdict_op verdict = {.outcome = outcome, .error = error, .done_ns = done_ns};
    fl_ledger_settle(pending, &verdict, &record);
    return record;
}

static struct fl_op lapse(struct fl_pending *pending)
{
    struct fl_op record;
    struct fl_verdict_op verdict = fl_ledger_lapse(pending, FL_NEVER);
    fl_ledger_settle(pending, &verdict, &record);
    return record;
}

static void an_arrival_without_a_free_slot_waits_in_order_and_its_latency_runs(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_s(2), 1);
    fl_ledger_arrive(&ledger, fl_ms(0), 0);
    fl_ledger_arrive(&ledger, fl_ms(10), 1);
    fl_ledger_arrive(&ledger, fl_ms(20), 2);

    struct fl_pending *first = fl_ledger_take(&ledger);
    assert_int_equal(first->number, 0);
    assert_null(fl_ledger_take(&ledger));

    first->sent_ns = fl_ms(0) + 1;
    settle(first, FL_OK, FL_OPERR_NONE, fl_ms(500));
    struct fl_pending *second = fl_ledger_take(&ledger);
    assert_int_equal(second->number, 1);
    second->sent_ns = fl_ms(500);
    struct fl_op record = settle(second, FL_OK, FL_OPERR_NONE, fl_ms(501));
    assert_int_equal(record.due_ns, fl_ms(10)); /* not when it was sent */
    assert_int_equal(record.done_ns - record.due_ns, fl_ms(491));
    fl_ledger_fini(&ledger);
}

static void an_arrival_that_never_finds_a_slot_is_unsent_at_its_deadline(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_s(2), 1);
    fl_ledger_arrive(&ledger, fl_ms(0), 0);
    fl_ledger_arrive(&ledger, fl_ms(10), 1);
    struct fl_pending *first = fl_ledger_take(&ledger);
    first->sent_ns = 1;

    assert_null(fl_ledger_overdue(&ledger, fl_s(2) - 1));
    assert_ptr_equal(fl_ledger_overdue(&ledger, fl_s(2)), first);
    struct fl_op hung = lapse(first);
    assert_int_equal(hung.outcome, FL_UNKNOWN); /* it went out: nobody knows */
    assert_int_equal(hung.error, FL_OPERR_TIMEOUT);
    assert_int_equal(hung.flags, FL_OPF_CENSORED);

    /* A slot is free now, but nobody took the second one in time. */
    struct fl_pending *second = fl_ledger_overdue(&ledger, fl_s(3));
    struct fl_op unsent = lapse(second);
    assert_int_equal(unsent.outcome, FL_FAIL);
    assert_int_equal(unsent.error, FL_OPERR_UNSENT);
    assert_int_equal(unsent.sent_ns, 0);
    assert_int_equal(unsent.done_ns, fl_ms(10) + fl_s(2)); /* the deadline, however late we are */
    assert_int_equal(unsent.flags, FL_OPF_CENSORED);
    assert_null(fl_ledger_take(&ledger));
    assert_int_equal(ledger.counts.unsent, 1);
    fl_ledger_fini(&ledger);
}

static void one_that_was_still_connecting_at_its_deadline_did_not_happen(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_s(2), 1);
    fl_ledger_arrive(&ledger, fl_ms(5), 0);
    struct fl_pending *pending = fl_ledger_take(&ledger);
    struct fl_op record = lapse(pending);
    assert_int_equal(record.outcome, FL_FAIL);
    assert_int_equal(record.error, FL_OPERR_TIMEOUT);
    fl_ledger_fini(&ledger);
}

static void an_operation_cut_off_at_the_end_is_done_then_and_not_in_the_future(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_s(2), 1);
    fl_ledger_arrive(&ledger, fl_ms(100), 0);
    struct fl_pending *pending = fl_ledger_take(&ledger);
    pending->sent_ns = fl_ms(100);
    struct fl_verdict_op verdict = fl_ledger_lapse(pending, fl_ms(300));
    assert_int_equal(verdict.outcome, FL_UNKNOWN);
    assert_true(verdict.censored);
    assert_int_equal(verdict.done_ns, fl_ms(300));
    fl_ledger_fini(&ledger);
}

static void every_arrival_is_in_the_sum_of_outcomes(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_ms(50), 3);
    static const enum fl_outcome outcomes[] = {FL_OK, FL_FAIL, FL_UNKNOWN};
    struct fl_pending *taken[3];
    size_t taken_count = 0;
    for (int i = 0; i < 1000; i++) {
        fl_ns now_ns = fl_ms(i);
        struct fl_pending *overdue;
        while ((overdue = fl_ledger_overdue(&ledger, now_ns)) != NULL) {
            for (size_t t = 0; t < taken_count; t++)
                if (taken[t] == overdue) taken[t] = taken[--taken_count];
            lapse(overdue);
        }
        fl_ledger_arrive(&ledger, now_ns, (uint64_t)i);
        struct fl_pending *pending;
        while ((pending = fl_ledger_take(&ledger)) != NULL)
            taken[taken_count++] = pending;
        assert_true(taken_count <= 3);
        if (i % 7 == 0 && taken_count > 0) /* the middle of the list, too */
            settle(taken[--taken_count], outcomes[i % 3], FL_OPERR_NONE, now_ns);
        const struct fl_ledger_counts *c = &ledger.counts;
        assert_int_equal(c->due, c->ok + c->fail + c->unknown + c->open);
    }
    while (ledger.first != NULL)
        lapse(ledger.first);
    assert_int_equal(ledger.counts.due, 1000);
    assert_int_equal(ledger.counts.open, 0);
    assert_int_equal(ledger.counts.ok + ledger.counts.fail + ledger.counts.unknown, 1000);
    assert_true(ledger.counts.unsent > 0);
    assert_true(fl_ledger_deadline(&ledger) == FL_NEVER);
    fl_ledger_fini(&ledger);
}

static void without_slots_everything_may_be_under_way_at_once(void **state)
{
    (void)state;
    struct fl_ledger ledger;
    fl_ledger_init(&ledger, fl_s(2), 0);
    for (uint64_t i = 0; i < 20000; i++)
        fl_ledger_arrive(&ledger, (fl_ns)i, i);
    size_t taken = 0;
    struct fl_pending *pending;
    while ((pending = fl_ledger_take(&ledger)) != NULL) {
        assert_int_equal(pending->slot, FL_NO_SLOT);
        taken++;
    }
    assert_int_equal(taken, 20000);
    fl_ledger_fini(&ledger);
}

static void there_are_slots_for_a_stall_as_long_as_the_timeout(void **state)
{
    (void)state;
    assert_int_equal(fl_ledger_slots_for(0, 200, fl_s(2)), 400);
    assert_int_equal(fl_ledger_slots_for(0, 0.3, fl_s(5)), 2);
    assert_int_equal(fl_ledger_slots_for(0, 0, fl_s(5)), 1);
    assert_int_equal(fl_ledger_slots_for(0, 50000, fl_s(5)), FL_SLOTS_MAX);
    assert_int_equal(fl_ledger_slots_for(7, 50000, fl_s(5)), 7); /* users are what was asked for */
    assert_int_equal(fl_ledger_slots_for(1000000, 1, fl_s(5)), FL_SLOTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arrival_without_a_free_slot_waits_in_order_and_its_latency_runs),
        cmocka_unit_test(an_arrival_that_never_finds_a_slot_is_unsent_at_its_deadline),
        cmocka_unit_test(one_that_was_still_connecting_at_its_deadline_did_not_happen),
        cmocka_unit_test(an_operation_cut_off_at_the_end_is_done_then_and_not_in_the_future),
        cmocka_unit_test(every_arrival_is_in_the_sum_of_outcomes),
        cmocka_unit_test(without_slots_everything_may_be_under_way_at_once),
        cmocka_unit_test(there_are_slots_for_a_stall_as_long_as_the_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
