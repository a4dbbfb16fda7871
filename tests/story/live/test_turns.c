#include "tests/support/testkit.h"

#include "runtime/crash.h"
#include "runtime/server.h"
#include "services/live/inside.h"
#include "services/web/inside.h"

/* When a view tells its page what has changed, and when it ends: in virtual time, with a connection
 * that only writes down what it is to send. */

struct world {
    struct fl_node *node;
    struct web_boot *boot;
    struct web_seat *seat;
    struct fl_pid conn, view;
    struct fl_buf heard; /* `at-in-ms text`, one a line */
    int diffs, ends;
    char crash[200]; /* what the report of the last one says of its state */
};

/* ---- the view: a number */

struct number {
    int n;
};
enum { ADD = 1, SAME, TITLE };

static const struct fl_str texts[] = {{"<p>", 3}, {"</p>", 4}};
static const struct fl_live_statics statics = {
    .slots_count = 1, .texts = texts, .json = {"[\"<p>\",\"</p>\"]", 14}};

static void number_render(struct fl_live_out *out, const void *state)
{
    const struct number *number = state;
    fl_out_begin(out, &statics);
    fl_out_value(out, number->n);
    fl_out_end(out);
}

static void number_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct number *number = state;
    struct fl_self *self = fl_live_self(live);
    if (fl_str_is(event->name, "add")) number->n++;
    if (fl_str_is(event->name, "timer")) fl_timer_start(self, fl_ms(5), 0);
    if (fl_str_is(event->name, "crash")) fl_self_fail(self, FL_ESTATE);
    if (fl_str_is(event->name, "wait")) fl_pause(self, fl_s(60));
}

static void number_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct number *number = state;
    if (msg->tag == ADD) number->n++;
    if (msg->tag == SAME) fl_live_unchanged(live);
    if (msg->tag == TITLE) fl_live_title(live, "a title");
}

static void number_on_end(struct fl_live *live, void *state)
{
    struct world *w = (struct world *)(uintptr_t)fl_live_args(live);
    w->ends++;
}

static const struct fl_live_template number_template = {"number", number_render};
static const struct fl_live_view number_view = {
    .name = "test.number",
    .state_bytes = sizeof(struct number),
    .view = &number_template,
    .on_event = number_on_event,
    .on_message = number_on_message,
    .on_end = number_on_end,
};
static const struct fl_live_page pages[] = {{"/", &number_view}, {0}};
static const struct fl_live_site site = {.pages = pages, .socket_path = "/live"};
static const struct fl_channel_server channels[] = {FL_LIVE_CHANNEL(&site), {0}};

/* ---- the connection */

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    memcpy(state, args, sizeof(struct world *));
    return 0;
}

static void conn_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *w = *(struct world **)state;
    if (msg->tag == WEB_JOIN || msg->tag == WEB_EVENT || msg->tag == WEB_LEAVE) {
        fl_send(self, w->view, msg->tag, msg->data, msg->len);
    } else if (msg->tag == WEB_FRAME) {
        const uint8_t *bytes = msg->data;
        size_t head = bytes[1] < 126 ? 2 : bytes[1] == 126 ? 4 : 10;
        fl_buf_printf(&w->heard, "%lld ", (long long)(fl_self_now(self) / FL_NS_PER_MS));
        fl_buf_add(&w->heard, bytes + head, msg->len - head);
        fl_buf_putc(&w->heard, '\n');
        w->diffs += strstr(w->heard.at, "\"diff\",") != NULL &&
                    memmem(bytes, msg->len, "\"diff\",", 7) != NULL;
    }
}

static const struct fl_server conn_server = {.name = "conn",
                                             .state_bytes = sizeof(struct world *),
                                             .on_init = conn_on_init,
                                             .on_cast = conn_on_cast};

/* The client sends this. */
static void world_send(struct world *w, uint32_t tag, const char *event, const char *payload)
{
    struct web_item item = {.ref_len = 1, .has_ref = 1};
    struct fl_buf out = {0};
    item.event_len = (uint32_t)strlen(event);
    item.payload_len = (uint32_t)strlen(payload);
    fl_buf_add(&out, &item, sizeof item);
    fl_buf_puts(&out, "4");
    fl_buf_puts(&out, event);
    fl_buf_puts(&out, payload);
    w->seat->waiting += out.len;
    fl_node_send(w->node, w->conn, tag, out.at, out.len);
    fl_buf_fini(&out);
    fl_sim_run(w->node, 0);
}

static void world_click(struct world *w, const char *event)
{
    char payload[80];
    snprintf(payload, sizeof payload, "{\"type\":\"click\",\"event\":\"%s\",\"value\":{}}", event);
    world_send(w, WEB_EVENT, "event", payload);
}

static void world_tell(struct world *w, uint32_t tag)
{
    fl_node_send(w->node, w->view, tag, NULL, 0);
}

static void world_join(struct world *w)
{
    struct fl_buf token = {0}, payload = {0};
    struct web_channel_args args = {
        .boot = w->boot, .server = channels, .seat = w->seat, .conn = w->conn};
    struct fl_spawn_opts opts = {.args = &args};
    assert_int_equal(fl_node_spawn(w->node, &web_channel_server, &opts, &w->view), 0);
    live_session_put(&w->boot->secret, FL_STR("phx-1"), FL_STR("eve"), &token);
    fl_buf_printf(&payload, "{\"url\":\"http://a/\",\"session\":\"%s\"}", token.at);
    world_send(w, WEB_JOIN, "phx_join", payload.at);
    if (strstr(w->heard.at, "rendered") == NULL) fail_msg("%s", w->heard.at);
    fl_buf_fini(&token);
    fl_buf_fini(&payload);
}

static void world_on_note(void *cx, const struct fl_note *note)
{
    struct world *w = cx;
    if (note->kind == FL_NOTE_CRASH) snprintf(w->crash, sizeof w->crash, "%s", note->crash->state);
}

static int set_up(void **state)
{
    struct world *w = fl_new(struct world);
    const struct fl_node_opts opts = {
        .simulated = true, .seed = 1, .on_note = world_on_note, .note_cx = w};
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    w->boot = fl_new(struct web_boot);
    atomic_init(&w->boot->refs, 1);
    w->boot->site.args = w;
    w->seat = web_seat_new(FL_STR("lv:phx-1"), FL_STR("4"));
    struct fl_spawn_opts conn = {.args = &w};
    assert_int_equal(fl_node_spawn(w->node, &conn_server, &conn, &w->conn), 0);
    world_join(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fl_node_free(w->node);
    web_boot_release(w->boot);
    web_seat_release(w->seat);
    fl_buf_fini(&w->heard);
    free(w);
    return 0;
}

static void heard(struct world *w, const char *line)
{
    if (strstr(w->heard.at, line) == NULL) fail_msg("no %s in\n%s", line, w->heard.at);
}

/* ---- stories */

static void a_change_alone_is_told_at_once(void **state)
{
    struct world *w = *state;
    fl_sim_run(w->node, fl_s(1));
    world_tell(w, ADD);
    fl_sim_run(w->node, 0);
    heard(w, "1000 [\"4\",null,\"lv:phx-1\",\"diff\",{\"0\":\"1\"}]\n");
}

static void a_burst_is_told_in_two(void **state)
{
    struct world *w = *state;
    fl_sim_run(w->node, fl_s(1));
    for (int i = 0; i < 100; i++)
        world_tell(w, ADD);
    fl_sim_run(w->node, fl_ms(100));
    assert_in_range(w->diffs, 1, 2);
    heard(w, "\"diff\",{\"0\":\"100\"}]\n");
}

static void what_never_stops_is_told_sixty_times_a_second(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 1000; i++) {
        world_tell(w, ADD);
        fl_sim_run(w->node, fl_ms(1));
    }
    fl_sim_run(w->node, fl_ms(100));
    assert_in_range(w->diffs, 50, 64);
    heard(w, "\"diff\",{\"0\":\"1000\"}]\n");
}

static void an_answer_does_not_wait_and_carries_what_waits(void **state)
{
    struct world *w = *state;
    fl_sim_run(w->node, fl_s(1));
    world_tell(w, ADD);
    fl_sim_run(w->node, fl_ms(1));
    world_tell(w, ADD); /* waits for its turn */
    fl_sim_run(w->node, fl_ms(1));
    assert_int_equal(w->diffs, 1);
    world_click(w, "add");
    heard(w, "1002 [\"4\",\"4\",\"lv:phx-1\",\"phx_reply\",{\"status\":\"ok\",\"response\":{"
             "\"diff\":{\"0\":\"3\"}}}]\n");
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->diffs, 1);
}

/* Any message takes back the time-out that a turn is; what has no callback is such a one. */
static void a_message_for_nobody_loses_no_turn(void **state)
{
    struct world *w = *state;
    fl_sim_run(w->node, fl_s(1));
    world_click(w, "timer"); /* the view has no on_timer */
    world_tell(w, ADD);
    fl_sim_run(w->node, fl_ms(1));
    world_tell(w, ADD);
    fl_sim_run(w->node, fl_ms(6)); /* the timer came */
    assert_int_equal(w->diffs, 1);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->diffs, 2);
    heard(w, "1016 [\"4\",null,\"lv:phx-1\",\"diff\",{\"0\":\"2\"}]\n");
}

static void what_changes_nothing_is_not_told(void **state)
{
    struct world *w = *state;
    world_tell(w, SAME);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->diffs, 0);
    world_tell(w, TITLE);
    fl_sim_run(w->node, fl_s(1));
    heard(w, "\"diff\",{\"t\":\"a title\"}]\n");
    world_tell(w, TITLE);
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->diffs, 1);
}

static void a_view_that_is_left_hears_of_its_end(void **state)
{
    struct world *w = *state;
    world_send(w, WEB_LEAVE, "phx_leave", "{}");
    assert_int_equal(w->ends, 1);
}

static void a_view_whose_connection_is_gone_hears_of_its_end(void **state)
{
    struct world *w = *state;
    fl_node_exit(w->node, w->conn, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_ms(1));
    assert_int_equal(w->ends, 1);
}

static void a_view_that_crashes_says_no_more_and_is_named_in_the_report(void **state)
{
    struct world *w = *state;
    size_t said = w->heard.len;
    world_click(w, "crash");
    fl_sim_run(w->node, fl_s(1));
    assert_string_equal(w->crash, "topic lv:phx-1, test.number at /");
    assert_int_equal(w->ends, 0);
    assert_int_equal(w->heard.len, said);
}

static void a_view_that_is_killed_while_it_waits_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    world_click(w, "wait");
    world_tell(w, ADD);
    fl_sim_run(w->node, fl_s(1));
    fl_node_exit(w->node, w->view, fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(w->ends, 0);
    assert_int_equal(w->diffs, 0);
}

int main(void)
{
#define story(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        story(a_change_alone_is_told_at_once),
        story(a_burst_is_told_in_two),
        story(what_never_stops_is_told_sixty_times_a_second),
        story(an_answer_does_not_wait_and_carries_what_waits),
        story(a_message_for_nobody_loses_no_turn),
        story(what_changes_nothing_is_not_told),
        story(a_view_that_is_left_hears_of_its_end),
        story(a_view_whose_connection_is_gone_hears_of_its_end),
        story(a_view_that_crashes_says_no_more_and_is_named_in_the_report),
        story(a_view_that_is_killed_while_it_waits_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
