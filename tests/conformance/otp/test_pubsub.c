#include "tests/conformance/otp/otp_expect.h"

#include "runtime/pubsub.h"

/* Publish and subscribe. Cases 193 to 196. Subscribers may live on another shard than the one who
 * broadcasts. */

static struct fl_pubsub *open_pubsub(struct fl_self *self, struct case_world *w)
{
    struct fl_pubsub *pubsub = NULL;
    expect_code(fl_pubsub_start(w->node, self, &pubsub), 0);
    return pubsub;
}
#define AT(pubsub) .ref = (uintptr_t)(pubsub)

static struct fl_pubsub *pubsub_of(const struct case_order *order)
{
    return (struct fl_pubsub *)(uintptr_t)order->ref;
}

ORDER(do_subscribe)
{
    fl_pubsub_subscribe(self, pubsub_of(order), "news");
}
ORDER(do_unsubscribe)
{
    note(w, "%zu dropped\n", fl_pubsub_unsubscribe(self, pubsub_of(order), "news"));
}
ORDER(do_broadcast_from)
{
    fl_pubsub_broadcast_from(self, pubsub_of(order), "news", order->tag, "x", 1);
}

/* Subscribed twice, delivered twice; one unsubscribe drops both. */
CASE(case_193_subscriber_twice_gets_two_unsubscribe_drops_both)
{
    struct fl_pubsub *pubsub = open_pubsub(self, w);
    struct fl_pid p = start(obey), q = start(obey);
    do_in(p, .fn = do_subscribe, AT(pubsub));
    do_in(p, .fn = do_subscribe, AT(pubsub));
    do_in(q, .fn = do_subscribe, AT(pubsub));
    fl_pubsub_broadcast(self, pubsub, "news", 71, "x", 1);
    fl_pubsub_broadcast(self, pubsub, "news", 72, "x", 1);
    fl_pubsub_broadcast(self, pubsub, "weather", 73, "x", 1); /* nobody's */
    static const uint32_t twice[] = {71, 71, 72, 72};
    for (size_t i = 0; i < FL_COUNT(twice); i++)
        expect_eq(next_seen(p).tag, twice[i]);
    expect_eq(next_seen(q).tag, 71);
    expect_eq(next_seen(q).tag, 72);
    do_in(p, .fn = do_unsubscribe, AT(pubsub));
    expect_diary("2 dropped\n");
    fl_pubsub_broadcast(self, pubsub, "news", 74, "x", 1);
    expect_eq(next_seen(q).tag, 74);
    expect_sees_nothing(p);
    fl_pubsub_free(pubsub);
}

/* All but the one who sends, which may have subscribed. */
CASE(case_194_broadcast_from_skips_sender_only)
{
    struct fl_pubsub *pubsub = open_pubsub(self, w);
    struct fl_pid p = start(obey), q = start(obey);
    fl_pubsub_subscribe(self, pubsub, "news");
    do_in(p, .fn = do_subscribe, AT(pubsub));
    do_in(q, .fn = do_subscribe, AT(pubsub));
    do_in(p, .fn = do_broadcast_from, AT(pubsub), .tag = 75);
    expect_eq(next_seen(q).tag, 75);
    case_await(self, w, CASE_AT, (struct case_want){.kind = FL_MSG_CAST, .tag = 75},
               "the news for the case itself");
    expect_sees_nothing(p);
    expect_sees_nothing(q);
    fl_pubsub_free(pubsub);
}

ORDER(do_subscribe_with)
{
    char meta = (char)order->tag;
    struct fl_subscribe_opts opts = {.meta = &meta, .meta_len = 1};
    fl_pubsub_subscribe_with(self, pubsub_of(order), "news", &opts);
}

/* Sends on what the subscriber's letter makes of the tag. */
static void by_letter(struct fl_self *self, const struct fl_broadcast *what,
                      const struct fl_subscriber *subscribers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t letter = subscribers[i].meta_len == 1 ? *(const unsigned char *)subscribers[i].meta
                                                       : 0u;
        fl_send(self, subscribers[i].pid, what->tag + letter, NULL, 0);
    }
}

/* A dispatcher gets the subscribers with what each left when it subscribed. */
CASE(case_196_custom_dispatcher_sees_metadata)
{
    struct fl_pubsub *pubsub = open_pubsub(self, w);
    struct fl_pid p = start(obey), q = start(obey);
    do_in(p, .fn = do_subscribe_with, AT(pubsub), .tag = 'a');
    do_in(q, .fn = do_subscribe, AT(pubsub));
    fl_pubsub_dispatch(self, pubsub, "news", 1000, "x", 1, FL_NO_PID, by_letter);
    expect_eq(next_seen(p).tag, 1000 + 'a');
    expect_eq(next_seen(q).tag, 1000);
    expect_sees_nothing(p);
    fl_pubsub_free(pubsub);
}

/* A subscription ends with its process, before anybody hears of that end. */
CASE(a_subscription_ends_with_its_process)
{
    struct fl_pubsub *pubsub = open_pubsub(self, w);
    uint64_t ref = 0;
    struct fl_pid p = start_watched(obey, &ref), q = start(obey);
    do_in(p, .fn = do_subscribe, AT(pubsub));
    do_in(q, .fn = do_subscribe, AT(pubsub));
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_down_with(ref, BOOM);
    uint64_t dropped = case_stats(w).counts.dropped_dead;
    fl_pubsub_broadcast(self, pubsub, "news", 76, "x", 1);
    expect_eq(next_seen(q).tag, 76);
    expect_eq(case_stats(w).counts.dropped_dead, dropped);
    fl_pubsub_free(pubsub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_193_subscriber_twice_gets_two_unsubscribe_drops_both),
        cmocka_unit_test(case_194_broadcast_from_skips_sender_only),
        cmocka_unit_test(case_196_custom_dispatcher_sees_metadata),
        cmocka_unit_test(a_subscription_ends_with_its_process),
    };
    return cmocka_run_group_tests_name("publish and subscribe", tests, NULL, NULL);
}
