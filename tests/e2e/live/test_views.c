#include "tests/e2e/live/site.h"

/* What a view and its page say to each other. */

static void an_event_is_answered_with_what_it_changed(void **state)
{
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    browser_click(&browser, "add", "{\"value\":\"\"}");
    browser_hears(&browser, "[\"4\",\"10\",\"lv:phx-");
    browser_click(&browser, "add", "{\"by\":\"5\"}");
    browser_hears(&browser, "{\"status\":\"ok\",\"response\":{\"diff\":{\"0\":\"6\"}}}]");
    browser_click(&browser, "add", "{\"by\":5000}"); /* not within the limits: 1 */
    browser_hears(&browser, "{\"diff\":{\"0\":\"7\"}}");
    browser_click(&browser, "add", "{\"by\":-7}");
    browser_hears(&browser, "{\"diff\":{\"0\":\"0\"}}");
    browser_close(&browser);
}

static void every_event_is_answered(void **state)
{
    static const struct {
        const char *event, *payload, *answer;
    } cases[] = {
        {"event", "{\"type\":\"click\",\"event\":\"no such\",\"value\":{}}", "{}"},
        {"event", "{\"type\":\"click\",\"event\":\"add\",\"value\":{},\"cid\":3}", "{}"},
        {"event", "{}", "{}"},
        {"event", "{\"event\":5,\"type\":null,\"value\":[1]}", "{}"},
        {"event", "{\"event\":\"lv:clear-flash\",\"value\":{\"key\":\"info\"}}", "{}"},
        {"cids_will_destroy", "{\"cids\":[1]}", "{}"},
        {"cids_destroyed", "{\"cids\":[1]}", "{\"cids\":[]}"},
        {"allow_upload", "{\"ref\":\"1\"}", "{}"},
        {"live_patch", "{\"url\":\"http://a/other\"}", "{\"link_redirect\":true}"},
        {"live_patch", "{\"url\":\"http://a/nothing\"}", "{\"link_redirect\":true}"},
        {"live_patch", "{\"url\":7}", "{\"link_redirect\":true}"},
        {"live_patch", "{\"url\":\"http://a/counter/a?note=p\"}",
         "{\"diff\":{\"1\":\" title=\\\"p\\\"\"}}"},
        {"event", "{\"type\":\"click\",\"event\":\"same\",\"value\":{}}", "{}"},
        {"event", "{\"type\":\"click\",\"event\":\"title\",\"value\":{}}",
         "{\"diff\":{\"0\":\"1\",\"t\":\"New \\ufffd title\"}}"},
        {"event", "{\"type\":\"click\",\"event\":\"title\",\"value\":{}}", "{}"},
        {"event", "{\"type\":\"click\",\"event\":\"push\",\"value\":{}}",
         "{\"diff\":{\"e\":[[\"toast\",{\"text\":\"<b>\"}]]}}"},
        {"event", "{\"type\":\"hook\",\"event\":\"reply\",\"value\":{}}",
         "{\"diff\":{\"r\":{\"ok\":true}}}"},
    };
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        char want[256];
        browser_say(&browser, cases[i].event, cases[i].payload);
        snprintf(want, sizeof want, "\"phx_reply\",{\"status\":\"ok\",\"response\":%s}]",
                 cases[i].answer);
        browser_hears(&browser, want);
    }
    browser_close(&browser);
}

static void what_a_form_says_is_decoded_and_what_comes_back_is_escaped(void **state)
{
    static const struct {
        const char *payload, *note;
    } cases[] = {
        {"{\"type\":\"form\",\"event\":\"note\",\"value\":\"_unused_text=&text=a%26b+%3Cc%3E%22\"}",
         "a&amp;b &lt;c&gt;&quot;"},
        {"{\"type\":\"form\",\"event\":\"target\",\"value\":\"u%5Bname%5D=eve\",\"meta\":{"
         "\"_target\":\"u[name]\"}}",
         "u[name], eve"},
        {"{\"type\":\"form\",\"event\":\"len\",\"value\":\"text=a%00b\"}", "3 bytes"},
        {"{\"type\":\"click\",\"event\":\"len\",\"value\":{\"text\":\"\\u0000\\u00e9x\"}}",
         "4 bytes"},
        {"{\"type\":\"click\",\"event\":\"note\",\"value\":{\"text\":true}}", "true"},
        {"{\"type\":\"hook\",\"event\":\"raw\",\"value\":[1, 2]}", "[1, 2]"},
        {"{\"type\":\"form\",\"event\":\"raw\",\"value\":\"a=1&b=2\"}", "a=1&amp;b=2"},
    };
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        char want[256];
        browser_say(&browser, "event", cases[i].payload);
        snprintf(want, sizeof want, "{\"diff\":{\"1\":\" title=\\\"%s\\\"\"}}", cases[i].note);
        browser_hears(&browser, want);
    }
    browser_close(&browser);
}

static void stream_items_are_told_once(void **state)
{
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    browser_click(&browser, "put", "{\"text\":\"b\"}");
    browser_hears(&browser, "\"stream\":[\"0\",[[\"i-b\",0,null,null]],[]]");
    browser_click(&browser, "drop", "{\"text\":\"b\"}");
    browser_hears(&browser, "\"stream\":[\"0\",[],[\"i-b\"]]");
    browser_click(&browser, "add", "{}");
    browser_hears(&browser, "{\"diff\":{\"0\":\"1\"}}");
    browser_close(&browser);
}

static void a_burst_of_messages_is_a_diff_or_two(void **state)
{
    struct browser browser;
    browser_visit(&browser, *state, "/counter/bell");
    bell_ring(*state, 100);
    int diffs = 0;
    do {
        assert_non_null(strstr(browser_hear(&browser), "\"diff\","));
        diffs++;
    } while (strstr(browser.frame.at, "\"0\":\"100\"") == NULL);
    assert_in_range(diffs, 1, 2);
    /* and one alone is told without waiting for another */
    bell_ring(*state, 1);
    browser_hears(&browser, "[\"4\",null,\"lv:phx-");
    assert_non_null(strstr(browser.frame.at, "\"diff\",{\"0\":\"101\"}]"));
    browser_close(&browser);
}

static void a_crash_is_told_and_the_next_join_starts_anew(void **state)
{
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    browser_click(&browser, "add", "{}");
    browser_hears(&browser, "diff");
    browser_click(&browser, "crash", "{}"); /* no answer to the event, neither good nor bad */
    browser_hears(&browser, "\"phx_error\"");
    browser_join(&browser, "url", "/counter/a");
    browser_hears(&browser, "\"0\":\"0\"");
    browser_click(&browser, "push badly", "{}");
    browser_hears(&browser, "\"phx_error\"");
    browser_join(&browser, "url", "/counter/a");
    browser_hears(&browser, "rendered");
    browser_click(&browser, "loop", "{}");
    client_expect(&browser.socket, "\"phx_error\"");
    browser_close(&browser);
}

static void a_view_shows_another_path_or_sends_its_page_elsewhere(void **state)
{
    static const struct {
        const char *event, *answer;
    } cases[] = {
        {"navigate", "{\"live_redirect\":{\"kind\":\"push\",\"to\":\"/other\"}}"},
        {"patch away", "{\"live_redirect\":{\"kind\":\"push\",\"to\":\"/other\"}}"},
        {"leave", "{\"redirect\":{\"to\":\"/files/x\"}}"},
    };
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    browser_click(&browser, "patch", "{}");
    browser_hears(&browser,
                  "\"live_patch\",{\"kind\":\"push\",\"to\":\"/counter/a?note=patched\"}]");
    browser_hears(&browser, "{\"diff\":{\"1\":\" title=\\\"patched\\\"\"}}");
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        browser_click(&browser, cases[i].event, "{}");
        browser_hears(&browser, cases[i].answer);
        browser_click(&browser, "add", "{}"); /* it only waits to be left */
        browser_hears(&browser, "\"response\":{}}");
        browser_join(&browser, "redirect", "/counter/a");
        client_expect(&browser.socket, "rendered");
    }
    browser_close(&browser);

    browser_visit(&browser, *state, "/counter/bell");
    bell_ring(*state, 3); /* by a message, not by an event */
    client_expect(&browser.socket, "\"live_redirect\",{\"kind\":\"push\",\"to\":\"/other\"}]");
    browser_close(&browser);
}

static void a_leave_is_answered_and_closed(void **state)
{
    struct browser browser;
    browser_visit(&browser, *state, "/counter/a");
    browser_say(&browser, "phx_leave", "{}");
    browser_hears(&browser, "{\"status\":\"ok\",\"response\":{}}");
    browser_hears(&browser, "\"phx_close\"");
    browser_close(&browser);
}

/* An error would leave the page's buttons locked for good; a crash makes it join again. */
static void a_client_that_asks_too_much_of_a_busy_view_loses_the_view(void **state)
{
    struct browser browser;
    struct fl_buf payload = {0};
    browser_visit(&browser, *state, "/counter/a");
    browser_click(&browser, "sleep", "{}");
    fl_buf_puts(&payload, "{\"event\":\"add\",\"value\":{\"text\":\"");
    for (int i = 0; i < 1 << 20; i++)
        fl_buf_putc(&payload, 'a');
    fl_buf_puts(&payload, "\"}}");
    for (int i = 0; i < 9; i++)
        browser_say(&browser, "event", payload.at);
    browser_hears(&browser, "\"phx_error\"");
    browser_join(&browser, "url", "/counter/a");
    client_expect(&browser.socket, "rendered");
    fl_buf_fini(&payload);
    browser_close(&browser);
}

int main(void)
{
#define view_story(test) cmocka_unit_test_setup_teardown(test, site_up, site_down)
    const struct CMUnitTest tests[] = {
        view_story(an_event_is_answered_with_what_it_changed),
        view_story(every_event_is_answered),
        view_story(what_a_form_says_is_decoded_and_what_comes_back_is_escaped),
        view_story(stream_items_are_told_once),
        view_story(a_burst_of_messages_is_a_diff_or_two),
        view_story(a_crash_is_told_and_the_next_join_starts_anew),
        view_story(a_view_shows_another_path_or_sends_its_page_elsewhere),
        view_story(a_leave_is_answered_and_closed),
        view_story(a_client_that_asks_too_much_of_a_busy_view_loses_the_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
