/* Jobs by the calendar: once each, whatever happens in between. */
#include "tests/unit/queue/shop.h"

#define MINUTE INT64_C(60000)

static int repeat(struct shop *shop, const char *name, const char *cron, enum fl_misfire misfire,
                  int64_t now_ms)
{
    struct fl_store_op op = {.kind = FL_STORE_REPEAT_SET,
                             .queue = FL_STR("q"),
                             .key = fl_str_of(name),
                             .unique = fl_str_of(cron),
                             .payload = FL_STR("{\"r\":1}"),
                             .max = (int)misfire};
    return ask(shop, op, now_ms);
}

static void tick(struct shop *shop, int64_t now_ms)
{
    assert_int_equal(ask(shop, (struct fl_store_op){.kind = FL_STORE_TICK}, now_ms), 0);
}

/** Takes the next job, done at once; its key. */
static void expect_key(struct shop *shop, int64_t now_ms, const char *want)
{
    struct fl_store_op op = {
        .kind = FL_STORE_LEASE, .queue = FL_STR("q"), .max = 1, .visibility_ms = 10};
    apply(shop, &op, 1, now_ms);
    assert_int_equal(op.jobs_count, want != NULL ? 1 : 0);
    if (want == NULL) return;
    assert_true(fl_str_is(op.jobs[0].key, want));
    assert_true(fl_str_is(op.jobs[0].payload, "{\"r\":1}"));
    ack(shop, op.jobs[0].id, op.jobs[0].lease, now_ms);
    fl_store_op_fini(&op);
}

static void a_repeat_fires_at_its_times_once_each(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(repeat(shop, "r", "*/2 * * * *", FL_MISFIRE_ONCE, MINUTE), 0);
    tick(shop, MINUTE);
    assert_int_equal(fl_store_next_ms(shop->store), 2 * MINUTE);
    tick(shop, 2 * MINUTE - 1);
    expect_key(shop, 2 * MINUTE - 1, NULL);
    tick(shop, 2 * MINUTE);
    tick(shop, 2 * MINUTE);
    reopen(shop);
    tick(shop, 2 * MINUTE + 1);
    expect_key(shop, 2 * MINUTE + 1, "repeat/r/120000");
    expect_key(shop, 2 * MINUTE + 1, NULL);
    tick(shop, 2 * MINUTE + 20);
    assert_int_equal(fl_store_next_ms(shop->store), 4 * MINUTE);
    tick(shop, 4 * MINUTE + 5);
    expect_key(shop, 4 * MINUTE + 5, "repeat/r/240000");
}

static void what_was_missed_is_made_up_for_once_or_skipped(void **state)
{
    struct shop *shop = *state;
    repeat(shop, "once", "* * * * *", FL_MISFIRE_ONCE, MINUTE);
    repeat(shop, "skip", "* * * * *", FL_MISFIRE_SKIP, MINUTE);
    reopen(shop); /* an hour of nothing */
    tick(shop, 60 * MINUTE + 1);
    expect_key(shop, 60 * MINUTE + 1, "repeat/once/120000");
    expect_key(shop, 60 * MINUTE + 1, NULL);
    tick(shop, 61 * MINUTE);
    expect_key(shop, 61 * MINUTE, "repeat/once/3660000");
    expect_key(shop, 61 * MINUTE, "repeat/skip/3660000");
}

static void a_full_queue_gets_its_firing_later_and_holds_up_no_other(void **state)
{
    struct shop *shop = *state;
    set(shop, "q", FL_SET_JOBS_MAX, 1);
    struct fl_store_op fill = op_enqueue("fill", "{\"r\":1}");
    fill.queue = FL_STR("q");
    assert_int_equal(ask(shop, fill, 0), 0);
    repeat(shop, "r", "* * * * *", FL_MISFIRE_ONCE, 0);
    struct fl_store_op other = {.kind = FL_STORE_REPEAT_SET,
                                .queue = FL_STR("other"),
                                .key = FL_STR("o"),
                                .unique = FL_STR("* * * * *")};
    assert_int_equal(ask(shop, other, 0), 0);
    tick(shop, MINUTE);
    expect_jobs(shop, "other", MINUTE, (struct counts){.ready = 1});
    assert_in_range(fl_store_next_ms(shop->store), MINUTE + 1, 2 * MINUTE);
    expect_key(shop, MINUTE, "fill");
    tick(shop, MINUTE + 1000);
    expect_key(shop, MINUTE + 1000, "repeat/r/60000");
}

static void a_repeat_can_be_changed_and_ended(void **state)
{
    struct shop *shop = *state;
    repeat(shop, "r", "* * * * *", FL_MISFIRE_ONCE, 0);
    repeat(shop, "r", "30 * * * *", FL_MISFIRE_ONCE, 0);
    tick(shop, MINUTE);
    expect_key(shop, MINUTE, NULL);
    assert_int_equal(fl_store_next_ms(shop->store), 30 * MINUTE);
    struct fl_store_op list = {.kind = FL_STORE_REPEATS};
    apply(shop, &list, 1, MINUTE);
    assert_int_equal(list.repeats_count, 1);
    assert_true(fl_str_is(list.repeats[0].cron, "30 * * * *"));
    fl_store_op_fini(&list);
    struct fl_store_op end = {
        .kind = FL_STORE_REPEAT_DELETE, .queue = FL_STR("q"), .key = FL_STR("r")};
    assert_int_equal(ask(shop, end, MINUTE), 0);
    assert_int_equal(ask(shop, end, MINUTE), FL_ENOTFOUND);
    tick(shop, 40 * MINUTE);
    expect_key(shop, 40 * MINUTE, NULL);
    assert_true(fl_store_next_ms(shop->store) == INT64_MAX);
}

static void what_makes_no_repeat_is_refused(void **state)
{
    struct shop *shop = *state;
    assert_int_equal(repeat(shop, "r", "61 * * * *", FL_MISFIRE_ONCE, 0), FL_ERANGE);
    assert_int_equal(repeat(shop, "a/b", "* * * * *", FL_MISFIRE_ONCE, 0), FL_ERANGE);
    assert_int_equal(repeat(shop, "r", "0 0 30 2 *", FL_MISFIRE_ONCE, 0), FL_ERANGE);
    char name[16];
    for (int i = 0; i < FL_STORE_REPEATS_MAX; i++) {
        snprintf(name, sizeof name, "r%d", i);
        assert_int_equal(repeat(shop, name, "0 0 1 1 *", FL_MISFIRE_ONCE, 0), 0);
    }
    assert_int_equal(repeat(shop, "one-more", "0 0 1 1 *", FL_MISFIRE_ONCE, 0), FL_EFULL);
    assert_int_equal(repeat(shop, "r7", "0 0 2 1 *", FL_MISFIRE_ONCE, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_repeat_fires_at_its_times_once_each),
        STORY(what_was_missed_is_made_up_for_once_or_skipped),
        STORY(a_full_queue_gets_its_firing_later_and_holds_up_no_other),
        STORY(a_repeat_can_be_changed_and_ended),
        STORY(what_makes_no_repeat_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
