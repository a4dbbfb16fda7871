#include "tests/story/runtime/diary.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/pid.h"
#include "runtime/server.h"

/* A room that writes down what it hears, and people who speak to it. Filters stand between. */

enum { SAY = 1, SAY_LONG, CALL, CALL_DEAD, END, WATCH, LINK, NUDGE };

struct world {
    struct fl_node *node;
    struct fl_pid room, ana, bob;
    char diary[4096];
    uint64_t filter;
    struct fl_filter_counts counts;
};

struct order { /* to a person: what to do */
    int what, first, count;
};
struct word { /* to the room */
    struct fl_pid who;
    int number;
    char padding[200]; /* of a long one: does not fit into a signal */
};

static struct world *world_of(void *state)
{
    return *(struct world **)state;
}

static int any_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct world **)state = (struct world *)(uintptr_t)args;
    return 0;
}

static const char *name_of(const struct world *world, struct fl_pid pid)
{
    return fl_pid_eq(pid, world->ana) ? "ana" : fl_pid_eq(pid, world->bob) ? "bob" : "room";
}

/* ---- the room */

static void room_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = world_of(state);
    struct word word = {0};
    if (msg->tag == WATCH) {
        fl_monitor(self, world->ana);
        return;
    }
    if (msg->tag == LINK) {
        fl_self_trap_exits(self, true);
        fl_link(self, world->ana);
        fl_timer_start(self, fl_ms(1), 0);
        return;
    }
    memcpy(&word, msg->data, msg->len);
    write_down(world, "%s%d ", name_of(world, msg->from), word.number);
    if (msg->tag == SAY_LONG) assert_int_equal(word.padding[199], 'z');
}

static void room_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    write_down(world_of(state), "asked ");
    if (msg->tag == END)
        fl_self_fail(self, FL_EIO);
    else
        fl_self_reply(self, msg->from, msg->ref, "yes", 4);
}

static void room_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    write_down(world_of(state), "down ");
}

static void room_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                         const struct fl_reason *reason)
{
    write_down(world_of(state), "exit ");
}

static void room_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    write_down(world_of(state), "timer ");
}

static const struct fl_server room_server = {
    .name = "room",
    .state_bytes = sizeof(struct world *),
    .on_init = any_on_init,
    .on_cast = room_on_cast,
    .on_call = room_on_call,
    .on_down = room_on_down,
    .on_exit = room_on_exit,
    .on_timer = room_on_timer,
};

/* ---- people */

static void person_calls(struct fl_self *self, struct world *world, struct fl_pid whom, int tag)
{
    char answer[8] = "";
    fl_ns began_ns = fl_self_now(self);
    int rc = fl_call(self, whom, (uint32_t)tag, NULL, 0, answer, sizeof answer, NULL, fl_ms(100));
    write_down(world, "%s after %d ms: %s\n", name_of(world, fl_self_pid(self)),
               (int)((fl_self_now(self) - began_ns) / FL_NS_PER_MS),
               rc == 0 ? answer : fl_code_name(rc));
}

static void person_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *world = world_of(state);
    struct order order;
    memcpy(&order, msg->data, sizeof order);
    if (order.what == CALL) person_calls(self, world, world->room, CALL);
    if (order.what == NUDGE) person_calls(self, world, world->room, END);
    if (order.what == CALL_DEAD) person_calls(self, world, (struct fl_pid){1}, CALL);
    if (order.what == END) fl_self_fail(self, FL_EIO);
    if (order.what != SAY && order.what != SAY_LONG) return;
    for (int i = 0; i < order.count; i++) {
        struct word word = {.number = order.first + i};
        size_t len = order.what == SAY ? offsetof(struct word, padding) : sizeof word;
        memset(word.padding, 'z', sizeof word.padding);
        fl_send(self, world->room, (uint32_t)order.what, &word, len);
    }
}

static const struct fl_server person_server = {.name = "person",
                                               .state_bytes = sizeof(struct world *),
                                               .on_init = any_on_init,
                                               .on_cast = person_on_cast};

/* ---- the words of the tests */

static struct fl_pid come(struct world *world, const struct fl_server *server, const char *name,
                          uint32_t mailbox_max)
{
    struct fl_pid pid;
    struct fl_spawn_opts opts = {.name = name, .args = world, .mailbox_max = mailbox_max};
    assert_int_equal(fl_node_spawn(world->node, server, &opts, &pid), 0);
    return pid;
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 11};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    world->room = come(world, &room_server, "room", 0);
    world->ana = come(world, &person_server, "ana", 0);
    world->bob = come(world, &person_server, "bob", 0);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    fl_node_free(world->node);
    free(world);
    return 0;
}

static void run_ms(struct world *world, int64_t ms)
{
    fl_sim_run(world->node, fl_ms(ms));
}

static void tell(struct world *world, struct fl_pid who, int what, int first, int count)
{
    struct order order = {.what = what, .first = first, .count = count};
    assert_int_equal(fl_node_send(world->node, who, 0, &order, sizeof order), 0);
    run_ms(world, 0);
}

static void say(struct world *world, struct fl_pid who, int first, int count)
{
    tell(world, who, SAY, first, count);
}

static void nudge_room(struct world *world, uint32_t tag)
{
    assert_int_equal(fl_node_send(world->node, world->room, tag, NULL, 0), 0);
    run_ms(world, 0);
}

static void put(struct world *world, const char *who, const char *from, struct fl_filter_opts opts)
{
    struct fl_err err = {0};
    assert_int_equal(fl_control_filter(world->node, who, from, &opts, &world->filter, &err), 0);
    assert_string_equal(err.text, "");
}

static void take_back(struct world *world)
{
    assert_int_equal(fl_control_unfilter(world->node, world->filter, &world->counts), 0);
}

static void expect_counts(struct world *world, uint64_t seen, uint64_t hit, uint64_t held)
{
    struct fl_filter_counts counts = {0};
    assert_int_equal(fl_control_filter_counts(world->node, world->filter, &counts), 0);
    assert_int_equal(counts.seen, seen);
    assert_int_equal(counts.hit, hit);
    assert_int_equal(counts.held, held);
}

/* ---- each kind */

static void dropped_messages_are_counted_and_undone_they_all_come(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP, .nth = 2});
    say(w, w->ana, 1, 6);
    expect_diary(w, "ana1 ana3 ana5 ");
    expect_counts(w, 6, 3, 0);
    take_back(w);
    assert_int_equal(w->counts.seen, 6);
    assert_int_equal(w->counts.hit, 3);
    say(w, w->ana, 7, 3);
    expect_diary(w, "ana7 ana8 ana9 ");
    assert_int_equal(fl_control_unfilter(w->node, w->filter, NULL), FL_ENOTFOUND);
    assert_int_equal(fl_control_filter_counts(w->node, w->filter, &w->counts), FL_ENOTFOUND);
}

static void a_limit_ends_the_harm_and_not_the_counting(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP, .limit = 2});
    say(w, w->ana, 1, 4);
    expect_diary(w, "ana3 ana4 ");
    expect_counts(w, 4, 2, 0);
}

static void a_delay_is_virtual_time_and_keeps_each_senders_order(void **state)
{
    struct world *w = *state;
    struct fl_filter_opts delay = {.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(50), .limit = 1};
    put(w, "room", NULL, delay);
    say(w, w->ana, 1, 3); /* the second and third are not hit, and wait behind the first */
    say(w, w->bob, 1, 1); /* who sent nothing that waits does not wait */
    expect_diary(w, "bob1 ");
    expect_counts(w, 4, 1, 3);
    run_ms(w, 49);
    expect_diary(w, "");
    run_ms(w, 1);
    expect_diary(w, "ana1 ana2 ana3 ");
    expect_counts(w, 4, 1, 0);
    say(w, w->ana, 4, 1);
    expect_diary(w, "ana4 ");
}

static void duplicates_carry_the_same_bytes(void **state)
{
    struct world *w = *state;
    put(w, "room", "ana", (struct fl_filter_opts){.kind = FL_FILTER_DUPLICATE});
    say(w, w->ana, 1, 2);
    expect_diary(w, "ana1 ana1 ana2 ana2 ");
    tell(w, w->ana, SAY_LONG, 3, 1);
    expect_diary(w, "ana3 ana3 ");
    expect_counts(w, 3, 3, 0);
}

static void reordered_neighbours_change_places_and_the_last_one_comes_alone(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_REORDER});
    say(w, w->ana, 1, 5);
    expect_diary(w, "ana2 ana1 ana4 ana3 ");
    expect_counts(w, 5, 3, 1);
    run_ms(w, 99);
    expect_diary(w, "");
    run_ms(w, 1);
    expect_diary(w, "ana5 ");
}

/* ---- whom it leaves alone */

static void a_filter_on_a_link_leaves_other_senders_alone(void **state)
{
    struct world *w = *state;
    put(w, "room", "ana", (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    say(w, w->ana, 1, 2);
    say(w, w->bob, 1, 2);
    expect_diary(w, "bob1 bob2 ");
    expect_counts(w, 2, 2, 0);
}

static void system_messages_are_never_held_back(void **state)
{
    struct world *w = *state;
    nudge_room(w, WATCH);
    nudge_room(w, LINK);
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_REORDER});
    say(w, w->ana, 1, 1);
    tell(w, w->ana, END, 0, 0);
    expect_diary(w, "exit down ");
    run_ms(w, 1);
    expect_diary(w, "timer ");
    run_ms(w, 99);
    expect_diary(w, "ana1 ");
    take_back(w);
    w->ana = come(w, &person_server, "ana", 0);
    nudge_room(w, LINK);
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    tell(w, w->ana, END, 0, 0);
    run_ms(w, 1);
    expect_diary(w, "exit timer ");
    expect_counts(w, 0, 0, 0);
}

/* ---- calls and answers */

static void a_dropped_question_and_a_dropped_answer_are_both_timeouts(void **state)
{
    struct world *w = *state;
    put(w, "room", "ana", (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    tell(w, w->ana, CALL, 0, 0);
    run_ms(w, 200);
    expect_diary(w, "ana after 100 ms: timeout\n");
    take_back(w);
    put(w, "ana", "room", (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    tell(w, w->ana, CALL, 0, 0);
    run_ms(w, 200);
    expect_diary(w, "asked ana after 100 ms: timeout\n");
    expect_counts(w, 1, 1, 0);
    take_back(w);
    tell(w, w->ana, CALL, 0, 0);
    expect_diary(w, "asked ana after 0 ms: yes\n");
}

static void a_delayed_answer_comes_late_or_too_late(void **state)
{
    struct world *w = *state;
    put(w, "ana", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(60)});
    tell(w, w->ana, CALL, 0, 0); /* this order is a message of hers too: it waits as well */
    expect_diary(w, "");
    run_ms(w, 60);
    expect_diary(w, "asked ");
    run_ms(w, 60);
    expect_diary(w, "ana after 60 ms: yes\n");
    take_back(w);
    put(w, "ana", "room", (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(160)});
    tell(w, w->ana, CALL, 0, 0);
    run_ms(w, 1000);
    expect_diary(w, "asked ana after 100 ms: timeout\n");
}

static void a_question_that_comes_twice_is_answered_once(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DUPLICATE});
    put(w, "ana", "room", (struct fl_filter_opts){.kind = FL_FILTER_DUPLICATE});
    tell(w, w->ana, CALL, 0, 0);
    tell(w, w->ana, CALL, 0, 0);
    char *text = w->diary;
    int asked = 0, answered = 0;
    for (; (text = strstr(text, "asked ")) != NULL; text++)
        asked++;
    for (text = w->diary; (text = strstr(text, "after 0 ms: yes\n")) != NULL; text++)
        answered++;
    assert_int_equal(asked, 4);
    assert_int_equal(answered, 2);
}

static void what_the_runtime_answers_gets_through(void **state)
{
    struct world *w = *state;
    put(w, "ana", "room", (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    tell(w, w->ana, CALL_DEAD, 0, 0);
    expect_diary(w, "ana after 0 ms: no such process\n");
    tell(w, w->ana, NUDGE, 0, 0);
    expect_diary(w, "asked ana after 0 ms: died before it answered\n");
    expect_counts(w, 0, 0, 0);
}

/* ---- taken back */

static void undone_what_is_held_goes_on_in_order_before_anything_newer(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_s(3600)});
    say(w, w->ana, 1, 2);
    say(w, w->bob, 1, 1);
    expect_diary(w, "");
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_s(3600)});
    run_ms(w, 0);
    assert_int_equal(fl_control_unfilter(w->node, w->filter, NULL), 0);
    w->filter--;
    /* on its way before the shard hears that they are over */
    struct word word = {.number = 3};
    fl_node_send(w->node, w->room, SAY, &word, sizeof word);
    take_back(w);
    assert_int_equal(w->counts.held, 3);
    run_ms(w, 0);
    expect_diary(w, "ana1 ana2 bob1 room3 ");
    run_ms(w, fl_s(7200) / FL_NS_PER_MS);
    expect_diary(w, "");
}

static void two_filters_act_one_after_the_other_and_end_alone(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(50)});
    uint64_t first = w->filter;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DUPLICATE, .nth = 2});
    say(w, w->ana, 1, 2);
    expect_diary(w, "");
    run_ms(w, 50);
    expect_diary(w, "ana1 ana2 ana2 ");
    say(w, w->ana, 3, 2);
    assert_int_equal(fl_control_unfilter(w->node, first, NULL), 0);
    run_ms(w, 0);
    expect_diary(w, "ana3 ana4 ana4 "); /* what the first held goes through the second */
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    assert_int_equal(fl_control_unfilter(w->node, w->filter - 1, NULL), 0);
    take_back(w); /* both at once */
    say(w, w->ana, 5, 1);
    expect_diary(w, "ana5 ");
}

static void it_ends_with_its_process_and_the_evidence_stays(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(50)});
    say(w, w->ana, 1, 3);
    assert_int_equal(fl_control_exit(w->node, "room", fl_reason_of(FL_EXIT_KILL)), 0);
    run_ms(w, 100);
    expect_counts(w, 3, 3, 0);
    w->room = come(w, &room_server, "room", 0); /* another one: not filtered */
    say(w, w->ana, 4, 1);
    expect_diary(w, "ana4 ");
    take_back(w);
    assert_int_equal(w->counts.hit, 3);
    assert_int_equal(fl_control_unfilter(w->node, w->filter, NULL), FL_ENOTFOUND);
}

static void a_filter_that_is_never_taken_back_goes_with_its_node(void **state)
{
    struct world *w = *state;
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(50)});
    say(w, w->ana, 1, 3);
    put(w, "ana", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP}); /* not there yet */
    put(w, "bob", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    take_back(w);
}

static void a_full_mailbox_is_full_for_what_comes_late_too(void **state)
{
    struct world *w = *state;
    assert_int_equal(fl_control_exit(w->node, "room", fl_reason_of(FL_EXIT_KILL)), 0);
    run_ms(w, 0);
    w->room = come(w, &room_server, "room", 2);
    put(w, "room", NULL, (struct fl_filter_opts){.kind = FL_FILTER_DELAY, .delay_ns = fl_ms(50)});
    say(w, w->ana, 1, 3);
    assert_int_equal(fl_control_suspend(w->node, "room"), 0);
    run_ms(w, 60);
    assert_int_equal(fl_control_resume(w->node, "room"), 0);
    run_ms(w, 0);
    expect_diary(w, "ana1 ana2 ");
}

/* ---- who is meant */

static void a_sender_by_name_is_whoever_has_it_and_by_pid_only_that_one(void **state)
{
    struct world *w = *state;
    char text[FL_PID_TEXT_MAX];
    fl_pid_show(w->bob, text, sizeof text);
    put(w, "room", "ana", (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    put(w, "room", text, (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    fl_node_exit(w->node, w->ana, fl_reason_of(FL_EXIT_KILL));
    fl_node_exit(w->node, w->bob, fl_reason_of(FL_EXIT_KILL));
    run_ms(w, 0);
    w->ana = come(w, &person_server, "ana", 0);
    w->bob = come(w, &person_server, "bob", 0);
    say(w, w->ana, 1, 1);
    say(w, w->bob, 1, 1);
    expect_diary(w, "bob1 ");
}

static void processes_are_reached_by_the_text_of_their_pid(void **state)
{
    struct world *w = *state;
    char text[FL_PID_TEXT_MAX];
    fl_pid_show(w->room, text, sizeof text);
    assert_int_equal(fl_control_suspend(w->node, text), 0);
    say(w, w->ana, 1, 1);
    expect_diary(w, "");
    put(w, text, NULL, (struct fl_filter_opts){.kind = FL_FILTER_DROP});
    assert_int_equal(fl_control_resume(w->node, text), 0);
    say(w, w->ana, 2, 1);
    expect_diary(w, "ana1 "); /* it was in the mailbox before the filter came */
    assert_int_equal(fl_control_exit(w->node, text, fl_reason_of(FL_EXIT_CRASH)), 0);
    run_ms(w, 0);
    assert_int_equal(fl_whereis(w->node, "room").bits, 0);
    assert_int_equal(fl_control_suspend(w->node, "<63.0.1>"), FL_ENOPROC); /* no such shard */
}

static void what_makes_no_sense_is_refused_in_words(void **state)
{
    struct world *w = *state;
    const struct {
        struct fl_filter_opts opts;
        const char *who;
        int rc;
    } rows[] = {
        {{.kind = 0}, "room", FL_ERANGE},
        {{.kind = FL_FILTER_DROP, .probability = 1.5}, "room", FL_ERANGE},
        {{.kind = FL_FILTER_DELAY, .delay_ns = -1}, "room", FL_ERANGE},
        {{.kind = FL_FILTER_DROP}, "nobody", FL_ENOPROC},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct fl_err err = {0};
        assert_int_equal(
            fl_control_filter(w->node, rows[i].who, NULL, &rows[i].opts, &w->filter, &err),
            rows[i].rc);
        assert_true(err.text[0] != '\0');
    }
    say(w, w->ana, 1, 1);
    expect_diary(w, "ana1 ");
}

/* ---- a seed is a seed */

static char *play_drops(uint64_t node_seed, uint64_t seed)
{
    struct world world = {0};
    struct fl_node_opts opts = {.simulated = true, .seed = node_seed};
    assert_int_equal(fl_node_new(&world.node, &opts, NULL), 0);
    world.room = come(&world, &room_server, "room", 0);
    world.ana = come(&world, &person_server, "ana", 0);
    put(&world, "room", NULL,
        (struct fl_filter_opts){.kind = FL_FILTER_DROP, .probability = 0.5, .seed = seed});
    say(&world, world.ana, 100, 200);
    struct fl_filter_counts counts;
    assert_int_equal(fl_control_filter_counts(world.node, world.filter, &counts), 0);
    assert_true(counts.hit > 60 && counts.hit < 140);
    fl_node_free(world.node);
    return fl_strdup(world.diary);
}

static void the_same_seed_hits_the_same_messages(void **state)
{
    char *runs[] = {play_drops(1, 7), play_drops(2, 7), play_drops(1, 8),
                    play_drops(1, 0), play_drops(1, 0), play_drops(2, 0)};
    assert_string_equal(runs[0], runs[1]);
    assert_string_not_equal(runs[0], runs[2]);
    assert_string_equal(runs[3], runs[4]); /* without one of its own: that of the node */
    assert_string_not_equal(runs[3], runs[5]);
    for (size_t i = 0; i < FL_COUNT(runs); i++)
        free(runs[i]);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(dropped_messages_are_counted_and_undone_they_all_come),
        STORY(a_limit_ends_the_harm_and_not_the_counting),
        STORY(a_delay_is_virtual_time_and_keeps_each_senders_order),
        STORY(duplicates_carry_the_same_bytes),
        STORY(reordered_neighbours_change_places_and_the_last_one_comes_alone),
        STORY(a_filter_on_a_link_leaves_other_senders_alone),
        STORY(system_messages_are_never_held_back),
        STORY(a_dropped_question_and_a_dropped_answer_are_both_timeouts),
        STORY(a_delayed_answer_comes_late_or_too_late),
        STORY(a_question_that_comes_twice_is_answered_once),
        STORY(what_the_runtime_answers_gets_through),
        STORY(undone_what_is_held_goes_on_in_order_before_anything_newer),
        STORY(two_filters_act_one_after_the_other_and_end_alone),
        STORY(it_ends_with_its_process_and_the_evidence_stays),
        STORY(a_filter_that_is_never_taken_back_goes_with_its_node),
        STORY(a_full_mailbox_is_full_for_what_comes_late_too),
        STORY(a_sender_by_name_is_whoever_has_it_and_by_pid_only_that_one),
        STORY(processes_are_reached_by_the_text_of_their_pid),
        STORY(what_makes_no_sense_is_refused_in_words),
        cmocka_unit_test(the_same_seed_hits_the_same_messages),
    };
    return cmocka_run_group_tests_name("filters", tests, NULL, NULL);
}
