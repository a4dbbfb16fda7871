/* What is rendered, and what is said of a change, to the byte. */
#include "tests/support/testkit.h"

#include "services/live/tree_inside.h"
#include "tests/unit/live/pages/flow.live.h"
#include "tests/unit/live/pages/zoo.h"

struct page {
    struct fl_live_tree shown;
    struct fl_buf text;
};

static void page_end(struct page *page)
{
    fl_live_tree_fini(&page->shown);
    fl_buf_fini(&page->text);
}

/* What has to be said to the page; "" when nothing, NULL never. */
static const char *page_says(struct page *page, const struct fl_live_template *view,
                             const void *state)
{
    struct fl_live_tree next = {0};
    assert_int_equal(fl_live_tree_render(&next, view, state, page->shown.used), 0);
    page->text.len = 0;
    fl_buf_puts(&page->text, "");
    if (page->shown.root == NULL) {
        fl_live_tree_full(&next, &page->text);
    } else if (!fl_live_tree_diff(&page->shown, &next, &page->text)) {
        assert_int_equal(page->text.len, 0);
    }
    fl_live_tree_fini(&page->shown);
    page->shown = next;
    return page->text.at;
}

static const char *page_html(struct page *page)
{
    page->text.len = 0;
    fl_live_tree_html(&page->shown, &page->text);
    return page->text.at;
}

/* ---- a template by hand: what the compiler's C is like ---- */

/* clang-format off */
#define T(text) {(text), sizeof(text) - 1}
#define STATICS(name, slots, is_element, json, ...)              \
    static const struct fl_str name##_texts[] = {__VA_ARGS__};   \
    static const struct fl_live_statics name = {slots, is_element, name##_texts, T(json)}
STATICS(bold, 1, true, "[\"<b>\",\"</b>\"]", T("<b>"), T("</b>"));
STATICS(row, 2, false, "[\"<tr id=\\\"r\",\"\\\"><td>\",\"</td></tr>\"]",
        T("<tr id=\"r"), T("\"><td>"), T("</td></tr>"));
STATICS(whole, 1, true, "[\"<li>\",\"</li>\"]", T("<li>"), T("</li>"));
STATICS(root, 3, true, "[\"<p>\",\"\",\"<hr>\",\"</p>\"]", T("<p>"), T(""), T("<hr>"), T("</p>"));
STATICS(one, 1, false, "[\"[\",\"]\"]", T("["), T("]"));
/* clang-format on */

struct small {
    const char *text;
    int bold; /* below 0: not there */
    int keys[6], keys_count;
    int texts[6];
    bool is_whole;
};

static void small_render(struct fl_live_out *out, const void *state)
{
    const struct small *small = state;
    fl_out_begin(out, &root);
    fl_out_value(out, small->text);
    if (small->bold >= 0) {
        fl_out_begin(out, &bold);
        fl_out_value(out, small->bold);
        fl_out_end(out);
    } else {
        fl_out_empty(out);
    }
    size_t count = fl_out_list(out, small->is_whole ? &whole : &row, (size_t)small->keys_count);
    for (size_t i = 0; i < count; i++) {
        fl_out_item_by(out, small->keys[i]);
        if (!small->is_whole) fl_out_value(out, small->keys[i]);
        fl_out_value(out, small->texts[i]);
        fl_out_item_end(out);
    }
    fl_out_list_end(out);
    fl_out_end(out);
}
static const struct fl_live_template small_view = {"small", small_render};

static void a_first_render_is_told_whole_and_a_second_only_where_it_differs(void **state)
{
    struct page page = {0};
    struct small small = {.text = "a<b", .bold = -1};
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"0\":\"a&lt;b\",\"1\":\"\",\"2\":{\"s\":[\"<tr id=\\\"r\",\"\\\"><td>\","
                        "\"</td></tr>\"],\"k\":{\"kc\":0}},\"s\":[\"<p>\",\"\",\"<hr>\",\"</p>\"]");
    assert_string_equal(page_says(&page, &small_view, &small), "");
    small.bold = 1;
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"1\":{\"0\":\"1\",\"s\":[\"<b>\",\"</b>\"],\"r\":1}");
    small.bold = 2;
    small.text = NULL;
    assert_string_equal(page_says(&page, &small_view, &small), "\"0\":\"\",\"1\":{\"0\":\"2\"}");
    small.bold = -1;
    assert_string_equal(page_says(&page, &small_view, &small), "\"1\":\"\"");
    page_end(&page);
}

static void a_list_tells_what_came_went_moved_and_changed(void **state)
{
    struct page page = {0};
    struct small small = {.text = "", .bold = -1, .keys = {1, 2, 3}, .keys_count = 3};
    page_says(&page, &small_view, &small);
    small = (struct small){"", -1, {3, 1, 2}, 3, {0}, false}; /* rotated */
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"0\":2,\"1\":0,\"2\":1,\"kc\":3,\"km\":true}}");
    small = (struct small){"", -1, {1, 3, 2}, 3, {0, 7, 0}, false}; /* and one changed */
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"0\":1,\"1\":[0,{\"1\":\"7\"}],\"kc\":3,\"km\":true}}");
    small = (struct small){"", -1, {1, 3, 2, 4}, 4, {0, 8, 0, 0}, false}; /* in place, and new */
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"1\":{\"1\":\"8\"},\"3\":{\"0\":\"4\",\"1\":\"0\"},"
                        "\"kc\":4}}");
    small.keys_count = 2;
    assert_string_equal(page_says(&page, &small_view, &small), "\"2\":{\"k\":{\"kc\":2}}");
    small.keys_count = 0;
    assert_string_equal(page_says(&page, &small_view, &small), "\"2\":{\"k\":{\"kc\":0}}");
    page_end(&page);
}

static void entries_that_are_one_element_say_so_and_share_their_html(void **state)
{
    struct page page = {0};
    struct small small = {"", -1, {1}, 1, {5, 6}, true};
    page_says(&page, &small_view, &small);
    small = (struct small){"", -1, {2, 1, 3}, 3, {6, 5, 7}, true};
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"0\":{\"0\":{\"0\":\"6\",\"s\":0,\"r\":1}},\"1\":0,"
                        "\"2\":{\"0\":{\"0\":\"7\",\"s\":0,\"r\":1}},\"kc\":3,\"km\":true}},"
                        "\"p\":{\"0\":[\"<li>\",\"</li>\"]}");
    small.texts[1] = 9;
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"1\":{\"0\":{\"0\":\"9\"}},\"kc\":3}}");
    page_end(&page);
}

static void of_twins_only_one_moves(void **state)
{
    struct page page = {0};
    struct small small = {"", -1, {1, 2, 2, 3}, 4, {0}, false};
    page_says(&page, &small_view, &small);
    small = (struct small){"", -1, {2, 2, 2, 2}, 4, {0}, false};
    assert_string_equal(page_says(&page, &small_view, &small),
                        "\"2\":{\"k\":{\"0\":{\"0\":\"2\",\"1\":\"0\"},\"3\":{\"0\":\"2\","
                        "\"1\":\"0\"},\"kc\":4}}");
    page_end(&page);
}

/* ---- values ---- */

static void str_render(struct fl_live_out *out, const void *state)
{
    fl_out_begin(out, &one);
    fl_out_value(out, *(const struct fl_str *)state);
    fl_out_end(out);
}
static void url_render(struct fl_live_out *out, const void *state)
{
    fl_out_begin(out, &one);
    fl_out_name(out, "href");
    fl_out_url(out, *(const struct fl_str *)state);
    fl_out_end(out);
}
static void real_render(struct fl_live_out *out, const void *state)
{
    fl_out_begin(out, &one);
    fl_out_value(out, *(const double *)state);
    fl_out_end(out);
}

static void text_is_escaped_and_always_utf8(void **state)
{
    const struct {
        struct fl_str in;
        const char *html, *json;
    } rows[] = {
        {FL_STR("<a href='x' b=\"y\">&"), "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;",
         "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;"},
        {FL_STR("a\\b\n\t\x1f"), "a\\b\n\t\x1f", "a\\\\b\\n\\u0009\\u001f"},
        {FL_STR("a\0b"),
         "a\xef\xbf\xbd"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {FL_STR("\xc3\xa9 \xf0\x9f\x98\x80"), "\xc3\xa9 \xf0\x9f\x98\x80",
         "\xc3\xa9 \xf0\x9f\x98\x80"},
        {FL_STR("\xff\xc3(\xed\xa0\x80\xc3"),
         "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {FL_STR("a\rb"), "a&#13;b", "a&#13;b"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct page page = {0};
        const struct fl_live_template view = {"str", str_render};
        char *json = fl_format("\"0\":\"%s\",\"s\":[\"[\",\"]\"]", rows[i].json);
        char *html = fl_format("[%s]", rows[i].html);
        assert_string_equal(page_says(&page, &view, &rows[i].in), json);
        assert_string_equal(page_html(&page), html);
        free(json);
        free(html);
        page_end(&page);
    }
}

static void an_address_never_becomes_a_script(void **state)
{
    const struct {
        struct fl_str in;
        const char *html;
    } rows[] = {
        {FL_STR("/x?y=1&z"), "[ href=\"/x?y=1&amp;z\"]"},
        {FL_STR("https://a.b/"), "[ href=\"https://a.b/\"]"},
        {FL_STR("mailto:a@b"), "[ href=\"mailto:a@b\"]"},
        {FL_STR("javascript"), "[ href=\"javascript\"]"},
        {FL_STR("/javascript:x"), "[ href=\"/javascript:x\"]"},
        {FL_STR(""), "[ href=\"\"]"},
        {{NULL, 0}, "[]"},
        {FL_STR("javascript:alert(1)"), "[ href=\"#\"]"},
        {FL_STR(" \x01 JavaScript:alert(1)"), "[ href=\"#\"]"},
        {FL_STR("java\tscr\nipt\r:alert(1)"), "[ href=\"#\"]"},
        {FL_STR("java\0script:alert(1)"), "[ href=\"#\"]"},
        {FL_STR("vbscript:x"), "[ href=\"#\"]"},
        {FL_STR("data:text/html,<script>"), "[ href=\"#\"]"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct page page = {0};
        const struct fl_live_template view = {"url", url_render};
        page_says(&page, &view, &rows[i].in);
        assert_string_equal(page_html(&page), rows[i].html);
        page_end(&page);
    }
}

static void a_real_number_is_shown_in_its_shortest_form(void **state)
{
    static const struct {
        double in;
        const char *html;
    } rows[] = {{0, "[0]"},
                {0.1, "[0.1]"},
                {1.0 / 3, "[0.3333333333333333]"},
                {1e21, "[1e+21]"},
                {-2.5, "[-2.5]"},
                {1234567, "[1234567]"},
                {99.99, "[99.99]"},
                {123456789.125, "[123456789.125]"}};
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct page page = {0};
        const struct fl_live_template view = {"real", real_render};
        page_says(&page, &view, &rows[i].in);
        assert_string_equal(page_html(&page), rows[i].html);
        page_end(&page);
    }
}

/* ---- limits ---- */

static void deep_render(struct fl_live_out *out, const void *state)
{
    const int *depth = state;
    int left = *depth - 1;
    fl_out_begin(out, &bold);
    if (left > 0) {
        deep_render(out, &left);
    } else {
        fl_out_value(out, 1);
    }
    fl_out_end(out);
}

static void what_is_too_much_for_a_tree_is_refused_and_leaves_nothing(void **state)
{
    struct fl_live_tree tree = {0};
    const struct fl_live_template deep = {"deep", deep_render}, str = {"str", str_render};
    int depth = FL_LIVE_DEPTH_MAX;
    assert_int_equal(fl_live_tree_render(&tree, &deep, &depth, 0), 0);
    fl_live_tree_fini(&tree);
    depth = 1000;
    assert_int_equal(fl_live_tree_render(&tree, &deep, &depth, 0), FL_EFULL);
    assert_null(tree.block);

    size_t len = FL_LIVE_TREE_MAX / 4; /* fits; escaped it does not */
    char *text = malloc(len);
    memset(text, '<', len);
    struct fl_str view = {text, len};
    assert_int_equal(fl_live_tree_render(&tree, &str, &view, 0), FL_EFULL);
    memset(text, 'x', len);
    assert_int_equal(fl_live_tree_render(&tree, &str, &view, 0), 0);
    fl_live_tree_fini(&tree);
    free(text);

    struct small small = {.text = "", .bold = -1, .keys_count = -1};
    assert_int_equal(fl_live_tree_render(&tree, &small_view, &small, 0), FL_EFULL);
}

static void a_page_that_has_become_small_gives_its_memory_back(void **state)
{
    struct page page = {0};
    const struct fl_live_template view = {"str", str_render};
    char *text = calloc(1, 1000001);
    memset(text, 'x', 1000000);
    struct fl_str str = {text, 1000000};
    page_says(&page, &view, &str);
    assert_in_range(page.shown.bytes, 1000000, 1100000);
    page_says(&page, &view, &str); /* a hint as large as what is needed: one block */
    assert_null(page.shown.block->next);
    str.len = 10;
    page_says(&page, &view, &str);
    page_says(&page, &view, &str);
    assert_in_range(page.shown.bytes, 1, 2000);
    free(text);
    page_end(&page);
}

/* ---- streams ---- */

static void a_stream_tells_only_what_is_new(void **state)
{
    struct page page = {0};
    struct zoo_job jobs[] = {{"one", false}, {"<two>", true}, {"three", false}};
    struct fl_live_stream_insert inserts[] = {
        {FL_STR("j1"), FL_LIVE_LAST, &jobs[0]},
        {FL_STR("j\"2"), FL_LIVE_FIRST, &jobs[1]},
        {FL_STR("j3"), 1, &jobs[2]},
    };
    struct fl_str drops[] = {FL_STR("j1"), FL_STR("j\"2")};
    struct fl_live_stream_inside inside = {.ref = 3, .inserts_count = 3, .inserts = inserts};
    struct zoo zoo = {.jobs = {.inside = &inside}, .small = 3};

    const char *entries =
        "\"k\":{\"0\":{\"0\":\"j1\",\"1\":\"one\",\"2\":\"\"},"
        "\"1\":{\"0\":\"j&quot;2\",\"1\":\"&lt;two&gt;\",\"2\":{\"s\":0,\"r\":1}},"
        "\"2\":{\"0\":\"j3\",\"1\":\"three\",\"2\":\"\"},\"kc\":3},"
        "\"stream\":[\"3\",[[\"j1\",-1,null,null],[\"j\\\"2\",0,null,null],[\"j3\",1,null,null]],"
        "[]";
    char *first = fl_format(
        "\"0\":{\"s\":[\"  <li id=\\\"\",\"\\\">\",\"\",\"</li>\\n\"],%s]},\"1\":\"3\","
        "\"s\":[\"<ul id=\\\"jobs\\\" phx-update=\\\"stream\\\">\\n\",\"</ul><p>\",\"</p>\\n\"],"
        "\"p\":{\"0\":[\"<b>done</b>\"]}",
        entries);
    assert_string_equal(page_says(&page, &fl_template_flow, &zoo), first);
    free(first);
    assert_string_equal(page_html(&page), "<ul id=\"jobs\" phx-update=\"stream\">\n"
                                          "  <li id=\"j&quot;2\">&lt;two&gt;<b>done</b></li>\n"
                                          "  <li id=\"j3\">three</li>\n"
                                          "  <li id=\"j1\">one</li>\n"
                                          "</ul><p>3</p>\n");

    inside = (struct fl_live_stream_inside){.ref = 3};
    zoo.small = 4;
    assert_string_equal(page_says(&page, &fl_template_flow, &zoo), "\"1\":\"4\"");

    inside = (struct fl_live_stream_inside){.ref = 3, .drops = drops, .drops_count = 2};
    assert_string_equal(page_says(&page, &fl_template_flow, &zoo),
                        "\"0\":{\"k\":{\"kc\":0},\"stream\":[\"3\",[],[\"j1\",\"j\\\"2\"]]}");

    inside = (struct fl_live_stream_inside){
        .ref = 3, .max = -2, .is_reset = true, .inserts = inserts, .inserts_count = 1};
    assert_string_equal(page_says(&page, &fl_template_flow, &zoo),
                        "\"0\":{\"k\":{\"0\":{\"0\":\"j1\",\"1\":\"one\",\"2\":\"\"},\"kc\":1},"
                        "\"stream\":[\"3\",[[\"j1\",-1,-2,null]],[],true]}");
    page_end(&page);
}

static void a_stream_with_a_limit_shows_the_first_or_the_last_of_its_items(void **state)
{
    struct zoo_job jobs[] = {{"a", false}, {"b", false}, {"c", false}};
    struct fl_live_stream_insert inserts[] = {
        {FL_STR("a"), FL_LIVE_LAST, &jobs[0]},
        {FL_STR("b"), FL_LIVE_LAST, &jobs[1]},
        {FL_STR("c"), FL_LIVE_LAST, &jobs[2]},
    };
    struct fl_live_stream_inside inside = {.inserts_count = 3, .inserts = inserts, .max = -2};
    struct zoo zoo = {.jobs = {.inside = &inside}};
    struct page page = {0};
    page_says(&page, &fl_template_flow, &zoo);
    assert_string_equal(page_html(&page), "<ul id=\"jobs\" phx-update=\"stream\">\n"
                                          "  <li id=\"b\">b</li>\n  <li id=\"c\">c</li>\n"
                                          "</ul><p>0</p>\n");
    inside.max = 2;
    page_says(&page, &fl_template_flow, &zoo);
    assert_string_equal(page_html(&page), "<ul id=\"jobs\" phx-update=\"stream\">\n"
                                          "  <li id=\"a\">a</li>\n  <li id=\"b\">b</li>\n"
                                          "</ul><p>0</p>\n");
    page_end(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_render_is_told_whole_and_a_second_only_where_it_differs),
        cmocka_unit_test(a_list_tells_what_came_went_moved_and_changed),
        cmocka_unit_test(entries_that_are_one_element_say_so_and_share_their_html),
        cmocka_unit_test(of_twins_only_one_moves),
        cmocka_unit_test(text_is_escaped_and_always_utf8),
        cmocka_unit_test(an_address_never_becomes_a_script),
        cmocka_unit_test(a_real_number_is_shown_in_its_shortest_form),
        cmocka_unit_test(what_is_too_much_for_a_tree_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_page_that_has_become_small_gives_its_memory_back),
        cmocka_unit_test(a_stream_tells_only_what_is_new),
        cmocka_unit_test(a_stream_with_a_limit_shows_the_first_or_the_last_of_its_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
