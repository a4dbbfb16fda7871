/* A file of the first version is brought along: every job, every key, in the state it was in. */
#include "tests/unit/queue/shop.h"

static const char version_1[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE jobs("
    "  id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, state INTEGER NOT NULL,"
    "  due_ms INTEGER NOT NULL, lease INTEGER NOT NULL, attempt INTEGER NOT NULL, payload BLOB);"
    "CREATE INDEX jobs_due ON jobs(due_ms, id) WHERE state = 0;"
    "CREATE TABLE counts("
    "  one INTEGER PRIMARY KEY CHECK(one = 1), next_id INTEGER NOT NULL, open INTEGER NOT NULL,"
    "  done INTEGER NOT NULL, dead INTEGER NOT NULL, trimmed INTEGER NOT NULL);"
    "INSERT INTO counts VALUES(1, 8, 4, 2, 1, 0);"
    "INSERT INTO jobs VALUES(1, x'6b31', 1, 50, 0, 1, NULL)," /* done */
    "  (2, x'6b32', 2, 60, 0, 25, x'7b7d'),"                  /* dead */
    "  (3, x'6b33', 0, 500, 77, 2, x'31'),"                   /* leased until 500 */
    "  (4, x'6b34', 0, 100, 0, 0, x'32'),"                    /* ready */
    "  (5, x'6b35', 0, 900, 0, 0, x'33'),"                    /* for later */
    "  (6, x'6b0036', 0, 90, 0, 1, x'7b0a7d'),"               /* a key with a NUL; failed once */
    "  (7, x'6b37', 1, 70, 0, 3, NULL);"
    "PRAGMA application_id = 1179406641;";

static int old_open(void **state)
{
    assert_int_equal(shop_open(state), 0);
    struct shop *shop = *state;
    fl_store_close(shop->store);
    shop->store = NULL;
    char *path = fl_format("%s/old.db", shop->folder);
    free(shop->path);
    shop->path = path;
    shop->opts.path = path;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *words = NULL;
    if (sqlite3_exec(db, version_1, NULL, NULL, &words) != SQLITE_OK) fail_msg("%s", words);
    sqlite3_close(db);
    return 0;
}

static void every_job_is_what_it_was(void **state)
{
    struct shop *shop = *state;
    reopen(shop);
    expect_stats(shop, 200,
                 (struct counts){.scheduled = 1, .ready = 2, .leased = 1, .done = 2, .dead = 1});
    assert_int_equal(ack(shop, 3, 77, 300), 0); /* the lease that was given before still holds */
    struct fl_store_op known[] = {op_enqueue("k1", ""), op_enqueue("k2", ""),
                                  op_enqueue("new", "")};
    apply(shop, known, 3, 300);
    assert_int_equal(known[0].id, 1);
    assert_int_equal(known[1].id, 2);
    assert_int_equal(known[2].id, 8);
    struct fl_store_op op = {.kind = FL_STORE_LEASE, .max = 10, .visibility_ms = 10};
    apply(shop, &op, 1, 300);
    assert_int_equal(op.jobs_count, 3);
    assert_int_equal(op.jobs[0].id, 4);
    assert_int_equal(op.jobs[1].id, 6);
    assert_int_equal(op.jobs[1].attempt, 2);
    assert_int_equal(op.jobs[1].key.len, 3);
    assert_memory_equal(op.jobs[1].key.at, "k\0006", 3);
    assert_true(fl_str_is(op.jobs[1].payload, "{\n}"));
    fl_store_op_fini(&op);
    assert_int_equal(look(shop, NULL, 300).config.values[FL_SET_VISIBILITY_MS], 30000);
    reopen(shop); /* and it is not done twice */
    assert_int_equal(look(shop, NULL, 300).jobs[FL_JOB_DONE], 3);
}

static void an_empty_old_file_is_brought_along_too(void **state)
{
    struct shop *shop = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shop->path, &db), SQLITE_OK);
    sqlite3_exec(db, "DELETE FROM jobs; UPDATE counts SET open = 0, done = 0, dead = 0", NULL, NULL,
                 NULL);
    sqlite3_close(db);
    reopen(shop);
    expect_stats(shop, 0, (struct counts){0});
    assert_int_equal(enqueue(shop, "a", 0), 8);
}

static void a_file_that_cannot_be_brought_along_is_left_as_it_was(void **state)
{
    struct shop *shop = *state;
    shop->opts.pages_max = 0;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shop->path, &db), SQLITE_OK);
    /* a table of that name is in the way */
    sqlite3_exec(db, "CREATE TABLE repeats(x)", NULL, NULL, NULL);
    sqlite3_close(db);
    struct fl_err err = {0};
    assert_int_equal(fl_store_open(&shop->store, &shop->opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, shop->path));
    assert_int_equal(sqlite3_open(shop->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "SELECT due_ms FROM jobs; SELECT open FROM counts", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_exec(db, "DROP TABLE repeats", NULL, NULL, NULL);
    sqlite3_close(db);
    reopen(shop);
    assert_int_equal(look(shop, NULL, 0).jobs[FL_JOB_DONE], 2);
}

static void a_file_of_a_newer_version_is_refused_in_words(void **state)
{
    struct shop *shop = *state;
    reopen(shop);
    fl_store_close(shop->store);
    shop->store = NULL;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shop->path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    struct fl_err err = {0};
    assert_int_equal(fl_store_open(&shop->store, &shop->opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, "99"));
}

#define OLD(name) cmocka_unit_test_setup_teardown(name, old_open, shop_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OLD(every_job_is_what_it_was),
        OLD(an_empty_old_file_is_brought_along_too),
        OLD(a_file_that_cannot_be_brought_along_is_left_as_it_was),
        OLD(a_file_of_a_newer_version_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
