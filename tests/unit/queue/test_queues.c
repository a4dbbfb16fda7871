/* Queues beside each other: who comes first, how many at a time, and what people do to jobs. */
#include "tests/unit/queue/shop.h"

static struct fl_store_op op_into(const char *queue, const char *key, int64_t priority)
{
    struct fl_store_op op = op_enqueue(key, "{}");
    op.queue = fl_str_of(queue);
    op.priority = priority;
    return op;
}

static int64_t into(struct shop *shop, const char *queue, const char *key, int64_t priority)
{
    struct fl_store_op op = op_into(queue, key, priority);
    apply(shop, &op, 1, 0);
    assert_int_equal(op.code, 0);
    return op.id;
}

static void queues_know_nothing_of_each_other(void **state)
{
    struct shop *shop = *state;
    int64_t a = into(shop, "mail", "same", 0), b = into(shop, "sms", "same", 0);
    assert_int_not_equal(a, b);
    assert_int_equal(lease_from(shop, "sms", 10, 0).id, b);
    assert_int_equal(lease_from(shop, "sms", 10, 0).id, 0);
    assert_int_equal(lease_one(shop, 10, 0).id, 0); /* the default one has none */
    expect_jobs(shop, "mail", 0, (struct counts){.ready = 1});
    reopen(shop);
    expect_jobs(shop, "mail", 0, (struct counts){.ready = 1});
    expect_jobs(shop, "sms", 0, (struct counts){.leased = 1});
}

static void the_urgent_come_first_and_among_equals_the_oldest(void **state)
{
    struct shop *shop = *state;
    into(shop, "q", "low", -5);
    into(shop, "q", "first", 0);
    into(shop, "q", "second", 0);
    into(shop, "q", "high", 1000);
    struct fl_store_op op = {
        .kind = FL_STORE_LEASE, .queue = FL_STR("q"), .max = 9, .visibility_ms = 10};
    apply(shop, &op, 1, 0);
    static const char *const want[] = {"high", "first", "second", "low"};
    assert_int_equal(op.jobs_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(fl_str_is(op.jobs[i].key, want[i]));
    fl_store_op_fini(&op);
    struct fl_store_op bad = op_into("q", "x", 1001);
    assert_int_equal(ask(shop, bad, 0), FL_ERANGE);
}

static void a_job_for_later_is_there_when_its_time_has_come(void **state)
{
    struct shop *shop = *state;
    struct fl_store_op ops[] = {op_enqueue("late", ""), op_enqueue("at", ""),
                                op_enqueue("was", "")};
    ops[0].delay_ms = 500;
    ops[1].run_at_ms = 1300;
    ops[2].run_at_ms = 1;
    apply(shop, ops, 3, 1000);
    expect_stats(shop, 1000, (struct counts){.scheduled = 2, .ready = 1});
    assert_int_equal(lease_one(shop, 9999, 1000).id, ops[2].id);
    assert_int_equal(ask(shop, (struct fl_store_op){.kind = FL_STORE_TICK}, 1000), 0);
    assert_int_equal(fl_store_next_ms(shop->store), 1300);
    assert_int_equal(lease_one(shop, 9999, 1299).id, 0);
    assert_int_equal(lease_one(shop, 9999, 1300).id, ops[1].id);
    assert_int_equal(lease_one(shop, 9999, 1500).id, ops[0].id);
}

static void a_unique_key_is_held_until_its_job_is_finished(void **state)
{
    struct shop *shop = *state;
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE, .unique = FL_STR("report")};
    apply(shop, &op, 1, 0);
    int64_t first = op.id;
    apply(shop, &op, 1, 0);
    assert_true(op.existed);
    assert_int_equal(op.id, first);
    struct fl_store_job job = lease_one(shop, 10, 0);
    apply(shop, &op, 1, 0);
    assert_true(op.existed); /* also while somebody works on it */
    assert_int_equal(ack(shop, job.id, job.lease, 1), 0);
    apply(shop, &op, 1, 2);
    assert_false(op.existed);
    assert_int_not_equal(op.id, first);
}

static void a_dead_job_that_lost_its_unique_key_stays_dead(void **state)
{
    struct shop *shop = *state;
    set(shop, NULL, FL_SET_ATTEMPTS_MAX, 1);
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE, .unique = FL_STR("u")};
    apply(shop, &op, 1, 0);
    int64_t first = op.id;
    assert_true(fail_job(shop, lease_one(shop, 10, 0), -1, 0).dead);
    apply(shop, &op, 1, 0); /* dead is finished: the key is free */
    assert_false(op.existed);

    struct fl_store_op again = {.kind = FL_STORE_REQUEUE, .id = first};
    assert_int_equal(ask(shop, again, 1), FL_ETAKEN);
    struct fl_store_op all = {.kind = FL_STORE_REQUEUE_ALL};
    apply(shop, &all, 1, 1);
    assert_int_equal(all.count, 0);
    expect_stats(shop, 1, (struct counts){.ready = 1, .dead = 1});
    struct fl_store_job job = lease_one(shop, 10, 1);
    ack(shop, job.id, job.lease, 1);
    assert_int_equal(ask(shop, again, 2), 0);
    job = lease_one(shop, 10, 2);
    assert_int_equal(job.id, first);
    assert_int_equal(job.attempt, 1); /* from the start */
}

static void a_full_queue_refuses_and_its_neighbour_does_not(void **state)
{
    struct shop *shop = *state;
    set(shop, "small", FL_SET_JOBS_MAX, 1);
    into(shop, "small", "a", 0);
    assert_int_equal(ask(shop, op_into("small", "b", 0), 0), FL_EFULL);
    assert_int_equal(ask(shop, op_into("small", "a", 0), 0), 0); /* it is there */
    assert_int_equal(ask(shop, op_into("other", "b", 0), 0), 0);
}

static void a_paused_queue_takes_jobs_and_gives_none(void **state)
{
    struct shop *shop = *state;
    set(shop, "q", FL_SET_PAUSED, 1);
    int64_t id = into(shop, "q", "a", 0);
    assert_int_equal(lease_from(shop, "q", 10, 0).id, 0);
    reopen(shop);
    assert_int_equal(lease_from(shop, "q", 10, 0).id, 0);
    set(shop, "q", FL_SET_PAUSED, 0);
    assert_int_equal(lease_from(shop, "q", 10, 0).id, id);
}

static void no_more_are_leased_at_once_than_the_limit_says(void **state)
{
    struct shop *shop = *state;
    set(shop, "q", FL_SET_CONCURRENCY, 2);
    for (int i = 0; i < 4; i++)
        into(shop, "q", (const char *[]){"a", "b", "c", "d"}[i], 0);
    struct fl_store_job one = lease_from(shop, "q", 100, 0), two = lease_from(shop, "q", 100, 0);
    assert_true(one.id != 0 && two.id != 0);
    assert_int_equal(lease_from(shop, "q", 100, 0).id, 0);
    ack(shop, one.id, one.lease, 1);
    assert_int_not_equal(lease_from(shop, "q", 100, 1).id, 0);
    assert_int_equal(lease_from(shop, "q", 100, 1).id, 0);
    assert_int_not_equal(lease_from(shop, "q", 100, 100).id, 0); /* one ran out */
}

static void leases_come_at_the_rate_and_no_faster(void **state)
{
    struct shop *shop = *state;
    set(shop, "q", FL_SET_RATE, 2000); /* two a second */
    char key[16];
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "%d", i);
        into(shop, "q", key, 0);
    }
    int given = 0;
    for (int64_t now_ms = 1; now_ms <= 5001; now_ms += 10)
        given += lease_from(shop, "q", 99999, now_ms).id != 0;
    assert_in_range(given, 10, 12); /* two a second for five, and what was saved up */

    struct fl_store_op op = {
        .kind = FL_STORE_LEASE, .queue = FL_STR("q"), .max = 40, .visibility_ms = 99999};
    apply(shop, &op, 1, 60000);
    assert_int_equal(op.jobs_count, 2); /* a long silence saves up one second's worth */
    fl_store_op_fini(&op);
    apply(shop, &op, 1, 60001);
    assert_int_equal(op.jobs_count, 0);
    assert_in_range(op.again_ms, 60400, 60600);
}

static void a_heartbeat_keeps_a_lease_and_only_its_own(void **state)
{
    struct shop *shop = *state;
    enqueue(shop, "a", 0);
    struct fl_store_job job = lease_one(shop, 100, 0);
    struct fl_store_op beat = {
        .kind = FL_STORE_HEARTBEAT, .id = job.id, .lease = job.lease, .visibility_ms = 100};
    apply(shop, &beat, 1, 90);
    assert_int_equal(beat.code, 0);
    assert_int_equal(beat.until_ms, 190);
    assert_int_equal(lease_one(shop, 100, 189).id, 0);
    struct fl_store_job other = lease_one(shop, 100, 190);
    assert_int_equal(other.id, job.id);
    assert_int_equal(ask(shop, beat, 191), FL_EREFUSED);
    assert_int_equal(ack(shop, other.id, other.lease, 200), 0);
}

static void a_released_job_counts_no_attempt(void **state)
{
    struct shop *shop = *state;
    enqueue(shop, "a", 0);
    for (int i = 0; i < 10; i++) { /* more than it may be tried */
        struct fl_store_job job = lease_one(shop, 100, i);
        assert_int_equal(job.attempt, 1);
        struct fl_store_op give = {.kind = FL_STORE_RELEASE, .id = job.id, .lease = job.lease};
        assert_int_equal(ask(shop, give, i), 0);
        assert_int_equal(ask(shop, give, i), FL_EREFUSED);
    }
    struct fl_store_job job = lease_one(shop, 100, 10);
    struct fl_store_op later = {
        .kind = FL_STORE_RELEASE, .id = job.id, .lease = job.lease, .delay_ms = 5};
    assert_int_equal(ask(shop, later, 10), 0);
    assert_int_equal(lease_one(shop, 100, 14).id, 0);
    assert_int_equal(lease_one(shop, 100, 15).id, job.id);
}

static void pages_of_a_list_show_each_job_once(void **state)
{
    struct shop *shop = *state;
    char key[16];
    for (int i = 1; i <= 25; i++) {
        snprintf(key, sizeof key, "%d", i);
        into(shop, "q", key, i % 3);
    }
    bool seen[26] = {false};
    struct fl_store_op op = {
        .kind = FL_STORE_LIST, .queue = FL_STR("q"), .state = FL_JOB_READY, .max = 10};
    int pages = 0;
    do {
        apply(shop, &op, 1, 0);
        assert_int_equal(op.code, 0);
        for (size_t i = 0; i < op.jobs_count; i++) {
            assert_false(seen[op.jobs[i].id]);
            seen[op.jobs[i].id] = true;
        }
        op.after_rank = op.next_rank;
        op.after_id = op.next_id;
        op.next_id = 0;
        fl_store_op_fini(&op);
        pages++;
    } while (op.after_id != 0);
    assert_int_equal(pages, 3);
    for (int i = 1; i <= 25; i++)
        assert_true(seen[i]);
}

static void dead_letters_are_tried_again_or_deleted_in_steps(void **state)
{
    struct shop *shop = *state;
    set(shop, "q", FL_SET_ATTEMPTS_MAX, 1);
    char key[16];
    const int many = FL_STORE_STEPS_MAX + 10;
    for (int i = 0; i < many; i++) {
        snprintf(key, sizeof key, "%d", i);
        into(shop, "q", key, 0);
    }
    for (int left = many; left > 0;) {
        struct fl_store_op op = {
            .kind = FL_STORE_LEASE, .queue = FL_STR("q"), .max = 400, .visibility_ms = 1};
        apply(shop, &op, 1, many - left);
        left -= (int)op.jobs_count;
        fl_store_op_fini(&op);
    }
    expect_jobs(shop, "q", 99999, (struct counts){.dead = many});
    struct fl_store_op op = {.kind = FL_STORE_REQUEUE_ALL, .queue = FL_STR("q")};
    apply(shop, &op, 1, 100000);
    assert_int_equal(op.count, FL_STORE_STEPS_MAX);
    assert_true(op.is_more);
    expect_jobs(shop, "q", 100000, (struct counts){.ready = FL_STORE_STEPS_MAX, .dead = 10});
    op = (struct fl_store_op){.kind = FL_STORE_PURGE, .queue = FL_STR("q"), .state = FL_JOB_DEAD};
    apply(shop, &op, 1, 100000);
    assert_int_equal(op.count, 10);
    assert_false(op.is_more);
    expect_jobs(shop, "q", 100000, (struct counts){.ready = FL_STORE_STEPS_MAX});
}

static void a_leased_job_cannot_be_deleted_and_an_empty_queue_can(void **state)
{
    struct shop *shop = *state;
    int64_t id = into(shop, "q", "a", 0);
    struct fl_store_job job = lease_from(shop, "q", 100, 0);
    struct fl_store_op one = {.kind = FL_STORE_DELETE, .id = id};
    struct fl_store_op queue = {.kind = FL_STORE_QUEUE_DELETE, .queue = FL_STR("q")};
    assert_int_equal(ask(shop, one, 0), FL_EREFUSED);
    assert_int_equal(ask(shop, queue, 0), FL_EREFUSED);
    ack(shop, job.id, job.lease, 0);
    assert_int_equal(ask(shop, one, 0), 0);
    assert_int_equal(ask(shop, one, 0), FL_ENOTFOUND);
    assert_int_equal(ask(shop, queue, 0), 0);
    assert_int_equal(ask(shop, queue, 0), FL_ENOTFOUND);
    reopen(shop);
    assert_int_equal(ask(shop, queue, 0), FL_ENOTFOUND);
    assert_int_not_equal(into(shop, "q", "a", 0), id);
}

static void done_jobs_keep_their_result_and_go_when_they_are_old(void **state)
{
    struct shop *shop = *state;
    set(shop, NULL, FL_SET_DONE_MS, 1000);
    enqueue(shop, "a", 0);
    struct fl_store_job job = lease_one(shop, 100, 0);
    struct fl_store_op done = {
        .kind = FL_STORE_ACK, .id = job.id, .lease = job.lease, .payload = FL_STR("{\"n\":1}")};
    assert_int_equal(ask(shop, done, 5), 0);
    struct fl_store_op get = {.kind = FL_STORE_GET, .id = job.id};
    apply(shop, &get, 1, 5);
    assert_true(fl_str_is(get.jobs[0].result, "{\"n\":1}"));
    assert_int_equal(get.jobs[0].at_ms, 5);
    fl_store_op_fini(&get);
    enqueue(shop, "b", 1004);
    expect_stats(shop, 1004, (struct counts){.ready = 1, .done = 1});
    enqueue(shop, "c", 1006);
    expect_stats(shop, 1006, (struct counts){.ready = 2});
}

static void settings_outside_their_limits_change_nothing(void **state)
{
    struct shop *shop = *state;
    for (int i = 0; i < FL_SET_COUNT; i++) {
        assert_int_equal(set(shop, "q", (enum fl_queue_setting_id)i, fl_queue_settings[i].most + 1),
                         FL_ERANGE);
        assert_int_equal(
            set(shop, "q", (enum fl_queue_setting_id)i, fl_queue_settings[i].least - 1), FL_ERANGE);
    }
    struct fl_store_op queue = {.kind = FL_STORE_STATS, .queue = FL_STR("q")};
    assert_int_equal(ask(shop, queue, 0), FL_ENOTFOUND);
    static const char *const names[] = {"a b", "", "ä", "a/b", "a\nb"};
    for (size_t i = 1; i < FL_COUNT(names); i++)
        if (names[i][0] != '\0') assert_int_equal(set(shop, names[i], FL_SET_PAUSED, 1), FL_ERANGE);
}

static void a_clock_that_was_set_back_ends_no_lease_early_and_holds_none_up(void **state)
{
    struct shop *shop = *state;
    enqueue(shop, "a", 1000000);
    struct fl_store_job job = lease_one(shop, 500, 1000000);
    reopen(shop);
    /* an hour back: queue time goes on from the last commit */
    assert_int_equal(fl_store_now(shop->store, 1000000 - 3600000), 1000000);
    assert_int_equal(lease_one(shop, 500, 1000000 - 3600000).id, 0);
    int64_t now_ms = fl_store_now(shop->store, 1000000 - 3600000) + 500;
    assert_int_equal(lease_one(shop, 500, now_ms).id, job.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(queues_know_nothing_of_each_other),
        STORY(the_urgent_come_first_and_among_equals_the_oldest),
        STORY(a_job_for_later_is_there_when_its_time_has_come),
        STORY(a_unique_key_is_held_until_its_job_is_finished),
        STORY(a_dead_job_that_lost_its_unique_key_stays_dead),
        STORY(a_full_queue_refuses_and_its_neighbour_does_not),
        STORY(a_paused_queue_takes_jobs_and_gives_none),
        STORY(no_more_are_leased_at_once_than_the_limit_says),
        STORY(leases_come_at_the_rate_and_no_faster),
        STORY(a_heartbeat_keeps_a_lease_and_only_its_own),
        STORY(a_released_job_counts_no_attempt),
        STORY(pages_of_a_list_show_each_job_once),
        STORY(dead_letters_are_tried_again_or_deleted_in_steps),
        STORY(a_leased_job_cannot_be_deleted_and_an_empty_queue_can),
        STORY(done_jobs_keep_their_result_and_go_when_they_are_old),
        STORY(settings_outside_their_limits_change_nothing),
        STORY(a_clock_that_was_set_back_ends_no_lease_early_and_holds_none_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
