/* What a viewer reads is what the run said, and nothing that a name can smuggle in. */
#include "tests/support/testkit.h"

#include <fl_assets.h>

#include "services/dashboard/page.h"

static const char figures_text[] =
    "{\"t\": 123, \"phase\": \"storm\", \"elapsed_ns\": 5200000000, \"total_ns\": 38000000000,\n"
    " \"loads\": [{\"name\": \"talkers\", \"rate\": 199.5, \"errors\": 0.0, \"p50_ns\": 800000,"
    " \"p99_ns\": 4100000, \"inflight\": 3},"
    " {\"name\": \"jobs\", \"rate\": 500, \"errors\": 2.5, \"p50_ns\": 90000000,"
    " \"p99_ns\": 1500000000, \"inflight\": 9}],"
    " \"processes\": [{\"instance\": \"chat.1\", \"state\": \"down\", \"pid\": 4711,"
    " \"restarts\": 1}], \"restarts\": 1, \"faults\": [\"kill chat.1\"]}\n";

static char *render(const char *template, const char *figures)
{
    struct fl_buf out = {0};
    cJSON *tree = figures != NULL ? cJSON_Parse(figures) : NULL;
    fl_page_put(&out, fl_str_of(template), tree);
    cJSON_Delete(tree);
    return fl_buf_take(&out);
}

static void expect_page(const char *template, const char *figures, const char *want)
{
    char *page = render(template, figures);
    assert_string_equal(page, want);
    free(page);
}

static void the_first_paint_already_has_the_figures_in_it(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    cJSON *tree = cJSON_Parse(figures_text);
    fl_page_put(&out, (struct fl_str){fl_asset_dashboard_html, fl_asset_dashboard_html_len}, tree);
    cJSON_Delete(tree);
    static const char *const want[] = {
        "data-phase=\"storm\">storm<",
        "value=\"5\" max=\"38\"",
        ">5 of 38 s<",
        "id=\"rate\">700<",
        "id=\"errors\">2.5<",
        "id=\"p99\">1.5 s<",
        "<li>kill chat.1</li>",
        "data-state=\"down\"><b>chat.1</b><span>down · pid 4711</span><em>1 restart</em>",
        "talkers</th><td>200</td><td>0.0</td><td>0.8 ms</td><td>4.1 ms</td><td>3</td>",
        "<td class=\"bad\">2.5</td><td>90 ms</td><td>1.5 s</td>",
    };
    for (size_t i = 0; i < FL_COUNT(want); i++)
        if (strstr(out.at, want[i]) == NULL) fail_msg("missing: %s\nin:\n%s", want[i], out.at);
    assert_null(strstr(out.at, "{{"));
    fl_buf_fini(&out);
}

static void before_anything_is_known_the_page_still_stands(void **state)
{
    (void)state;
    expect_page("{{phase}} {{clock}} {{rate}} {{errors}} {{p99}} {{restarts}} {{faults}}|{{loads}}",
                NULL, "waiting 0 s 0.0 0.0 0.0 ms 0 <li class=\"none\">none</li>|");
    expect_page("{{processes}}{{faults}}", "{\"processes\":7,\"faults\":[1]}", "<li>?</li>");
}

static void a_name_cannot_become_markup(void **state)
{
    (void)state;
    expect_page("{{faults}}", "{\"faults\":[\"<script>'&\\\"\"]}",
                "<li>&lt;script&gt;&#39;&amp;&quot;</li>");
    expect_page("{{phase}}", "{\"phase\":\"\\\"><b>\"}", "&quot;&gt;&lt;b&gt;");
}

static void an_update_is_the_figures_with_its_number_and_instant(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    assert_int_equal(fl_page_put_update(&out, fl_str_of(figures_text), 7, 123456789), 0);
    cJSON *tree = cJSON_Parse(out.at);
    assert_int_equal(fl_json_int(tree, "seq", -1), 7);
    assert_int_equal(fl_json_int(tree, "t_ns", -1), 123456789);
    assert_string_equal(fl_json_text(tree, "phase", ""), "storm");
    cJSON_Delete(tree);

    out.len = 0;
    assert_int_equal(fl_page_put_update(&out, FL_STR(" { } "), 1, 2), 0);
    assert_string_equal(out.at, "{\"seq\":1,\"t_ns\":2 }");
    fl_buf_fini(&out);
}

static void half_a_file_is_not_shown(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    static const char *const bad[] = {"", "{\"t\":1", "[]", "{} {}", "7", "{\"t\":1}x"};
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        assert_int_equal(fl_page_put_update(&out, fl_str_of(bad[i]), 1, 1), FL_EBADMSG);
    assert_int_equal(out.len, 0);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_paint_already_has_the_figures_in_it),
        cmocka_unit_test(before_anything_is_known_the_page_still_stands),
        cmocka_unit_test(a_name_cannot_become_markup),
        cmocka_unit_test(an_update_is_the_figures_with_its_number_and_instant),
        cmocka_unit_test(half_a_file_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
