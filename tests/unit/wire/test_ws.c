#include "tests/support/testkit.h"

#include <wslay/wslay.h>

#include "runtime/base/rng.h"
#include "services/wire/ws.h"

static uint64_t below(struct fl_rng *rng, uint64_t most)
{
    return (uint64_t)fl_rng_between(rng, 0, (int64_t)most - 1);
}

/* Everything that came out of a parser, as text: "1:hello;" for a text message. */
static void heard(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len)
{
    struct fl_buf *out = cx;
    fl_buf_printf(out, "%d:%zu:", (int)opcode, len);
    fl_buf_add(out, bytes, len);
    fl_buf_putc(out, ';');
}

static void put_frame(struct fl_buf *out, unsigned first, const void *bytes, size_t len,
                      const uint8_t mask[4])
{
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, FL_WS_CONT, len, mask);
    head[0] = (uint8_t)first;
    fl_buf_add(out, head, head_len);
    size_t at = out->len;
    fl_buf_add(out, bytes, len);
    if (mask != NULL) fl_ws_mask((uint8_t *)out->at + at, len, mask);
}

static const uint8_t a_mask[4] = {0x11, 0xf2, 0x83, 0x44};

static int feed(const struct fl_buf *in, size_t piece, size_t max, struct fl_buf *out)
{
    struct fl_ws ws;
    fl_ws_init(&ws, true, max);
    int code = 0;
    for (size_t at = 0; at < in->len && code == 0; at += piece) {
        size_t len = in->len - at < piece ? in->len - at : piece;
        code = fl_ws_feed(&ws, in->at + at, len, heard, out, NULL);
    }
    fl_ws_fini(&ws);
    return code;
}

static void a_message_cut_at_every_byte_is_the_same_message(void **state)
{
    struct fl_buf in = {0};
    put_frame(&in, 0x01, "he", 2, a_mask);
    put_frame(&in, 0x89, "ping", 4, a_mask);
    put_frame(&in, 0x00, "l", 1, a_mask);
    put_frame(&in, 0x80, "lo", 2, a_mask);
    char long_text[300];
    memset(long_text, 'x', sizeof long_text);
    put_frame(&in, 0x82, long_text, sizeof long_text, a_mask);
    for (size_t cut = 1; cut < in.len; cut++) {
        struct fl_ws ws;
        struct fl_buf out = {0};
        fl_ws_init(&ws, true, 1000);
        assert_int_equal(fl_ws_feed(&ws, in.at, cut, heard, &out, NULL), 0);
        assert_int_equal(fl_ws_feed(&ws, in.at + cut, in.len - cut, heard, &out, NULL), 0);
        assert_memory_equal(out.at, "9:4:ping;1:5:hello;2:300:xxx", 28);
        assert_int_equal(out.len, 19 + 6 + 300 + 1);
        fl_ws_fini(&ws);
        fl_buf_fini(&out);
    }
    fl_buf_fini(&in);
}

static void what_breaks_the_rules_earns_its_close_code(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        int code;
    } cases[] = {
        {"unmasked", "\x81\x01x", 3, 1002},
        {"reserved bit", "\xc1\x80\0\0\0\0", 6, 1002},
        {"reserved opcode", "\x83\x80\0\0\0\0", 6, 1002},
        {"reserved control", "\x8b\x80\0\0\0\0", 6, 1002},
        {"control in pieces", "\x09\x80\0\0\0\0", 6, 1002},
        {"control too long", "\x89\xfe\0\x7e\0\0\0\0", 8, 1002},
        {"goes on with nothing", "\x80\x80\0\0\0\0", 6, 1002},
        {"length not minimal, 16", "\x81\xfe\0\x05\0\0\0\0hello", 13, 1002},
        {"length not minimal, 64", "\x81\xff\0\0\0\0\0\0\0\x05\0\0\0\0hello", 19, 1002},
        {"length with the top bit", "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002},
        {"too big", "\x81\xfe\x10\x00\0\0\0\0", 8, 1009},
        {"not UTF-8", "\x81\x82\0\0\0\0\xc3\x28", 8, 1007},
        {"close of one byte", "\x88\x81\0\0\0\0\x03", 7, 1002},
        {"close code 1005", "\x88\x82\0\0\0\0\x03\xed", 8, 1002},
        {"close reason not UTF-8", "\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007},
        {"close code 1000", "\x88\x82\0\0\0\0\x03\xe8", 8, 0},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf out = {0};
        struct fl_buf in = {0};
        fl_buf_add(&in, cases[i].bytes, cases[i].len);
        for (size_t piece = 1; piece <= in.len; piece += in.len - 1) {
            int code = feed(&in, piece, 1000, &out);
            if (code != cases[i].code) print_error("%s: %d\n", cases[i].name, code);
            assert_int_equal(code, cases[i].code);
        }
        fl_buf_fini(&in);
        fl_buf_fini(&out);
    }
}

static void a_second_message_may_not_begin_inside_the_first(void **state)
{
    struct fl_buf in = {0}, out = {0};
    put_frame(&in, 0x01, "a", 1, a_mask);
    put_frame(&in, 0x81, "b", 1, a_mask);
    assert_int_equal(feed(&in, in.len, 100, &out), 1002);
    fl_buf_fini(&in);
    fl_buf_fini(&out);
}

static void fragments_together_may_not_pass_the_limit(void **state)
{
    struct fl_buf in = {0}, out = {0};
    char piece[60] = {0};
    put_frame(&in, 0x02, piece, sizeof piece, a_mask);
    put_frame(&in, 0x80, piece, sizeof piece, a_mask);
    assert_int_equal(feed(&in, in.len, 119, &out), 1009);
    assert_int_equal(feed(&in, in.len, 120, &out), 0);
    fl_buf_fini(&in);
    fl_buf_fini(&out);
}

static void a_claimed_length_takes_no_memory_before_its_bytes_come(void **state)
{
    struct fl_ws ws;
    fl_ws_init(&ws, true, (size_t)1 << 40);
    assert_int_equal(fl_ws_feed(&ws, "\x82\xff\0\0\0\xff\0\0\0\0\1\2\3\4x", 15, heard, NULL, NULL),
                     0);
    assert_true(ws.message.cap < 4096);
    fl_ws_fini(&ws);
}

static void nothing_is_read_behind_a_close(void **state)
{
    struct fl_buf in = {0}, out = {0};
    put_frame(&in, 0x88, "\x03\xe8", 2, a_mask);
    put_frame(&in, 0x81, "late", 4, a_mask);
    assert_int_equal(feed(&in, in.len, 100, &out), 0);
    assert_memory_equal(out.at, "8:2:", 4);
    assert_int_equal(out.len, 7);
    fl_buf_fini(&in);
    fl_buf_fini(&out);
}

static void the_accept_key_is_the_one_of_the_rfc(void **state)
{
    char out[29];
    fl_ws_accept_key(FL_STR("dGhlIHNhbXBsZSBub25jZQ=="), out);
    assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/* ---- the oracle: libwslay reads the same bytes */

struct oracle {
    const struct fl_buf *in;
    size_t at;
    struct fl_buf *out;
};

static ssize_t oracle_recv(wslay_event_context_ptr cx, uint8_t *buf, size_t len, int flags,
                           void *data)
{
    struct oracle *oracle = data;
    size_t left = oracle->in->len - oracle->at;
    if (left == 0) {
        wslay_event_set_error(cx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (len > left) len = left;
    memcpy(buf, oracle->in->at + oracle->at, len);
    oracle->at += len;
    return (ssize_t)len;
}

static void oracle_heard(wslay_event_context_ptr cx, const struct wslay_event_on_msg_recv_arg *arg,
                         void *data)
{
    struct oracle *oracle = data;
    heard(oracle->out, (enum fl_ws_opcode)arg->opcode, arg->msg, arg->msg_length);
}

/* Does libwslay refuse these bytes? */
static bool oracle_read(const struct fl_buf *in, size_t max, struct fl_buf *out)
{
    struct oracle oracle = {.in = in, .out = out};
    const struct wslay_event_callbacks callbacks = {
        .recv_callback = oracle_recv,
        .on_msg_recv_callback = oracle_heard,
    };
    wslay_event_context_ptr cx;
    assert_int_equal(wslay_event_context_server_init(&cx, &callbacks, &oracle), 0);
    wslay_event_config_set_max_recv_msg_length(cx, max);
    int rc = wslay_event_recv(cx);
    bool stopped = !wslay_event_get_read_enabled(cx) && !wslay_event_get_close_received(cx);
    bool refused = rc != 0 || stopped;
    wslay_event_context_free(cx);
    return refused;
}

static size_t random_len(struct fl_rng *rng)
{
    static const size_t lens[] = {0, 1, 5, 100, 125, 126, 127, 300, 65535, 65536, 70000};
    return lens[below(rng, FL_COUNT(lens))];
}

static void put_random_message(struct fl_buf *in, struct fl_rng *rng)
{
    bool text = below(rng, 2) == 0;
    size_t left = random_len(rng);
    unsigned first = text ? 1 : 2;
    for (;;) {
        size_t len = below(rng, 2) == 0 ? left : (size_t)below(rng, left + 1);
        uint8_t mask[4];
        char *bytes = fl_alloc(len + 1);
        for (size_t i = 0; i < 4; i++)
            mask[i] = (uint8_t)below(rng, 256);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(text ? 'a' + (int)below(rng, 26) : (int)(i * 7 & 127));
        left -= len;
        bool final = left == 0;
        put_frame(in, first | (final ? 0x80U : 0), bytes, len, mask);
        free(bytes);
        first = 0;
        if (final) return;
        if (below(rng, 2) == 0) put_frame(in, below(rng, 2) == 0 ? 0x89 : 0x8a, "hi", 2, mask);
    }
}

static void random_conversations_are_read_as_libwslay_reads_them(void **state)
{
    struct fl_rng rng;
    fl_rng_init(&rng, 20261122);
    for (int round = 0; round < 200; round++) {
        struct fl_buf in = {0}, ours = {0}, theirs = {0};
        int messages = 1 + (int)below(&rng, 4);
        for (int i = 0; i < messages; i++)
            put_random_message(&in, &rng);
        assert_false(oracle_read(&in, 1 << 20, &theirs));
        assert_int_equal(feed(&in, 1 + (size_t)below(&rng, 5000), 1 << 20, &ours), 0);
        assert_int_equal(ours.len, theirs.len);
        assert_memory_equal(ours.at, theirs.at, ours.len);
        fl_buf_fini(&in);
        fl_buf_fini(&ours);
        fl_buf_fini(&theirs);
    }
}

/* One bit of a conversation is turned: both refuse it, or both read the same. Binary, because
 * libwslay looks at UTF-8 piece by piece and we at whole messages. */
static void damaged_conversations_are_refused_when_libwslay_refuses_them(void **state)
{
    struct fl_rng rng;
    fl_rng_init(&rng, 7);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
        struct fl_buf in = {0}, ours = {0}, theirs = {0};
        put_frame(&in, 0x02, "some ", 5, a_mask);
        put_frame(&in, 0x89, "ping", 4, a_mask);
        put_frame(&in, 0x80, "text \xc3\xa9", 7, a_mask);
        put_frame(&in, 0x88, "\x03\xe8", 2, a_mask);
        size_t at = (size_t)below(&rng, in.len);
        in.at[at] = (char)(in.at[at] ^ (1 << below(&rng, 8)));
        bool they_refuse = oracle_read(&in, 1000, &theirs);
        bool we_refuse = feed(&in, 1 + (size_t)below(&rng, in.len), 1000, &ours) != 0;
        if (they_refuse && !we_refuse) print_error("round %d byte %zu\n", round, at);
        assert_true(we_refuse || !they_refuse);
        /* refusing at the first two bytes of a header may come before libwslay has all of it */
        if (they_refuse == we_refuse) assert_int_equal(ours.len, theirs.len);
        assert_true(ours.len <= theirs.len);
        if (ours.len > 0) assert_memory_equal(ours.at, theirs.at, ours.len);
        refused += we_refuse;
        fl_buf_fini(&in);
        fl_buf_fini(&ours);
        fl_buf_fini(&theirs);
    }
    assert_true(refused > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_cut_at_every_byte_is_the_same_message),
        cmocka_unit_test(what_breaks_the_rules_earns_its_close_code),
        cmocka_unit_test(a_second_message_may_not_begin_inside_the_first),
        cmocka_unit_test(fragments_together_may_not_pass_the_limit),
        cmocka_unit_test(a_claimed_length_takes_no_memory_before_its_bytes_come),
        cmocka_unit_test(nothing_is_read_behind_a_close),
        cmocka_unit_test(the_accept_key_is_the_one_of_the_rfc),
        cmocka_unit_test(random_conversations_are_read_as_libwslay_reads_them),
        cmocka_unit_test(damaged_conversations_are_refused_when_libwslay_refuses_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
