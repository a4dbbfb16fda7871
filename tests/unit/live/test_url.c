#include "services/live/inside.h"
#include "tests/support/testkit.h"

/* Where a page is: its path and query, and what callbacks read of them. */

static const struct fl_live_view front = {.name = "front"}, room = {.name = "room"},
                                 files = {.name = "files"}, folder = {.name = "folder"};
static const struct fl_live_page pages[] = {
    {"/", &front},      {"/rooms/:room", &room},  {"/rooms/:room/people/:who", &room},
    {"/dir/", &folder}, {"/files/*rest", &files}, {0},
};
static const struct fl_live_site site = {.pages = pages};

static void a_path_leads_to_its_page(void **state)
{
    static const struct {
        const char *target, *view, *name, *value, *query;
    } cases[] = {
        {"/", "front", NULL, NULL, NULL},
        {"/?x=1+2%21&y", "front", NULL, NULL, "1 2!"},
        {"http://127.0.0.1:8080/rooms/a%20b?x=%3c", "room", "room", "a b", "<"},
        {"https://host/", "front", NULL, NULL, NULL},
        {"http://host?x=3", NULL, NULL, NULL, NULL},
        {"/rooms/lobby#people", "room", "room", "lobby", NULL},
        {"/rooms/l/people/eve?x=", "room", "who", "eve", ""},
        {"/files/a/b%2Fc", "files", "rest", "a/b/c", NULL},
        {"/files/", "files", "rest", "", NULL},
        {"/dir/", "folder", NULL, NULL, NULL},
        {"/dir", NULL, NULL, NULL, NULL},
        {"/rooms/", NULL, NULL, NULL, NULL},
        {"/rooms/a/", NULL, NULL, NULL, NULL},
        {"/rooms/%zz", NULL, NULL, NULL, NULL},
        {"/rooms/a/b", NULL, NULL, NULL, NULL},
        {"rooms/a", NULL, NULL, NULL, NULL},
        {"//evil/rooms/a", NULL, NULL, NULL, NULL},
        {"", NULL, NULL, NULL, NULL},
        {"javascript:alert(1)", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct live_url url;
        int rc = live_url_open(&url, &site, fl_str_of(cases[i].target));
        if (rc != (cases[i].view != NULL ? 0 : FL_ENOTFOUND)) fail_msg("%s", cases[i].target);
        if (rc != 0) continue;
        assert_string_equal(url.page->view->name, cases[i].view);
        struct fl_live_request req = live_url_request(&url);
        if (cases[i].name != NULL)
            assert_true(fl_str_is(fl_live_param(&req, cases[i].name), cases[i].value));
        assert_null(fl_live_param(&req, "x").at); /* that is a value of the query */
        struct fl_str x = fl_live_query(&req, "x");
        if (cases[i].query == NULL)
            assert_null(x.at);
        else
            assert_true(x.at != NULL && fl_str_is(x, cases[i].query));
        live_url_fini(&url);
    }
}

static void a_value_may_hold_a_nul_and_the_first_of_a_name_counts(void **state)
{
    struct live_url url;
    assert_int_equal(live_url_open(&url, &site, FL_STR("/rooms/a%00b?x=1&x=2&%zz=3&=4")), 0);
    struct fl_live_request req = live_url_request(&url);
    struct fl_str name = fl_live_param(&req, "room");
    assert_int_equal(name.len, 3);
    assert_memory_equal(name.at, "a\0b", 3);
    assert_true(fl_str_is(fl_live_query(&req, "x"), "1"));
    assert_true(fl_str_is(req.path, "/rooms/a%00b"));
    live_url_fini(&url);
}

static void what_is_too_long_is_no_page_and_what_is_too_much_is_left_out(void **state)
{
    struct fl_buf target = {0};
    struct live_url url;
    fl_buf_puts(&target, "/?");
    for (int i = 0; i < 500; i++)
        fl_buf_printf(&target, "a%d=%d&", i, i);
    struct fl_str text = {target.at, target.len};
    assert_int_equal(live_url_open(&url, &site, text), 0);
    assert_in_range(url.pairs_count, 10, 100);
    live_url_fini(&url);
    for (int i = 0; i < 10000; i++)
        fl_buf_putc(&target, 'a');
    text = (struct fl_str){target.at, target.len};
    assert_int_equal(live_url_open(&url, &site, text), FL_ENOTFOUND);
    fl_buf_fini(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_its_page),
        cmocka_unit_test(a_value_may_hold_a_nul_and_the_first_of_a_name_counts),
        cmocka_unit_test(what_is_too_long_is_no_page_and_what_is_too_much_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
