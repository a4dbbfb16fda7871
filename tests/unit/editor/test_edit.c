/* The laws of docs/editor.md, on random texts; what an edit looks like in JSON; and the vectors
 * that the browser's half is held to as well. */
#include "tests/support/testkit.h"
#include "tests/unit/editor/random_edit.h"

#include "runtime/base/json.h"

#define ROUNDS 4000

/* A random text and what is done to it. */
struct bench {
    struct fl_rng rng;
    struct fl_text text;
    struct fl_edit a, b, a2, b2, joined;
};

static int bench_open(void **state)
{
    struct bench *bench = fl_new(struct bench);
    fl_rng_init(&bench->rng, 4711);
    *state = bench;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    fl_text_fini(&bench->text);
    fl_edit_fini(&bench->a);
    fl_edit_fini(&bench->b);
    fl_edit_fini(&bench->a2);
    fl_edit_fini(&bench->b2);
    fl_edit_fini(&bench->joined);
    free(bench);
    return 0;
}

static void bench_fresh_text(struct bench *bench)
{
    uint16_t units[60];
    size_t count = random_units(&bench->rng, FL_COUNT(units), units);
    fl_text_remove(&bench->text, 0, bench->text.len);
    fl_text_insert(&bench->text, 0, units, count);
}

/** A copy of the text with one edit and then another done to it; each must be possible. */
static struct fl_text after(struct bench *bench, const struct fl_edit *first,
                            const struct fl_edit *second)
{
    struct fl_text text = {0};
    copy_text(&bench->text, &text);
    assert_int_equal(fl_edit_check(first, &text), 0);
    fl_edit_apply(first, &text);
    assert_int_equal(text.len, first->target_len);
    if (second == NULL) return text;
    assert_int_equal(fl_edit_check(second, &text), 0);
    fl_edit_apply(second, &text);
    assert_int_equal(text.len, second->target_len);
    return text;
}

static void expect_canonical(const struct fl_edit *edit)
{
    for (size_t i = 0; i < edit->count; i++) {
        assert_true(edit->parts[i].count > 0);
        if (i == 0) continue;
        assert_int_not_equal(edit->parts[i].kind, edit->parts[i - 1].kind);
        bool swapped = edit->parts[i].kind == FL_EDIT_INSERT &&
                       edit->parts[i - 1].kind == FL_EDIT_DELETE;
        assert_false(swapped);
    }
}

static void two_at_once_give_one_text_in_either_order(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < ROUNDS; round++) {
        bench_fresh_text(bench);
        random_edit(&bench->rng, &bench->text, &bench->a);
        random_edit(&bench->rng, &bench->text, &bench->b);
        fl_edit_transform(&bench->a, &bench->b, &bench->a2, &bench->b2);
        struct fl_text one = after(bench, &bench->a, &bench->b2);
        struct fl_text two = after(bench, &bench->b, &bench->a2);
        assert_true(same_text(&one, &two));
        expect_canonical(&bench->a2);
        expect_canonical(&bench->b2);
        fl_text_fini(&one);
        fl_text_fini(&two);
    }
}

static void a_joined_edit_does_what_both_do(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < ROUNDS; round++) {
        bench_fresh_text(bench);
        random_edit(&bench->rng, &bench->text, &bench->a);
        struct fl_text middle = after(bench, &bench->a, NULL);
        random_edit(&bench->rng, &middle, &bench->b);
        fl_edit_compose(&bench->a, &bench->b, &bench->joined);
        struct fl_text one = after(bench, &bench->a, &bench->b);
        struct fl_text two = after(bench, &bench->joined, NULL);
        assert_true(same_text(&one, &two));
        expect_canonical(&bench->joined);
        fl_text_fini(&middle);
        fl_text_fini(&one);
        fl_text_fini(&two);
    }
}

static void an_edit_turned_round_takes_it_back(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < ROUNDS; round++) {
        bench_fresh_text(bench);
        random_edit(&bench->rng, &bench->text, &bench->a);
        fl_edit_invert(&bench->a, &bench->text, &bench->b);
        struct fl_text back = after(bench, &bench->a, &bench->b);
        assert_true(same_text(&back, &bench->text));
        fl_text_fini(&back);
    }
}

static void what_one_puts_in_the_other_leaves_alone(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < ROUNDS; round++) {
        bench_fresh_text(bench);
        random_edit(&bench->rng, &bench->text, &bench->a);
        random_edit(&bench->rng, &bench->text, &bench->b);
        fl_edit_transform(&bench->a, &bench->b, &bench->a2, &bench->b2);
        assert_int_equal(bench->a2.units_len, bench->a.units_len);
        assert_int_equal(bench->b2.units_len, bench->b.units_len);
        size_t in, deleted, deleted_after;
        fl_edit_sizes(&bench->b, &in, &deleted);
        fl_edit_sizes(&bench->b2, &in, &deleted_after);
        assert_true(deleted_after <= deleted);
    }
}

static void of_two_inserts_at_one_place_the_first_ones_is_first(void **state)
{
    struct bench *bench = *state;
    fl_text_insert(&bench->text, 0, (const uint16_t[]){'-'}, 1);
    assert_int_equal(fl_edit_parse(FL_STR("[\"a\",1]"), &bench->a), 0);
    assert_int_equal(fl_edit_parse(FL_STR("[\"b\",1]"), &bench->b), 0);
    fl_edit_transform(&bench->a, &bench->b, &bench->a2, &bench->b2);
    struct fl_text text = after(bench, &bench->a, &bench->b2);
    struct fl_buf out = {0};
    fl_text_put_utf8(&text, &out);
    assert_string_equal(out.at, "ab-");
    fl_buf_fini(&out);
    fl_text_fini(&text);
}

static void json_is_read_as_it_is_written(void **state)
{
    struct bench *bench = *state;
    struct fl_buf one = {0}, two = {0};
    for (int round = 0; round < ROUNDS; round++) {
        bench_fresh_text(bench);
        random_edit(&bench->rng, &bench->text, &bench->a);
        one.len = two.len = 0;
        fl_edit_print(&bench->a, &one);
        assert_int_equal(fl_edit_parse((struct fl_str){one.at, one.len}, &bench->b), 0);
        fl_edit_print(&bench->b, &two);
        assert_int_equal(one.len, two.len);
        assert_memory_equal(one.at, two.at, one.len);
        assert_int_equal(bench->a.base_len, bench->b.base_len);
        assert_int_equal(bench->a.target_len, bench->b.target_len);
    }
    fl_buf_fini(&one);
    fl_buf_fini(&two);
}

static void what_is_no_edit_is_refused(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *json;
        int code;
    } cases[] = {
        {"[]", 0},
        {" [ 1 , \"\\u0000\\uD83D\\ude00\" , -2 ] ", 0},
        {"[1,2]", 0},
        {"", FL_EBADMSG},
        {"{}", FL_EBADMSG},
        {"[", FL_EBADMSG},
        {"[1", FL_EBADMSG},
        {"[1,]", FL_EBADMSG},
        {"[1]x", FL_EBADMSG},
        {"[0]", FL_EBADMSG},
        {"[-0]", FL_EBADMSG},
        {"[1.5]", FL_EBADMSG},
        {"[1e3]", FL_EBADMSG},
        {"[\"\"]", FL_EBADMSG},
        {"[true]", FL_EBADMSG},
        {"[null]", FL_EBADMSG},
        {"[[1]]", FL_EBADMSG},
        {"[\"\\r\"]", FL_EBADMSG},
        {"[\"\\ud83d\"]", FL_EBADMSG},
        {"[\"\\ude00\"]", FL_EBADMSG},
        {"[\"\\ud83dx\"]", FL_EBADMSG},
        {"[\"\\ud83d\\u0041\"]", FL_EBADMSG},
        {"[\"\xed\xa0\x80\"]", FL_EBADMSG},
        {"[524289]", FL_ERANGE},
        {"[-524288,1]", FL_ERANGE},
        {"[99999999999999999999999]", FL_ERANGE},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        int code = fl_edit_parse(fl_str_of(cases[i].json), &bench->a);
        if (code != cases[i].code) fail_msg("%s: %s", cases[i].json, fl_code_name(code));
    }
    struct fl_buf large = {0};
    fl_buf_puts(&large, "[\"");
    for (int i = 0; i <= FL_EDIT_INSERTED_MAX; i++)
        fl_buf_putc(&large, 'x');
    fl_buf_puts(&large, "\"]");
    assert_int_equal(fl_edit_parse((struct fl_str){large.at, large.len}, &bench->a), FL_ERANGE);
    fl_buf_fini(&large);
}

static void an_edit_that_cuts_a_pair_is_refused(void **state)
{
    struct bench *bench = *state;
    fl_text_add_utf8(&bench->text, FL_STR("a\xf0\x9f\x98\x80z"));
    static const struct {
        const char *json;
        int code;
    } cases[] = {
        {"[2,\"x\",2]", FL_EBADMSG}, {"[2,-1,1]", FL_EBADMSG},
        {"[1,-1,2]", FL_EBADMSG},    {"[1,-2,1]", 0},
        {"[1,\"x\",3]", 0},          {"[3]", FL_ERANGE},
        {"[5]", FL_ERANGE},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        assert_int_equal(fl_edit_parse(fl_str_of(cases[i].json), &bench->a), 0);
        assert_int_equal(fl_edit_check(&bench->a, &bench->text), cases[i].code);
    }
}

/* ---- the vectors, made by the browser's half (tests/unit/editor/vectors.mjs) */

static void read_edit(const cJSON *row, const char *key, struct fl_edit *out)
{
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, key));
    if (fl_edit_parse(fl_str_of(text), out) != 0) fail_msg("%s: %s", key, text);
    cJSON_free(text);
}

static void expect_edit(const cJSON *row, const char *key, const struct fl_edit *edit)
{
    struct fl_buf out = {0};
    fl_edit_print(edit, &out);
    char *want = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, key));
    struct fl_edit wanted = {0};
    assert_int_equal(fl_edit_parse(fl_str_of(want), &wanted), 0);
    struct fl_buf again = {0};
    fl_edit_print(&wanted, &again);
    assert_string_equal(out.at, again.at);
    fl_edit_fini(&wanted);
    fl_buf_fini(&again);
    fl_buf_fini(&out);
    cJSON_free(want);
}

static void expect_text(const cJSON *row, const char *key, struct fl_text *text)
{
    struct fl_buf out = {0};
    fl_text_put_utf8(text, &out);
    fl_buf_putc(&out, '\0');
    assert_string_equal(out.at, fl_json_text(row, key, "missing"));
    fl_buf_fini(&out);
}

static void both_halves_agree_on_the_vectors(void **state)
{
    struct bench *bench = *state;
    cJSON *tree = NULL, *row;
    struct fl_err err;
    assert_int_equal(fl_json_load(&tree, FL_SOURCE_DIR "/tests/unit/editor/vectors.json", &err), 0);
    assert_true(cJSON_GetArraySize(tree) >= 100);
    cJSON_ArrayForEach(row, tree)
    {
        fl_text_fini(&bench->text);
        assert_int_equal(fl_text_add_utf8(&bench->text, fl_str_of(fl_json_text(row, "d", ""))), 0);
        read_edit(row, "a", &bench->a);
        read_edit(row, "b", &bench->b);
        fl_edit_transform(&bench->a, &bench->b, &bench->a2, &bench->b2);
        expect_edit(row, "a2", &bench->a2);
        expect_edit(row, "b2", &bench->b2);
        struct fl_text both = after(bench, &bench->a, &bench->b2);
        expect_text(row, "both", &both);
        fl_text_fini(&both);
        fl_edit_compose(&bench->a, &bench->b2, &bench->joined);
        expect_edit(row, "ab", &bench->joined);
        fl_edit_invert(&bench->a, &bench->text, &bench->joined);
        expect_edit(row, "undo", &bench->joined);
        size_t at = (size_t)fl_json_int(row, "at", 0);
        assert_int_equal(fl_edit_map(&bench->a, at), fl_json_int(row, "to", -1));
    }
    cJSON_Delete(tree);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(two_at_once_give_one_text_in_either_order),
        STORY(a_joined_edit_does_what_both_do),
        STORY(an_edit_turned_round_takes_it_back),
        STORY(what_one_puts_in_the_other_leaves_alone),
        STORY(of_two_inserts_at_one_place_the_first_ones_is_first),
        STORY(json_is_read_as_it_is_written),
        STORY(what_is_no_edit_is_refused),
        STORY(an_edit_that_cuts_a_pair_is_refused),
        STORY(both_halves_agree_on_the_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
