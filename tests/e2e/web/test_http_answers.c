/* What a browser is told besides the answer: headers, packing, sessions, tokens of forms. */
#include "tests/e2e/web/world.h"

#include <zlib.h>

#include "runtime/server.h"
#include "services/web/web.h"

static void route_form(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_buf page = {0};
    fl_web_csrf(web, req, &page);
    fl_web_respond(self, web, 200, "text/html; charset=utf-8", page.at, page.len);
    fl_buf_fini(&page);
}

static void route_save(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_str name = fl_web_form(req, "name");
    if (!fl_web_csrf_ok(web, req))
        fl_web_fail(self, web, 403, "this form is not ours");
    else
        fl_web_respond(self, web, 200, "text/plain", name.at, name.len);
}

static void route_tag(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    const char *tag = fl_web_asset_tag(web, "/assets/long.js");
    if (fl_web_asset_tag(web, "/nowhere") != NULL) tag = "of nothing";
    fl_web_set_header(web, "X-Sly", "a\r\nSet-Cookie: b");
    fl_web_respond(self, web, 200, "text/plain", tag, strlen(tag));
}

static void route_go(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_redirect(self, web, "/form");
}

static const struct fl_web_route routes[] = {
    {"GET", "/form", route_form, NULL},
    {"POST", "/form", route_save, NULL},
    {"GET", "/tag", route_tag, NULL},
    {"POST", "/go", route_go, NULL},
    {0},
};
static char long_text[5000];
static const size_t long_len = sizeof long_text, short_len = 5;
static const struct fl_web_asset assets[] = {
    {"/assets/long.js", "text/javascript", long_text, &long_len},
    {"/assets/short.js", "text/javascript", "short", &short_len},
    {0},
};
static const struct fl_web_site site = {.routes = routes, .assets = assets};

static int start(struct world *world, struct fl_err *err)
{
    return fl_web_serve(world->node, &site, NULL, 0, &world->port, NULL, err);
}

static int set_up(void **state)
{
    static struct world world;
    for (size_t i = 0; i < sizeof long_text; i++)
        long_text[i] = "let x = y; "[i % 11];
    world = (struct world){.start = start};
    world_up(&world);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    world_down(*state);
    return 0;
}

/* Asks, and leaves the whole answer in http (fl_http_fini it). */
static void ask(struct client *client, struct fl_http *http, const char *method, const char *path,
                const char *headers, const char *body)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n%s\r\n%s", method,
                  path, strlen(body), headers, body);
    client_send(client, text.at, text.len);
    client_response(client, strcmp(method, "HEAD") == 0, http);
    fl_buf_fini(&text);
}

static void expect_header(const struct fl_http *http, const char *name, const char *value)
{
    struct fl_str got = fl_http_header(http, name);
    if (!fl_str_is(got, value)) fail_msg("%s is \"%.*s\", not \"%s\"", name, FL_ARG(got), value);
}

static void an_asset_is_packed_for_whoever_takes_that(void **state)
{
    static const struct {
        const char *accepts;
        bool packed;
    } cases[] = {
        {"", false},
        {"Accept-Encoding: gzip, deflate, br\r\n", true},
        {"Accept-Encoding: br;q=1, GZIP;q=0.5\r\n", true},
        {"Accept-Encoding: *\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: gzip; q=0.000, *\r\n", false},
        {"Accept-Encoding: *;q=0\r\n", false},
        {"Accept-Encoding: br, identity\r\n", false},
        {"Accept-Encoding: xgzip\r\n", false},
    };
    struct client client;
    client_open(&client, *state);
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_http http;
        ask(&client, &http, "GET", "/assets/long.js", cases[i].accepts, "");
        assert_int_equal(http.status, 200);
        expect_header(&http, "vary", "Accept-Encoding");
        if (!cases[i].packed) {
            assert_null(fl_http_header(&http, "content-encoding").at);
            assert_int_equal(http.body.len, sizeof long_text);
        } else {
            unsigned char text[sizeof long_text + 1];
            z_stream zip = {.next_in = (unsigned char *)http.body.at,
                            .avail_in = (unsigned)http.body.len,
                            .next_out = text,
                            .avail_out = sizeof text};
            expect_header(&http, "content-encoding", "gzip");
            assert_true(http.body.len < sizeof long_text / 10);
            assert_int_equal(inflateInit2(&zip, 15 + 16), Z_OK);
            assert_int_equal(inflate(&zip, Z_FINISH), Z_STREAM_END);
            inflateEnd(&zip);
            assert_int_equal(zip.total_out, sizeof long_text);
            assert_memory_equal(text, long_text, sizeof long_text);
        }
        fl_http_fini(&http);
    }
    client_close(&client);
}

static void each_form_of_an_asset_has_a_tag_that_is_good_for_that_form(void **state)
{
    static const char gzip[] = "Accept-Encoding: gzip\r\n";
    struct client client;
    struct fl_http plain, packed, again;
    struct fl_buf known = {0};
    client_open(&client, *state);
    ask(&client, &plain, "GET", "/assets/long.js", "", "");
    ask(&client, &packed, "GET", "/assets/long.js", gzip, "");
    assert_false(fl_str_eq(fl_http_header(&plain, "etag"), fl_http_header(&packed, "etag")));

    fl_buf_printf(&known, "%sIf-None-Match: %.*s\r\n", gzip,
                  FL_ARG(fl_http_header(&packed, "etag")));
    ask(&client, &again, "GET", "/assets/long.js", known.at, "");
    assert_int_equal(again.status, 304);
    assert_true(fl_str_eq(fl_http_header(&again, "etag"), fl_http_header(&packed, "etag")));
    expect_header(&again, "vary", "Accept-Encoding");
    fl_http_fini(&again);

    known.len = 0;
    fl_buf_printf(&known, "%sIf-None-Match: %.*s\r\n", gzip,
                  FL_ARG(fl_http_header(&plain, "etag")));
    ask(&client, &again, "GET", "/assets/long.js", known.at, "");
    assert_int_equal(again.status, 200);
    fl_http_fini(&again);

    ask(&client, &again, "HEAD", "/assets/long.js", gzip, "");
    assert_int_equal(again.status, 200);
    assert_true(fl_str_eq(fl_http_header(&again, "content-length"),
                          fl_http_header(&packed, "content-length")));
    fl_http_fini(&again);
    fl_http_fini(&plain);
    fl_http_fini(&packed);
    fl_buf_fini(&known);
    client_close(&client);
}

static void an_address_with_the_contents_tag_is_kept_for_good(void **state)
{
    struct client client;
    struct fl_http http;
    char path[100];
    client_open(&client, *state);
    ask(&client, &http, "GET", "/tag", "", "");
    snprintf(path, sizeof path, "/assets/long.js?v=%.*s", (int)http.body.len, http.body.at);
    assert_null(fl_http_header(&http, "set-cookie").at); /* no value begins a header */
    fl_http_fini(&http);
    ask(&client, &http, "GET", path, "", "");
    expect_header(&http, "cache-control", "public, max-age=31536000, immutable");
    fl_http_fini(&http);
    ask(&client, &http, "GET", "/assets/long.js?v=old", "", "");
    expect_header(&http, "cache-control", "no-cache");
    fl_http_fini(&http);
    ask(&client, &http, "GET", "/assets/short.js", "Accept-Encoding: gzip\r\n", "");
    assert_null(fl_http_header(&http, "vary").at); /* too small to pack */
    assert_string_equal(http.body.at, "short");
    fl_http_fini(&http);
    client_close(&client);
}

static void a_page_may_run_only_what_is_from_here(void **state)
{
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    ask(&client, &http, "GET", "/form", "", "");
    struct fl_str policy = fl_http_header(&http, "content-security-policy");
    char *text = fl_str_dup(policy);
    assert_non_null(strstr(text, "default-src 'self'"));
    assert_non_null(strstr(text, "frame-ancestors 'none'"));
    assert_non_null(strstr(text, "form-action 'self'"));
    assert_null(strstr(text, "unsafe"));
    free(text);
    expect_header(&http, "x-frame-options", "DENY");
    expect_header(&http, "referrer-policy", "same-origin");
    expect_header(&http, "x-content-type-options", "nosniff");
    assert_int_equal(fl_http_header(&http, "date").len, FL_HTTP_DATE_LEN);
    fl_http_fini(&http);
    client_close(&client);
}

/* `Cookie: name=value\r\n` of the answer's Set-Cookie. */
static void keep_cookie(const struct fl_http *http, struct fl_buf *out)
{
    struct fl_str set = fl_http_header(http, "set-cookie");
    struct fl_str pair = fl_str_cut(&set, ';');
    assert_non_null(pair.at);
    char *rest = fl_str_dup(set);
    assert_non_null(strstr(rest, "HttpOnly"));
    assert_non_null(strstr(rest, "SameSite=Lax"));
    free(rest);
    out->len = 0;
    fl_buf_printf(out, "Cookie: other=1; %.*s\r\n", FL_ARG(pair));
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void a_form_needs_the_token_of_its_session(void **state)
{
    struct client client;
    struct fl_http http;
    struct fl_buf cookie = {0}, token = {0}, headers = {0}, body = {0};
    client_open(&client, *state);
    ask(&client, &http, "GET", "/form", "", "");
    keep_cookie(&http, &cookie);
    fl_buf_add(&token, http.body.at, http.body.len);
    fl_http_fini(&http);

    struct fl_buf other_token = {0};
    ask(&client, &http, "GET", "/form", "", "");
    fl_buf_add(&other_token, http.body.at, http.body.len);
    fl_http_fini(&http);

    const struct {
        const char *cookie, *token;
        int status;
    } cases[] = {
        {cookie.at, token.at, 200},       {cookie.at, "", 403},
        {cookie.at, "nonsense", 403},     {"", token.at, 403},
        {cookie.at, other_token.at, 403}, {"Cookie: fl_session_1=x\r\n", token.at, 403},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        headers.len = body.len = 0;
        fl_buf_printf(&headers, "%s" FORM, cases[i].cookie);
        fl_buf_printf(&body, "name=x+y%%21&_csrf_token=%s", cases[i].token);
        ask(&client, &http, "POST", "/form", headers.at, body.at);
        if (http.status != cases[i].status) fail_msg("case %zu: %d", i, http.status);
        if (http.status == 200) assert_string_equal(http.body.at, "x y!");
        fl_http_fini(&http);
        /* a script says it in a header */
        fl_buf_printf(&headers, "X-Csrf-Token: %s\r\n", cases[i].token);
        ask(&client, &http, "POST", "/form", headers.at, "name=z");
        assert_int_equal(http.status, cases[i].status);
        fl_http_fini(&http);
    }
    /* whoever has a session is not given another one */
    ask(&client, &http, "GET", "/form", cookie.at, "");
    assert_null(fl_http_header(&http, "set-cookie").at);
    fl_http_fini(&http);
    fl_buf_fini(&cookie);
    fl_buf_fini(&token);
    fl_buf_fini(&other_token);
    fl_buf_fini(&headers);
    fl_buf_fini(&body);
    client_close(&client);
}

static void json_of_a_program_is_no_form_and_other_sites_are_refused(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Content-Type: application/json; charset=utf-8\r\n", 200},
        {"Content-Type: application/json\r\nOrigin: http://a\r\n", 200},
        {"Content-Type: application/json\r\nOrigin: http://evil\r\n", 403},
        {"Content-Type: application/json\r\nOrigin: null\r\n", 403},
        {"Content-Type: text/plain\r\n", 403},
        {"", 403},
    };
    struct client client;
    struct fl_http http;
    client_open(&client, *state);
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        ask(&client, &http, "POST", "/form", cases[i].headers, "{}");
        if (http.status != cases[i].status) fail_msg("case %zu: %d", i, http.status);
        fl_http_fini(&http);
    }
    ask(&client, &http, "POST", "/go", "Origin: http://evil\r\n", "");
    assert_int_equal(http.status, 403);
    fl_http_fini(&http);
    ask(&client, &http, "POST", "/go", "Origin: http://A\r\n", "");
    assert_int_equal(http.status, 303);
    expect_header(&http, "location", "/form");
    fl_http_fini(&http);
    ask(&client, &http, "GET", "/tag", "Origin: http://evil\r\n", ""); /* reads nothing, there */
    assert_int_equal(http.status, 200);
    fl_http_fini(&http);
    client_close(&client);
}

static void a_form_or_query_with_too_much_in_it_is_told_so(void **state)
{
    struct client client;
    struct fl_http http;
    struct fl_buf body = {0};
    client_open(&client, *state);
    for (int i = 0; i < 101; i++)
        fl_buf_printf(&body, "%sf%d=1", i > 0 ? "&" : "", i);
    ask(&client, &http, "POST", "/form", FORM, body.at);
    assert_int_equal(http.status, 400);
    assert_non_null(strstr(http.body.at, "more fields"));
    fl_http_fini(&http);
    body.len = 0;
    fl_buf_puts(&body, "/tag?");
    for (int i = 0; i < 33; i++)
        fl_buf_printf(&body, "f%d&", i);
    ask(&client, &http, "GET", body.at, "", "");
    assert_int_equal(http.status, 400);
    fl_http_fini(&http);
    fl_buf_fini(&body);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_asset_is_packed_for_whoever_takes_that),
        cmocka_unit_test(each_form_of_an_asset_has_a_tag_that_is_good_for_that_form),
        cmocka_unit_test(an_address_with_the_contents_tag_is_kept_for_good),
        cmocka_unit_test(a_page_may_run_only_what_is_from_here),
        cmocka_unit_test(a_form_needs_the_token_of_its_session),
        cmocka_unit_test(json_of_a_program_is_no_form_and_other_sites_are_refused),
        cmocka_unit_test(a_form_or_query_with_too_much_in_it_is_told_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
