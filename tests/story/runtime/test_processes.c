#include "tests/story/runtime/diary.h"

#include "runtime/node.h"
#include "runtime/server.h"

/* Monitors, names, timers and calls, on a simulated node. A story runs inside a process: `act`
 * hands a function to an actor, which calls it in its own handler. Everything seen goes into a
 * diary. */

struct world {
    struct fl_node *node;
    struct fl_pid a, b, c; /* actors */
    struct fl_pid target;  /* for whatever a story needs */
    uint64_t ref;
    char diary[4096];
    int count, code;
    int64_t left_ns;
};

typedef void (*act_fn)(struct fl_self *self, struct world *world);
struct act {
    act_fn fn;
    struct world *world;
};
struct actor {
    struct world *world;
    struct fl_pid held_from;
    uint64_t held_ref;
};

enum { ACT = 1, WORD, ECHO_CALL, HOLD_CALL, DIE_CALL, NEST_CALL, RELEASE };

static int actor_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct actor *)state)->world = (struct world *)(uintptr_t)args;
    return 0;
}

static void actor_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct actor *actor = state;
    struct act act;
    switch (msg->tag) {
    case ACT:
        memcpy(&act, msg->data, sizeof act);
        act.fn(self, act.world);
        break;
    case RELEASE:
        fl_self_reply(self, actor->held_from, actor->held_ref, "late", 5);
        break;
    default:
        write_down(actor->world, "word %.*s\n", (int)msg->len, (const char *)msg->data);
        break;
    }
}

static void actor_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct actor *actor = state;
    char text[16] = "";
    switch (msg->tag) {
    case ECHO_CALL:
        fl_self_reply(self, msg->from, msg->ref, msg->data, msg->len);
        break;
    case HOLD_CALL:
        actor->held_from = msg->from;
        actor->held_ref = msg->ref;
        break;
    case NEST_CALL:
        fl_call(self, actor->world->c, HOLD_CALL, NULL, 0, text, sizeof text, NULL, FL_NEVER);
        fl_self_reply(self, msg->from, msg->ref, text, strlen(text) + 1);
        break;
    case DIE_CALL:
        fl_self_exit(self, fl_reason_of(FL_EXIT_ERROR));
        break;
    default:
        fl_self_reply_error(self, msg->from, msg->ref, FL_EREFUSED);
        break;
    }
}

static void actor_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    char text[96];
    write_down(((struct actor *)state)->world, "down %s\n",
               fl_reason_show(reason, text, sizeof text));
}

static void actor_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                          const struct fl_reason *reason)
{
    write_down(((struct actor *)state)->world, "exit\n");
}

static void actor_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct world *world = ((struct actor *)state)->world;
    world->count++;
    if (tag < 100) write_down(world, "timer %u\n", tag);
    if (tag >= 100 && (int)tag != 99 + world->count) world->code = -1; /* out of order */
}

static void actor_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                           const void *data, size_t len)
{
    write_down(((struct actor *)state)->world, "reply %s %.*s\n", fl_code_name(code), (int)len,
               len == 0 ? "" : (const char *)data);
}

static const struct fl_server actor_server = {
    .name = "actor",
    .state_bytes = sizeof(struct actor),
    .on_init = actor_on_init,
    .on_cast = actor_on_cast,
    .on_call = actor_on_call,
    .on_down = actor_on_down,
    .on_exit = actor_on_exit,
    .on_timer = actor_on_timer,
    .on_reply = actor_on_reply,
};

static struct fl_pid start(struct world *world)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.args = world, .shard = -1};
    assert_int_equal(fl_node_spawn(world->node, &actor_server, &opts, &pid), 0);
    return pid;
}

static int setup(void **state)
{
    struct world *world = fl_new(struct world);
    struct fl_node_opts opts = {.simulated = true, .seed = 3, .mailbox_max = 1000};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    world->a = start(world);
    world->b = start(world);
    world->c = start(world);
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

static void act_later(struct world *world, struct fl_pid who, act_fn fn)
{
    struct act act = {.fn = fn, .world = world};
    assert_int_equal(fl_node_send(world->node, who, ACT, &act, sizeof act), 0);
}

static void act(struct world *world, struct fl_pid who, act_fn fn)
{
    act_later(world, who, fn);
    fl_sim_run(world->node, 0);
}

static void die(struct fl_self *self, struct world *world)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

/* ---- monitors */

static void monitor_b(struct fl_self *self, struct world *world)
{
    world->ref = fl_monitor(self, world->b);
}

static void b29_a_monitor_of_the_dead_says_noproc(void **state)
{
    struct world *w = *state;
    act(w, w->b, die);
    act(w, w->a, monitor_b);
    expect_diary(w, "down noproc\n");
}

static void b32_two_monitors_say_it_twice(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_b);
    act(w, w->a, monitor_b);
    act(w, w->b, die);
    expect_diary(w, "down normal\ndown normal\n");
}

static void monitor_self(struct fl_self *self, struct world *world)
{
    world->ref = fl_monitor(self, fl_self_pid(self));
}

static void b33_a_monitor_of_itself_is_silent(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_self);
    assert_true(w->ref != 0);
    act(w, w->a, die);
    expect_diary(w, "");
}

static void kill_b_then_demonitor(struct fl_self *self, struct world *world)
{
    fl_exit(self, world->b, fl_reason_of(FL_EXIT_KILL));
    /* waits, so that the DOWN is in the mailbox when demonitor is called */
    fl_call(self, world->b, HOLD_CALL, NULL, 0, NULL, 0, NULL, fl_ms(1));
    fl_demonitor(self, world->ref);
}

static void b35_demonitor_removes_a_down_that_is_queued(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_b);
    act_later(w, w->a, kill_b_then_demonitor);
    fl_sim_run(w->node, fl_ms(5));
    expect_diary(w, "");
}

static void register_name(struct fl_self *self, struct world *world)
{
    world->code = fl_self_register(self, "name");
}

static void spawn_named_and_watch_it_die(struct fl_self *self, struct world *world)
{
    for (int i = 0; i < 2000; i++) {
        struct fl_spawn_opts opts = {.args = world, .name = "short", .link_to = FL_NO_PID};
        int rc = fl_spawn(self, &actor_server, &opts, &world->target);
        if (rc == 0) fl_exit(self, world->target, fl_reason_of(FL_EXIT_KILL));
        /* the end of the wait is the DOWN; the name must be free by then */
        if (rc == 0 &&
            fl_call(self, world->target, HOLD_CALL, NULL, 0, NULL, 0, NULL, FL_NEVER) != FL_EDIED)
            world->code++;
        if (rc != 0 || fl_whereis(world->node, "short").bits != 0) world->code++;
    }
    world->count = 1;
}

static void b39_a_name_is_free_before_its_death_is_known(void **state)
{
    struct world *w = *state;
    act(w, w->a, spawn_named_and_watch_it_die);
    assert_int_equal(w->count, 1);
    assert_int_equal(w->code, 0);
}

static void note_closed(void *ptr)
{
    struct world *world = ptr;
    write_down(world, "closed\n");
}

static void own_something(struct fl_self *self, struct world *world)
{
    fl_self_own(self, world, note_closed);
}

static void b40_resources_are_closed_before_the_down(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_b);
    act(w, w->b, own_something);
    act(w, w->b, die);
    expect_diary(w, "closed\ndown normal\n");
}

static void say_two_words_and_die(struct fl_self *self, struct world *world)
{
    fl_send(self, world->a, WORD, "one", 3);
    fl_send(self, world->a, WORD, "two", 3);
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void b41_messages_come_before_the_down(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_b);
    act(w, w->b, say_two_words_and_die);
    expect_diary(w, "word one\nword two\ndown normal\n");
}

static void link_and_monitor_b(struct fl_self *self, struct world *world)
{
    fl_self_trap_exits(self, true);
    fl_monitor(self, world->b);
    fl_link(self, world->b);
}

static void b42_exit_comes_before_down(void **state)
{
    struct world *w = *state;
    act(w, w->a, link_and_monitor_b);
    act(w, w->b, die);
    expect_diary(w, "exit\ndown normal\n");
}

static void link_kill_and_unlink_b(struct fl_self *self, struct world *world)
{
    fl_self_trap_exits(self, true);
    fl_link(self, world->b);
    fl_exit(self, world->b, fl_reason_of(FL_EXIT_KILL));
    /* waits for its end, so that the EXIT is in the mailbox when unlink is called */
    fl_call(self, world->b, HOLD_CALL, NULL, 0, NULL, 0, NULL, FL_NEVER);
    fl_unlink(self, world->b);
}

static void a19_an_exit_that_is_queued_survives_unlink(void **state)
{
    struct world *w = *state;
    act(w, w->a, link_kill_and_unlink_b);
    expect_diary(w, "exit\n");
}

/* ---- names and dead pids */

static void b45_a_name_has_one_owner_and_a_process_one_name(void **state)
{
    struct world *w = *state;
    act(w, w->a, register_name);
    assert_int_equal(w->code, 0);
    act(w, w->a, register_name);
    assert_int_equal(w->code, FL_ESTATE);
    act(w, w->b, register_name);
    assert_int_equal(w->code, FL_ETAKEN);
    assert_true(fl_pid_eq(fl_whereis(w->node, "name"), w->a));
    act(w, w->a, die);
    act(w, w->b, register_name);
    assert_int_equal(w->code, 0);
}

static void send_to_b(struct fl_self *self, struct world *world)
{
    world->code = fl_send(self, world->b, WORD, "hello", 5);
}

static void b46_a_message_to_the_dead_is_dropped_without_an_error(void **state)
{
    struct world *w = *state;
    act(w, w->b, die);
    w->code = 1;
    act(w, w->a, send_to_b);
    assert_int_equal(w->code, 0);
    expect_diary(w, "");
}

static void fill_b(struct fl_self *self, struct world *world)
{
    while (fl_send(self, world->b, WORD, "", 0) == 0)
        world->count++;
    world->code = fl_send(self, world->b, WORD, "", 0);
    fl_exit(self, world->b, fl_reason_of(FL_EXIT_KILL)); /* signals are never limited */
    fl_monitor(self, world->b);
}

static void d111_a_full_mailbox_says_so_and_still_takes_signals(void **state)
{
    struct world *w = *state;
    act(w, w->a, fill_b);
    assert_int_equal(w->count, 1000);
    assert_int_equal(w->code, FL_EFULL);
    expect_diary(w, "down killed\n");
}

/* ---- timers */

static void start_and_cancel_later(struct fl_self *self, struct world *world)
{
    world->ref = fl_timer_start(self, fl_ms(100), 1);
}

static void cancel(struct fl_self *self, struct world *world)
{
    world->left_ns = fl_timer_cancel(self, world->ref);
}

static void b52_b53_cancel_says_what_was_left_and_then_that_there_is_none(void **state)
{
    struct world *w = *state;
    act(w, w->a, start_and_cancel_later);
    fl_sim_run(w->node, fl_ms(30));
    act(w, w->a, cancel);
    assert_int_equal(w->left_ns, fl_ms(70));
    act(w, w->a, cancel);
    assert_int_equal(w->left_ns, -1);
    fl_sim_run(w->node, fl_s(1));
    expect_diary(w, "");
}

static void b54_a_timer_fires_exactly_then(void **state)
{
    struct world *w = *state;
    act(w, w->a, start_and_cancel_later);
    fl_sim_run(w->node, fl_ms(100) - 1);
    expect_diary(w, "");
    fl_sim_run(w->node, 1);
    expect_diary(w, "timer 1\n");
    act(w, w->a, cancel);
    assert_int_equal(w->left_ns, -1);
}

static void start_200(struct fl_self *self, struct world *world)
{
    for (uint32_t i = 0; i < 200; i++)
        fl_timer_start(self, fl_ms(10), 100 + i);
}

static void b55_equal_deadlines_fire_in_start_order(void **state)
{
    struct world *w = *state;
    act(w, w->a, start_200);
    fl_sim_run(w->node, fl_ms(10));
    assert_int_equal(w->count, 200);
    assert_int_equal(w->code, 0);
}

static void b56_the_timers_of_the_dead_are_gone(void **state)
{
    struct world *w = *state;
    act(w, w->a, start_200);
    act(w, w->a, die);
    assert_int_equal(fl_sim_run(w->node, fl_s(1)), 0); /* nothing was handled */
    assert_int_equal(w->count, 0);
}

/* ---- calls */

static void call_b(struct fl_self *self, struct world *world, uint32_t tag, fl_ns timeout_ns)
{
    char reply[16] = "";
    size_t len = 0;
    world->code = fl_call(self, world->b, tag, "text", 5, reply, sizeof reply, &len, timeout_ns);
    write_down(world, "call %s %s\n", fl_code_name(world->code), reply);
}

static void call_echo(struct fl_self *self, struct world *world)
{
    call_b(self, world, ECHO_CALL, fl_s(5));
}
static void call_echo_into_little(struct fl_self *self, struct world *world)
{
    char reply[4] = "";
    size_t len = 0;
    world->code = fl_call(self, world->b, ECHO_CALL, "text", 5, reply, 2, &len, fl_s(5));
    write_down(world, "call %s %s, %zu\n", fl_code_name(world->code), reply, len);
}
static void call_hold(struct fl_self *self, struct world *world)
{
    call_b(self, world, HOLD_CALL, fl_s(5));
}
static void call_die(struct fl_self *self, struct world *world)
{
    call_b(self, world, DIE_CALL, fl_s(5));
}
static void call_refused(struct fl_self *self, struct world *world)
{
    call_b(self, world, 77, fl_s(5));
}
static void call_nest(struct fl_self *self, struct world *world)
{
    call_b(self, world, NEST_CALL, FL_NEVER);
}

static void c69_a_call_is_answered(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_echo);
    expect_diary(w, "call ok text\n");
    act(w, w->a, call_refused);
    expect_diary(w, "call refused \n");
}

static void c70_c71_a_call_times_out_and_its_late_answer_is_dropped(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_hold);
    fl_sim_run(w->node, fl_s(5) - 1);
    expect_diary(w, "");
    fl_sim_run(w->node, 1);
    expect_diary(w, "call timeout \n");
    fl_node_send(w->node, w->b, RELEASE, NULL, 0); /* the server lives, and answers too late */
    fl_sim_run(w->node, fl_s(1));
    act(w, w->a, call_echo); /* the next call gets its own answer */
    expect_diary(w, "call ok text\n");
}

static void c72_a_call_to_the_dead_is_noproc(void **state)
{
    struct world *w = *state;
    act(w, w->b, die);
    act(w, w->a, call_echo);
    expect_diary(w, "call no such process \n");
}

static void c73_a_call_to_itself_says_so_at_once(void **state)
{
    struct world *w = *state;
    act(w, w->b, call_echo);
    expect_diary(w, "call called itself \n");
}

static void c74_c75_a_server_that_ends_ends_the_call(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_die);
    expect_diary(w, "call died before it answered \n");
}

static void c76_a_server_that_is_killed_while_we_wait_ends_the_call(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_hold);
    fl_node_exit(w->node, w->b, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    expect_diary(w, "call died before it answered \n");
}

static void an_answer_is_never_longer_than_its_room(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_echo_into_little);
    fl_sim_run(w->node, fl_ms(10));
    assert_string_equal(w->diary, "call ok te, 2\n");
}

static void c79_c86_an_answer_may_come_later(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_hold);
    expect_diary(w, "");
    fl_node_send(w->node, w->b, RELEASE, NULL, 0);
    fl_sim_run(w->node, 0);
    expect_diary(w, "call ok late\n");
}

static void c83_a_nested_call_blocks_only_the_one_that_calls(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_nest); /* a waits for b, b waits for c */
    fl_node_send(w->node, w->b, WORD, "1", 1);
    fl_node_send(w->node, w->b, WORD, "2", 1);
    struct fl_pid d = start(w);
    fl_node_send(w->node, d, WORD, "free", 4);
    fl_sim_run(w->node, 0);
    expect_diary(w, "word free\n"); /* others run; b's mail waits */
    fl_node_send(w->node, w->c, RELEASE, NULL, 0);
    fl_sim_run(w->node, 0);
    assert_non_null(strstr(w->diary, "call ok late\n"));
    assert_non_null(strstr(w->diary, "word 1\nword 2\n"));
}

static void a_process_killed_while_it_waits_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    act(w, w->a, call_hold);
    fl_node_exit(w->node, w->a, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    fl_node_send(w->node, w->b, RELEASE, NULL, 0);
    fl_sim_run(w->node, fl_s(10)); /* neither the answer nor the time-out finds anybody */
    expect_diary(w, "");
    struct fl_pid d = start(w);
    act(w, d, call_echo); /* and the stack is good for another one */
    expect_diary(w, "call ok text\n");
}

static void check_own_answer(struct fl_self *self, struct world *world)
{
    uint64_t mine = fl_self_pid(self).bits, answer = 0;
    int rc = fl_call(self, world->b, ECHO_CALL, &mine, sizeof mine, &answer, sizeof answer, NULL,
                     fl_s(5));
    if (rc == 0 && answer == mine) world->count++;
}

static void c85_each_of_1000_callers_gets_its_own_answer(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 1000; i++)
        act_later(w, start(w), check_own_answer);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->count, 1000);
}

static void ask_three(struct fl_self *self, struct world *world)
{
    fl_call_async(self, world->b, ECHO_CALL, "echo", 4, fl_s(5));
    fl_call_async(self, world->c, HOLD_CALL, NULL, 0, fl_s(1));
    fl_call_async(self, world->target, ECHO_CALL, NULL, 0, fl_s(5));
}

static void c89_calls_without_waiting_end_each_in_its_own_way(void **state)
{
    struct world *w = *state;
    w->target = start(w);
    act(w, w->target, die);
    act(w, w->a, ask_three);
    fl_sim_run(w->node, fl_s(1));
    assert_non_null(strstr(w->diary, "reply ok echo\n"));
    assert_non_null(strstr(w->diary, "reply no such process \n"));
    assert_non_null(strstr(w->diary, "reply timeout \n"));
    w->diary[0] = '\0';
    fl_node_send(w->node, w->c, RELEASE, NULL, 0);
    fl_sim_run(w->node, fl_s(1));
    expect_diary(w, ""); /* too late */
}

static void kill_many(struct fl_self *self, struct world *world)
{
    struct fl_pid before = FL_NO_PID, head = FL_NO_PID;
    for (int i = 0; i < 20000; i++) {
        struct fl_spawn_opts opts = {.args = world, .shard = -1, .link_to = before};
        if (fl_spawn(self, &actor_server, &opts, &before) != 0) world->code++;
        if (i == 0) head = before;
    }
    fl_monitor(self, before);
    fl_exit(self, head, fl_reason_of(FL_EXIT_KILL));
}

static void a06_a_long_chain_of_links_dies_with_the_first_reason(void **state)
{
    struct world *w = *state;
    act(w, w->a, kill_many);
    assert_int_equal(w->code, 0);
    expect_diary(w, "down killed\n");
}

static void fail_now(struct fl_self *self, struct world *world)
{
    fl_self_fail(self, FL_EBADMSG);
}

static void own_two(struct fl_self *self, struct world *world)
{
    char *kept = fl_self_alloc(self, 10), *freed = fl_self_alloc(self, 10);
    fl_self_own(self, world, note_closed);
    fl_self_own(self, kept, note_closed);
    fl_self_disown(self, kept);
    fl_self_free(self, freed);
    fl_self_free(self, NULL);
}

static void what_a_process_owns_goes_when_it_fails(void **state)
{
    struct world *w = *state;
    act(w, w->a, monitor_b);
    act(w, w->b, own_two);
    act(w, w->b, fail_now);
    expect_diary(w, "closed\ndown error: bad message\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(b29_a_monitor_of_the_dead_says_noproc),
        STORY(b32_two_monitors_say_it_twice),
        STORY(b33_a_monitor_of_itself_is_silent),
        STORY(b35_demonitor_removes_a_down_that_is_queued),
        STORY(b39_a_name_is_free_before_its_death_is_known),
        STORY(b40_resources_are_closed_before_the_down),
        STORY(b41_messages_come_before_the_down),
        STORY(b42_exit_comes_before_down),
        STORY(a19_an_exit_that_is_queued_survives_unlink),
        STORY(b45_a_name_has_one_owner_and_a_process_one_name),
        STORY(b46_a_message_to_the_dead_is_dropped_without_an_error),
        STORY(d111_a_full_mailbox_says_so_and_still_takes_signals),
        STORY(b52_b53_cancel_says_what_was_left_and_then_that_there_is_none),
        STORY(b54_a_timer_fires_exactly_then),
        STORY(b55_equal_deadlines_fire_in_start_order),
        STORY(b56_the_timers_of_the_dead_are_gone),
        STORY(c69_a_call_is_answered),
        STORY(c70_c71_a_call_times_out_and_its_late_answer_is_dropped),
        STORY(c72_a_call_to_the_dead_is_noproc),
        STORY(c73_a_call_to_itself_says_so_at_once),
        STORY(c74_c75_a_server_that_ends_ends_the_call),
        STORY(c76_a_server_that_is_killed_while_we_wait_ends_the_call),
        STORY(an_answer_is_never_longer_than_its_room),
        STORY(c79_c86_an_answer_may_come_later),
        STORY(c83_a_nested_call_blocks_only_the_one_that_calls),
        STORY(a_process_killed_while_it_waits_leaves_nothing_behind),
        STORY(c85_each_of_1000_callers_gets_its_own_answer),
        STORY(c89_calls_without_waiting_end_each_in_its_own_way),
        STORY(a06_a_long_chain_of_links_dies_with_the_first_reason),
        STORY(what_a_process_owns_goes_when_it_fails),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
