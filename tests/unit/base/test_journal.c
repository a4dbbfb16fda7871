#include "tests/support/testkit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/journal.h"
#include "runtime/base/json.h"

struct seen {
    size_t ops, facts;
    uint64_t key_sum;
    char last[256];
};

static void see_op(void *cx, const struct fl_op *op)
{
    struct seen *seen = cx;
    seen->ops++;
    seen->key_sum += op->key;
}

static void see_fact(void *cx, const char *writer, const char *line)
{
    struct seen *seen = cx;
    seen->facts++;
    snprintf(seen->last, sizeof seen->last, "%s %s", writer, line);
}

static struct seen read_all(const char *folder)
{
    struct seen seen = {0};
    struct fl_err err = {0};
    assert_int_equal(fl_journal_read_ops(folder, see_op, &seen, &err), 0);
    assert_int_equal(fl_journal_read_facts(folder, see_fact, &seen, &err), 0);
    return seen;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    struct fl_journal *journal = NULL;
    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    for (uint64_t i = 1; i <= 5000; i++)
        fl_journal_op(journal, &(struct fl_op){.key = i, .kind = FL_OP_ARRIVAL});
    fl_journal_fact(journal, 12, "phase", "\"phase\":\"warm\"");
    fl_journal_fact(journal, 13, "load.done", NULL);
    assert_false(fl_journal_broken(journal));
    fl_journal_close(journal);

    struct seen seen = read_all(folder);
    assert_int_equal(seen.ops, 5000);
    assert_true(seen.key_sum == 5000u * 5001u / 2);
    assert_int_equal(seen.facts, 2);
    assert_string_equal(seen.last, "load {\"t\":13,\"fact\":\"load.done\"}");

    /* a restarted writer appends to its own segment */
    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    fl_journal_op(journal, &(struct fl_op){.key = 1});
    fl_journal_close(journal);
    assert_int_equal(read_all(folder).ops, 5001);
    testkit_remove(folder);
}

static void a_killed_writer_loses_only_what_was_not_flushed(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct fl_journal *journal = NULL;
        if (fl_journal_open(&journal, folder, "load", NULL) != 0) _exit(1);
        for (uint64_t i = 0; i < 100; i++)
            fl_journal_op(journal, &(struct fl_op){.key = 1});
        fl_journal_flush(journal);
        fl_journal_op(journal, &(struct fl_op){.key = 1}); /* this one is lost */
        fl_journal_fact(journal, 1, "phase", "\"phase\":\"warm\"");
        raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct seen seen = read_all(folder);
    assert_int_equal(seen.ops, 100);
    assert_int_equal(seen.facts, 1);
    testkit_remove(folder);
}

static void a_torn_end_is_left_out(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    struct fl_journal *journal = NULL;
    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    for (int i = 0; i < 3; i++)
        fl_journal_op(journal, &(struct fl_op){.key = 1});
    fl_journal_fact(journal, 1, "a", NULL);
    fl_journal_fact(journal, 2, "b", NULL);
    fl_journal_close(journal);
    char *ops = fl_format("%s/journal/load.ops", folder);
    char *facts = fl_format("%s/journal/load.jsonl", folder);
    assert_int_equal(truncate(ops, 64 + 2 * 48 + 20), 0);
    assert_int_equal(truncate(facts, 18 + 5), 0);
    struct seen seen = read_all(folder);
    assert_int_equal(seen.ops, 2);
    assert_int_equal(seen.facts, 1);

    /* who writes on after a killed writer begins at a whole record */
    assert_int_equal(fl_journal_open(&journal, folder, "load", NULL), 0);
    fl_journal_op(journal, &(struct fl_op){.key = 7});
    fl_journal_close(journal);
    seen = read_all(folder);
    assert_int_equal(seen.ops, 3);
    assert_int_equal(seen.key_sum, 1 + 1 + 7);

    assert_int_equal(truncate(ops, 30), 0); /* not even a header */
    assert_int_equal(read_all(folder).ops, 0);
    free(ops);
    free(facts);
    testkit_remove(folder);
}

static void a_folder_that_is_no_run_says_so(void **state)
{
    (void)state;
    struct fl_err err = {0};
    char *folder = testkit_folder();
    assert_int_equal(fl_journal_read_ops(folder, see_op, NULL, &err), FL_EIO);
    assert_non_null(strstr(err.text, "is not a run folder"));
    testkit_remove(folder);
}

static void json_text_is_escaped(void **state)
{
    (void)state;
    struct fl_buf buf = {0};
    fl_json_put_str(&buf, (struct fl_str){"a\"\\\n\0\xff\xc3\xa6", 8});
    assert_string_equal(buf.at, "\"a\\\"\\\\\\n\\u0000\\ufffd\xc3\xa6\"");
    fl_buf_fini(&buf);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    char *path = fl_format("%s/deep/er/x.json", folder), *dir = fl_format("%s/deep/er", folder);
    assert_int_equal(fl_file_write(path, "x", 1, &(struct fl_err){0}), FL_EIO);
    assert_int_equal(fl_make_dirs(dir, NULL), 0);
    assert_int_equal(fl_file_write(path, "{\"a\":1}", 7, NULL), 0);
    assert_int_equal(fl_file_write(path, "{\"a\":2}", 7, NULL), 0);
    cJSON *tree = NULL;
    assert_int_equal(fl_json_load(&tree, path, NULL), 0);
    assert_int_equal(fl_json_int(tree, "a", 0), 2);
    assert_int_equal(fl_json_int(tree, "b", 9), 9);
    cJSON_Delete(tree);
    assert_int_equal(fl_file_write(path, "{\"a\":", 5, NULL), 0);
    assert_int_equal(fl_json_load(&tree, path, NULL), FL_EPARSE);
    free(path);
    free(dir);
    testkit_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_killed_writer_loses_only_what_was_not_flushed),
        cmocka_unit_test(a_torn_end_is_left_out),
        cmocka_unit_test(a_folder_that_is_no_run_says_so),
        cmocka_unit_test(json_text_is_escaped),
        cmocka_unit_test(files_are_replaced_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
