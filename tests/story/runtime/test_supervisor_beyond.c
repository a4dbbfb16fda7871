#include "tests/conformance/otp/sup_world.h"

#include "runtime/os.h"

/* What supervisors have beyond OTP: pauses before restarts, places, copied args. */

#define STORY(name)                                                 \
    static void name##_body(struct fl_self *self, struct world *w); \
    static void name(void **state)                                  \
    {                                                               \
        world_run_simulated(name##_body);                           \
    }                                                               \
    static void name##_body(struct fl_self *self, struct world *w)
/* A real node with two shards. */
#define REAL_STORY(name)                                            \
    static void name##_body(struct fl_self *self, struct world *w); \
    static void name(void **state)                                  \
    {                                                               \
        world_run(name##_body, 0, 2);                               \
    }                                                               \
    static void name##_body(struct fl_self *self, struct world *w)

/* How long until it has a process again, seen by one who looks every millisecond. */
static fl_ns time_to_be_back(struct fl_self *self, struct world *w, const char *name)
{
    fl_ns from_ns = fl_self_now(self);
    while (!is_alive(w, name))
        pause_ns(self, w, fl_ms(1));
    return fl_self_now(self) - from_ns;
}

static bool is_about(fl_ns took_ns, int64_t ms)
{
    return took_ns >= fl_ms(ms) && took_ns <= fl_ms(ms + 1);
}

STORY(a_backoff_doubles_up_to_its_most_and_starts_over_after_a_good_while)
{
    static const int64_t waits_ms[] = {100, 200, 400, 500, 500};
    struct fl_child child = CHILD(w, "a");
    child.backoff = (struct fl_backoff){.min_ns = fl_ms(100), .max_ns = fl_ms(500)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 100, &child, 1), 0);
    for (size_t i = 0; i < FL_COUNT(waits_ms); i++) {
        kill_kid(self, w, "a");
        CHECK_WHICH(self, w, "a restarting");
        CHECK(w, is_about(time_to_be_back(self, w, "a"), waits_ms[i]));
    }
    pause_ns(self, w, fl_ms(500));
    kill_kid(self, w, "a");
    CHECK(w, is_about(time_to_be_back(self, w, "a"), 100));
}

STORY(with_a_backoff_a_child_that_cannot_start_does_not_use_up_the_limit_at_once)
{
    struct fl_child child = CHILD(w, "a", .starts = 1);
    child.backoff = (struct fl_backoff){.min_ns = fl_s(1), .max_ns = fl_s(60)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ALL, 4, &child, 1), 0);
    kill_kid(self, w, "a");
    EXPECT(self, w, "start a\ngone a\nrefuse a\nrefuse a\n"); /* after 1 s and 3 s */
    CHECK_WHICH(self, w, "a restarting");
    KID_OF(child)->starts = 0;
    CHECK(w, time_to_be_back(self, w, "a") > fl_s(3)); /* after 7 s */
    CHECK(w, strcmp(w->notes, "restart a 1: killed, 1 of 4\n"
                              "start_error a 1: error: refused, 1 of 4\n"
                              "restart a 1: error: refused, 2 of 4\n"
                              "start_error a 1: error: refused, 2 of 4\n"
                              "restart a 1: error: refused, 3 of 4\n") == 0);
}

STORY(jitter_spreads_a_backoff_within_its_percentage)
{
    struct fl_child template = CHILD(w, "a");
    bool differ = false;
    fl_ns first_ns = 0;
    template.backoff = (struct fl_backoff){
        .min_ns = fl_ms(1000), .max_ns = fl_ms(1000), .jitter_percent = 20};
    CHECK_CODE(w, start_tree(self, w, FL_SIMPLE_ONE_FOR_ONE, 1000, &template, 1), 0);
    CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, NULL), 0);
    for (int i = 0; i < 20; i++) {
        kill_kid(self, w, "a");
        CHECK_WHICH(self, w, "- restarting");
        fl_ns took_ns = time_to_be_back(self, w, "a");
        CHECK(w, took_ns >= fl_ms(800) && took_ns <= fl_ms(1201));
        if (i == 0) first_ns = took_ns;
        differ = differ || took_ns != first_ns;
    }
    CHECK(w, differ);
}

STORY(a_child_whose_pause_is_cut_short_by_a_request_does_not_come_back)
{
    struct fl_child child = CHILD(w, "a");
    child.backoff = (struct fl_backoff){.min_ns = fl_s(1), .max_ns = fl_s(1)};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 9, &child, 1), 0);
    kill_kid(self, w, "a");
    CHECK_CODE(w, fl_sup_stop_child(self, w->sup, "a"), 0);
    pause_ns(self, w, fl_s(10));
    CHECK_WHICH(self, w, "");
    EXPECT(self, w, "start a\ngone a\n");
}

/* A child whose args are gone by the time it is restarted. */
static int word_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *w;
    memcpy(&w, args, sizeof w);
    say(w, "word %s\n", (const char *)args + sizeof w);
    return 0;
}
static void word_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_ERROR));
}
static const struct fl_server word_server = {
    .name = "word", .on_init = word_on_init, .on_cast = word_on_cast};

STORY(copied_args_live_as_long_as_the_child)
{
    struct fl_pid pid = FL_NO_PID;
    for (int is_dynamic = 0; is_dynamic < 2; is_dynamic++) {
        unsigned char args[sizeof w + 8];
        memcpy(args, &w, sizeof w);
        memcpy(args + sizeof w, "one", 4);
        struct fl_child child = {
            .id = "x", .server = &word_server, .args = args, .args_bytes = sizeof args};
        if (is_dynamic) child.args_bytes = 0;
        enum fl_strategy strategy = is_dynamic ? FL_SIMPLE_ONE_FOR_ONE : FL_ONE_FOR_ONE;
        CHECK_CODE(w, start_tree(self, w, strategy, 9, &child, (size_t)is_dynamic), 0);
        if (is_dynamic)
            CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, args, sizeof args, &pid), 0);
        else
            CHECK_CODE(w, fl_sup_start_child(self, w->sup, &child, &pid), 0);
        memset(args, 0, sizeof args);
        fl_send(self, pid, 1, NULL, 0);
        EXPECT(self, w, "word one\nword one\n");
    }
}

REAL_STORY(children_live_where_the_spec_says)
{
    struct fl_child children[] = {CHILD(w, "here"), CHILD(w, "there"), CHILD(w, "s1"),
                                  CHILD(w, "s2")};
    children[1].shard = FL_SHARD(1);
    children[2].shard = children[3].shard = FL_SHARD_SPREAD;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ALL, 3, children, 4), 0);
    struct fl_child nowhere = CHILD(w, "nowhere");
    nowhere.shard = FL_SHARD(7);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &nowhere, NULL), FL_ERANGE);
    CHECK(w, fl_whereis(w->node, "here").bits >> 56 == 0);
    CHECK(w, fl_whereis(w->node, "there").bits >> 56 == 1);
    CHECK(w, fl_whereis(w->node, "s1").bits >> 56 != fl_whereis(w->node, "s2").bits >> 56);
    struct fl_pid there = fl_whereis(w->node, "there");
    fl_exit(self, there, fl_reason_of(FL_EXIT_KILL));
    while (!is_alive(w, "there") || fl_pid_eq(fl_whereis(w->node, "there"), there))
        pause_ns(self, w, fl_ms(1));
    CHECK(w, fl_whereis(w->node, "there").bits >> 56 == 1);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN), FL_NEVER), 0);
    CHECK(w, !is_alive(w, "there") && !is_alive(w, "s1") && !is_alive(w, "s2"));
}

REAL_STORY(a_start_that_fails_is_undone_on_other_shards_too)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b"),
                                  CHILD(w, "c", .init_code = FL_EREFUSED)};
    children[0].shard = children[1].shard = FL_SHARD(1);
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 3, children, 3), FL_EREFUSED);
    CHECK(w, !is_alive(w, "a") && !is_alive(w, "b"));
    EXPECT(self, w, "start a\nstart b\nrefuse c\ngone b\ngone a\n");
}

static void os_on_event(void *cx, const struct fl_os_event *event)
{
    static const char *const words[] = {[FL_OS_STARTED] = "os started",
                                        [FL_OS_EXITED] = "os exited",
                                        [FL_OS_KILLED] = "os killed",
                                        [FL_OS_FAILED] = "os failed"};
    say(cx, "%s\n", words[event->kind]);
}

REAL_STORY(an_os_process_is_a_child_like_any_other)
{
    static char *const argv[] = {"sleep", "1000", NULL};
    const struct fl_os_opts os = {.argv = argv, .on_event = os_on_event, .event_cx = w};
    static const enum fl_strategy strategies[] = {FL_ONE_FOR_ALL, FL_REST_FOR_ONE};
    for (size_t i = 0; i < FL_COUNT(strategies); i++) {
        struct fl_child children[] = {
            CHILD(w, "a"), {.id = "os", .server = &fl_os_server, .args = &os}, CHILD(w, "c")};
        CHECK_CODE(w, start_tree(self, w, strategies[i], 3, children, 3), 0);
        EXPECT(self, w, "start a\nos started\nstart c\n");
        end_kid(self, w, "a", FL_EXIT_ERROR);
        EXPECT(self, w, "gone a\ngone c\nos exited\nstart a\nos started\nstart c\n");
        CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "os"), 0);
        EXPECT(self, w, "os exited\n");
        CHECK_WHICH(self, w, "c running, os undefined, a running");
        CHECK_CODE(w, fl_sup_restart_child(self, w->sup, "os", NULL, NULL), 0);
        shut_down(self, w);
        EXPECT(self, w, "os started\ngone c\nos exited\ngone a\nsup shutdown\n");
    }
    CHECK(w, strstr(w->notes, "shutdown_error") == NULL); /* a signal is a way to obey */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backoff_doubles_up_to_its_most_and_starts_over_after_a_good_while),
        cmocka_unit_test(
            with_a_backoff_a_child_that_cannot_start_does_not_use_up_the_limit_at_once),
        cmocka_unit_test(jitter_spreads_a_backoff_within_its_percentage),
        cmocka_unit_test(a_child_whose_pause_is_cut_short_by_a_request_does_not_come_back),
        cmocka_unit_test(copied_args_live_as_long_as_the_child),
        cmocka_unit_test(children_live_where_the_spec_says),
        cmocka_unit_test(a_start_that_fails_is_undone_on_other_shards_too),
        cmocka_unit_test(an_os_process_is_a_child_like_any_other),
    };
    return cmocka_run_group_tests_name("supervisors beyond OTP", tests, NULL, NULL);
}
