#include "tests/support/testkit.h"

#include "runtime/core.h"

#define TIMERS 2000

struct fired {
    struct fl_timer timer;
    struct fired **log;
    size_t *count;
};

static void on_fire(struct fl_timer *timer)
{
    struct fired *fired = FL_OWNER(timer, struct fired, timer);
    fired->log[(*fired->count)++] = fired;
}

/* Random deadlines and removals, checked against the plain rule: by deadline, then by start. */
static void timers_fire_by_deadline_then_by_start_whatever_was_removed(void **state)
{
    struct fl_shard *shard = fl_new(struct fl_shard);
    struct fired *all = fl_new_array(struct fired, TIMERS);
    struct fired **log = fl_new_array(struct fired *, TIMERS);
    size_t count = 0, removed = 0;
    struct fl_rng rng;
    fl_rng_init(&rng, 11);
    for (size_t i = 0; i < TIMERS; i++) {
        all[i] = (struct fired){.log = log, .count = &count};
        all[i].timer.kind = FL_TIMER_PORT;
        all[i].timer.fn = on_fire;
        fl_timer_add(shard, &all[i].timer, fl_rng_between(&rng, 0, 300));
        if (i % 3 != 0) continue;
        struct fl_timer *other = &all[fl_rng_between(&rng, 0, (int64_t)i)].timer;
        removed += fl_timer_is_on(other);
        fl_timer_remove(shard, other);
        fl_timer_remove(shard, other); /* not in it is fine */
    }
    for (fl_ns now_ns = 0; now_ns <= 300; now_ns++) {
        fl_timer_fire(shard, now_ns);
        assert_true(count == 0 || log[count - 1]->timer.due_ns <= now_ns);
        assert_true(fl_timer_next(shard) > now_ns);
    }
    assert_int_equal(count, TIMERS - removed);
    for (size_t i = 1; i < count; i++) {
        const struct fl_timer *a = &log[i - 1]->timer, *b = &log[i]->timer;
        assert_true(a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->seq < b->seq));
    }
    assert_true(fl_timer_next(shard) == FL_NEVER);
    fl_timers_fini(&shard->timers);
    free(shard);
    free(all);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_by_deadline_then_by_start_whatever_was_removed),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
