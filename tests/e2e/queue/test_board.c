/* The pages for people: whole without a script, live with one, and what is clicked is done. */
#include "tests/e2e/queue/site.h"

/** A page and its socket. */
struct page {
    struct client socket;
    char *id;
    int refs;
};

static char *attribute(const char *html, const char *name)
{
    const char *at = strstr(html, name);
    assert_non_null(at);
    at += strlen(name);
    return fl_str_dup((struct fl_str){at, strcspn(at, "\"")});
}

static void page_expect(struct page *page, const char *words)
{
    client_expect(&page->socket, words);
}

static void page_open(struct page *page, struct site *site, const char *path, const char *words)
{
    int status;
    char *html = site_ask_on(&site->client, "GET", path, "", &status, NULL);
    assert_int_equal(status, 200);
    *page = (struct page){.id = attribute(html, "<div id=\"")};
    char *session = attribute(html, "data-phx-session=\"");
    client_upgrade_at(&page->socket, &site->world, "/live");
    char *join = fl_format(
        "[\"4\",\"4\",\"lv:%s\",\"phx_join\",{\"url\":\"http://x%s\",\"params\":{"
        "\"_mounts\":0},\"session\":\"%s\",\"static\":null,\"sticky\":false}]",
        page->id, path, session);
    client_say(&page->socket, join);
    page_expect(page, words);
    free(join), free(session), free(html);
}

static void page_say(struct page *page, const char *type, const char *event, const char *value)
{
    char *text = fl_format("[\"4\",\"%d\",\"lv:%s\",\"event\",{\"type\":\"%s\",\"event\":\"%s\","
                           "\"value\":%s}]",
                           10 + page->refs++, page->id, type, event, value);
    client_say(&page->socket, text);
    free(text);
}

static void page_close(struct page *page)
{
    client_close(&page->socket);
    free(page->id);
}

static void the_pages_are_whole_without_a_script(void **state)
{
    struct site *site = *state;
    site_expect(site, "GET", "/", "", 200, "No queue yet.");
    site_expect(site, "POST", "/queues/mail/jobs",
                "{\"key\":\"<b>bold</b>\",\"payload\":\"<script>\"}", 201, NULL);
    site_expect(site, "GET", "/", "", 200, "href=\"/board/mail\"");
    site_expect(site, "GET", "/board/mail", "", 200, "&lt;b&gt;bold&lt;/b&gt;");
    site_expect(site, "GET", "/board/mail", "", 200, "<code>&quot;&lt;script&gt;&quot;</code>");
    site_expect(site, "GET", "/board/mail?state=dead", "", 200, "No jobs are dead.");
    site_expect(site, "GET", "/board/new", "", 200, "No jobs are ready.");
    site_expect(site, "GET", "/board/a%20b", "", 404, NULL);
    site_expect(site, "GET", "/queues/new", "", 404, NULL); /* looking makes none */
    site_expect(site, "GET", "/assets/queue.css", "", 200, ".tiles");
}

static void a_page_shows_what_happens_elsewhere(void **state)
{
    struct site *site = *state;
    struct page all, one;
    page_open(&all, site, "/", "No queue yet.");
    page_open(&one, site, "/board/q", "no-jobs");
    site_expect(site, "POST", "/queues/q/jobs", "{\"payload\":\"hello there\"}", 201, "{\"id\":1}");
    page_expect(&all, "\"q\"");
    page_expect(&one, "hello there");
    site_expect(site, "DELETE", "/jobs/1", "", 200, NULL);
    page_expect(&one, "[],[\"job-1\"]");
    page_close(&all);
    page_close(&one);
}

static void what_is_clicked_is_done(void **state)
{
    struct site *site = *state;
    struct page page;
    int64_t id;
    site_expect(site, "PUT", "/queues/q", "{\"max_attempts\":1}", 200, NULL);
    for (int i = 1; i <= 3; i++) {
        site_expect(site, "POST", "/queues/q/jobs", "{}", 201, NULL);
        char *body = site_lease(site, "q", &id), *closed = fl_format("%s,\"error\":\"oh\"}", body);
        char *path = fl_format("/jobs/%d/fail", i);
        site_expect(site, "POST", path, closed, 200, "\"dead\":true");
        free(body), free(closed), free(path);
    }
    page_open(&page, site, "/board/q?state=dead", "job-3");
    page_say(&page, "click", "retry", "{\"id\":\"2\"}");
    page_expect(&page, "job 2 is ready again");
    site_expect(site, "GET", "/jobs/2", "", 200, "\"state\":\"ready\"");
    page_say(&page, "click", "delete", "{\"id\":\"3\"}");
    page_expect(&page, "job 3 is deleted");
    site_expect(site, "GET", "/jobs/3", "", 404, NULL);
    page_say(&page, "click", "retry", "{\"id\":\"77\"}");
    page_expect(&page, "no such job");
    page_say(&page, "click", "requeue_all", "{}");
    page_expect(&page, "1 job ready again");
    page_say(&page, "click", "pause", "{}");
    page_expect(&page, "paused: no leases are given");
    site_expect(site, "GET", "/queues/q", "", 200, "\"paused\":true");
    page_say(&page, "form", "save",
             "\"handler=echo&workers=2&concurrency=3&rate=1.5&max_attempts=4&visibility_ms=9\"");
    page_expect(&page, "saved");
    site_expect(site, "GET", "/queues/q", "", 200,
                "\"concurrency\":3,\"rate\":1.5,\"visibility_ms\":9,\"max_attempts\":4");
    page_say(&page, "form", "save", "\"handler=echo&workers=65\"");
    page_expect(&page, "must be a whole number from 0");
    page_close(&page);
}

static void a_form_says_what_is_wrong_before_it_is_sent(void **state)
{
    struct site *site = *state;
    struct page page;
    page_open(&page, site, "/board/q", "no-jobs");
    page_say(&page, "form", "check", "\"payload=%7Boops&key=&delay=soon&priority=9999\"");
    page_expect(&page, "this is not JSON");
    page_say(&page, "form", "enqueue", "\"payload=%7Boops&key=&delay=&priority=\"");
    page_say(&page, "form", "enqueue", "\"payload=%5B1%5D&key=k&delay=1h&priority=-5\"");
    page_expect(&page, "enqueued");
    site_expect(site, "GET", "/jobs/1", "", 200,
                "\"state\":\"scheduled\",\"key\":\"k\",\"priority\":-5");
    page_say(&page, "form", "enqueue", "\"payload=%5B1%5D&key=k&delay=&priority=\"");
    page_expect(&page, "job 1 has this key already");
    site_expect(site, "GET", "/queues/q", "", 200, "\"enqueued\":1");
    page_close(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_pages_are_whole_without_a_script),
        STORY(a_page_shows_what_happens_elsewhere),
        STORY(what_is_clicked_is_done),
        STORY(a_form_says_what_is_wrong_before_it_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
