#include "tests/support/testkit.h"

#include "runtime/base/rng.h"
#include "services/wire/channel.h"

static uint64_t below(struct fl_rng *rng, uint64_t most)
{
    return (uint64_t)fl_rng_between(rng, 0, (int64_t)most - 1);
}

static void a_push_is_read_and_its_payload_stays_raw(void **state)
{
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    struct fl_str frame = FL_STR(
        " [\"1\", \"2\",\"room:\\u00e9\\ud83d\\ude00\",\"new_msg\" , {\"s\":\"a\\u0000b\"} ] ");
    assert_int_equal(fl_channel_parse(frame, &scratch, &msg), 0);
    assert_true(fl_str_is(msg.join_ref, "1"));
    assert_true(fl_str_is(msg.ref, "2"));
    assert_true(fl_str_is(msg.topic, "room:\xc3\xa9\xf0\x9f\x98\x80"));
    assert_true(fl_str_is(msg.event, "new_msg"));
    assert_true(fl_str_is(msg.payload, "{\"s\":\"a\\u0000b\"}"));
    assert_false(msg.binary);
    fl_buf_fini(&scratch);
}

static void null_refs_are_told_from_empty_ones(void **state)
{
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    assert_int_equal(fl_channel_parse(FL_STR("[null,\"\",\"t\",\"e\",{}]"), &scratch, &msg), 0);
    assert_null(msg.join_ref.at);
    assert_non_null(msg.ref.at);
    assert_int_equal(msg.ref.len, 0);
    fl_buf_fini(&scratch);
}

static void frames_that_are_no_message_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "[1,2]",
        "{\"a\":1}",
        "null",
        "[null,null,null,null,null]",
        "[\"1\",\"1\",\"room:x\",\"phx_join\",5]",
        "[\"1\",\"1\",{},[],\"x\"]",
        "[1,\"1\",\"t\",\"e\",{}]",
        "[\"1\",2,\"t\",\"e\",{}]",
        "[\"1\",\"1\",\"t\",\"e\",null]",
        "[\"1\",\"1\",\"t\",\"e\",{}",
        "[\"1\",\"1\",\"t\",\"e\",{}]x",
        "[\"1\",\"1\",\"t\",\"e\"]",
        "[\"1\",\"1\",\"t\",\"e\",{},]",
    };
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        struct fl_buf scratch = {0};
        struct fl_channel_msg msg;
        if (fl_channel_parse(fl_str_of(bad[i]), &scratch, &msg) != FL_EBADMSG)
            fail_msg("taken: %s", bad[i]);
        fl_buf_fini(&scratch);
    }
}

static void what_comes_behind_the_fifth_element_is_let_be(void **state)
{
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    assert_int_equal(
        fl_channel_parse(FL_STR("[\"1\",\"2\",\"t\",\"e\",{} , [1], null ]"), &scratch, &msg), 0);
    assert_true(fl_str_is(msg.payload, "{}") && fl_str_is(msg.event, "e"));
    fl_buf_fini(&scratch);
}

static void what_is_written_is_what_a_client_expects(void **state)
{
    struct fl_buf out = {0};
    struct fl_str none = {0};
    fl_channel_put(&out, none, none, FL_STR("room:\"x\""), "new_msg", FL_STR("{\"a\":1}"));
    assert_string_equal(out.at, "[null,null,\"room:\\\"x\\\"\",\"new_msg\",{\"a\":1}]");
    out.len = 0;
    fl_channel_put_reply(&out, FL_STR("1"), FL_STR("7"), FL_STR("t"), "ok", FL_STR("{}"));
    assert_string_equal(out.at,
                        "[\"1\",\"7\",\"t\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    fl_buf_fini(&out);
}

static void what_is_written_can_be_read_again(void **state)
{
    struct fl_rng rng;
    fl_rng_init(&rng, 11);
    for (int round = 0; round < 2000; round++) {
        char topic[20], event[20];
        size_t topic_len = (size_t)below(&rng, sizeof topic);
        for (size_t i = 0; i < topic_len; i++)
            topic[i] = (char)below(&rng, 128);
        snprintf(event, sizeof event, "e%llu\"\\", (unsigned long long)below(&rng, 999));
        struct fl_buf out = {0}, scratch = {0};
        struct fl_channel_msg msg;
        fl_channel_put(&out, FL_STR("9"), (struct fl_str){0}, (struct fl_str){topic, topic_len},
                       event, FL_STR("{\"k\":[1]}"));
        assert_int_equal(fl_channel_parse((struct fl_str){out.at, out.len}, &scratch, &msg), 0);
        assert_true(fl_str_eq(msg.topic, (struct fl_str){topic, topic_len}));
        assert_true(fl_str_is(msg.event, event));
        fl_buf_fini(&out);
        fl_buf_fini(&scratch);
    }
}

/* A frame with a few bytes changed is refused, or says the same when it is written again. */
static void anything_is_refused_or_means_what_it_says(void **state)
{
    static const char seed[] = "[\"1\",\"22\",\"room:a\\u00e4\\ud83d\\ude00\",\"new_msg\","
                               "{\"body\":[1,{\"k\":\"\\\"\"}],\"n\":-1.5e3}]";
    static const char bytes[] = "\"\\[]{},:u0123 null\x01\x7f\xc3\xff";
    struct fl_rng rng;
    fl_rng_init(&rng, 12);
    int read = 0, rounds = 20000;
    for (int round = 0; round < rounds; round++) {
        /* of its own size, so that one byte too far is seen */
        size_t len = below(&rng, 4) == 0 ? below(&rng, sizeof seed) : sizeof seed - 1;
        char *frame = fl_alloc(len);
        memcpy(frame, seed, len);
        for (uint64_t changes = below(&rng, 4); changes > 0 && len > 0; changes--)
            frame[below(&rng, len)] = bytes[below(&rng, sizeof bytes)];
        struct fl_buf scratch = {0}, scratch_too = {0}, again = {0};
        struct fl_channel_msg msg, msg_too;
        if (fl_channel_parse((struct fl_str){frame, len}, &scratch, &msg) == 0 &&
            fl_utf8_ok(frame, len) && memchr(msg.event.at, '\0', msg.event.len) == NULL) {
            char *event = fl_str_dup(msg.event);
            fl_channel_put(&again, msg.join_ref, msg.ref, msg.topic, event, msg.payload);
            free(event);
            struct fl_str text = {again.at, again.len};
            assert_int_equal(fl_channel_parse(text, &scratch_too, &msg_too), 0);
            assert_true(fl_str_eq(msg.topic, msg_too.topic));
            assert_true(fl_str_eq(msg.event, msg_too.event));
            assert_true(fl_str_eq(msg.ref, msg_too.ref));
            assert_true(fl_str_eq(msg.payload, msg_too.payload));
            read++;
        }
        fl_channel_parse_binary((struct fl_str){frame, len}, &msg);
        fl_buf_fini(&scratch);
        fl_buf_fini(&scratch_too);
        fl_buf_fini(&again);
        free(frame);
    }
    assert_in_range(read, rounds / 10, rounds * 9 / 10); /* it looks at both */
}

static void binary_pushes_are_read_and_answered(void **state)
{
    struct fl_channel_msg msg;
    static const char frame[] = "\x00\x01\x02\x03\x04"
                                "1"
                                "23"
                                "top"
                                "echo"
                                "\x00\xff!";
    struct fl_str whole = {frame, sizeof frame - 1};
    assert_int_equal(fl_channel_parse_binary(whole, &msg), 0);
    assert_true(fl_str_is(msg.join_ref, "1"));
    assert_true(fl_str_is(msg.ref, "23"));
    assert_true(fl_str_is(msg.topic, "top"));
    assert_true(fl_str_is(msg.event, "echo"));
    assert_int_equal(msg.payload.len, 3);
    for (size_t len = 0; len < sizeof frame - 1 - 3; len++)
        assert_int_equal(fl_channel_parse_binary((struct fl_str){frame, len}, &msg), FL_EBADMSG);
    struct fl_buf out = {0};
    assert_int_equal(fl_channel_put_binary_reply(&out, FL_STR("1"), FL_STR("23"), FL_STR("top"),
                                                 "ok", FL_STR("xy")),
                     0);
    assert_int_equal(out.len, 5 + 1 + 2 + 3 + 2 + 2);
    assert_memory_equal(out.at,
                        "\x01\x01\x02\x03\x02"
                        "123topokxy",
                        out.len);
    char long_ref[256] = {0};
    assert_int_equal(fl_channel_put_binary_reply(&out, FL_STR("1"),
                                                 (struct fl_str){long_ref, sizeof long_ref},
                                                 FL_STR("t"), "ok", FL_STR("")),
                     FL_ERANGE);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_is_read_and_its_payload_stays_raw),
        cmocka_unit_test(null_refs_are_told_from_empty_ones),
        cmocka_unit_test(frames_that_are_no_message_are_refused),
        cmocka_unit_test(what_comes_behind_the_fifth_element_is_let_be),
        cmocka_unit_test(what_is_written_is_what_a_client_expects),
        cmocka_unit_test(what_is_written_can_be_read_again),
        cmocka_unit_test(anything_is_refused_or_means_what_it_says),
        cmocka_unit_test(binary_pushes_are_read_and_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
