#include "services/live/inside.h"
#include "tests/support/testkit.h"

/* What a stream has to show at the next render. */

struct item {
    int n;
};

static int set_up(void **state)
{
    *state = fl_new(struct fl_live);
    return 0;
}

static int tear_down(void **state)
{
    live_streams_fini(*state);
    free(*state);
    return 0;
}

static void put(struct fl_live_stream *stream, const char *id, int at, int n)
{
    fl_live_stream_put(stream, id, at, &(struct item){n});
}

/* `id=n@at …` and `-id …`, in order, `!` first after a reset. */
static const char *shown(const struct fl_live_stream *stream, char out[200])
{
    const struct fl_live_stream_inside *inside = stream->inside;
    size_t len = (size_t)snprintf(out, 200, "%s", inside->is_reset ? "!" : "");
    for (size_t i = 0; i < inside->drops_count; i++)
        len += (size_t)snprintf(out + len, 200 - len, "-%.*s ", FL_ARG(inside->drops[i]));
    for (size_t i = 0; i < inside->inserts_count; i++)
        len += (size_t)snprintf(
            out + len, 200 - len, "%.*s=%d@%d ", FL_ARG(inside->inserts[i].dom_id),
            ((const struct item *)inside->inserts[i].item)->n, inside->inserts[i].at);
    return out;
}

static void items_go_in_the_order_in_which_they_were_put(void **state)
{
    struct fl_live *live = *state;
    struct fl_live_stream stream = {0};
    char text[200];
    fl_live_stream_init(live, &stream, sizeof(struct item), 0);
    assert_false(live_streams_wait(live));
    put(&stream, "a", FL_LIVE_LAST, 1);
    put(&stream, "b", FL_LIVE_FIRST, 2);
    fl_live_stream_drop(&stream, "c");
    assert_true(live_streams_wait(live));
    assert_string_equal(shown(&stream, text), "-c a=1@-1 b=2@0 ");
    live_streams_shown(live);
    assert_false(live_streams_wait(live));
    assert_string_equal(shown(&stream, text), "");
}

static void an_id_is_shown_once_and_a_drop_takes_it_back(void **state)
{
    struct fl_live *live = *state;
    struct fl_live_stream stream = {0};
    char text[200];
    fl_live_stream_init(live, &stream, sizeof(struct item), 0);
    put(&stream, "a", FL_LIVE_FIRST, 1);
    put(&stream, "b", FL_LIVE_LAST, 2);
    put(&stream, "a", FL_LIVE_LAST, 3); /* anew, in its place */
    assert_string_equal(shown(&stream, text), "a=3@0 b=2@-1 ");
    fl_live_stream_drop(&stream, "a");
    assert_string_equal(shown(&stream, text), "-a b=2@-1 ");
    put(&stream, "a", FL_LIVE_LAST, 4); /* dropped and put: it moves */
    assert_string_equal(shown(&stream, text), "-a b=2@-1 a=4@-1 ");
}

static void a_reset_forgets_what_came_before_it(void **state)
{
    struct fl_live *live = *state;
    struct fl_live_stream stream = {0};
    char text[200];
    fl_live_stream_init(live, &stream, sizeof(struct item), 0);
    put(&stream, "a", FL_LIVE_LAST, 1);
    fl_live_stream_drop(&stream, "b");
    fl_live_stream_reset(&stream);
    assert_true(live_streams_wait(live));
    put(&stream, "c", FL_LIVE_LAST, 2);
    assert_string_equal(shown(&stream, text), "!c=2@-1 ");
    live_streams_shown(live);
    assert_string_equal(shown(&stream, text), "");
}

static void streams_of_a_view_have_refs_of_their_own_and_hold_thousands(void **state)
{
    struct fl_live *live = *state;
    struct fl_live_stream one = {0}, two = {0};
    fl_live_stream_init(live, &one, sizeof(struct item), 10);
    fl_live_stream_init(live, &two, sizeof(struct item), -10);
    assert_int_not_equal(one.inside->ref, two.inside->ref);
    assert_int_equal(two.inside->max, -10);
    for (int i = 0; i < 5000; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%d", i);
        put(&two, id, FL_LIVE_LAST, i);
    }
    assert_int_equal(two.inside->inserts_count, 5000);
    assert_int_equal(((const struct item *)two.inside->inserts[4999].item)->n, 4999);
    assert_int_equal(one.inside->inserts_count, 0);
}

int main(void)
{
#define stream_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        stream_test(items_go_in_the_order_in_which_they_were_put),
        stream_test(an_id_is_shown_once_and_a_drop_takes_it_back),
        stream_test(a_reset_forgets_what_came_before_it),
        stream_test(streams_of_a_view_have_refs_of_their_own_and_hold_thousands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
