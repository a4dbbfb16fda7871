/* A text is what an array of units would be, only quicker in the middle. */
#include "tests/support/testkit.h"
#include "tests/unit/editor/random_edit.h"

/* The array it is compared with. */
struct plain {
    uint16_t *units;
    size_t len;
};

static void plain_change(struct plain *plain, size_t at, size_t removed, const uint16_t *units,
                         size_t count)
{
    plain->units = fl_realloc(plain->units, (plain->len + count + 1) * sizeof *units);
    memmove(plain->units + at + count, plain->units + at + removed,
            (plain->len - at - removed) * sizeof *units);
    memcpy(plain->units + at, units, count * sizeof *units);
    plain->len += count - removed;
}

static void expect_same(struct fl_text *text, const struct plain *plain)
{
    assert_int_equal(text->len, plain->len);
    uint16_t *out = fl_alloc((plain->len + 1) * sizeof *out);
    fl_text_read(text, 0, text->len, out);
    if (plain->len > 0) assert_memory_equal(out, plain->units, plain->len * sizeof *out);
    free(out);
}

static void it_is_what_an_array_would_be(void **state)
{
    (void)state;
    struct fl_rng rng;
    fl_rng_init(&rng, 11);
    struct fl_text text = {0};
    struct plain plain = {0};
    uint16_t units[9000];
    for (size_t i = 0; i < FL_COUNT(units); i++)
        units[i] = (uint16_t)('a' + i % 26);
    for (int step = 0; step < 3000; step++) {
        size_t at = (size_t)fl_rng_between(&rng, 0, (int64_t)text.len);
        size_t most = step % 100 == 0 ? FL_COUNT(units) : 12;
        size_t count = (size_t)fl_rng_between(&rng, 0, (int64_t)most);
        size_t gone = (size_t)fl_rng_between(&rng, 0, (int64_t)(step % 70 == 0 ? 5000 : 12));
        if (gone > text.len - at) gone = text.len - at;
        fl_text_remove(&text, at, gone);
        fl_text_insert(&text, at, units + step % 100, count <= 8900 ? count : 8900);
        plain_change(&plain, at, gone, units + step % 100, count <= 8900 ? count : 8900);
        if (step % 50 == 0) expect_same(&text, &plain);
    }
    expect_same(&text, &plain);
    fl_text_remove(&text, 0, text.len);
    assert_int_equal(text.len, 0);
    fl_text_insert(&text, 0, units, 3);
    assert_int_equal(text.len, 3);
    fl_text_fini(&text);
    free(plain.units);
}

static void utf8_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct fl_text text = {0};
    struct fl_buf out = {0};
    static const char plain[] =
        "a\0\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf";
    struct fl_str utf8 = {plain, sizeof plain - 1};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fl_text_add_utf8(&text, utf8), 0);
    assert_int_equal(text.len, 9 * 1000); /* a NUL é 中 😀 (two) U+10FFFF (two) U+FFFF */
    fl_text_put_utf8(&text, &out);
    assert_int_equal(out.len, utf8.len * 1000);
    for (int i = 0; i < 1000; i++)
        assert_memory_equal(out.at + (size_t)i * utf8.len, utf8.at, utf8.len);
    assert_int_equal(fl_text_add_utf8(&text, FL_STR("\xed\xa0\x80")), FL_EBADMSG);
    assert_int_equal(text.len, 9 * 1000);
    fl_buf_fini(&out);
    fl_text_fini(&text);
}

static void json_of_it_is_escaped_and_keeps_nul(void **state)
{
    (void)state;
    struct fl_text text = {0};
    struct fl_buf out = {0};
    fl_text_add_utf8(&text, (struct fl_str){"\"\\\n\0\x1f/\xc3\xa9", 8});
    fl_text_put_json(&text, &out);
    assert_string_equal(out.at, "\"\\\"\\\\\\n\\u0000\\u001f/\xc3\xa9\"");
    fl_buf_fini(&out);
    fl_text_fini(&text);
}

static void a_place_inside_a_pair_is_known(void **state)
{
    (void)state;
    struct fl_text text = {0};
    fl_text_add_utf8(&text, FL_STR("a\xf0\x9f\x98\x80z"));
    const bool splits[] = {false, false, true, false, false};
    for (size_t at = 0; at < FL_COUNT(splits); at++)
        assert_int_equal(fl_text_splits(&text, at), splits[at]);
    fl_text_fini(&text);
}

static void pairs_may_lie_across_two_pieces(void **state)
{
    (void)state;
    struct fl_text text = {0};
    struct fl_buf out = {0};
    for (int i = 0; i < 5000; i++)
        fl_text_add_utf8(&text, i == 0 ? FL_STR("x") : FL_STR("\xf0\x9f\x98\x80"));
    for (size_t at = 2; at < text.len; at += 2)
        assert_true(fl_text_splits(&text, at));
    fl_text_put_utf8(&text, &out);
    assert_int_equal(out.len, 1 + 4 * 4999);
    assert_true(fl_utf8_ok(out.at, out.len));
    fl_buf_fini(&out);
    fl_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_an_array_would_be),
        cmocka_unit_test(utf8_comes_out_as_it_went_in),
        cmocka_unit_test(json_of_it_is_escaped_and_keeps_nul),
        cmocka_unit_test(a_place_inside_a_pair_is_known),
        cmocka_unit_test(pairs_may_lie_across_two_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
