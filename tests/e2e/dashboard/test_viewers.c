/* What people watch while things break: the page is there at once, the figures keep coming, and
 * what breaks in the dashboard itself is a blink. */
#include "tests/e2e/services/phoenix.h"

#include "runtime/base/json.h"
#include "services/dashboard/dashboard.h"
#include "services/wire/channel.h"

struct wall {
    struct hosted hosted;
    char *folder, *figures;
};

static void put_figures(struct wall *wall, const char *phase)
{
    char *text = fl_format("{\"t\":1,\"phase\":\"%s\",\"elapsed_ns\":1000000000,\"total_ns\":"
                           "9000000000,\"loads\":[{\"name\":\"talkers\",\"rate\":41.5,\"errors\":0,"
                           "\"p50_ns\":1,\"p99_ns\":1,\"inflight\":0}],\"processes\":[],"
                           "\"restarts\":0,\"faults\":[]}",
                           phase);
    assert_int_equal(fl_file_write(wall->figures, text, strlen(text), NULL), 0);
    free(text);
}

static int wall_open(void **state)
{
    struct wall *wall = fl_new(struct wall);
    wall->folder = testkit_folder();
    wall->figures = fl_format("%s/figures.json", wall->folder);
    put_figures(wall, "warm");
    wall->hosted.opts = (struct fl_service_opts){.instance = "dashboard",
                                                 .folder = wall->folder,
                                                 .figures_path = wall->figures,
                                                 .port = testkit_free_port()};
    hosted_begin(&wall->hosted, fl_dashboard_start);
    *state = wall;
    return 0;
}

static int wall_close(void **state)
{
    struct wall *wall = *state;
    hosted_kill(&wall->hosted);
    testkit_remove(wall->folder);
    free(wall->figures);
    free(wall);
    return 0;
}

/* ---- a viewer: a WebSocket with one joined channel ---- */

struct viewer {
    struct phoenix phoenix;
    bool joined;
    int updates; /* figures seen */
    int64_t seq, t_ns;
    char phase[32];
};

static void viewer_on_text(void *cx, struct fl_str text)
{
    struct viewer *viewer = cx;
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    assert_int_equal(fl_channel_parse(text, &scratch, &msg), 0);
    if (fl_str_is(msg.event, "phx_reply")) {
        viewer->joined = true;
    } else if (fl_str_is(msg.event, "figures") && fl_str_is(msg.topic, "dashboard:run")) {
        assert_true(viewer->joined); /* the reply comes first */
        cJSON *figures = cJSON_ParseWithLength(msg.payload.at, msg.payload.len);
        viewer->updates++;
        viewer->seq = fl_json_int(figures, "seq", -1);
        viewer->t_ns = fl_json_int(figures, "t_ns", -1);
        snprintf(viewer->phase, sizeof viewer->phase, "%s", fl_json_text(figures, "phase", "?"));
        cJSON_Delete(figures);
    }
    fl_buf_fini(&scratch);
}

static void viewer_read(struct viewer *viewer)
{
    phoenix_read(&viewer->phoenix);
}

static void viewer_join(struct viewer *viewer, int port)
{
    *viewer = (struct viewer){0};
    assert_int_equal(phoenix_open(&viewer->phoenix, port, NULL), 101);
    viewer->phoenix.on_text = viewer_on_text;
    viewer->phoenix.cx = viewer;
    phoenix_send(&viewer->phoenix, "[\"1\",\"1\",\"dashboard:run\",\"phx_join\",{}]");
    char *reply = phoenix_wait(&viewer->phoenix, "phx_reply", NULL);
    assert_non_null(strstr(reply, "\"ok\""));
    free(reply);
}

static void viewer_leave(struct viewer *viewer)
{
    phoenix_close(&viewer->phoenix);
}

static void expect_phase(struct viewer *viewer, const char *phase)
{
    fl_ns deadline_ns = fl_now() + fl_s(CLIENT_DEADLINE_S);
    while (strcmp(viewer->phase, phase) != 0) {
        if (fl_now() > deadline_ns) fail_msg("never saw %s, last %s", phase, viewer->phase);
        viewer_read(viewer);
    }
}

/* ---- stories ---- */

static void the_page_shows_the_figures_before_any_script_runs(void **state)
{
    struct wall *wall = *state;
    int status;
    char *page = client_once(wall->hosted.opts.port, "GET", "/", "", &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(page, "data-phase=\"warm\">warm<"));
    assert_non_null(strstr(page, "talkers</th><td>41.5</td>"));
    free(page);

    static const char *const paths[] = {
        "/health",          "/figures.json",     "/assets/dashboard.js", "/assets/dashboard.css",
        "/assets/look.js",  "/assets/charts.js", "/assets/look.css",     "/assets/phoenix.min.js",
        "/assets/uplot.js", "/assets/uplot.css"};
    for (size_t i = 0; i < FL_COUNT(paths); i++) {
        char *body = client_once(wall->hosted.opts.port, "GET", paths[i], "", &status);
        if (status != 200) fail_msg("%s: %d", paths[i], status);
        free(body);
    }
}

static void a_viewer_joins_and_every_update_is_newer_than_the_last(void **state)
{
    struct wall *wall = *state;
    struct viewer viewer;
    viewer_join(&viewer, wall->hosted.opts.port);
    int64_t seq = 0, t_ns = 0;
    for (int seen = 0; seen < 5;) {
        int before = viewer.updates;
        viewer_read(&viewer);
        if (viewer.updates == before) continue;
        assert_true(viewer.seq > seq);
        assert_true(viewer.t_ns > t_ns);
        assert_true(viewer.t_ns <= fl_now()); /* the clock of the journal */
        seq = viewer.seq;
        t_ns = viewer.t_ns;
        seen++;
    }
    expect_phase(&viewer, "warm");
    viewer_leave(&viewer);
}

static void new_figures_reach_every_viewer_and_half_a_file_reaches_none(void **state)
{
    struct wall *wall = *state;
    struct viewer viewers[5];
    for (size_t i = 0; i < FL_COUNT(viewers); i++)
        viewer_join(&viewers[i], wall->hosted.opts.port);
    put_figures(wall, "storm");
    for (size_t i = 0; i < FL_COUNT(viewers); i++)
        expect_phase(&viewers[i], "storm");

    assert_int_equal(fl_file_write(wall->figures, "{\"phase\":\"ca", 12, NULL), 0);
    for (int seen = viewers[0].updates; viewers[0].updates < seen + 4;) {
        viewer_read(&viewers[0]);
        assert_string_equal(viewers[0].phase, "storm"); /* the last truth, still ticking */
    }
    put_figures(wall, "calm");
    for (size_t i = 0; i < FL_COUNT(viewers); i++) {
        expect_phase(&viewers[i], "calm");
        viewer_leave(&viewers[i]);
    }
}

static void a_crashed_ticker_is_back_and_its_viewers_never_reconnect(void **state)
{
    struct wall *wall = *state;
    struct viewer viewer;
    viewer_join(&viewer, wall->hosted.opts.port);
    expect_phase(&viewer, "warm");
    hosted_crash(&wall->hosted, "ticker");
    put_figures(wall, "storm");
    expect_phase(&viewer, "storm");
    viewer_leave(&viewer);
}

static void a_dashboard_without_a_run_shows_itself(void **state)
{
    struct wall *wall = *state;
    hosted_kill(&wall->hosted);
    wall->hosted.opts.figures_path = NULL;
    hosted_begin(&wall->hosted, fl_dashboard_start);
    struct viewer viewer;
    viewer_join(&viewer, wall->hosted.opts.port);
    expect_phase(&viewer, "serving");
    viewer_leave(&viewer);

    int status;
    char *figures = client_once(wall->hosted.opts.port, "GET", "/figures.json", "", &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(figures, "{\"instance\":\"ticker\",\"state\":\"ready\""));
    cJSON *tree = cJSON_Parse(figures);
    assert_true(cJSON_IsObject(tree));
    cJSON_Delete(tree);
    free(figures);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wall_open, wall_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_page_shows_the_figures_before_any_script_runs),
        STORY(a_viewer_joins_and_every_update_is_newer_than_the_last),
        STORY(new_figures_reach_every_viewer_and_half_a_file_reaches_none),
        STORY(a_crashed_ticker_is_back_and_its_viewers_never_reconnect),
        STORY(a_dashboard_without_a_run_shows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
