#include "tests/story/runtime/player.h"

#include <cjson/cJSON.h>

#include "services/web/presence.h"

/* What clients of Phoenix presence are sent, as texts. */

static struct fl_pubsub *pubsub;
static struct fl_presence *presence;

static void tell(struct fl_self *self, void *cx, const struct fl_presence_view *diff)
{
    struct fl_buf out = {0};
    fl_web_presence_put_diff(*diff, &out);
    write_down((struct world *)cx, "%s\n", out.at);
    fl_buf_fini(&out);
}

static int setup(void **state)
{
    world_setup(state);
    struct world *w = *state;
    assert_int_equal(fl_pubsub_start(w->node, NULL, &pubsub), 0);
    const struct fl_presence_opts opts = {
        .pubsub = pubsub, .on_diff = tell, .cx = w, .replica = 0xab};
    assert_int_equal(fl_presence_start(w->node, NULL, &opts, &presence), 0);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    w->cx = NULL;
    fl_presence_free(presence);
    fl_pubsub_free(pubsub);
    return world_teardown(state);
}

static void comes(struct fl_self *self, struct world *w)
{
    static int count;
    count++;
    fl_presence_track(self, presence, "room:x", FL_STR("a\"na"), FL_STR("{\"n\": 1}"));
    if (count % 2 == 1)
        fl_presence_track(self, presence, "room:x", FL_STR("z\0z"), FL_STR(" { } "));
    fl_pause(self, fl_ms(5));
    fl_presence_update(self, presence, "room:x", FL_STR("a\"na"), FL_STR("{\"n\":2}"));
    fl_pause(self, fl_ms(5));
}

static void each_diff_has_both_halves_and_groups_the_devices_of_a_key(void **state)
{
    struct world *w = *state;
    world_start(w, comes);
    fl_sim_run(w->node, fl_ms(3));
    expect_diary(w, "{\"joins\":{\"a\\\"na\":{\"metas\":[{\"phx_ref\":\"ab.1\",\"n\": 1}]},"
                    "\"z\\u0000z\":{\"metas\":[{\"phx_ref\":\"ab.2\"}]}},\"leaves\":{}}\n");
    world_start(w, comes);
    fl_sim_run(w->node, fl_ms(1));
    expect_diary(w, "{\"joins\":{\"a\\\"na\":{\"metas\":[{\"phx_ref\":\"ab.3\",\"n\": 1}]}},"
                    "\"leaves\":{}}\n");
    struct fl_buf list = {0}, out = {0};
    assert_int_equal(fl_presence_list(presence, "room:x", &list), 3);
    fl_web_presence_put_state((struct fl_presence_view){"room:x", list.at, list.len}, &out);
    assert_string_equal(out.at, "{\"a\\\"na\":{\"metas\":[{\"phx_ref\":\"ab.1\",\"n\": 1},"
                                "{\"phx_ref\":\"ab.3\",\"n\": 1}]},"
                                "\"z\\u0000z\":{\"metas\":[{\"phx_ref\":\"ab.2\"}]}}");
    out.len = 0;
    fl_web_presence_put_state((struct fl_presence_view){"room:x", NULL, 0}, &out);
    assert_string_equal(out.at, "{}");
    fl_buf_fini(&list);
    fl_buf_fini(&out);
    fl_sim_run(w->node, fl_ms(2));
    expect_diary(w, "{\"joins\":{\"a\\\"na\":{\"metas\":[{\"phx_ref\":\"ab.4\",\"phx_ref_prev\":"
                    "\"ab.1\",\"n\":2}]}},"
                    "\"leaves\":{\"a\\\"na\":{\"metas\":[{\"phx_ref\":\"ab.1\",\"n\": 1}]}}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_diff_has_both_halves_and_groups_the_devices_of_a_key,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
