#include "tests/story/runtime/player.h"

#include "runtime/task.h"
#include "runtime/task_sup.h"

/* Streams of tasks, OTP case 181: in order or as they come, late ones, crashes, halting; nothing of
 * it is left, neither a message nor a process. */

struct input {
    struct world *world;
    int number;
    fl_ns takes_ns;
    bool crashes;
};
struct feed {
    struct world *world;
    const struct input *inputs;
    size_t count, at, halt_after, told;
    bool is_silent;
    int64_t sum;
};

static int running, running_most;

static void work(struct fl_self *self, const void *args, size_t len)
{
    struct input input;
    assert_int_equal(len, sizeof input);
    memcpy(&input, args, sizeof input);
    running++;
    if (running > running_most) running_most = running;
    fl_pause(self, input.takes_ns);
    running--;
    if (input.crashes) {
        fl_self_fail(self, FL_EIO);
        return;
    }
    fl_task_return(self, &input.number, sizeof input.number);
}

static bool feed_next(void *cx, struct fl_str *args)
{
    struct feed *feed = cx;
    if (feed->at == feed->count) return false;
    *args = (struct fl_str){(const char *)&feed->inputs[feed->at++], sizeof *feed->inputs};
    return true;
}

static bool feed_result(void *cx, const struct fl_task_result *result)
{
    struct feed *feed = cx;
    char text[96];
    int number = 0;
    if (result->code == 0) {
        assert_int_equal(result->len, sizeof number);
        memcpy(&number, result->data, sizeof number);
    }
    feed->sum += number;
    if (feed->is_silent)
        ;
    else if (result->code == 0)
        write_down(feed->world, "%zu: %d\n", result->index, number);
    else if (result->code == FL_EDIED)
        write_down(feed->world, "%zu: ended, %s\n", result->index,
                   fl_reason_show(result->why, text, sizeof text));
    else
        write_down(feed->world, "%zu: %s\n", result->index, fl_code_name(result->code));
    return ++feed->told != feed->halt_after;
}

static const struct input five[] = {
    {.number = 10, .takes_ns = FL_NS_PER_MS * 2500}, {.number = 11, .takes_ns = FL_NS_PER_S},
    {.number = 12, .takes_ns = FL_NS_PER_S},         {.number = 13, .takes_ns = FL_NS_PER_S},
    {.number = 14, .takes_ns = FL_NS_PER_S},
};

static void stream(struct fl_self *self, struct world *w, const struct input *inputs, size_t count,
                   size_t halt_after, struct fl_task_stream set)
{
    struct feed feed = {.world = w, .inputs = inputs, .count = count, .halt_after = halt_after};
    set.fn = work;
    set.next = feed_next;
    set.on_result = feed_result;
    set.cx = &feed;
    int rc = fl_task_stream(self, &set);
    write_down(w, "stream: %s\n", fl_code_name(rc));
    write_down(w, "run: %d\n", running);
    fl_pause(self, fl_s(60));
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static int setup(void **state)
{
    running = running_most = 0;
    return world_setup(state);
}

static void in_order(struct fl_self *self, struct world *w)
{
    stream(self, w, five, FL_COUNT(five), 0, (struct fl_task_stream){0});
}
static void as_they_come(struct fl_self *self, struct world *w)
{
    stream(self, w, five, FL_COUNT(five), 0, (struct fl_task_stream){.is_unordered = true});
}
static void all_at_once(struct fl_self *self, struct world *w)
{
    fl_ns before_ns = fl_self_now(self);
    stream(self, w, five, FL_COUNT(five), 0, (struct fl_task_stream){.max_concurrency = 100});
    assert_int_equal(fl_self_now(self) - before_ns, fl_ms(62500));
}
static void of_nothing(struct fl_self *self, struct world *w)
{
    stream(self, w, five, 0, 0, (struct fl_task_stream){0});
}

static void c181_results_come_in_the_order_of_the_inputs(void **state)
{
    struct world *w = *state;
    world_play(w, in_order, fl_s(100));
    expect_diary(w, "0: 10\n1: 11\n2: 12\n3: 13\n4: 14\nstream: ok\nrun: 0\nleft: 0\n");
    assert_int_equal(running_most, 2);
}

static void c181_or_as_they_come(void **state)
{
    struct world *w = *state;
    world_play(w, as_they_come, fl_s(100));
    expect_diary(w, "1: 11\n2: 12\n0: 10\n3: 13\n4: 14\nstream: ok\nrun: 0\nleft: 0\n");
}

static void as_many_run_at_a_time_as_are_let(void **state)
{
    struct world *w = *state;
    world_play(w, all_at_once, fl_s(100));
    assert_int_equal(running_most, 5);
    w->diary[0] = '\0';
    world_play(w, of_nothing, fl_s(100));
    expect_diary(w, "stream: ok\nrun: 0\nleft: 0\n");
}

/* ---- late ones */

static const struct input late[] = {
    {.number = 1, .takes_ns = FL_NS_PER_S},
    {.number = 2, .takes_ns = FL_NS_PER_S * 30},
    {.number = 3, .takes_ns = FL_NS_PER_S},
};

static void kills_late_ones(struct fl_self *self, struct world *w)
{
    stream(self, w, late, FL_COUNT(late), 0,
           (struct fl_task_stream){.on_timeout = FL_TASK_TIMEOUT_KILL});
}
static void ends_with_late_ones(struct fl_self *self, struct world *w)
{
    stream(self, w, late, FL_COUNT(late), 0, (struct fl_task_stream){0});
}
static void has_all_the_time(struct fl_self *self, struct world *w)
{
    stream(self, w, late, FL_COUNT(late), 0, (struct fl_task_stream){.timeout_ns = FL_NEVER});
}

static void c181_a_late_task_is_killed_and_its_place_says_so(void **state)
{
    struct world *w = *state;
    world_play(w, kills_late_ones, fl_s(100));
    expect_diary(w, "0: 1\n1: timeout\n2: 3\nstream: ok\nrun: 1\nleft: 0\n");
}

static void watches(struct fl_self *self, struct world *w)
{
    player_await_end(self, w, *(struct fl_pid *)w->cx);
}

static void play_and_watch(struct world *w, player_fn fn)
{
    struct fl_pid *who = fl_new(struct fl_pid);
    *who = world_start(w, fn);
    w->cx = who;
    world_play(w, watches, fl_s(100));
}

static void c181_or_ends_who_streams(void **state)
{
    struct world *w = *state;
    play_and_watch(w, ends_with_late_ones);
    expect_diary(w, "0: 1\nit ended: error: a task of a stream\n");
}

static void without_a_limit_all_may_take_their_time(void **state)
{
    struct world *w = *state;
    world_play(w, has_all_the_time, fl_s(100));
    expect_diary(w, "0: 1\n1: 2\n2: 3\nstream: ok\nrun: 0\nleft: 0\n");
}

/* ---- crashes */

static const struct input bad[] = {
    {.number = 1, .takes_ns = FL_NS_PER_MS * 500},
    {.number = 2, .takes_ns = FL_NS_PER_S, .crashes = true},
    {.number = 3, .takes_ns = FL_NS_PER_S},
};

static void is_linked(struct fl_self *self, struct world *w)
{
    stream(self, w, bad, FL_COUNT(bad), 0, (struct fl_task_stream){0});
}
static void traps(struct fl_self *self, struct world *w)
{
    fl_self_trap_exits(self, true);
    stream(self, w, bad, FL_COUNT(bad), 0, (struct fl_task_stream){0});
}
static void has_a_supervisor(struct fl_self *self, struct world *w)
{
    struct fl_pid sup;
    assert_int_equal(fl_task_sup_start(self, NULL, NULL, &sup), 0);
    stream(self, w, bad, FL_COUNT(bad), 0, (struct fl_task_stream){.sup = sup});
}

static void c181_a_crash_is_ours_or_a_value(void **state)
{
    struct world *w = *state;
    world_play(w, traps, fl_s(100));
    expect_diary(w,
                 "0: 1\n1: ended, error: input/output error\n2: 3\nstream: ok\nrun: 0\nleft: 0\n");
    world_play(w, has_a_supervisor, fl_s(100));
    expect_diary(w,
                 "0: 1\n1: ended, error: input/output error\n2: 3\nstream: ok\nrun: 0\nleft: 0\n");
    play_and_watch(w, is_linked);
    expect_diary(w, "0: 1\nit ended: error: input/output error\n");
}

/* ---- ends in the middle */

static void halts(struct fl_self *self, struct world *w)
{
    fl_self_trap_exits(self, true);
    stream(self, w, five, FL_COUNT(five), 2, (struct fl_task_stream){.max_concurrency = 4});
}

static void c181_halting_kills_what_runs(void **state)
{
    struct world *w = *state;
    world_play(w, halts, fl_s(100));
    /* the last one was started when the second result was in, and got no further */
    expect_diary(w, "0: 10\n1: 11\nstream: ok\nrun: 0\nleft: 0\n");
}

static void streams_for_long(struct fl_self *self, struct world *w)
{
    struct fl_pid sup = fl_whereis(w->node, "tasks");
    stream(self, w, late, FL_COUNT(late), 0,
           (struct fl_task_stream){.sup = sup, .timeout_ns = FL_NEVER});
}
static void holds_tasks(struct fl_self *self, struct world *w)
{
    struct fl_pid sup;
    assert_int_equal(fl_task_sup_start(self, NULL, "tasks", &sup), 0);
    fl_pause(self, fl_ms(2500));
    write_down(w, "children: %d\n", (int)fl_task_sup_children(self, sup, NULL, 0));
    fl_pause(self, fl_s(1));
    write_down(w, "children: %d\n", (int)fl_task_sup_children(self, sup, NULL, 0));
}

static void when_who_streams_is_ended_its_tasks_are_too(void **state)
{
    struct world *w = *state;
    world_play(w, holds_tasks, fl_ms(1));
    world_play(w, streams_for_long, fl_ms(2700));
    fl_node_exit(w->node, w->last, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "0: 1\nchildren: 1\nchildren: 0\n");
}

/* ---- a large one */

static bool count_next(void *cx, struct fl_str *args)
{
    struct feed *feed = cx;
    static struct input input;
    if (feed->at == feed->count) return false;
    input = (struct input){.number = (int)feed->at++, .takes_ns = (fl_ns)(feed->at * 7919 % 100)};
    *args = (struct fl_str){(const char *)&input, sizeof input};
    return true;
}

static void streams_thousands(struct fl_self *self, struct world *w)
{
    struct feed feed = {.world = w, .count = 5000, .is_silent = true};
    struct fl_task_stream set = {.fn = work,
                                 .next = count_next,
                                 .on_result = feed_result,
                                 .cx = &feed,
                                 .max_concurrency = 300};
    for (int unordered = 0; unordered < 2; unordered++) {
        feed.at = 0;
        set.is_unordered = unordered == 1;
        assert_int_equal(fl_task_stream(self, &set), 0);
    }
    assert_int_equal(feed.sum, 4999 * 5000);
    write_down(w, "told: %zu, left: %zu\n", feed.told, fl_self_mailbox_len(self));
}

static void thousands_go_through(void **state)
{
    struct world *w = *state;
    world_play(w, streams_thousands, fl_s(100));
    expect_diary(w, "told: 10000, left: 0\n");
    assert_int_equal(running_most, 300);
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(c181_results_come_in_the_order_of_the_inputs),
        STORY(c181_or_as_they_come),
        STORY(as_many_run_at_a_time_as_are_let),
        STORY(c181_a_late_task_is_killed_and_its_place_says_so),
        STORY(c181_or_ends_who_streams),
        STORY(without_a_limit_all_may_take_their_time),
        STORY(c181_a_crash_is_ours_or_a_value),
        STORY(c181_halting_kills_what_runs),
        STORY(when_who_streams_is_ended_its_tasks_are_too),
        STORY(thousands_go_through),
    };
    return cmocka_run_group_tests_name("task_stream", tests, NULL, NULL);
}
