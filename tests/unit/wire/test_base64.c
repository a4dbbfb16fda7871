#include "tests/support/testkit.h"

#include "runtime/base/rng.h"
#include "services/wire/base64.h"

static void what_the_rfc_shows_is_what_comes_out(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xef\xfe", "_-_-"},
    };
    for (size_t i = 0; i < FL_COUNT(pairs); i++) {
        struct fl_buf text = {0}, back = {0};
        fl_buf_puts(&text, "");
        fl_base64_put(&text, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text.at, pairs[i][1]);
        assert_int_equal(fl_base64_take(&back, (struct fl_str){text.at, text.len}), 0);
        assert_int_equal(back.len, strlen(pairs[i][0]));
        if (back.len > 0) assert_memory_equal(back.at, pairs[i][0], back.len);
        fl_buf_fini(&text);
        fl_buf_fini(&back);
    }
}

static void any_bytes_come_back_as_they_were(void **state)
{
    struct fl_rng rng;
    fl_rng_init(&rng, 7);
    for (size_t len = 0; len < 200; len++) {
        unsigned char bytes[200];
        struct fl_buf text = {0}, back = {0};
        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)fl_rng_next(&rng);
        fl_base64_put(&text, bytes, len);
        assert_int_equal(fl_base64_take(&back, (struct fl_str){text.at, text.len}), 0);
        assert_int_equal(back.len, len);
        if (len > 0) assert_memory_equal(back.at, bytes, len);
        fl_buf_fini(&text);
        fl_buf_fini(&back);
    }
}

static void other_texts_are_refused_and_leave_the_buffer_alone(void **state)
{
    static const char *const bad[] = {"Z",    "Zg==", "Zm9v YmFy", "Zm+v",
                                      "Zm/v", "Zh",   "Zm9",       "Zm9vZ"};
    struct fl_buf buf = {0};
    fl_buf_puts(&buf, "kept");
    for (size_t i = 0; i < FL_COUNT(bad); i++) {
        assert_int_equal(fl_base64_take(&buf, fl_str_of(bad[i])), FL_EBADMSG);
        assert_int_equal(buf.len, 4);
    }
    fl_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfc_shows_is_what_comes_out),
        cmocka_unit_test(any_bytes_come_back_as_they_were),
        cmocka_unit_test(other_texts_are_refused_and_leave_the_buffer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
