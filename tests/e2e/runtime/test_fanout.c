#include "tests/support/testkit.h"

#include "runtime/node.h"
#include "runtime/pubsub.h"

/* A broadcast to a crowd on a real shard, where idle members handle it without a message each. What
 * they see must be what a send to each would have shown them. */

#define CROWD 40
#define SAYS_MAX 8

enum {
    SAY = 1,
    SAY_AFTER_A_PAUSE,
    SAY_AND_FIVE_PAUSES,
    KILL_THE_SENDER,
    FAIL_AT_SEVEN,
    THREE_SAYS_MORE
};

struct world {
    struct fl_node *node;
    struct fl_pubsub *pubsub;
    struct fl_pid boss, sender, members[CROWD];
    int64_t heard[CROWD][SAYS_MAX];
    int heard_count[CROWD];
    int crashes;
    void (*story)(struct fl_self *self, struct world *w);
};

struct member {
    struct world *world;
    int index;
};

static void member_hear(struct member *member, int64_t value)
{
    struct world *w = member->world;
    int *count = &w->heard_count[member->index];
    if (*count < SAYS_MAX) w->heard[member->index][(*count)++] = value;
}

static void say(struct fl_self *self, struct world *w, uint32_t tag, int64_t value)
{
    fl_pubsub_broadcast(self, w->pubsub, "square", tag, &value, sizeof value);
}

static void member_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct member *member = state;
    struct world *w = member->world;
    int64_t value;
    if (msg->tag == KILL_THE_SENDER && member->index == 10)
        fl_exit(self, w->sender, fl_reason_of(FL_EXIT_KILL));
    if (msg->tag == FAIL_AT_SEVEN && member->index == 7) fl_self_fail(self, FL_EIO);
    if (msg->tag == THREE_SAYS_MORE && member->index == 3) say(self, w, SAY, 33);
    if (msg->tag == SAY_AFTER_A_PAUSE && member->index % 2 == 0) fl_pause(self, fl_ms(2));
    if (msg->tag == SAY_AND_FIVE_PAUSES && member->index == 5) fl_pause(self, fl_ms(2));
    memcpy(&value, msg->data, sizeof value); /* still there after a pause */
    if (fl_self_msg(self)->tag != msg->tag) value = -1;
    member_hear(member, value);
}

static int member_on_init(struct fl_self *self, void *state, const void *args)
{
    struct member *member = state;
    *member = *(const struct member *)args;
    fl_pubsub_subscribe(self, member->world->pubsub, "square");
    return 0;
}

static const struct fl_server member_server = {
    .name = "member",
    .state_bytes = sizeof(struct member),
    .on_init = member_on_init,
    .on_cast = member_on_cast,
};

static void boss(struct fl_self *self, const void *args, size_t len)
{
    struct world *w = *(struct world *const *)args;
    w->boss = fl_self_pid(self);
    for (int i = 0; i < CROWD; i++) {
        struct member member = {.world = w, .index = i};
        struct fl_spawn_opts opts = {.args = &member};
        if (i == 5) { /* who sends to it waits for room */
            opts.mailbox_max = 1;
            opts.full = FL_FULL_BLOCK;
        }
        FL_ASSERT(fl_spawn(self, &member_server, &opts, &w->members[i]) == 0);
    }
    w->story(self, w);
    fl_pause(self, fl_ms(30)); /* those that pause come to an end */
    fl_node_stop(w->node, 0);
}

static void on_note(void *cx, const struct fl_note *note)
{
    struct world *w = cx;
    if (note->kind != FL_NOTE_EXIT && note->reason.code == FL_EIO) w->crashes++;
}

static struct world *play(void (*story)(struct fl_self *self, struct world *w))
{
    struct world *w = fl_new(struct world);
    struct fl_node_opts opts = {.name = "crowd", .on_note = on_note, .note_cx = w};
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    w->pubsub = fl_pubsub_new(w->node);
    w->story = story;
    assert_int_equal(fl_node_spawn_run(w->node, boss, &w, sizeof w, NULL, NULL), 0);
    assert_int_equal(fl_node_run(w->node), 0);
    fl_pubsub_free(w->pubsub);
    fl_node_free(w->node);
    return w;
}

static void expect_heard(const struct world *w, int member, int count, const int64_t *values)
{
    assert_int_equal(w->heard_count[member], count);
    for (int i = 0; i < count; i++)
        assert_int_equal(w->heard[member][i], values[i]);
}

/* ---- what one process sends arrives in its order, whichever way it goes */

static void mixes_ways(struct fl_self *self, struct world *w)
{
    int64_t direct = 2;
    say(self, w, SAY, 1);
    for (int i = 0; i < CROWD; i++)
        fl_send(self, w->members[i], SAY, &direct, sizeof direct);
    say(self, w, SAY, 3); /* all are busy now */
    say(self, w, SAY, 4);
}

static void a_crowd_hears_in_order_what_is_sent_to_each_and_to_all(void **state)
{
    struct world *w = play(mixes_ways);
    for (int i = 0; i < CROWD; i++)
        expect_heard(w, i, 4, (const int64_t[]){1, 2, 3, 4});
    free(w);
}

/* ---- a handler that waits keeps the message, though the broadcast is over */

static void lets_half_pause(struct fl_self *self, struct world *w)
{
    say(self, w, SAY_AFTER_A_PAUSE, 7);
    for (int i = 0; i < CROWD; i++)
        FL_ASSERT(w->heard_count[i] == (i % 2 == 0 ? 0 : 1)); /* the others did not wait for them */
    say(self, w, SAY, 8);
}

static void who_pauses_in_the_middle_still_has_the_message_and_delays_nobody(void **state)
{
    struct world *w = play(lets_half_pause);
    for (int i = 0; i < CROWD; i++)
        expect_heard(w, i, 2, (const int64_t[]){7, 8});
    free(w);
}

/* ---- a sender that is killed half way: everybody still hears it, before its DOWN */

static void doomed_sender(struct fl_self *self, const void *args, size_t len)
{
    say(self, *(struct world *const *)args, KILL_THE_SENDER, 5);
    FL_ASSERT(false); /* it was killed there */
}

static void sees_the_sender_die(struct fl_self *self, struct world *w)
{
    struct fl_msg msg;
    uint64_t ref;
    FL_ASSERT(fl_spawn_run_monitor(self, doomed_sender, &w, sizeof w, NULL, &w->sender, &ref) == 0);
    FL_ASSERT(fl_receive(self, NULL, NULL, fl_s(60), &msg) == 0 && msg.kind == FL_MSG_DOWN);
}

static void a_sender_killed_in_the_middle_is_heard_by_all(void **state)
{
    struct world *w = play(sees_the_sender_die);
    for (int i = 0; i < CROWD; i++)
        expect_heard(w, i, 1, (const int64_t[]){5});
    free(w);
}

/* ---- a member that fails over it ends alone */

static void lets_seven_fail(struct fl_self *self, struct world *w)
{
    uint64_t ref = fl_monitor(self, w->members[7]);
    struct fl_msg msg;
    say(self, w, FAIL_AT_SEVEN, 6);
    FL_ASSERT(fl_receive(self, NULL, NULL, fl_s(60), &msg) == 0);
    FL_ASSERT(msg.ref == ref && msg.reason->code == FL_EIO);
    say(self, w, SAY, 9);
}

static void a_member_that_fails_is_the_only_one(void **state)
{
    struct world *w = play(lets_seven_fail);
    assert_int_equal(w->crashes, 1);
    for (int i = 0; i < CROWD; i++)
        expect_heard(w, i, i == 7 ? 1 : 2, (const int64_t[]){6, 9});
    free(w);
}

/* ---- a member that broadcasts from its handler */

static void lets_three_speak(struct fl_self *self, struct world *w)
{
    say(self, w, THREE_SAYS_MORE, 1);
    say(self, w, SAY, 2);
}

static void a_broadcast_from_within_one_reaches_all(void **state)
{
    struct world *w = play(lets_three_speak);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(w->heard_count[i], 3);
        assert_int_equal(w->heard[i][0] + w->heard[i][1] + w->heard[i][2], 36);
        int one = w->heard[i][0] == 1 ? 0 : w->heard[i][1] == 1 ? 1 : 2;
        int two = w->heard[i][0] == 2 ? 0 : w->heard[i][1] == 2 ? 1 : 2;
        assert_true(one < two); /* of one sender */
    }
    free(w);
}

/* ---- one whose mailbox makes senders wait */

static void says_four_things(struct fl_self *self, struct world *w)
{
    for (int64_t i = 1; i <= 4; i++)
        fl_pubsub_broadcast(self, w->pubsub, "square", SAY_AND_FIVE_PAUSES, &i, sizeof i);
}

static void a_full_mailbox_that_blocks_makes_the_broadcast_wait_and_loses_nothing(void **state)
{
    struct world *w = play(says_four_things);
    for (int i = 0; i < CROWD; i++)
        expect_heard(w, i, 4, (const int64_t[]){1, 2, 3, 4});
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_hears_in_order_what_is_sent_to_each_and_to_all),
        cmocka_unit_test(who_pauses_in_the_middle_still_has_the_message_and_delays_nobody),
        cmocka_unit_test(a_sender_killed_in_the_middle_is_heard_by_all),
        cmocka_unit_test(a_member_that_fails_is_the_only_one),
        cmocka_unit_test(a_broadcast_from_within_one_reaches_all),
        cmocka_unit_test(a_full_mailbox_that_blocks_makes_the_broadcast_wait_and_loses_nothing),
    };
    return cmocka_run_group_tests_name("a crowd", tests, NULL, NULL);
}
