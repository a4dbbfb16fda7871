#include "tests/support/testkit.h"

#include "runtime/base/rng.h"
#include "services/wire/ws.h"
#include "services/wire/ws_deflate.h"

static struct fl_str view(const struct fl_buf *buf)
{
    return (struct fl_str){buf->at, buf->len};
}

static void an_offer_is_taken_or_passed_over(void **state)
{
    static const char takeover[] = "permessage-deflate; server_no_context_takeover; "
                                   "client_no_context_takeover";
    static const struct {
        const char *offers;
        bool taken;
        const char *more;
    } cases[] = {
        {"permessage-deflate", true, ""},
        {"permessage-deflate; client_max_window_bits", true, ""},
        {"permessage-deflate;client_max_window_bits=10;server_no_context_takeover", true, ""},
        {"permessage-deflate; server_max_window_bits=15", true, "; server_max_window_bits=12"},
        {"permessage-deflate; server_max_window_bits=\"12\"", true, "; server_max_window_bits=12"},
        {"permessage-deflate; server_max_window_bits=9, permessage-deflate", true, ""},
        {"x-webkit-deflate-frame, permessage-deflate", true, ""},
        {"permessage-deflate; server_max_window_bits=9", false, ""},
        {"permessage-deflate; server_max_window_bits=16", false, ""},
        {"permessage-deflate; server_max_window_bits", false, ""},
        {"permessage-deflate; server_max_window_bits=012", false, ""},
        {"permessage-deflate; server_no_context_takeover=1", false, ""},
        {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false, ""},
        {"permessage-deflate; mystery", false, ""},
        {"permessage-bzip2", false, ""},
        {"", false, ""},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf answer = {0};
        bool taken = fl_ws_deflate_accept(fl_str_of(cases[i].offers), &answer);
        if (taken != cases[i].taken) fail_msg("%s", cases[i].offers);
        if (taken) {
            assert_int_equal(strncmp(answer.at, takeover, sizeof takeover - 1), 0);
            assert_string_equal(answer.at + sizeof takeover - 1, cases[i].more);
        }
        fl_buf_fini(&answer);
    }
}

static void what_is_deflated_inflates_to_itself(void **state)
{
    struct fl_rng rng;
    fl_rng_init(&rng, 5);
    for (int round = 0; round < 300; round++) {
        struct fl_buf text = {0}, small = {0}, back = {0};
        int64_t len = fl_rng_between(&rng, 0, round < 250 ? 3000 : 300000);
        for (int64_t i = 0; i < len; i++)
            fl_buf_putc(&text, (char)fl_rng_between(&rng, 'a', round % 2 == 0 ? 'd' : 'z'));
        fl_buf_puts(&back, "before ");
        bool shorter = fl_ws_deflate(view(&text), &small);
        assert_true(shorter ? small.len < text.len : small.len == 0);
        if (len > 200) assert_true(shorter);
        if (shorter) {
            assert_int_equal(fl_ws_inflate(view(&small), text.len, &back), 0);
            assert_int_equal(back.len, text.len + 7);
            assert_memory_equal(back.at + 7, text.at, text.len);
        }
        fl_buf_fini(&text);
        fl_buf_fini(&small);
        fl_buf_fini(&back);
    }
}

static void the_examples_of_the_rfc_are_read(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7},                  /* 7.2.3.1 */
        {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11}, /* 7.2.3.3, a stored block */
        {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8},              /* 7.2.3.4, BFINAL */
        {"\xf3\x48\xcd\xc9\xc9\x07\x00", 7},
        {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}, /* 7.2.3.5, two blocks */
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf out = {0};
        assert_int_equal(fl_ws_inflate((struct fl_str){cases[i].bytes, cases[i].len}, 5, &out), 0);
        assert_true(fl_str_is(view(&out), "Hello"));
        fl_buf_fini(&out);
    }
}

static void a_bomb_stops_at_the_limit_and_rubbish_is_rubbish(void **state)
{
    struct fl_buf zeros = {0}, bomb = {0}, out = {0};
    fl_buf_reserve(&zeros, 4u << 20);
    memset(zeros.at, 0, 4u << 20);
    zeros.len = 4u << 20;
    assert_true(fl_ws_deflate(view(&zeros), &bomb));
    assert_true(bomb.len < 32768);
    assert_int_equal(fl_ws_inflate(view(&bomb), 65536, &out), 1009);
    assert_int_equal(out.len, 0);
    assert_true(out.cap < 200000);
    assert_int_equal(fl_ws_inflate(FL_STR("\xff\xff\xff"), 65536, &out), 1007);
    assert_int_equal(fl_ws_inflate(FL_STR("\x05\x01"), 65536, &out), 1007);
    fl_buf_fini(&zeros);
    fl_buf_fini(&bomb);
    fl_buf_fini(&out);
}

/* ---- in frames */

static void heard(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len)
{
    struct fl_buf *out = cx;
    fl_buf_printf(out, "%d:", (int)opcode);
    fl_buf_add(out, bytes, len);
    fl_buf_putc(out, ';');
}

static void put(struct fl_buf *out, unsigned first, const char *bytes, size_t len)
{
    static const uint8_t mask[4] = {9, 8, 7, 6};
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, FL_WS_CONT, len, mask);
    head[0] = (uint8_t)first;
    fl_buf_add(out, head, head_len);
    fl_buf_add(out, bytes, len);
    fl_ws_mask((uint8_t *)out->at + out->len - len, len, mask);
}

static int feed(const struct fl_buf *in, bool inflates, size_t most, struct fl_buf *out)
{
    struct fl_ws ws;
    fl_ws_init(&ws, true, most);
    ws.inflates = inflates;
    int code = fl_ws_feed(&ws, in->at, in->len, heard, out, NULL);
    fl_ws_fini(&ws);
    return code;
}

static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07\x00";

static void compressed_messages_may_come_in_fragments_between_plain_ones(void **state)
{
    struct fl_buf in = {0}, out = {0};
    put(&in, 0xc1, hello, 7);
    put(&in, 0x81, "plain", 5);
    put(&in, 0x42, hello, 3);
    put(&in, 0x89, "p", 1);
    put(&in, 0x00, hello + 3, 2);
    put(&in, 0x80, hello + 5, 2);
    put(&in, 0x82, "end", 3);
    assert_int_equal(feed(&in, true, 100, &out), 0);
    assert_string_equal(out.at, "1:Hello;1:plain;9:p;2:Hello;2:end;");
    fl_buf_fini(&in);
    fl_buf_fini(&out);
}

static void the_bit_of_compression_is_for_where_it_was_agreed_on(void **state)
{
    static const struct {
        unsigned first, second;
        bool inflates;
        int code;
    } cases[] = {
        {0xc1, 0, false, 1002}, {0xc9, 0, true, 1002},    {0xa1, 0, true, 1002},
        {0xe1, 0, true, 1002},  {0x41, 0xc0, true, 1002}, {0xc1, 0, true, 0},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf in = {0}, out = {0};
        put(&in, cases[i].first, hello, 7);
        if (cases[i].second != 0) put(&in, cases[i].second, hello, 7);
        assert_int_equal(feed(&in, cases[i].inflates, 100, &out), cases[i].code);
        fl_buf_fini(&in);
        fl_buf_fini(&out);
    }
}

static void a_compressed_text_has_the_limits_of_a_plain_one(void **state)
{
    struct fl_buf in = {0}, out = {0}, small = {0};
    put(&in, 0xc1, hello, 7);
    assert_int_equal(feed(&in, true, 7, &out), 0);
    fl_buf_fini(&in);
    char big[300];
    memset(big, 'x', sizeof big);
    assert_true(fl_ws_deflate((struct fl_str){big, sizeof big}, &small));
    put(&in, 0xc1, small.at, small.len);
    assert_int_equal(feed(&in, true, 299, &out), 1009);
    assert_int_equal(feed(&in, true, 300, &out), 0);
    fl_buf_fini(&in);
    fl_buf_fini(&small);
    memset(big, 0xff, sizeof big);
    assert_true(fl_ws_deflate((struct fl_str){big, sizeof big}, &small));
    put(&in, 0xc1, small.at, small.len);
    assert_int_equal(feed(&in, true, 1000, &out), 1007);
    in.at[0] = (char)0xc2;
    assert_int_equal(feed(&in, true, 1000, &out), 0);
    fl_buf_fini(&in);
    fl_buf_fini(&small);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_taken_or_passed_over),
        cmocka_unit_test(what_is_deflated_inflates_to_itself),
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(a_bomb_stops_at_the_limit_and_rubbish_is_rubbish),
        cmocka_unit_test(compressed_messages_may_come_in_fragments_between_plain_ones),
        cmocka_unit_test(the_bit_of_compression_is_for_where_it_was_agreed_on),
        cmocka_unit_test(a_compressed_text_has_the_limits_of_a_plain_one),
    };
    return cmocka_run_group_tests_name("ws_deflate", tests, NULL, NULL);
}
