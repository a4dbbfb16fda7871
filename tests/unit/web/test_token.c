#include "tests/support/testkit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "services/web/token.h"

static const struct fl_web_secret ours = {"0123456789abcdef0123456789abcdef"};
static const struct fl_web_secret theirs = {"0123456789abcdef0123456789abcdeF"};

static struct fl_str view(const struct fl_buf *buf)
{
    return (struct fl_str){buf->at, buf->len};
}

static void what_was_signed_comes_back_with_its_nul_bytes(void **state)
{
    struct fl_buf token = {0}, data = {0};
    fl_web_sign_at(&ours, "session", (struct fl_str){"a\0b", 3}, 1000, &token);
    assert_int_equal(fl_web_verify_at(&ours, "session", view(&token), 10, 1010, &data), 0);
    assert_int_equal(data.len, 3);
    assert_memory_equal(data.at, "a\0b", 4);
    fl_buf_fini(&token);
    fl_buf_fini(&data);
}

static void another_secret_another_purpose_and_any_changed_letter_are_refused(void **state)
{
    struct fl_buf token = {0}, data = {0};
    fl_web_sign_at(&ours, "session", FL_STR("eve"), 1000, &token);
    assert_int_equal(fl_web_verify_at(&theirs, "session", view(&token), 0, 1000, &data),
                     FL_EBADMSG);
    assert_int_equal(fl_web_verify_at(&ours, "csrf", view(&token), 0, 1000, &data), FL_EBADMSG);
    assert_int_equal(fl_web_verify_at(&ours, "", view(&token), 0, 1000, &data), FL_EBADMSG);
    for (size_t i = 0; i < token.len; i++) {
        char kept = token.at[i];
        token.at[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(fl_web_verify_at(&ours, "session", view(&token), 0, 1000, &data),
                         FL_EBADMSG);
        token.at[i] = kept;
        struct fl_str part = {token.at, i};
        assert_int_equal(fl_web_verify_at(&ours, "session", part, 0, 1000, &data), FL_EBADMSG);
    }
    assert_int_equal(data.len, 0);
    fl_buf_fini(&token);
    fl_buf_fini(&data);
}

static void a_token_has_an_age(void **state)
{
    static const struct {
        int64_t max_age_s, now_s;
        int rc;
    } cases[] = {
        {60, 1060, 0}, {60, 1061, FL_ETIMEOUT}, {0, 1 << 30, 0},
        {60, 940, 0},  {60, 939, FL_ETIMEOUT}, /* clocks of two machines differ a little */
    };
    struct fl_buf token = {0}, data = {0};
    fl_web_sign_at(&ours, "session", FL_STR("eve"), 1000, &token);
    for (size_t i = 0; i < FL_COUNT(cases); i++) {
        data.len = 0;
        assert_int_equal(fl_web_verify_at(&ours, "session", view(&token), cases[i].max_age_s,
                                          cases[i].now_s, &data),
                         cases[i].rc);
        assert_int_equal(data.len, cases[i].rc == 0 ? 3 : 0);
    }
    fl_buf_fini(&token);
    fl_buf_fini(&data);
}

static void a_secret_in_a_folder_is_made_once_for_its_owner_only(void **state)
{
    char *folder = testkit_folder();
    char *path = fl_format("%s/secret.key", folder);
    struct fl_web_secret first, again;
    struct fl_err err = {0};
    struct stat info;
    assert_int_equal(fl_web_secret_load(folder, &first, &err), 0);
    assert_int_equal(fl_web_secret_load(folder, &again, &err), 0);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_nlink, 1); /* nothing else is left beside it */
    free(path);
    testkit_remove(folder);
}

static void without_a_folder_each_secret_is_another(void **state)
{
    struct fl_web_secret one, two;
    assert_int_equal(fl_web_secret_load(NULL, &one, NULL), 0);
    assert_int_equal(fl_web_secret_load(NULL, &two, NULL), 0);
    assert_memory_not_equal(&one, &two, sizeof one);
}

static void a_file_that_is_no_secret_is_named_and_kept(void **state)
{
    char *folder = testkit_folder();
    char *path = fl_format("%s/secret.key", folder);
    struct fl_web_secret secret;
    struct fl_err err = {0};
    for (size_t len = 0; len <= 33; len += len == 0 ? 31 : 2) {
        char *text = NULL;
        assert_int_equal(fl_file_write(path, "0123456789abcdef0123456789abcdef0", len, NULL), 0);
        assert_int_equal(fl_web_secret_load(folder, &secret, &err), FL_EBADMSG);
        assert_non_null(strstr(err.text, path));
        size_t kept = 0;
        assert_int_equal(fl_file_read(&text, &kept, path, NULL), 0);
        assert_int_equal(kept, len);
        free(text);
    }
    testkit_remove(folder);
    assert_int_equal(fl_web_secret_load(path, &secret, &err), FL_EIO); /* no such folder */
    assert_non_null(strstr(err.text, path));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_signed_comes_back_with_its_nul_bytes),
        cmocka_unit_test(another_secret_another_purpose_and_any_changed_letter_are_refused),
        cmocka_unit_test(a_token_has_an_age),
        cmocka_unit_test(a_secret_in_a_folder_is_made_once_for_its_owner_only),
        cmocka_unit_test(without_a_folder_each_secret_is_another),
        cmocka_unit_test(a_file_that_is_no_secret_is_named_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
