#include "tests/support/testkit.h"

#include <errno.h>
#include <pthread.h>

#include "runtime/base/failpoint.h"
#include "runtime/base/journal.h"
#include "runtime/base/json.h"

#define enable(name, ...) \
    assert_int_equal(fl_failpoint_enable((name), &(struct fl_failpoint_opts){__VA_ARGS__}), 0)

static int teardown(void **state)
{
    fl_failpoint_disable_all();
    return 0;
}

/* "0" for each time that the place went on, "1" for each that it failed. */
static const char *pattern_of(const char *place, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = fl_failpoint_reach(place) != 0 ? '1' : '0';
    out[count] = '\0';
    return out;
}
#define expect_pattern(place, text) \
    assert_string_equal(pattern_of((place), strlen(text), (char[128]){0}), (text))

static void what_nobody_asked_to_fail_goes_on(void **state)
{
    errno = 7;
    assert_int_equal(FL_FAIL("a/b"), 0);
    enable("a/c", .failinfo = EPERM);
    assert_int_equal(FL_FAIL("a/b"), 0);
    assert_int_equal(errno, 7);
    assert_int_equal(fl_failpoint_reached("a/b"), 0);
}

static void a_place_fails_with_what_it_was_told_and_says_it_in_errno(void **state)
{
    enable("a/b", .failinfo = ENOSPC);
    errno = 0;
    assert_int_equal(FL_FAIL("a/b"), ENOSPC);
    assert_int_equal(errno, ENOSPC);
    enable("a/b", .failinfo = 0);
    assert_int_equal(FL_FAIL("a/b"), EIO);
    assert_int_equal(fl_failpoint_disable("a/b"), 0);
    assert_int_equal(FL_FAIL("a/b"), 0);
    assert_int_equal(fl_failpoint_disable("a/b"), FL_ENOTFOUND);
}

static void nth_and_once_say_which_of_them(void **state)
{
    enable("a", .once = true);
    expect_pattern("a", "10000");
    enable("a", .nth = 3);
    expect_pattern("a", "0011111");
    enable("a", .nth = 3, .once = true);
    expect_pattern("a", "0010000");
    assert_int_equal(fl_failpoint_hits("a"), 1);
    assert_int_equal(fl_failpoint_reached("a"), 7);
}

static void a_seed_draws_the_same_failures_again(void **state)
{
    char first[65], again[65], other[65];
    enable("a", .probability = 0.5, .seed = 1);
    pattern_of("a", 64, first);
    enable("a", .probability = 0.5, .seed = 1);
    pattern_of("a", 64, again);
    enable("a", .probability = 0.5, .seed = 2);
    pattern_of("a", 64, other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_true(fl_failpoint_hits("a") > 16 && fl_failpoint_hits("a") < 48);
    enable("a", .probability = 1);
    expect_pattern("a", "1111");
}

static void a_star_is_a_subtree_and_the_newest_rule_decides(void **state)
{
    enable("posix/io/*", .failinfo = EIO);
    assert_int_equal(FL_FAIL("posix/io/oc/open"), EIO);
    assert_int_equal(FL_FAIL("posix/proc/fork"), 0);
    enable("posix/io/oc/open", .failinfo = EMFILE, .once = true);
    assert_int_equal(FL_FAIL("posix/io/oc/open"), EMFILE);
    assert_int_equal(FL_FAIL("posix/io/oc/open"), 0); /* its rule has had its once */
    assert_int_equal(FL_FAIL("posix/io/oc/close"), EIO);
    assert_int_equal(fl_failpoint_hits("posix/io/*"), 2);
    assert_int_equal(fl_failpoint_disable("posix/io/oc/open"), 0);
    assert_int_equal(FL_FAIL("posix/io/oc/open"), EIO);
    enable("*", .failinfo = 0);
    assert_int_equal(FL_FAIL("anything"), EIO);
}

static void what_makes_no_sense_is_refused(void **state)
{
    char name[80];
    memset(name, 'x', sizeof name);
    name[64] = '\0';
    const struct fl_failpoint_opts good = {0}, unlikely = {.probability = -0.1},
                                   certain = {.probability = 1.1}, negative = {.failinfo = -5};
    assert_int_equal(fl_failpoint_enable("", &good), FL_ERANGE);
    assert_int_equal(fl_failpoint_enable(name, &good), FL_ERANGE);
    assert_int_equal(fl_failpoint_enable("a", &unlikely), FL_ERANGE);
    assert_int_equal(fl_failpoint_enable("a", &certain), FL_ERANGE);
    assert_int_equal(fl_failpoint_enable("a", &negative), FL_ERANGE);
    for (int i = 0; i < 32; i++) {
        snprintf(name, sizeof name, "place/%d", i);
        assert_int_equal(fl_failpoint_enable(name, &good), 0);
    }
    assert_int_equal(fl_failpoint_enable("one/more", &good), FL_EFULL);
    assert_int_equal(fl_failpoint_enable("place/7", &good), 0); /* in place of the old one */
}

static void rules_are_read_from_text(void **state)
{
    assert_int_equal(
        fl_failpoint_enable_text("posix/io/net/connect=nth:3:ECONNREFUSED, a=once,b=always:5,"
                                 "c=probability:50%:seed:1:ENOSPC",
                                 NULL),
        0);
    assert_int_equal(FL_FAIL("posix/io/net/connect"), 0);
    assert_int_equal(FL_FAIL("posix/io/net/connect"), 0);
    assert_int_equal(FL_FAIL("posix/io/net/connect"), ECONNREFUSED);
    expect_pattern("a", "100");
    assert_int_equal(FL_FAIL("b"), 5);
    char said[65], same[65];
    pattern_of("c", 64, said);
    enable("c", .probability = 0.5, .seed = 1);
    assert_string_equal(said, pattern_of("c", 64, same));
    assert_int_equal(fl_failpoint_enable_text("", NULL), 0);
}

static void text_that_is_no_rule_says_why_and_enables_nothing(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"a", "\"a\" is no rule"},
        {"a=", "\"a\" is no rule"},
        {"=once", "\"\" is no rule"},
        {"a=sometimes", "\"sometimes\" is none of always"},
        {"a=nth:x", "\"x\" is not a whole number"},
        {"a=nth", "\"\" is not a whole number"},
        {"a=nth:0", "0 is not between 1"},
        {"a=probability:2", "2"},
        {"a=EWHATEVER", "\"EWHATEVER\" is none of"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        char *text = fl_format("good=once,%s", rows[i].text);
        struct fl_err err = {0};
        assert_int_not_equal(fl_failpoint_enable_text(text, &err), 0);
        if (strstr(err.text, rows[i].why) == NULL) fail_msg("%s: %s", rows[i].text, err.text);
        assert_int_equal(FL_FAIL("good"), 0);
        free(text);
    }
}

static void *reach_often(void *arg)
{
    for (int i = 0; i < 1000; i++)
        if (FL_FAIL("shared") != 0) (*(int *)arg)++;
    return NULL;
}

static void threads_share_one_count(void **state)
{
    pthread_t threads[4];
    int failed[4] = {0}, sum = 0;
    enable("shared", .nth = 1001);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reach_often, &failed[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        sum += failed[i];
    }
    assert_int_equal(sum, 3000);
    assert_int_equal(fl_failpoint_hits("shared"), 3000);
    assert_int_equal(fl_failpoint_reached("shared"), 4000);
}

/* ---- files and the journal */

static void a_disk_that_says_no_leaves_the_old_file(void **state)
{
    static const struct {
        const char *place, *words;
    } steps[] = {
        {"posix/io/oc/open", "cannot create "},
        {"posix/io/rw/write", "cannot write "},
        {"posix/io/oc/close", "cannot write "},
        {"posix/io/dir/rename", "cannot rename "},
    };
    char *folder = testkit_folder(), *path = fl_format("%s/file", folder), *text = NULL;
    assert_int_equal(fl_file_write(path, "old", 3, NULL), 0);
    for (size_t i = 0; i < FL_COUNT(steps); i++) {
        struct fl_err err = {0};
        enable(steps[i].place, .failinfo = ENOSPC, .once = true);
        assert_int_equal(fl_file_write(path, "new", 3, &err), FL_EIO);
        assert_non_null(strstr(err.text, steps[i].words));
        assert_non_null(strstr(err.text, "No space left on device"));
        assert_int_equal(fl_file_read(&text, NULL, path, NULL), 0);
        assert_string_equal(text, "old");
        free(text);
        assert_int_equal(fl_failpoint_hits(steps[i].place), 1);
    }
    assert_int_equal(fl_file_write(path, "new", 3, NULL), 0);
    free(path);
    testkit_remove(folder);
}

static void a_file_that_cannot_be_read_is_an_error_with_words(void **state)
{
    static const char *const places[] = {"posix/stdio/oc/fopen", "posix/stdio/rw/fread"};
    char *folder = testkit_folder(), *path = fl_format("%s/file", folder), *text = NULL;
    assert_int_equal(fl_file_write(path, "old", 3, NULL), 0);
    for (size_t i = 0; i < FL_COUNT(places); i++) {
        struct fl_err err = {0};
        enable(places[i], .failinfo = EACCES, .once = true);
        assert_int_equal(fl_file_read(&text, NULL, path, &err), FL_EIO);
        assert_non_null(strstr(err.text, "Permission denied"));
    }
    struct fl_err err = {0};
    enable("posix/io/dir/mkdir", .failinfo = EROFS);
    assert_int_equal(fl_make_dirs(path, &err), FL_EIO);
    assert_non_null(strstr(err.text, "Read-only file system"));
    free(path);
    testkit_remove(folder);
}

static void count_op(void *cx, const struct fl_op *op)
{
    ++*(int *)cx;
}

static void a_full_disk_breaks_the_journal_but_what_is_buffered_is_written_later(void **state)
{
    char *folder = testkit_folder();
    struct fl_journal *journal = NULL;
    struct fl_err err = {0};
    enable("posix/io/oc/open", .failinfo = EMFILE, .nth = 2, .once = true);
    assert_int_equal(fl_journal_open(&journal, folder, "load", &err), FL_EIO);
    assert_non_null(strstr(err.text, "Too many open files"));
    enable("posix/io/rw/write", .failinfo = ENOSPC, .once = true);
    assert_int_equal(fl_journal_open(&journal, folder, "load", &err), FL_EIO); /* its header */
    assert_non_null(strstr(err.text, "No space left"));

    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    fl_journal_op(journal, &(struct fl_op){.key = 1});
    assert_false(fl_journal_broken(journal));
    enable("posix/io/rw/write", .failinfo = ENOSPC, .once = true);
    assert_int_equal(fl_journal_flush(journal), FL_EIO);
    assert_true(fl_journal_broken(journal));
    fl_journal_close(journal);
    int ops = 0;
    assert_int_equal(fl_journal_read_ops(folder, count_op, &ops, NULL), 0);
    assert_int_equal(ops, 1);

    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    enable("posix/io/rw/write", .failinfo = EINTR, .once = true); /* only asks to try again */
    fl_journal_fact(journal, 1, "a", NULL);
    assert_false(fl_journal_broken(journal));
    enable("posix/io/rw/write", .failinfo = ENOSPC, .once = true);
    fl_journal_fact(journal, 1, "b", NULL);
    assert_true(fl_journal_broken(journal));
    fl_journal_close(journal);
    testkit_remove(folder);
}

#define STORY(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_nobody_asked_to_fail_goes_on),
        STORY(a_place_fails_with_what_it_was_told_and_says_it_in_errno),
        STORY(nth_and_once_say_which_of_them),
        STORY(a_seed_draws_the_same_failures_again),
        STORY(a_star_is_a_subtree_and_the_newest_rule_decides),
        STORY(what_makes_no_sense_is_refused),
        STORY(rules_are_read_from_text),
        STORY(text_that_is_no_rule_says_why_and_enables_nothing),
        STORY(threads_share_one_count),
        STORY(a_disk_that_says_no_leaves_the_old_file),
        STORY(a_file_that_cannot_be_read_is_an_error_with_words),
        STORY(a_full_disk_breaks_the_journal_but_what_is_buffered_is_written_later),
    };
    return cmocka_run_group_tests_name("failpoint", tests, NULL, NULL);
}
