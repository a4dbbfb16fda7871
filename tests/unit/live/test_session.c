#include "runtime/base/clock.h"
#include "services/live/inside.h"
#include "tests/support/testkit.h"

/* What a page brings back when its socket joins. */

static const struct fl_web_secret secret = {{1}}, other = {{2}};
#define ID FL_STR("phx-1-2")

static enum live_trust check(const struct fl_web_secret *with, struct fl_str id,
                             struct fl_str token, const char *want_session)
{
    struct fl_buf session = {0};
    enum live_trust trust = live_session_check(with, id, token, &session);
    assert_string_equal(session.at != NULL ? session.at : "", want_session);
    fl_buf_fini(&session);
    return trust;
}

static void a_token_is_worth_something_for_its_page_and_its_server(void **state)
{
    struct fl_buf token = {0};
    live_session_put(&secret, ID, FL_STR("eve's browser"), &token);
    struct fl_str text = {token.at, token.len};
    assert_int_equal(check(&secret, ID, text, "eve's browser"), LIVE_FRESH);
    assert_int_equal(check(&secret, FL_STR("phx-1-3"), text, ""), LIVE_FORGED);
    assert_int_equal(check(&secret, FL_STR("phx-1"), text, ""), LIVE_FORGED);
    assert_int_equal(check(&other, ID, text, ""), LIVE_FORGED);
    assert_int_equal(check(&secret, ID, (struct fl_str){0}, ""), LIVE_FORGED);
    assert_int_equal(check(&secret, ID, FL_STR(""), ""), LIVE_FORGED);
    for (size_t i = 0; i < token.len; i++) { /* whatever is changed */
        char was = token.at[i];
        token.at[i] = was == 'x' ? 'y' : 'x';
        struct fl_buf session = {0};
        if (live_session_check(&secret, ID, text, &session) >= LIVE_KNOWN &&
            i + 1 < token.len) /* the last character has two bits that say nothing */
            fail_msg("character %zu", i);
        fl_buf_fini(&session);
        token.at[i] = was;
    }
    fl_buf_fini(&token);
}

static void a_token_ages(void **state)
{
    static const struct {
        int64_t age_s;
        enum live_trust trust;
    } cases[] = {
        {0, LIVE_FRESH},        {20, LIVE_FRESH}, {60, LIVE_KNOWN}, {13 * 86400, LIVE_KNOWN},
        {15 * 86400, LIVE_OLD}, {-3600, LIVE_OLD}}; /* from the future: a clock was set back */
    int64_t now_s = fl_wall_now() / FL_NS_PER_S;
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        struct fl_buf token = {0};
        fl_web_sign_at(&secret, "live", FL_STR("phx-1-2 eve"), now_s - cases[i].age_s, &token);
        struct fl_str text = {token.at, token.len};
        assert_int_equal(check(&secret, ID, text, cases[i].trust >= LIVE_KNOWN ? "eve" : ""),
                         cases[i].trust);
        fl_buf_fini(&token);
    }
}

static void a_page_that_was_loaded_again_has_it_in_its_id(void **state)
{
    assert_true(live_session_is_again(FL_STR("phx-again-1-2")));
    assert_false(live_session_is_again(FL_STR("phx-again-")));
    assert_false(live_session_is_again(FL_STR("phx-1-2")));
    assert_false(live_session_is_again(FL_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_worth_something_for_its_page_and_its_server),
        cmocka_unit_test(a_token_ages),
        cmocka_unit_test(a_page_that_was_loaded_again_has_it_in_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
