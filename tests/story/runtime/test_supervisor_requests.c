#include "tests/conformance/otp/sup_world.h"

#define STORY(name)                                                 \
    static void name##_body(struct fl_self *self, struct world *w); \
    static void name(void **state)                                  \
    {                                                               \
        world_run_simulated(name##_body);                           \
    }                                                               \
    static void name##_body(struct fl_self *self, struct world *w)

/* A supervisor waits for nobody's end: what comes in between is answered, or kept in order. */

/* Another process that asks, so that the body of a story can go on meanwhile. */
enum { ASK_TERMINATE = 1, ASK_RESTART, ASK_START, ASK_STOP };

struct ask {
    struct world *w;
    int what;
    const char *id;
};

static void asker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    static const char *const words[] = {"", "terminate", "restart", "start", "stop"};
    struct ask ask;
    memcpy(&ask, msg->data, sizeof ask);
    struct fl_pid sup = ask.w->sup;
    int rc = 1;
    if (ask.what == ASK_TERMINATE) rc = fl_sup_terminate_child(self, sup, ask.id);
    if (ask.what == ASK_RESTART) rc = fl_sup_restart_child(self, sup, ask.id, NULL, NULL);
    if (ask.what == ASK_STOP) rc = fl_sup_stop_child(self, sup, ask.id);
    if (ask.what == ASK_START) {
        struct fl_child child = child_of(ask.w, (struct kid){.name = ask.id});
        rc = fl_sup_start_child(self, sup, &child, NULL);
    }
    say(ask.w, "%s %s: %s\n", words[ask.what], ask.id, fl_code_name(rc));
}
static const struct fl_server asker_server = {.name = "asker", .on_cast = asker_on_cast};

static void ask(struct fl_self *self, struct world *w, int what, const char *id)
{
    struct fl_pid asker = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = -1};
    struct ask request = {.w = w, .what = what, .id = id};
    CHECK_CODE(w, fl_spawn(self, &asker_server, &opts, &asker), 0);
    fl_send(self, asker, 1, &request, sizeof request);
    pause_ns(self, w, 0);
}

static void start(struct fl_self *self, struct world *w, enum fl_strategy strategy,
                  const char *lame)
{
    static const char *const names[] = {"a", "b", "c"};
    struct fl_child children[3];
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        bool is_lame = strcmp(names[i], lame) == 0;
        children[i] = child_of(w,
                               (struct kid){.name = names[i], .traps = is_lame, .hangs = is_lame});
        children[i].shutdown_ns = fl_s(2);
    }
    CHECK_CODE(w, start_tree(self, w, strategy, 3, children, 3), 0);
    EXPECT(self, w, "start a\nstart b\nstart c\n");
}

STORY(a_child_that_takes_its_time_to_stop_holds_up_nobody_else)
{
    start(self, w, FL_ONE_FOR_ONE, "b");
    ask(self, w, ASK_TERMINATE, "b");
    ask(self, w, ASK_TERMINATE, "a");
    ask(self, w, ASK_START, "d");
    end_kid(self, w, "c", FL_EXIT_ERROR);
    EXPECT(
        self, w,
        "terminate b shutdown\ngone a\nterminate a: ok\nstart d\nstart d: ok\ngone c\nstart c\n");
    CHECK_WHICH(self, w, "d running, c running, b running, a undefined");
    EXPECT(self, w, "gone b\nterminate b: ok\n");
}

STORY(requests_about_a_child_that_stops_wait_for_its_end)
{
    start(self, w, FL_ONE_FOR_ONE, "b");
    ask(self, w, ASK_TERMINATE, "b");
    ask(self, w, ASK_TERMINATE, "b");
    ask(self, w, ASK_RESTART, "b");
    ask(self, w, ASK_START, "b");
    EXPECT(self, w, "terminate b shutdown\n");
    pause_ns(self, w, fl_s(2) + fl_ms(1));
    CHECK(w, strstr(w->diary, "gone b\n") == w->diary);
    CHECK(w, strstr(w->diary, "start b\n") != NULL);
    CHECK(w, strstr(w->diary, "start b: name is taken\n") != NULL);
    CHECK(w, strstr(w->diary, "restart b: ok\n") != NULL);
    w->diary[0] = '\0';
    ask(self, w, ASK_STOP, "b");
    ask(self, w, ASK_STOP, "b");
    pause_ns(self, w, fl_s(2) + fl_ms(1));
    CHECK(w, strstr(w->diary, "stop b: ok\n") != NULL);
    CHECK(w, strstr(w->diary, "stop b: not found\n") != NULL);
}

STORY(requests_amid_a_restart_of_all_come_after_it_and_questions_do_not_wait)
{
    start(self, w, FL_ONE_FOR_ALL, "a");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "gone b\ngone c\nterminate a shutdown\n");
    CHECK_WHICH(self, w, "c undefined, b undefined, a running");
    CHECK_COUNTS(self, w, 3, 1, 0, 3);
    ask(self, w, ASK_TERMINATE, "c");
    ask(self, w, ASK_START, "d");
    EXPECT(self, w, "");
    pause_ns(self, w, fl_s(2) + fl_ms(1));
    CHECK_WHICH(self, w, "d running, c undefined, b running, a running");
    CHECK(w, strstr(w->diary, "gone a\nstart a\nstart b\nstart c\n") == w->diary);
}

STORY(deaths_amid_a_restart_count_once_and_others_are_not_forgotten)
{
    start(self, w, FL_REST_FOR_ONE, "c");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "gone b\nterminate c shutdown\n");
    end_kid(self, w, "a", FL_EXIT_ERROR); /* not of the rest: its turn comes later */
    EXPECT(self, w, "gone a\n");
    CHECK_WHICH(self, w, "c running, b undefined, a running"); /* as far as anybody knows */
    EXPECT(self, w, "gone c\nstart b\nstart c\nterminate c shutdown\n");
    EXPECT(self, w, "gone c\ngone b\nstart a\nstart b\nstart c\n");
    CHECK(w, strcmp(w->notes, "restart b 1: error, 1 of 3\n"
                              "shutdown_error c 1: killed, 1 of 3\n"
                              "restart a 1: error, 2 of 3\n"
                              "shutdown_error c 1: killed, 2 of 3\n") == 0);
}

STORY(one_that_dies_while_its_siblings_are_stopped_is_one_of_them)
{
    start(self, w, FL_ONE_FOR_ALL, "c");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "gone b\nterminate c shutdown\n");
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "gone a\ngone c\nstart a\nstart b\nstart c\n");
    CHECK(w, strcmp(w->notes, "restart b 1: error, 1 of 3\n"
                              "shutdown_error c 1: killed, 1 of 3\n"
                              "shutdown_error a 1: error, 1 of 3\n") == 0);
    CHECK_WHICH(self, w, "c running, b running, a running");
}

STORY(a_temporary_one_that_dies_while_its_siblings_are_stopped_is_forgotten)
{
    struct fl_child children[] = {CHILD(w, "t"), CHILD(w, "a"),
                                  CHILD(w, "c", .traps = true, .hangs = true)};
    children[0].restart = FL_TEMPORARY;
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ALL, 1, children, 3), 0);
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "start t\nstart a\nstart c\ngone a\nterminate c shutdown\n");
    end_kid(self, w, "t", FL_EXIT_NORMAL);
    EXPECT(self, w, "gone t\ngone c\nstart a\nstart c\n");
    CHECK_WHICH(self, w, "c running, a running");
}

STORY(a_stop_that_was_asked_for_before_takes_part_in_a_restart_of_all)
{
    start(self, w, FL_ONE_FOR_ALL, "c");
    ask(self, w, ASK_TERMINATE, "c");
    EXPECT(self, w, "terminate c shutdown\n");
    end_kid(self, w, "a", FL_EXIT_ERROR);
    EXPECT(self, w, "gone a\n"); /* c is the last one, and so the first to be waited for */
    pause_ns(self, w, fl_s(2) + fl_ms(1));
    CHECK(w, strstr(w->diary, "gone c\n") == w->diary);
    CHECK(w, strstr(w->diary, "terminate c: ok\n") != NULL);
    CHECK(w, strstr(w->diary, "gone b\n") != NULL);
    CHECK_WHICH(self, w, "c running, b running, a running"); /* as OTP: all are started */
}

STORY(a_supervisor_that_ends_turns_requests_away_and_still_answers_questions)
{
    start(self, w, FL_ONE_FOR_ALL, "a");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "gone b\ngone c\nterminate a shutdown\n");
    ask(self, w, ASK_START, "d");
    shut_down(self, w);
    EXPECT(self, w, "start d: wrong state\n");
    ask(self, w, ASK_TERMINATE, "a");
    EXPECT(self, w, "terminate a: wrong state\n");
    CHECK_WHICH(self, w, "c undefined, b undefined, a running");
    EXPECT(self, w, "gone a\nsup shutdown\n");
}

STORY(a_killed_supervisor_leaves_nothing_behind)
{
    start(self, w, FL_ONE_FOR_ALL, "a");
    ask(self, w, ASK_TERMINATE, "a");
    ask(self, w, ASK_TERMINATE, "a");
    end_kid(self, w, "b", FL_EXIT_ERROR);
    EXPECT(self, w, "terminate a shutdown\ngone b\ngone c\n");
    ask(self, w, ASK_START, "d");
    fl_exit(self, w->sup, fl_reason_of(FL_EXIT_KILL));
    pause_ns(self, w, fl_ms(1));
    CHECK(w, strstr(w->diary, "sup killed\n") != NULL);
    CHECK(w, strstr(w->diary, "start d: died before it answered\n") != NULL);
}

STORY(a_child_that_unlinked_cannot_hang_its_supervisor)
{
    struct fl_child children[] = {CHILD(w, "a"), CHILD(w, "b")};
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, children, 2), 0);
    fl_send(self, fl_whereis(w->node, "b"), KID_UNLINKS, NULL, 0);
    pause_ns(self, w, 0);
    shut_down(self, w);
    EXPECT(self, w, "start a\nstart b\ngone b\ngone a\nsup shutdown\n");

    struct fl_child template = CHILD(w, "t");
    template.name = NULL;
    CHECK_CODE(w, start_tree(self, w, FL_SIMPLE_ONE_FOR_ONE, 1, &template, 1), 0);
    for (int i = 0; i < 3; i++) {
        struct fl_pid pid = FL_NO_PID;
        CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, &pid), 0);
        fl_send(self, pid, KID_UNLINKS, NULL, 0);
    }
    pause_ns(self, w, 0);
    shut_down(self, w);
    EXPECT(self, w, "start t\nstart t\nstart t\ngone t\ngone t\ngone t\nsup shutdown\n");
}

STORY(what_goes_wrong_with_children_is_noted)
{
    struct fl_child a = CHILD(w, "a", .traps = true, .hangs = true),
                    bad = CHILD(w, "bad", .init_code = FL_EREFUSED);
    a.shutdown_ns = fl_ms(20);
    CHECK_CODE(w, start_tree(self, w, FL_ONE_FOR_ONE, 1, &a, 1), 0);
    CHECK_CODE(w, fl_sup_start_child(self, w->sup, &bad, NULL), FL_EREFUSED);
    CHECK_CODE(w, fl_sup_terminate_child(self, w->sup, "a"), 0);
    CHECK(w, strcmp(w->notes, "start_error bad 1: error: refused, 0 of 1\n"
                              "shutdown_error a 1: killed, 0 of 1\n") == 0);
    w->notes[0] = '\0';
    /* a dynamic supervisor's end is noted once for each way to end, not once for each child */
    struct fl_child template = CHILD(w, "t", .traps = true, .hangs = true);
    template.name = NULL;
    template.shutdown_ns = fl_ms(20);
    CHECK_CODE(w, start_tree(self, w, FL_SIMPLE_ONE_FOR_ONE, 1, &template, 1), 0);
    for (int i = 0; i < 3; i++)
        CHECK_CODE(w, fl_dynamic_start_child(self, w->sup, NULL, 0, NULL), 0);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_SHUTDOWN), FL_NEVER), 0);
    CHECK(w, strcmp(w->notes, "shutdown_error t 3: killed, 0 of 1\n") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_takes_its_time_to_stop_holds_up_nobody_else),
        cmocka_unit_test(requests_about_a_child_that_stops_wait_for_its_end),
        cmocka_unit_test(requests_amid_a_restart_of_all_come_after_it_and_questions_do_not_wait),
        cmocka_unit_test(deaths_amid_a_restart_count_once_and_others_are_not_forgotten),
        cmocka_unit_test(one_that_dies_while_its_siblings_are_stopped_is_one_of_them),
        cmocka_unit_test(a_temporary_one_that_dies_while_its_siblings_are_stopped_is_forgotten),
        cmocka_unit_test(a_stop_that_was_asked_for_before_takes_part_in_a_restart_of_all),
        cmocka_unit_test(a_supervisor_that_ends_turns_requests_away_and_still_answers_questions),
        cmocka_unit_test(a_killed_supervisor_leaves_nothing_behind),
        cmocka_unit_test(a_child_that_unlinked_cannot_hang_its_supervisor),
        cmocka_unit_test(what_goes_wrong_with_children_is_noted),
    };
    return cmocka_run_group_tests_name("supervisors asked amid their work", tests, NULL, NULL);
}
