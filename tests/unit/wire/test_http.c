#include "tests/support/testkit.h"

#include "runtime/base/rng.h"
#include "services/wire/http.h"

static const char a_post[] = "POST /jobs/7?max=3&x=%20#top HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n"
                             "Content-Length: 5\r\nX-Long:   two words  \r\n\r\nhello";

static void expect_the_post(const struct fl_http *http)
{
    assert_string_equal(http->method, "POST");
    assert_true(fl_str_is(http->path, "/jobs/7"));
    assert_true(fl_str_is(http->query, "max=3&x=%20"));
    assert_true(fl_str_is((struct fl_str){http->body.at, http->body.len}, "hello"));
    assert_true(fl_str_is(fl_http_header(http, "x-long"), "two words"));
    assert_true(fl_str_is(fl_http_header(http, "X-EMPTY"), ""));
    assert_null(fl_http_header(http, "x-absent").at);
    assert_int_equal(http->headers_count, 4);
    assert_true(http->keep_alive);
    assert_false(http->upgrade);
}

static void a_request_cut_at_every_byte_is_the_same_request(void **state)
{
    size_t whole = sizeof a_post - 1;
    for (size_t cut = 0; cut <= whole; cut++) {
        struct fl_http http;
        size_t used = 0;
        fl_http_request_init(&http, 4096, 4096);
        if (cut > 0 && cut < whole) {
            assert_int_equal(fl_http_request_feed(&http, a_post, cut, &used), FL_HTTP_MORE);
            assert_int_equal(used, cut);
        }
        size_t from = cut == whole ? 0 : cut;
        assert_int_equal(fl_http_request_feed(&http, a_post + from, whole - from, &used),
                         FL_HTTP_DONE);
        assert_int_equal(used, whole - from);
        expect_the_post(&http);
        fl_http_fini(&http);
    }
}

static void pipelined_requests_are_left_for_later(void **state)
{
    struct fl_buf in = {0};
    fl_buf_puts(&in, a_post);
    fl_buf_puts(&in, "GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
    struct fl_http http;
    size_t used = 0, more = 0;
    fl_http_request_init(&http, 4096, 4096);
    assert_int_equal(fl_http_request_feed(&http, in.at, in.len, &used), FL_HTTP_DONE);
    assert_int_equal(used, sizeof a_post - 1);
    fl_http_reset(&http);
    assert_int_equal(fl_http_request_feed(&http, in.at + used, in.len - used, &more), FL_HTTP_DONE);
    assert_int_equal(used + more, in.len);
    assert_string_equal(http.method, "GET");
    assert_int_equal(http.body.len, 0);
    assert_false(http.keep_alive);
    fl_http_fini(&http);
    fl_buf_fini(&in);
}

static void bad_requests_earn_their_status(void **state)
{
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
        {"GET / HTTP/1.0\r\n\r\n", FL_HTTP_DONE},
        {"NONSENSE\r\n\r\n", 400},
        {"\x16\x03\x01\x02\x00", 400},
        {"GET / HTTP/1.1\r\nHost a\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_http http;
        size_t used = 0;
        fl_http_request_init(&http, 4096, 100);
        int rc = fl_http_request_feed(&http, cases[i].bytes, strlen(cases[i].bytes), &used);
        if (rc != cases[i].status) print_error("%d for: %s\n", rc, cases[i].bytes);
        assert_int_equal(rc, cases[i].status);
        fl_http_fini(&http);
    }
}

#define RAW(literal)                   \
    {                                  \
        (literal), sizeof(literal) - 1 \
    } /* with its NUL bytes */
#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* Bytes in which two readers may see two different requests. */
static void what_could_be_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        struct fl_str bytes;
        int status;
    } cases[] = {
        {RAW(HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length: 3, 3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length: +3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length: -3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length: 0x3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length : 3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length:\r\n 3\r\n\r\nabc"), 400},
        {RAW(HEAD "Content-Length: 18446744073709551617\r\n\r\na"), 400},
        {RAW(HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {RAW(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400},
        {RAW(HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400},
        {RAW(HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501},
        {RAW(HEAD "Transfer-Encoding: identity\r\n\r\n"), 501},
        {RAW(HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 501},
        {RAW(HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501},
        {RAW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "5\rXhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "5\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "5\r\nhelloXX0\r\n\r\n"), 400},
        {RAW(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "5;a\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "-5\r\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"), 400},
        {RAW(CHUNKED "0\r\nA: b\n\r\n"), 400},
        {RAW(HEAD "A: b\r\n c\r\n\r\n"), 400},
        {RAW(HEAD "A: b\r\n\tc\r\n\r\n"), 400},
        {RAW("POST / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
        {RAW(HEAD "A: b\nContent-Length: 3\r\n\r\nabc"), 400},
        {RAW("GET / HTTP/1.1\nHost: a\n\n"), 400},
        {RAW(HEAD "A: b\rC: d\r\n\r\n"), 400},
        {RAW(HEAD "A: b\0c\r\n\r\n"), 400},
        {RAW(HEAD "A\0: b\r\n\r\n"), 400},
        {RAW("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
        {RAW(HEAD ": b\r\n\r\n"), 400},
        {RAW(HEAD "Host: b\r\n\r\n"), 400},
        {RAW("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
        {RAW("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"), FL_HTTP_DONE},
        {RAW("GET https://a?x HTTP/1.1\r\nHost: A\r\n\r\n"), FL_HTTP_DONE},
        {RAW("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
        {RAW("GET ?x HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
        {RAW("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), FL_HTTP_DONE},
        {RAW("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 501},
        {RAW("GET /\r\n\r\n"), 505},
        {RAW("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 505},
        {RAW("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), FL_HTTP_DONE},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        for (size_t piece = 1; piece <= cases[i].bytes.len; piece++) {
            struct fl_http http;
            int rc = FL_HTTP_MORE;
            fl_http_request_init(&http, 4096, 100);
            for (size_t at = 0; at < cases[i].bytes.len && rc == FL_HTTP_MORE; at += piece) {
                size_t left = cases[i].bytes.len - at, used = 0;
                rc = fl_http_request_feed(&http, cases[i].bytes.at + at,
                                          piece < left ? piece : left, &used);
            }
            if (rc != cases[i].status)
                fail_msg("%d in pieces of %zu: %s", rc, piece, cases[i].bytes.at);
            fl_http_fini(&http);
        }
    }
}

static void a_target_that_is_too_long_is_told_so(void **state)
{
    struct fl_buf in = {0};
    struct fl_http http;
    size_t used = 0;
    fl_buf_puts(&in, "GET /");
    for (int i = 0; i < FL_HTTP_TARGET_MAX; i++)
        fl_buf_putc(&in, 'x');
    fl_http_request_init(&http, 16 * 1024, 100);
    assert_int_equal(fl_http_request_feed(&http, in.at, in.len, &used), 414);
    fl_http_fini(&http);
    fl_buf_fini(&in);
}

static void heads_say_what_follows_and_dates_are_the_calendars(void **state)
{
    struct fl_buf head = {0};
    fl_http_put_head(&head, 404, "text/plain", 1234567890, false, "A: b\r\n");
    assert_string_equal(head.at, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 1234567890\r\nConnection: close\r\nA: b\r\n\r\n");
    head.len = 0;
    fl_http_put_head(&head, 200, NULL, FL_HTTP_CHUNKED, true, NULL);
    assert_string_equal(head.at, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    head.len = 0;
    fl_http_put_head(&head, 204, NULL, 0, true, NULL);
    assert_string_equal(head.at, "HTTP/1.1 204 No Content\r\n\r\n");
    fl_buf_fini(&head);

    static const struct {
        int64_t at_s;
        const char *text;
    } dates[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {1798761599, "Thu, 31 Dec 2026 23:59:59 GMT"},
    };
    for (size_t i = 0; i < FL_COUNT(dates); i++) {
        char text[FL_HTTP_DATE_LEN + 1] = {0};
        fl_http_date(dates[i].at_s, text);
        assert_string_equal(text, dates[i].text);
    }
}

static void large_heads_and_many_headers_are_refused(void **state)
{
    for (int many = 0; many < 2; many++) {
        struct fl_buf in = {0};
        fl_buf_puts(&in, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 0; i < 200 && many; i++)
            fl_buf_puts(&in, "A: b\r\n");
        if (!many) fl_buf_puts(&in, "A: ");
        for (int i = 0; i < 20000 && !many; i++)
            fl_buf_putc(&in, 'x');
        fl_buf_puts(&in, "\r\n\r\n");
        struct fl_http http;
        size_t used = 0;
        fl_http_request_init(&http, 16 * 1024, 100);
        assert_int_equal(fl_http_request_feed(&http, in.at, in.len, &used), 431);
        fl_http_fini(&http);
        fl_buf_fini(&in);
    }
}

static void chunked_bodies_are_put_together_and_limited(void **state)
{
    static const char in[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
    struct fl_http http;
    size_t used = 0;
    fl_http_request_init(&http, 4096, 7);
    assert_int_equal(fl_http_request_feed(&http, in, sizeof in - 1, &used), FL_HTTP_DONE);
    assert_int_equal(used, sizeof in - 1);
    assert_string_equal(http.body.at, "abcdefg");
    assert_int_equal(http.headers_count, 2);
    fl_http_fini(&http);
    fl_http_request_init(&http, 4096, 6);
    assert_int_equal(fl_http_request_feed(&http, in, sizeof in - 1, &used), 413);
    fl_http_fini(&http);
}

static void an_upgrade_is_a_websocket_and_nothing_else(void **state)
{
    struct fl_buf in = {0};
    struct fl_http http;
    size_t used = 0;
    fl_http_put_upgrade(&in, "a:1", "/socket/websocket?vsn=2.0.0",
                        "dGhlIHNhbXBsZSBub25jZQ==", NULL);
    size_t head = in.len;
    fl_buf_puts(&in, "\x81");
    fl_http_request_init(&http, 4096, 100);
    assert_int_equal(fl_http_request_feed(&http, in.at, in.len, &used), FL_HTTP_DONE);
    assert_int_equal(used, head);
    assert_true(http.upgrade);
    fl_http_fini(&http);

    static const char h2c[] =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "Content-Length: 2\r\n\r\nhi";
    fl_http_request_init(&http, 4096, 100);
    assert_int_equal(fl_http_request_feed(&http, h2c, sizeof h2c - 1, &used), FL_HTTP_DONE);
    assert_false(http.upgrade);
    assert_string_equal(http.body.at, "hi");
    fl_http_fini(&http);
    fl_buf_fini(&in);
}

static void responses_are_read_with_and_without_a_length(void **state)
{
    static const char in[] =
        "HTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nETag: \"x\"\r\n\r\nhirest";
    for (size_t cut = 1; cut < sizeof in - 5; cut++) {
        struct fl_http http;
        size_t used = 0, more = 0;
        fl_http_response_init(&http, false, 100);
        assert_int_equal(fl_http_response_feed(&http, in, cut, &used), FL_HTTP_MORE);
        assert_int_equal(fl_http_response_feed(&http, in + used, sizeof in - 1 - used, &more),
                         FL_HTTP_DONE);
        assert_int_equal(used + more, sizeof in - 5);
        assert_int_equal(http.status, 201);
        assert_string_equal(http.body.at, "hi");
        assert_true(http.keep_alive);
        assert_true(fl_str_is(fl_http_header(&http, "etag"), "\"x\""));
        fl_http_fini(&http);
    }
    struct fl_http http;
    size_t used = 0;
    fl_http_response_init(&http, false, 100);
    static const char until_end[] = "HTTP/1.1 200 OK\r\n\r\nall";
    assert_int_equal(fl_http_response_feed(&http, until_end, sizeof until_end - 1, &used),
                     FL_HTTP_MORE);
    assert_int_equal(fl_http_response_eof(&http), FL_HTTP_DONE);
    assert_string_equal(http.body.at, "all");
    assert_false(http.keep_alive);
    fl_http_fini(&http);
}

static void a_response_that_ends_early_is_no_response(void **state)
{
    struct fl_http http;
    size_t used = 0;
    fl_http_response_init(&http, false, 100);
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall";
    assert_int_equal(fl_http_response_feed(&http, half, sizeof half - 1, &used), FL_HTTP_MORE);
    assert_int_equal(fl_http_response_eof(&http), FL_EBADMSG);
    fl_http_fini(&http);
    fl_http_response_init(&http, false, 2);
    assert_int_equal(fl_http_response_feed(&http, half, sizeof half - 1, &used), FL_EFULL);
    fl_http_fini(&http);
    fl_http_response_init(&http, true, 2);
    assert_int_equal(fl_http_response_feed(&http, half, sizeof half - 4, &used), FL_HTTP_DONE);
    fl_http_fini(&http);
}

static void percents_are_decoded_or_refused(void **state)
{
    struct fl_buf out = {0};
    assert_int_equal(fl_http_decode(&out, FL_STR("a%20b+c%C3%a9"), true), 0);
    assert_string_equal(out.at, "a b c\xc3\xa9");
    assert_int_equal(fl_http_decode(&out, FL_STR("%"), true), FL_EBADMSG);
    assert_int_equal(fl_http_decode(&out, FL_STR("%2"), true), FL_EBADMSG);
    assert_int_equal(fl_http_decode(&out, FL_STR("%zz"), true), FL_EBADMSG);
    fl_buf_fini(&out);
}

/* ---- anything at all: whole or in pieces it is the same request, or the same refusal */

enum { FUZZ_HEAD_MAX = 400, FUZZ_BODY_MAX = 60 };

static size_t below(struct fl_rng *rng, size_t most)
{
    return (size_t)fl_rng_between(rng, 0, (int64_t)most - 1);
}

static void draw_request(struct fl_rng *rng, struct fl_buf *out)
{
    static const char *const seeds[] = {
        a_post,
        "GET http://a/b/c?x=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: "
        "1\r\n\r\n",
        "GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n\r\n\x81\x05",
    };
    static const char *const words[] = {
        "\r\n",     "\n",         " ",   ":",          "Content-Length: 61\r\n",
        "\r\n\r\n", "chunked",    "%",   "HTTP/2",     "Content-Length: 18446744073709551616\r\n",
        "\0",       "ffffffffff", "?#?", "X-Y: z\r\n", "Transfer-Encoding: chunked\r\n",
    };
    fl_buf_puts(out, seeds[below(rng, FL_COUNT(seeds))]);
    for (size_t changes = below(rng, 4); changes > 0; changes--) {
        size_t at = below(rng, out->len);
        struct fl_buf rest = {0};
        fl_buf_add(&rest, out->at + at, out->len - at);
        out->len = at;
        if (below(rng, 2) == 0) fl_buf_puts(out, words[below(rng, FL_COUNT(words))]);
        if (below(rng, 3) == 0) fl_buf_putc(out, (char)fl_rng_between(rng, -128, 127));
        size_t skip = below(rng, 3) == 0 ? below(rng, rest.len) : 0;
        fl_buf_add(out, rest.at + skip, rest.len - skip);
        fl_buf_fini(&rest);
        if (out->len == 0) fl_buf_putc(out, ' ');
    }
    if (below(rng, 8) == 0) out->len = 1 + below(rng, out->len);
}

/* Feeds pieces of up to `most` bytes; returns the last answer, *used is of all of them. */
static int feed_pieces(struct fl_http *http, struct fl_rng *rng, const struct fl_buf *in,
                       size_t most, size_t *used)
{
    int rc = FL_HTTP_MORE;
    *used = 0;
    fl_http_request_init(http, FUZZ_HEAD_MAX, FUZZ_BODY_MAX);
    while (rc == FL_HTTP_MORE && *used < in->len) {
        size_t left = in->len - *used, piece = 1 + below(rng, most), took = 0;
        rc = fl_http_request_feed(http, in->at + *used, piece < left ? piece : left, &took);
        assert_true(took <= (piece < left ? piece : left));
        *used += took;
    }
    return rc;
}

static void anything_is_the_same_request_in_any_pieces(void **state)
{
    (void)state;
    struct fl_rng rng;
    fl_rng_init(&rng, 5);
    int answers[3] = {0}; /* more, done, refused */
    for (int round = 0; round < 20000; round++) {
        struct fl_buf in = {0};
        struct fl_http whole, pieces;
        size_t used = 0, used_too = 0;
        draw_request(&rng, &in);
        int rc = feed_pieces(&whole, &rng, &in, 1 << 20, &used);
        int rc_too = feed_pieces(&pieces, &rng, &in, 1 + below(&rng, 9), &used_too);
        if (rc != rc_too) fail_msg("round %d: %d whole, %d in pieces", round, rc, rc_too);
        answers[rc == FL_HTTP_MORE ? 0 : rc == FL_HTTP_DONE ? 1 : 2]++;
        assert_true(rc == FL_HTTP_MORE || rc == FL_HTTP_DONE || fl_http_reason(rc)[0] != '\0');
        assert_true(whole.head.len <= FUZZ_HEAD_MAX && whole.body.len <= FUZZ_BODY_MAX);
        if (rc == FL_HTTP_DONE) {
            assert_int_equal(used, used_too);
            assert_string_equal(whole.method, pieces.method);
            assert_true(fl_str_eq(whole.path, pieces.path) && fl_str_eq(whole.query, pieces.query));
            assert_int_equal(whole.headers_count, pieces.headers_count);
            for (size_t i = 0; i < whole.headers_count; i++)
                assert_true(fl_str_eq(whole.headers[i].value, pieces.headers[i].value));
            assert_int_equal(whole.body.len, pieces.body.len);
        }
        fl_http_fini(&whole);
        fl_http_fini(&pieces);
        fl_buf_fini(&in);
    }
    for (size_t i = 0; i < FL_COUNT(answers); i++)
        assert_true(answers[i] > 500); /* it looks at all three */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_cut_at_every_byte_is_the_same_request),
        cmocka_unit_test(pipelined_requests_are_left_for_later),
        cmocka_unit_test(bad_requests_earn_their_status),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(a_target_that_is_too_long_is_told_so),
        cmocka_unit_test(heads_say_what_follows_and_dates_are_the_calendars),
        cmocka_unit_test(large_heads_and_many_headers_are_refused),
        cmocka_unit_test(chunked_bodies_are_put_together_and_limited),
        cmocka_unit_test(an_upgrade_is_a_websocket_and_nothing_else),
        cmocka_unit_test(responses_are_read_with_and_without_a_length),
        cmocka_unit_test(a_response_that_ends_early_is_no_response),
        cmocka_unit_test(percents_are_decoded_or_refused),
        cmocka_unit_test(anything_is_the_same_request_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
