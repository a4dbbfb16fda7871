#include "tests/e2e/live/site.h"

/* How a page comes to a browser, and how its socket joins. */

static void has(const struct fl_buf *text, const char *part)
{
    if (strstr(text->at, part) == NULL) fail_msg("no %s in %s", part, text->at);
}

static void a_page_is_whole_before_any_script_runs(void **state)
{
    struct browser browser = {0};
    assert_int_equal(browser_get(&browser, *state, "/counter/a?note=%22%3Cb%3E%26", NULL), 200);
    has(&browser.body, "<!DOCTYPE html>");
    has(&browser.body, "<title data-default=\"Untitled\" data-suffix=\" · &quot;test&quot;\">"
                       "Counter · &quot;test&quot;</title>");
    has(&browser.body, "<meta name=\"csrf-token\" content=\"");
    has(&browser.body, "<meta name=\"live-socket\" content=\"/live\">");
    has(&browser.body, "href=\"/assets/a.css\"");
    has(&browser.body, "data-phx-main data-phx-session=\"");
    has(&browser.body, "<p>0</p><i title=\"&quot;&lt;b&gt;&amp;\">none</i>");
    has(&browser.body, "<li id=\"i-first\">x</li>");
    fl_buf_fini(&browser.body);
}

static void a_title_is_text(void **state)
{
    struct browser browser = {0};
    assert_int_equal(browser_get(&browser, *state, "/counter/titled", NULL), 200);
    has(&browser.body, ">&lt;/title&gt;&lt;b&gt;&quot;&amp;&#39; · ");
    fl_buf_fini(&browser.body);
}

static void a_page_that_cannot_be_shown_says_why(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/nothing", 404},        {"/counter/", 404},       {"/counter/gone", 404},
        {"/counter/secret", 403}, {"/counter/full", 503},   {"/counter/odd", 500},
        {"/counter/broken", 500}, {"/counter/killed", 500}, {"/counter/a?note=loop", 302},
        {"/counter/away", 302},   {"/counter/out", 302},    {"/counter/a", 200},
    };
    struct browser browser = {0};
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        int status = browser_get(&browser, *state, cases[i].path, NULL);
        if (status != cases[i].status) fail_msg("%s: %d", cases[i].path, status);
        if (status >= 400) has(&browser.body, "<h1>");
    }
    fl_buf_fini(&browser.body);
}

static void a_redirect_of_a_dead_render_cannot_split_its_head(void **state)
{
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    const char *ask = "GET /counter/away HTTP/1.1\r\nHost: a\r\n\r\n";
    client_send(&client, ask, strlen(ask));
    client_response(&client, false, &http);
    assert_int_equal(http.status, 302);
    assert_true(fl_str_is(fl_http_header(&http, "location"), "/counter/a?from=x%20y%0D%0AX:%20y"));
    assert_null(fl_http_header(&http, "x").at);
    fl_http_fini(&http);
    client_close(&client);
}

static void a_socket_joins_and_gets_the_whole_tree(void **state)
{
    struct browser browser;
    browser_open(&browser, *state, "/counter/bell?note=n", NULL);
    browser_join(&browser, "url", "/counter/bell?note=n");
    const char *frame = browser_hear(&browser);
    struct fl_buf heard = {0};
    fl_buf_puts(&heard, frame);
    has(&heard, "[\"4\",\"4\",\"lv:phx-");
    has(&heard, "\"phx_reply\",{\"status\":\"ok\",\"response\":{\"rendered\":{");
    has(&heard, "\"0\":\"0\"");
    has(&heard, "\"1\":\" title=\\\"n\\\"\"");
    has(&heard, "\"s\":[\"<p>\",");
    has(&heard, "\"stream\":[\"0\",[[\"i-first\",-1,null,null]],[]]");
    has(&heard, "\"t\":\"Counter\"");
    has(&heard, "\"e\":[[\"hello\",{\"n\":1}]]");
    has(&heard, "},\"liveview_version\":\"1.2.12\"}}]");
    fl_buf_fini(&heard);
    browser_close(&browser);
}

static void a_token_is_good_for_its_own_page_only(void **state)
{
    struct browser a, b;
    browser_open(&a, *state, "/counter/a", NULL);
    browser_open(&b, *state, "/counter/a", NULL);
    char *own = b.session;
    b.session = a.session;
    browser_join(&b, "url", "/counter/a");
    browser_hears(&b, "{\"status\":\"error\",\"response\":{\"reason\":\"stale\"}}");
    b.session = fl_strdup("nonsense");
    browser_join(&b, "url", "/counter/a");
    browser_hears(&b, "{\"reason\":\"stale\"}");
    free(b.session);
    b.session = own;
    browser_join(&b, "url", "/counter/a");
    browser_hears(&b, "rendered");
    browser_close(&a);
    browser_close(&b);
}

static void the_live_view_is_of_the_same_browser_as_the_page(void **state)
{
    struct browser browser;
    browser_open(&browser, *state, "/counter/who", NULL);
    char *session = browser_attr(&browser, "<i title=\""), part[80];
    assert_true(strlen(session) > 10);
    browser_join(&browser, "url", "/counter/who");
    snprintf(part, sizeof part, "title=\\\"%s\\\"", session);
    browser_hears(&browser, part);
    free(session);
    browser_close(&browser);
}

static void a_token_outlives_the_server(void **state)
{
    struct world *world = *state;
    struct browser browser;
    browser_open(&browser, world, "/counter/a", NULL);
    int port = world->port;
    client_close(&browser.socket);
    world_down(world);
    *world = (struct world){.start = site_start, .port = port};
    world_up(world);
    client_upgrade_at(&browser.socket, world, "/live");
    browser_join(&browser, "url", "/counter/a");
    browser_hears(&browser, "rendered");
    browser_close(&browser);
}

/* "stale" makes the client load the page at once: one that has just been loaded so, in vain, must
 * not be told it again. */
static void nobody_is_sent_round_in_circles(void **state)
{
    struct browser browser;
    browser_open(&browser, *state, "/counter/shy", NULL);
    browser_join(&browser, "url", "/counter/shy");
    browser_hears(&browser, "{\"reason\":\"unauthorized\"}");
    browser_close(&browser);

    browser_open(&browser, *state, "/counter/shy", "/counter/shy");
    browser_join(&browser, "url", "/counter/shy");
    browser_hears(&browser, "{\"reason\":\"not found\"}");
    browser.session[4] = browser.session[4] == 'A' ? 'B' : 'A';
    browser_join(&browser, "url", "/counter/shy");
    browser_hears(&browser, "{\"reason\":\"session\"}");
    browser_close(&browser);
}

static void a_join_that_cannot_be_says_why(void **state)
{
    static const struct {
        const char *key, *url, *answer;
    } cases[] = {
        {"redirect", "/nothing",
         "{\"status\":\"error\",\"response\":{\"reason\":\"unauthorized\"}}"},
        {"redirect", "/counter/secret", "{\"reason\":\"unauthorized\"}"},
        {"redirect", "/counter/full", "{\"reason\":\"overloaded\"}"},
        {"redirect", "/counter/odd", "{\"reason\":\"input/output error\"}"},
        {"redirect", "/counter/broken", "{\"reason\":\"join crashed\"}"},
        {"redirect", "/counter/away", "{\"live_redirect\":{\"kind\":\"push\",\"to\":\"/counter/a?"},
        {"redirect", "/counter/out", "{\"redirect\":{\"to\":\"https://elsewhere.example/\"}}"},
        {"url", "/counter/a?note=loop", "{\"reason\":\"join crashed\"}"},
        {"url", "/counter/a?note=other",
         "\"live_patch\":{\"kind\":\"replace\",\"to\":\"/counter/a?note=there\"}"},
        {"nothing", "/counter/a", "{\"reason\":\"unauthorized\"}"},
        {"redirect", "/other", "rendered"},
        {"redirect", "/counter/a", "rendered"},
    };
    struct browser browser;
    browser_open(&browser, *state, "/counter/a", NULL);
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        browser_join(&browser, cases[i].key, cases[i].url);
        client_expect(&browser.socket, cases[i].answer);
    }
    browser_close(&browser);
}

int main(void)
{
#define page_story(test) cmocka_unit_test_setup_teardown(test, site_up, site_down)
    const struct CMUnitTest tests[] = {
        page_story(a_page_is_whole_before_any_script_runs),
        page_story(a_title_is_text),
        page_story(a_page_that_cannot_be_shown_says_why),
        page_story(a_redirect_of_a_dead_render_cannot_split_its_head),
        page_story(a_socket_joins_and_gets_the_whole_tree),
        page_story(a_token_is_good_for_its_own_page_only),
        page_story(the_live_view_is_of_the_same_browser_as_the_page),
        page_story(a_token_outlives_the_server),
        page_story(nobody_is_sent_round_in_circles),
        page_story(a_join_that_cannot_be_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
