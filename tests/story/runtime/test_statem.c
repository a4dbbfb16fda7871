#include "tests/story/runtime/player.h"

#include "runtime/statem.h"
#include "runtime/sup.h"

/* State machines: a door with a code, and a machine that does what it is told. */

/* ---- the door: locked until the code is typed, open for ten seconds */

enum { LOCKED, OPEN };
enum { BUTTON = 1, WALK, ASK, TELL, CLOSE, FORGET };

struct door {
    struct world *world;
    char typed[8];
    size_t len;
    int walked;
};

static struct world *the_world; /* of the test that runs: trees give a child constant args */

static int door_on_init(struct fl_self *self, void *data, const void *args)
{
    struct door *door = data;
    door->world = the_world;
    return 0;
}

static void door_while_locked(struct fl_self *self, void *data, const struct fl_statem_event *event)
{
    struct door *door = data;
    if (event->kind == FL_STATEM_ENTER) {
        write_down(door->world, "locked\n");
        door->len = 0;
    } else if (event->kind == FL_STATEM_EVENT_TIMEOUT) {
        write_down(door->world, "too slow\n");
        door->len = 0;
    } else if (event->tag == BUTTON) {
        door->typed[door->len++] = *(const char *)event->data;
        fl_statem_event_timeout(self, fl_s(3), FORGET);
        if (door->len < 4) return;
        if (memcmp(door->typed, "1234", 4) == 0)
            fl_statem_next(self, OPEN);
        else
            fl_statem_repeat(self);
    } else {
        fl_statem_postpone(self); /* who wants through waits */
    }
}

static const struct fl_statem door_machine;

static void door_while_open(struct fl_self *self, void *data, const struct fl_statem_event *event)
{
    struct door *door = data;
    if (event->kind == FL_STATEM_ENTER) {
        write_down(door->world, "open\n");
        fl_statem_state_timeout(self, fl_s(10), CLOSE);
    } else if (event->kind == FL_STATEM_STATE_TIMEOUT) {
        assert_int_equal(event->tag, CLOSE);
        fl_statem_next(self, LOCKED);
    } else if (event->kind == FL_STATEM_CALL) {
        fl_self_reply(self, event->from, event->ref, &door->walked, sizeof door->walked);
    } else if (event->tag == TELL) {
        struct fl_buf buf = {0};
        door_machine.server.on_format((char *)data - sizeof(struct fl_statem_run), &buf);
        write_down(door->world, "it is %s\n", buf.at);
        fl_buf_fini(&buf);
    } else if (event->tag == WALK) {
        door->walked++;
        write_down(door->world, "%.*s walks\n", (int)event->len, (const char *)event->data);
    }
}

static void door_on_format(const void *data, struct fl_buf *out)
{
    fl_buf_printf(out, "%d walked", ((const struct door *)data)->walked);
}

static const struct fl_statem_state door_states[] = {
    [LOCKED] = {"locked", door_while_locked},
    [OPEN] = {"open", door_while_open},
};
static const struct fl_statem door_machine = {
    .server = FL_STATEM_SERVER("door", struct door),
    .states = door_states,
    .states_count = FL_COUNT(door_states),
    .has_enter = true,
    .on_init = door_on_init,
    .on_format = door_on_format,
};

static void starts_door(struct world *w)
{
    const struct fl_child child = {
        .id = "door", .server = &door_machine.server, .name = "door", .shutdown_ns = fl_s(1)};
    const struct fl_sup_opts sup = {
        .max_restarts = 3, .within_ns = fl_s(5), .children = &child, .children_count = 1};
    struct fl_pid pid;
    the_world = w;
    assert_int_equal(fl_sup_start(w->node, NULL, &sup, &pid), 0);
    fl_sim_run(w->node, 0);
}

static void tell_door(struct world *w, uint32_t tag, const char *data)
{
    fl_node_send(w->node, fl_whereis(w->node, "door"), tag, data, strlen(data));
    fl_sim_run(w->node, 0);
}

static void type(struct world *w, const char *keys)
{
    for (; *keys != '\0'; keys++)
        tell_door(w, BUTTON, (char[]){*keys, '\0'});
}

static void asks(struct fl_self *self, struct world *w)
{
    int walked = -1;
    int rc = fl_call_name(self, "door", ASK, NULL, 0, &walked, sizeof walked, NULL, fl_s(100));
    write_down(w, "answer: %s %d\n", fl_code_name(rc), walked);
}

static void a_door_opens_for_the_code_and_shuts_by_itself(void **state)
{
    struct world *w = *state;
    starts_door(w);
    type(w, "1999");
    type(w, "1234");
    expect_diary(w, "locked\nlocked\nopen\n");
    fl_sim_run(w->node, fl_ms(9999));
    expect_diary(w, "");
    fl_sim_run(w->node, fl_ms(1));
    expect_diary(w, "locked\n");
}

static void what_is_postponed_comes_back_in_order_when_the_state_changes(void **state)
{
    struct world *w = *state;
    starts_door(w);
    tell_door(w, WALK, "ana");
    world_play(w, asks, 0);
    tell_door(w, WALK, "bob");
    type(w, "1234");
    expect_diary(w, "locked\nopen\nana walks\nbob walks\nanswer: ok 1\n");
}

static void an_event_timeout_is_taken_back_by_any_event(void **state)
{
    struct world *w = *state;
    starts_door(w);
    type(w, "1");
    fl_sim_run(w->node, fl_s(2));
    type(w, "2");
    fl_sim_run(w->node, fl_s(2));
    tell_door(w, WALK, "ana"); /* postponed, and still an event */
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "locked\n");
    type(w, "3");
    fl_sim_run(w->node, fl_s(4));
    expect_diary(w, "too slow\n");
    type(w, "1234");
    expect_diary(w, "open\nana walks\n");
}

static void a_tree_starts_a_machine_again(void **state)
{
    struct world *w = *state;
    starts_door(w);
    type(w, "1234");
    fl_node_exit(w->node, fl_whereis(w->node, "door"), fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    expect_diary(w, "locked\nopen\nlocked\n");
}

/* ---- the obedient machine: each event is a function */

typedef void (*act_fn)(struct fl_self *self, const struct fl_statem_event *event);
struct obedient {
    struct world *world;
};
enum { ONE, TWO, THREE };
enum { DO = 1, NOTE };

static void note_event(struct fl_self *self, struct world *w, const struct fl_statem_event *event)
{
    static const char *const kinds[] = {"?",       "cast",          "call",
                                        "info",    "internal",      "state timeout",
                                        "timeout", "named timeout", "enter"};
    write_down(w, "%d %s", fl_statem_state(self), kinds[event->kind]);
    if (event->kind == FL_STATEM_ENTER) write_down(w, " from %d", event->old_state);
    if (event->name != NULL) write_down(w, " %s", event->name);
    if (event->tag != 0) write_down(w, " %u", event->tag);
    if (event->len > 0) write_down(w, " %.*s", (int)event->len, (const char *)event->data);
    write_down(w, "\n");
}

static void obedient_on_event(struct fl_self *self, void *data, const struct fl_statem_event *event)
{
    struct obedient *obedient = data;
    act_fn fn;
    if (event->kind == FL_STATEM_CAST && event->tag == DO) {
        memcpy(&fn, event->data, sizeof fn);
        fn(self, event);
    } else {
        note_event(self, obedient->world, event);
    }
}

static int obedient_on_init(struct fl_self *self, void *data, const void *args)
{
    ((struct obedient *)data)->world = the_world;
    fl_statem_next(self, TWO);
    fl_statem_insert(self, 100, "from init", 9);
    fl_statem_state_timeout(self, 0, 101);
    return 0;
}

static void obedient_on_terminate(struct fl_self *self, void *data, const struct fl_reason *reason)
{
    char text[96];
    write_down(((struct obedient *)data)->world, "terminate %s\n",
               fl_reason_show(reason, text, sizeof text));
}

static const struct fl_statem_state obedient_states[] = {
    [ONE] = {.name = "one"}, [TWO] = {.name = "two"}, [THREE] = {.name = "three"}};
static const struct fl_statem obedient_machine = {
    .server = FL_STATEM_SERVER("obedient", struct obedient),
    .states = obedient_states,
    .states_count = FL_COUNT(obedient_states),
    .has_enter = true,
    .on_init = obedient_on_init,
    .on_event = obedient_on_event,
    .on_terminate = obedient_on_terminate,
};

static void starts_obedient(struct world *w)
{
    struct fl_spawn_opts opts = {.name = "it", .shard = -1};
    struct fl_pid pid;
    the_world = w;
    assert_int_equal(fl_node_spawn(w->node, &obedient_machine.server, &opts, &pid), 0);
    fl_sim_run(w->node, 0);
    expect_diary(w, "1 enter from 1\n1 internal 100 from init\n1 state timeout 101\n");
}

static void queue(struct world *w, act_fn fn)
{
    fl_node_send(w->node, fl_whereis(w->node, "it"), DO, &fn, sizeof fn);
}
static void queue_note(struct world *w, const char *text)
{
    fl_node_send(w->node, fl_whereis(w->node, "it"), NOTE, text, strlen(text));
}
static void act(struct world *w, act_fn fn)
{
    queue(w, fn);
    fl_sim_run(w->node, 0);
}

static void inserts(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_insert(self, 10, "a", 1);
    fl_statem_insert(self, 11, "b", 1);
    fl_statem_state_timeout(self, 0, 12);
    fl_statem_timeout(self, "tea", 0, 13);
    fl_statem_event_timeout(self, 0, 14);
}

static void inserted_events_come_first_then_timeouts_of_zero_then_messages(void **state)
{
    struct world *w = *state;
    starts_obedient(w);
    queue(w, inserts);
    queue_note(w, "message");
    fl_sim_run(w->node, 0);
    /* the event timeout was taken back by the first inserted event */
    expect_diary(w, "1 internal 10 a\n1 internal 11 b\n1 named timeout tea 13\n"
                    "1 state timeout 12\n1 cast 2 message\n");
}

static void to_one(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_state_timeout(self, fl_s(2), 20); /* of the next state */
    fl_statem_next(self, ONE);
    assert_int_not_equal(fl_statem_state(self), ONE); /* not yet */
}
static void to_three(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_timeout(self, "tea", fl_s(5), 21);
    fl_statem_next(self, THREE);
}
static void to_the_same(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_next(self, fl_statem_state(self));
}

static void a_change_of_state_ends_its_timeout_and_no_other(void **state)
{
    struct world *w = *state;
    starts_obedient(w);
    act(w, to_one);
    act(w, to_the_same);
    fl_sim_run(w->node, fl_s(1));
    expect_diary(w, "0 enter from 1\n");
    fl_sim_run(w->node, fl_s(2));
    expect_diary(w, "0 state timeout 20\n");
    act(w, to_three);
    act(w, to_one);
    act(w, to_three);
    expect_diary(w, "2 enter from 0\n0 enter from 2\n2 enter from 0\n");
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "2 named timeout tea 21\n");
}

static void resets_tea(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_timeout(self, "tea", fl_s(1), 30);
    fl_statem_timeout(self, "cake", fl_s(2), 31);
    fl_statem_timeout(self, "tea", fl_s(3), 32);
}
static void drops_cake(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_timeout(self, "cake", FL_NEVER, 0);
}
static void dozes(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_state_timeout(self, fl_s(1), 40);
}
static void works_long_and_moves(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_pause(self, fl_s(5)); /* the state timeout is in the mailbox by now */
    fl_statem_next(self, THREE);
}

static void a_timeout_that_is_replaced_or_taken_back_never_comes(void **state)
{
    struct world *w = *state;
    starts_obedient(w);
    act(w, resets_tea);
    act(w, drops_cake);
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "1 named timeout tea 32\n");
    act(w, dozes);
    act(w, works_long_and_moves);
    fl_sim_run(w->node, fl_s(10));
    expect_diary(w, "2 enter from 1\n");
}

static void watches_the_dead(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_monitor_name(self, "nobody");
    fl_timer_start(self, fl_s(1), 50);
}

static void other_messages_are_info(void **state)
{
    struct world *w = *state;
    starts_obedient(w);
    act(w, watches_the_dead);
    fl_sim_run(w->node, fl_s(2));
    expect_diary(w, "1 info\n1 info 50\n");
}

static void goes_nowhere(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_next(self, 77);
}
static void leaves(struct fl_self *self, const struct fl_statem_event *event)
{
    fl_statem_insert(self, 60, NULL, 0); /* no more of it */
    fl_self_exit(self, fl_reason_of(FL_EXIT_SHUTDOWN));
}

static void a_machine_ends_as_any_server(void **state)
{
    struct world *w = *state;
    starts_obedient(w);
    act(w, leaves);
    expect_diary(w, "terminate shutdown\n");
    starts_obedient(w);
    act(w, goes_nowhere);
    expect_diary(w, "terminate error: out of range\n");
    assert_int_equal(fl_whereis(w->node, "it").bits, 0);
}

static void the_state_is_told_in_words(void **state)
{
    struct world *w = *state;
    struct fl_buf buf = {0};
    starts_door(w);
    type(w, "1234");
    tell_door(w, WALK, "ana");
    tell_door(w, TELL, "");
    expect_diary(w, "locked\nopen\nana walks\nit is in open: 1 walked\n");
    unsigned char *bytes = fl_alloc(door_machine.server.state_bytes);
    door_machine.server.on_format(bytes, &buf); /* one that has not started says nothing */
    assert_int_equal(buf.len, 0);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_door_opens_for_the_code_and_shuts_by_itself),
        STORY(what_is_postponed_comes_back_in_order_when_the_state_changes),
        STORY(an_event_timeout_is_taken_back_by_any_event),
        STORY(a_tree_starts_a_machine_again),
        STORY(inserted_events_come_first_then_timeouts_of_zero_then_messages),
        STORY(a_change_of_state_ends_its_timeout_and_no_other),
        STORY(a_timeout_that_is_replaced_or_taken_back_never_comes),
        STORY(other_messages_are_info),
        STORY(a_machine_ends_as_any_server),
        STORY(the_state_is_told_in_words),
    };
    return cmocka_run_group_tests_name("statem", tests, NULL, NULL);
}
