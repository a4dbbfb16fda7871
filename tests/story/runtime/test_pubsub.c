#include "tests/story/runtime/player.h"

#include "runtime/pubsub.h"

/* Publish and subscribe on one shard. OTP cases 193 to 196. */

enum { NEWS = 7, FRAME = 8 };

struct house {
    struct fl_pubsub *pubsub;
    int encodes;
    struct fl_pid transport;
};

static struct house *house_of(struct world *w)
{
    return w->cx;
}

static int setup(void **state)
{
    world_setup(state);
    struct world *w = *state;
    struct house *house = fl_new(struct house);
    w->cx = house;
    assert_int_equal(fl_pubsub_start(w->node, NULL, &house->pubsub), 0);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fl_pubsub_free(house_of(w)->pubsub); /* with subscribers still there */
    return world_teardown(state);
}

/* Writes down what comes for a second. */
static void listens(struct fl_self *self, struct world *w, const char *who)
{
    struct fl_msg msg;
    fl_ns until_ns = fl_self_now(self) + fl_s(1);
    while (fl_receive(self, NULL, NULL, until_ns - fl_self_now(self), &msg) == 0) {
        assert_int_equal(msg.kind, FL_MSG_CAST);
        write_down(w, "%s %s %.*s\n", who, msg.tag == FRAME ? "framed" : "got", (int)msg.len,
                   (const char *)msg.data);
    }
}

static void ana(struct fl_self *self, struct world *w)
{
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "news");
    listens(self, w, "ana");
}
static void bob(struct fl_self *self, struct world *w)
{
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "news");
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "news");
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "sport");
    listens(self, w, "bob");
}
static void says_two(struct fl_self *self, struct world *w)
{
    struct fl_pubsub *pubsub = house_of(w)->pubsub;
    fl_pubsub_broadcast(self, pubsub, "news", NEWS, "one", 3);
    fl_pubsub_broadcast(self, pubsub, "nobody", NEWS, "-", 1);
    fl_pubsub_broadcast(self, pubsub, "news", NEWS, "two", 3);
}

static void c193_who_subscribes_twice_gets_two_and_all_in_order(void **state)
{
    struct world *w = *state;
    world_play(w, ana, 0);
    world_play(w, bob, 0);
    world_play(w, says_two, fl_s(2));
    /* whose turn it is is the seed's affair; the order at each is not */
    size_t anas = 0, bobs = 0;
    for (const char *at = w->diary; (at = strstr(at, " got ")) != NULL; at++) {
        bool is_ana = strncmp(at - 3, "ana", 3) == 0;
        const char *word = is_ana ? (anas++ < 1 ? "one" : "two") : bobs++ < 2 ? "one" : "two";
        assert_memory_equal(at + 5, word, 3);
    }
    assert_int_equal(anas, 2);
    assert_int_equal(bobs, 4);
}

static void leaves(struct fl_self *self, struct world *w)
{
    struct fl_pubsub *pubsub = house_of(w)->pubsub;
    fl_pubsub_subscribe(self, pubsub, "news");
    fl_pubsub_subscribe(self, pubsub, "news");
    fl_pubsub_subscribe(self, pubsub, "sport");
    write_down(w, "%zu there\n", fl_pubsub_count(self, pubsub, "news"));
    write_down(w, "%zu dropped\n", fl_pubsub_unsubscribe(self, pubsub, "news"));
    write_down(w, "%zu dropped\n", fl_pubsub_unsubscribe(self, pubsub, "news"));
    fl_pubsub_broadcast(self, pubsub, "news", NEWS, "news", 4);
    fl_pubsub_broadcast(self, pubsub, "sport", NEWS, "sport", 5);
    listens(self, w, "she");
}

static void c193_unsubscribing_drops_all_of_mine(void **state)
{
    struct world *w = *state;
    world_play(w, ana, 0);
    world_play(w, leaves, fl_s(2));
    assert_non_null(strstr(w->diary, "3 there\n2 dropped\n0 dropped\n"));
    assert_non_null(strstr(w->diary, "ana got news\n"));
    assert_non_null(strstr(w->diary, "she got sport\n"));
    assert_null(strstr(w->diary, "she got news\n"));
}

static void tells_others(struct fl_self *self, struct world *w)
{
    struct fl_pubsub *pubsub = house_of(w)->pubsub;
    fl_pubsub_subscribe(self, pubsub, "news");
    fl_pubsub_broadcast_from(self, pubsub, "news", NEWS, "psst", 4);
    fl_pubsub_broadcast(self, pubsub, "news", NEWS, "all", 3);
    fl_pause(self, fl_ms(1));
    listens(self, w, "me");
}

static void c194_broadcast_from_skips_the_sender_only(void **state)
{
    struct world *w = *state;
    world_play(w, ana, 0);
    world_play(w, tells_others, fl_s(2));
    expect_diary(w, "ana got psst\nana got all\nme got all\n");
}

/* ---- the fast lane */

static bool encode(void *cx, const struct fl_broadcast *what, struct fl_buf *frame)
{
    struct house *house = cx;
    if (what->tag != NEWS) return false;
    house->encodes++;
    fl_buf_printf(frame, "[%s|%.*s]", what->topic, (int)what->len, (const char *)what->data);
    return true;
}

static bool encode_short(void *cx, const struct fl_broadcast *what, struct fl_buf *frame)
{
    ((struct house *)cx)->encodes++;
    fl_buf_printf(frame, "<%zu>", what->len);
    return true;
}

static void transport(struct fl_self *self, struct world *w)
{
    house_of(w)->transport = fl_self_pid(self);
    listens(self, w, "wire");
}

static void channel(struct fl_self *self, struct world *w, fl_encode_fn fn)
{
    struct house *house = house_of(w);
    struct fl_fastlane lane = {.to = house->transport, .tag = FRAME, .encode = fn, .cx = house};
    struct fl_subscribe_opts opts = {.fastlane = &lane};
    fl_pubsub_subscribe_with(self, house->pubsub, "room", &opts);
    listens(self, w, "channel");
}
static void long_channel(struct fl_self *self, struct world *w)
{
    channel(self, w, encode);
}
static void short_channel(struct fl_self *self, struct world *w)
{
    channel(self, w, encode_short);
}
static void speaks(struct fl_self *self, struct world *w)
{
    fl_pubsub_broadcast(self, house_of(w)->pubsub, "room", NEWS, "hi", 2);
}
static void speaks_otherwise(struct fl_self *self, struct world *w)
{
    fl_pubsub_broadcast(self, house_of(w)->pubsub, "room", NEWS + 10, "ho", 2);
}

static void the_fast_lane_encodes_once_and_goes_straight_to_the_wire(void **state)
{
    struct world *w = *state;
    world_play(w, transport, 0);
    for (int i = 0; i < 3; i++)
        world_play(w, i == 1 ? short_channel : long_channel, 0);
    world_play(w, speaks, 0);
    expect_diary(w, "wire framed [room|hi]\nwire framed <2>\nwire framed [room|hi]\n");
    assert_int_equal(house_of(w)->encodes, 2);
    world_play(w, speaks_otherwise,
               0); /* one encoder takes it, the other leaves it to the channel */
    assert_non_null(strstr(w->diary, "wire framed <2>\n"));
    assert_non_null(strstr(w->diary, "channel got ho\n"));
    assert_int_equal(strlen(w->diary), strlen("wire framed <2>\nchannel got ho\nchannel got ho\n"));
}

/* ---- 196: a dispatcher of one's own */

static void to_the_loud(struct fl_self *self, const struct fl_broadcast *what,
                        const struct fl_subscriber *subscribers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (subscribers[i].meta_len != 4 || memcmp(subscribers[i].meta, "loud", 4) != 0) continue;
        fl_send_shared(self, subscribers[i].pid, what->tag, fl_shared_retain(what->shared));
    }
}

static void loud(struct fl_self *self, struct world *w)
{
    struct fl_subscribe_opts opts = {.meta = "loud", .meta_len = 4};
    fl_pubsub_subscribe_with(self, house_of(w)->pubsub, "news", &opts);
    listens(self, w, "loud");
}
static void dispatches(struct fl_self *self, struct world *w)
{
    fl_pubsub_dispatch(self, house_of(w)->pubsub, "news", NEWS, "hey", 3, FL_NO_PID, to_the_loud);
    fl_pubsub_dispatch(self, house_of(w)->pubsub, "none", NEWS, "hey", 3, FL_NO_PID, to_the_loud);
}

static void c196_a_dispatcher_sees_the_metadata(void **state)
{
    struct world *w = *state;
    world_play(w, ana, 0);
    world_play(w, loud, 0);
    world_play(w, dispatches, fl_s(2));
    expect_diary(w, "loud got hey\n");
}

/* ---- coming and going */

static void speaks_news(struct fl_self *self, struct world *w)
{
    fl_pubsub_broadcast(self, house_of(w)->pubsub, "news", NEWS, "on", 2);
    write_down(w, "%zu there\n", fl_pubsub_count(self, house_of(w)->pubsub, "news"));
}

static void the_dead_are_no_members(void **state)
{
    struct world *w = *state;
    struct fl_pid anas[100];
    for (int i = 0; i < 100; i++) {
        world_play(w, ana, 0);
        anas[i] = w->last;
    }
    world_play(w, bob, 0);
    for (int i = 0; i < 100; i++)
        if (i % 10 != 3) fl_node_exit(w->node, anas[i], fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    world_play(w, speaks_news, 0);
    assert_non_null(strstr(w->diary, "12 there\n"));
    fl_sim_run(w->node, fl_s(2));
    w->diary[0] = '\0';
    world_play(w, speaks_news, 0);
    expect_diary(w, "0 there\n");
}

static void news_from_outside(void **state)
{
    struct world *w = *state;
    world_play(w, ana, 0);
    fl_pubsub_node_broadcast(house_of(w)->pubsub, "news", NEWS, "extra", 5);
    fl_sim_run(w->node, fl_s(2));
    expect_diary(w, "ana got extra\n");
}

/* A subscriber whose mailbox is full makes the sender wait; meanwhile the crowd changes. */
static void slow(struct fl_self *self, struct world *w)
{
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "news");
    fl_pause(self, fl_ms(500));
    listens(self, w, "slow");
}
static void brief(struct fl_self *self, struct world *w)
{
    fl_pubsub_subscribe(self, house_of(w)->pubsub, "news");
    fl_pause(self, fl_ms(100));
}
static void says_many(struct fl_self *self, struct world *w)
{
    for (int i = 0; i < 3; i++)
        fl_pubsub_broadcast(self, house_of(w)->pubsub, "news", NEWS, &"abc"[i], 1);
    write_down(w, "said\n");
}

static struct fl_pid start_slow(struct world *w)
{
    struct player_args args = {.fn = slow, .world = w};
    struct fl_spawn_opts opts = {.mailbox_max = 2, .full = FL_FULL_BLOCK, .shard = -1};
    struct fl_pid pid;
    fl_node_spawn_run(w->node, player_body, &args, sizeof args, &opts, &pid);
    fl_sim_run(w->node, 0);
    return pid;
}

static void a_sender_that_waits_for_room_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 40; i++)
        world_play(w, brief, 0);
    start_slow(w); /* with the third word the sender waits here, and all before leave */
    world_play(w, ana, 0);
    world_play(w, says_many, fl_ms(1));
    expect_diary(w, "ana got a\nana got b\n");
    world_play(w, bob, fl_ms(200)); /* came after it was said */
    expect_diary(w, "");
    fl_sim_run(w->node, fl_s(3));
    assert_non_null(strstr(w->diary, "slow got a\n"));
    assert_non_null(strstr(w->diary, "slow got b\n"));
    assert_non_null(strstr(w->diary, "slow got c\n"));
    assert_non_null(strstr(w->diary, "ana got c\n"));
    assert_non_null(strstr(w->diary, "said\n"));
    assert_null(strstr(w->diary, "bob"));
    assert_int_equal(strlen(w->diary), 3 * 11 + 10 + 5);
}

static void a_sender_that_is_killed_while_it_waits_leaves_nothing(void **state)
{
    struct world *w = *state;
    start_slow(w);
    struct fl_pid sender = world_start(w, says_many);
    fl_sim_run(w->node, fl_ms(1));
    fl_node_exit(w->node, sender, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_s(3));
    expect_diary(w, "slow got a\nslow got b\n");
}

static void all_subscribers_may_be_killed_while_a_sender_waits_for_one(void **state)
{
    struct world *w = *state;
    struct fl_pid full = start_slow(w), after;
    world_play(w, ana, 0);
    after = w->last;
    world_play(w, says_many, fl_ms(1));
    expect_diary(w, "ana got a\nana got b\n");
    fl_node_exit(w->node, after, fl_reason_of(FL_EXIT_KILL));
    fl_node_exit(w->node, full, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    expect_diary(w, "said\n");
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(c193_who_subscribes_twice_gets_two_and_all_in_order),
        STORY(c193_unsubscribing_drops_all_of_mine),
        STORY(c194_broadcast_from_skips_the_sender_only),
        STORY(the_fast_lane_encodes_once_and_goes_straight_to_the_wire),
        STORY(c196_a_dispatcher_sees_the_metadata),
        STORY(the_dead_are_no_members),
        STORY(news_from_outside),
        STORY(a_sender_that_waits_for_room_goes_on_where_it_was),
        STORY(a_sender_that_is_killed_while_it_waits_leaves_nothing),
        STORY(all_subscribers_may_be_killed_while_a_sender_waits_for_one),
    };
    return cmocka_run_group_tests_name("pubsub", tests, NULL, NULL);
}
