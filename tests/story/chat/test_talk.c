#include "tests/story/chat/world.h"

#include "runtime/control.h"
#include "runtime/pid.h"

/* What a client of a room sees. */

static int setup(void **state)
{
    *state = world_open(3);
    return 0;
}

static int teardown(void **state)
{
    world_close(*state);
    return 0;
}

static void a_retry_is_the_same_message(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    for (int i = 0; i < 3; i++)
        world_push(w, ana, "new_msg {\"body\":1,\"id\":\"a\"}");
    fl_sim_run(w->node, fl_ms(5));
    world_push(w, bob, "new_msg {\"body\":2,\"id\":\"a\"}"); /* another's id is another id */
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(bob->heard_count, 2);
    assert_int_equal(times(ana, "{\"seq\":1,\"ver\":1,\"at\":"), 3);
    assert_int_equal(times(ana, "\"existed\":true"), 2);
    assert_int_equal(times(bob, "{\"seq\":2,\"ver\":2,\"at\":"), 1);
}

static void a_retry_is_the_same_message_after_everything_died(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", "");
    world_push(w, ana, "new_msg {\"body\":1,\"id\":\"a\"}");
    fl_sim_run(w->node, fl_ms(5));
    world_kill(w);
    world_boot(w, 4);
    ana = world_enter(w, "ana", "\"since\":0");
    assert_int_equal(times(ana, "{\"seq\":1,\"messages\":[{\"user\":\"ana\",\"body\":1,"), 1);
    world_push(w, ana, "new_msg {\"body\":1,\"id\":\"a\"}");
    world_push(w, ana, "new_msg {\"body\":2,\"id\":\"b\"}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(ana, "\"existed\":true"), 1);
    assert_int_equal(ana->heard_count, 1); /* the second */
    assert_int_equal(ana->heard[0].seq, 2);
}

static void who_comes_back_gets_what_was_missed(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", "");
    for (int i = 1; i <= 5; i++)
        world_push(w, ana, "new_msg {\"body\":%d}", i);
    fl_sim_run(w->node, fl_ms(5));
    world_push(w, ana, "edit_msg {\"seq\":2,\"body\":\"two\"}");
    world_push(w, ana, "delete_msg {\"seq\":5}");
    fl_sim_run(w->node, fl_ms(5));
    struct person *bob = world_enter(w, "bob", "\"since\":3");
    /* 4 and 5 are new, 2 reads otherwise now */
    assert_int_equal(times(bob, "{\"seq\":7,\"messages\":["), 1);
    assert_int_equal(times(bob, "\"body\":4,"), 1);
    assert_int_equal(times(bob, "\"body\":null,\"deleted\":true"), 1);
    assert_int_equal(times(bob, "\"body\":\"two\",\"at\":"), 1);
    assert_int_equal(times(bob, "\"body\":3,"), 0);
    assert_int_equal(times(bob, "\"gap\":false"), 1);
    struct person *cat = world_enter(w, "cat", "\"since\":7");
    assert_int_equal(times(cat, "{\"seq\":7,\"messages\":[],\"gap\":false}"), 1);
    struct person *dan = world_enter(w, "dan", "\"since\":99"); /* of another room, or world */
    assert_int_equal(times(dan, "\"gap\":true"), 1);
}

static void only_its_author_changes_a_message(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    world_push(w, ana, "new_msg {\"body\":\"one\"}");
    fl_sim_run(w->node, fl_ms(5));
    world_push(w, bob, "edit_msg {\"seq\":1,\"body\":\"mine\"}");
    world_push(w, bob, "delete_msg {\"seq\":1}");
    world_push(w, bob, "edit_msg {\"seq\":7,\"body\":\"what\"}");
    world_push(w, ana, "edit_msg {\"seq\":1,\"body\":\"won\"}");
    world_push(w, ana, "edit_msg {\"seq\":1,\"body\":\"won\"}"); /* a retry */
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "{\"reason\":\"not yours\"}"), 2);
    assert_int_equal(times(bob, "{\"reason\":\"no such message\"}"), 1);
    assert_int_equal(times(bob, "\"msg_edited\",{\"user\":\"ana\",\"body\":\"won\","), 1);
    world_push(w, ana, "delete_msg {\"seq\":1}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "\"msg_deleted\",{\"user\":\"ana\","), 1);
    world_push(w, ana, "edit_msg {\"seq\":1,\"body\":\"back\"}");
    world_push(w, bob, "history {\"limit\":10}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(ana, "{\"reason\":\"no such message\"}"), 1);
    assert_int_equal(times(bob, "\"body\":null,\"deleted\":true"), 1);
}

static void history_is_paged_from_the_end(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", "");
    for (int i = 1; i <= 120; i++)
        world_push(w, ana, "new_msg {\"body\":%d}", i);
    fl_sim_run(w->node, fl_ms(5));
    struct person *bob = world_enter(w, "bob", "");
    assert_int_equal(times(bob, "\"seq\":71,"), 1); /* the last fifty */
    assert_int_equal(times(bob, "\"seq\":70,"), 0);
    assert_int_equal(times(bob, "\"more\":true"), 1);
    world_push(w, bob, "history {\"before\":71,\"limit\":60}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "\"messages\":[{\"user\":\"ana\",\"body\":11,"), 1);
    assert_int_equal(times(bob, "\"seq\":70,"), 1);
    world_push(w, bob, "history {\"before\":11}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "\"messages\":[{\"user\":\"ana\",\"body\":1,"), 1);
    assert_int_equal(times(bob, "\"more\":false"), 1);
}

static void typing_is_a_hint_to_the_others_once_a_second(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    for (int i = 0; i < 5; i++)
        world_push(w, ana, "typing {}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "\"typing\",{\"user\":\"ana\",\"for_ms\":5000}"), 1);
    assert_int_equal(times(ana, "\"typing\""), 0);
    fl_sim_run(w->node, fl_s(1));
    world_push(w, ana, "typing {}");
    world_push(w, ana, "typing {\"typing\":false}");
    fl_sim_run(w->node, fl_ms(5));
    assert_int_equal(times(bob, "\"for_ms\":5000}"), 2);
    assert_int_equal(times(bob, "\"for_ms\":0}"), 1);
}

/* On the way from the room to bob a third is lost, a third comes twice, a third out of order. */
static void what_the_way_loses_or_turns_around_is_heard_once_and_in_order(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    static const enum fl_filter_kind kinds[] = {FL_FILTER_DROP, FL_FILTER_DUPLICATE,
                                                FL_FILTER_REORDER};
    char who[48];
    uint64_t id;
    fl_pid_show(bob->channel, who, sizeof who);
    for (size_t i = 0; i < FL_COUNT(kinds); i++) {
        const struct fl_filter_opts opts = {.kind = kinds[i], .probability = 0.33};
        assert_int_equal(fl_control_filter(w->node, who, "room/x", &opts, &id, NULL), 0);
    }
    for (int i = 0; i < 100; i++) {
        world_push(w, ana, "new_msg {\"body\":%d}", i);
        if (i % 3 == 0) fl_sim_run(w->node, fl_ms(1));
    }
    struct fl_filter_counts counts;
    fl_sim_run(w->node, fl_s(5));
    assert_int_equal(fl_control_filter_counts(w->node, id, &counts), 0);
    assert_true(counts.hit > 10);
    assert_int_equal(bob->heard_count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bob->heard[i].body, i);
}

/* The last word is lost, and nothing is said after it. */
static void a_lost_last_word_comes_a_second_later(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    const struct fl_filter_opts opts = {.kind = FL_FILTER_DROP, .limit = 1};
    char who[48];
    uint64_t id;
    fl_pid_show(bob->channel, who, sizeof who);
    assert_int_equal(fl_control_filter(w->node, who, "room/x", &opts, &id, NULL), 0);
    world_push(w, ana, "new_msg {\"body\":1}");
    fl_sim_run(w->node, fl_ms(500));
    assert_int_equal(ana->heard_count, 1);
    assert_int_equal(bob->heard_count, 0);
    fl_sim_run(w->node, fl_ms(600));
    assert_int_equal(bob->heard_count, 1);
}

static void who_says_too_much_is_told(void **state)
{
    struct world *w = *state;
    struct person *ana = world_enter(w, "ana", ""), *bob = world_enter(w, "bob", "");
    for (int i = 0; i < 400; i++)
        world_push(w, ana, "new_msg {\"body\":%d}", i);
    world_push(w, bob, "new_msg {\"body\":1000}"); /* others may */
    fl_sim_run(w->node, fl_ms(1));
    int refused = times(ana, "{\"reason\":\"too fast\"}");
    assert_true(refused > 50 && refused < 110);
    assert_int_equal(bob->heard_count + (size_t)refused, 401);
    fl_sim_run(w->node, fl_s(1));
    world_push(w, ana, "new_msg {\"body\":2000}");
    fl_sim_run(w->node, fl_ms(1));
    assert_int_equal(bob->heard[bob->heard_count - 1].body, 2000);
    char long_text[FL_ARCHIVE_BODY_MAX + 40];
    memset(long_text, 'x', sizeof long_text);
    memcpy(long_text, "new_msg {\"body\":\"", 17);
    memcpy(long_text + sizeof long_text - 2, "\"}", 2);
    fl_node_send(w->node, ana->pid, PERSON_PUSH, long_text, sizeof long_text);
    world_push(w, ana, "new_msg {}");
    fl_sim_run(w->node, fl_ms(1));
    assert_int_equal(times(ana, "{\"reason\":\"too long\"}"), 1);
    assert_int_equal(times(ana, "{\"reason\":\"body is missing\"}"), 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_retry_is_the_same_message),
        STORY(a_retry_is_the_same_message_after_everything_died),
        STORY(who_comes_back_gets_what_was_missed),
        STORY(only_its_author_changes_a_message),
        STORY(history_is_paged_from_the_end),
        STORY(typing_is_a_hint_to_the_others_once_a_second),
        STORY(what_the_way_loses_or_turns_around_is_heard_once_and_in_order),
        STORY(a_lost_last_word_comes_a_second_later),
        STORY(who_says_too_much_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
