/* Damaged scenarios: whatever stands in the file, the answer is a scenario or problems. */
#include "tests/support/testkit.h"

#include "engine/plan.h"
#include "runtime/base/json.h"
#include "runtime/base/rng.h"

static const char *const words[] = {
    "&a ",        "*a",  "[",    "]",     "{",     "}",      ": ",     "- ",
    "\n",         "  ",  "\"",   "'",     "? ",    "!!int ", "%",      "99999999999999999999",
    "-1",         "~",   "null", "1e309", "${",    "}",      "chat.1", "faults",
    "every: 1ms", "|\n", ">\n",  "#",     "---\n", "\t",     "\xc3",   "\xff"};

static void mutate(struct fl_rng *rng, char *text, size_t *len, size_t cap)
{
    int64_t times = fl_rng_between(rng, 1, 6);
    for (int64_t i = 0; i<times && * len> 40; i++) {
        size_t at = (size_t)fl_rng_between(rng, 0, (int64_t)*len - 1);
        int64_t how = fl_rng_between(rng, 0, 3);
        const char *word = words[fl_rng_between(rng, 0, (int64_t)FL_COUNT(words) - 1)];
        size_t word_len = strlen(word);
        if (how == 0) {
            text[at] = (char)fl_rng_between(rng, 1, 255);
        } else if (how == 1 && *len + word_len < cap) {
            memmove(text + at + word_len, text + at, *len - at);
            memcpy(text + at, word, word_len);
            *len += word_len;
        } else if (how == 2) {
            size_t gone = (size_t)fl_rng_between(rng, 1, 30);
            if (gone > *len - at) gone = *len - at;
            memmove(text + at, text + at + gone, *len - at - gone);
            *len -= gone;
        } else {
            size_t from = (size_t)fl_rng_between(rng, 0, (int64_t)*len - 1);
            size_t span = (size_t)fl_rng_between(rng, 1, 40);
            if (span > *len - from) span = *len - from;
            if (span > *len - at) span = *len - at;
            memmove(text + at, text + from, span);
        }
    }
}

static void parse_damaged(const char *text, size_t len, int *good, int *bad)
{
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "f.yaml", .skip_programs = true};
    struct fl_str view = {text, len};
    if (fl_scenario_parse(&scenario, view, &opts, &problems) == 0) {
        assert_int_equal(problems.count, 0);
        cJSON *plan = fl_plan_make(scenario, 7);
        char *json = fl_plan_text(plan), *table = fl_plan_table(plan);
        free(json);
        free(table);
        cJSON_Delete(plan);
        ++*good;
    } else {
        assert_null(scenario);
        assert_true(problems.count > 0);
        assert_memory_equal(problems.lines[0], "f.yaml:", 7);
        ++*bad;
    }
    fl_scenario_free(scenario);
    fl_problems_fini(&problems);
}

static void a_damaged_file_is_a_scenario_or_problems_and_never_a_crash(void **state)
{
    (void)state;
    static const char *const files[] = {"scenarios/quickstart.yaml", "scenarios/redis.yaml"};
    int good = 0, bad = 0;
    for (size_t f = 0; f < FL_COUNT(files); f++) {
        char *path = fl_format("%s/%s", FL_SOURCE_DIR, files[f]), *source = NULL;
        size_t source_len = 0;
        assert_int_equal(fl_file_read(&source, &source_len, path, NULL), 0);
        size_t cap = source_len + 4096;
        for (uint64_t seed = 0; seed < 1500; seed++) {
            struct fl_rng rng;
            char *text = fl_alloc(cap);
            size_t len = source_len;
            memcpy(text, source, len);
            fl_rng_init(&rng, seed);
            mutate(&rng, text, &len, cap);
            parse_damaged(text, len, &good, &bad);
            free(text);
        }
        free(source);
        free(path);
    }
    /* both ways were taken: the damage is neither always deadly nor always harmless */
    assert_true(good > 50);
    assert_true(bad > 50);
}

static void aliases_cannot_make_it_explode(void **state)
{
    (void)state;
    struct fl_buf text = {0};
    fl_buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        fl_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int n = 0; n < 10; n++)
            fl_buf_printf(&text, "%s*a%d", n > 0 ? ", " : "", i - 1);
        fl_buf_puts(&text, "]\n");
    }
    int good = 0, bad = 0;
    parse_damaged(text.at, text.len, &good, &bad);
    assert_int_equal(bad, 1);
    fl_buf_fini(&text);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct fl_buf text = {0};
    for (int i = 0; i < 100000; i++)
        fl_buf_putc(&text, '[');
    int good = 0, bad = 0;
    parse_damaged(text.at, text.len, &good, &bad);
    assert_int_equal(bad, 1);
    fl_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_file_is_a_scenario_or_problems_and_never_a_crash),
        cmocka_unit_test(aliases_cannot_make_it_explode),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
