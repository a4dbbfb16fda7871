/* A database of ours is opened, or refused in words. */
#include "tests/support/testkit.h"

#include <stdio.h>

#include "services/disk/disk.h"
#include "services/disk/statement.h"

enum { SQL_ADD, SQL_ALL, SQL_COUNT };
static const char *const sql[SQL_COUNT] = {
    [SQL_ADD] = "INSERT INTO things(thing) VALUES(?1)",
    [SQL_ALL] = "SELECT thing FROM things ORDER BY id",
};
#define SCHEMA                                                          \
    "CREATE TABLE things(id INTEGER PRIMARY KEY, thing BLOB NOT NULL);" \
    "PRAGMA application_id = 1179407409;"
#define KIND(id, ...)                                                                      \
    {                                                                                      \
        .called = "thing store", .whose = "a thing's", .application_id = (id), .sql = sql, \
        .sql_count = SQL_COUNT, __VA_ARGS__                                                \
    }
static const struct fl_disk_kind plain = KIND(0x464c5431, .schema = SCHEMA);
static const struct fl_disk_kind another = KIND(0x464c5432, .schema = SCHEMA);
static const struct fl_disk_kind made_by_hand = KIND(0x464c5431, .schema = NULL);
static const struct fl_disk_kind outspoken = KIND(0x464c5431, .schema = SCHEMA,
                                                  .full_code = FL_ERANGE, .when_full = "no room",
                                                  .when_damaged = "; take the copy");

struct shelf {
    char *folder, *path;
    struct fl_disk disk;
    struct fl_disk_opts opts;
    struct fl_err err;
};

static int set_up(void **state)
{
    struct shelf *shelf = fl_new(struct shelf);
    shelf->folder = testkit_folder();
    shelf->path = fl_format("%s/things.db", shelf->folder);
    shelf->opts = (struct fl_disk_opts){.path = shelf->path, .relaxed = true};
    *state = shelf;
    return 0;
}

static int tear_down(void **state)
{
    struct shelf *shelf = *state;
    fl_disk_close(&shelf->disk);
    testkit_remove(shelf->folder);
    free(shelf->path);
    free(shelf);
    return 0;
}

static void must_open(struct shelf *shelf, const struct fl_disk_kind *kind)
{
    if (fl_disk_open(&shelf->disk, kind, &shelf->opts, &shelf->err) != 0)
        fail_msg("%s", shelf->err.text);
}

static void expect_words(const struct shelf *shelf, const char *after_the_path)
{
    char *want = fl_format("thing store %s: %s", shelf->path, after_the_path);
    if (strncmp(shelf->err.text, want, strlen(want)) != 0)
        fail_msg("%s\ninstead of %s", shelf->err.text, want);
    free(want);
}

static int add(struct shelf *shelf, struct fl_str thing)
{
    fl_statement_bind(shelf->disk.sql[SQL_ADD], 1, thing);
    return fl_statement_run(shelf->disk.sql[SQL_ADD]);
}

static void what_was_written_is_there_again(void **state)
{
    struct shelf *shelf = *state;
    must_open(shelf, &plain);
    assert_int_equal(add(shelf, FL_STR("a\0b")), SQLITE_OK);
    assert_int_equal(add(shelf, (struct fl_str){0}), SQLITE_OK); /* empty, which is not NULL */
    fl_disk_close(&shelf->disk);
    assert_null(shelf->disk.db);

    must_open(shelf, &plain);
    sqlite3_stmt *all = shelf->disk.sql[SQL_ALL];
    assert_int_equal(sqlite3_step(all), SQLITE_ROW);
    assert_true(fl_str_eq(fl_statement_bytes(all, 0), FL_STR("a\0b")));
    assert_int_equal(sqlite3_step(all), SQLITE_ROW);
    assert_int_equal(fl_statement_bytes(all, 0).len, 0);
    assert_int_equal(fl_statement_ended(all, sqlite3_step(all)), SQLITE_OK);
    assert_int_equal(fl_statement_run(all), SQLITE_INTERNAL); /* it has rows */
}

static void a_commit_waits_for_the_disk_unless_it_may_not(void **state)
{
    struct shelf *shelf = *state;
    must_open(shelf, &plain);
    assert_int_equal(fl_disk_number(&shelf->disk, "PRAGMA synchronous"), 1);
    fl_disk_close(&shelf->disk);
    shelf->opts.relaxed = false;
    must_open(shelf, &plain);
    assert_int_equal(fl_disk_number(&shelf->disk, "PRAGMA synchronous"), 2);
    assert_int_equal(fl_disk_number(&shelf->disk, "no such words"), -1);
}

static void a_rollback_leaves_nothing_and_may_be_one_too_many(void **state)
{
    struct shelf *shelf = *state;
    must_open(shelf, &plain);
    assert_int_equal(sqlite3_exec(shelf->disk.db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(add(shelf, FL_STR("x")), SQLITE_OK);
    fl_disk_rollback(&shelf->disk);
    fl_disk_rollback(&shelf->disk);
    assert_int_equal(fl_disk_number(&shelf->disk, "SELECT count(*) FROM things"), 0);
}

static int fill(struct shelf *shelf)
{
    static char page[4096];
    int rc = SQLITE_OK;
    for (int i = 0; i < 100 && rc == SQLITE_OK; i++)
        rc = add(shelf, (struct fl_str){page, sizeof page});
    assert_int_equal(rc & 0xff, SQLITE_FULL);
    return rc;
}

static void a_full_disk_has_the_code_and_the_words_of_its_kind(void **state)
{
    struct shelf *shelf = *state;
    shelf->opts.pages_max = 10;
    must_open(shelf, &plain);
    assert_int_equal(fl_disk_fail(&shelf->disk, fill(shelf), "add", &shelf->err), FL_EFULL);
    expect_words(shelf, "add: database or disk is full");
    fl_disk_close(&shelf->disk);

    must_open(shelf, &outspoken);
    assert_int_equal(fl_disk_fail(&shelf->disk, fill(shelf), "add", &shelf->err), FL_ERANGE);
    expect_words(shelf, "add: no room (database or disk is full)");
    assert_int_equal(fl_disk_fail(&shelf->disk, SQLITE_INTERNAL, "add", &shelf->err), FL_EIO);
    expect_words(shelf, "add: unknown error");
}

static void a_file_of_others_is_refused_and_stays(void **state)
{
    struct shelf *shelf = *state;
    must_open(shelf, &plain);
    fl_disk_close(&shelf->disk);
    assert_int_equal(fl_disk_open(&shelf->disk, &another, &shelf->opts, &shelf->err), FL_EIO);
    expect_words(shelf, "this is not a thing's database");
    assert_null(shelf->disk.db);
    must_open(shelf, &plain);
}

static void overwrite(const char *path, long at)
{
    char noise[2048];
    memset(noise, 0xa5, sizeof noise);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(noise, 1, sizeof noise, file), sizeof noise);
    assert_int_equal(fclose(file), 0);
}

static void damage_is_found_when_it_is_looked_for_and_says_what_to_do(void **state)
{
    struct shelf *shelf = *state;
    must_open(shelf, &outspoken);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(add(shelf, FL_STR("a thing among others")), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(shelf->disk.db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), 0);
    fl_disk_close(&shelf->disk);
    overwrite(shelf->path, 5 * 4096);
    assert_int_equal(fl_disk_open(&shelf->disk, &outspoken, &shelf->opts, &shelf->err), FL_EIO);
    expect_words(shelf, "damaged: ");
    assert_non_null(strstr(shelf->err.text, "; take the copy"));

    shelf->opts.unchecked = true;
    must_open(shelf, &outspoken);
    fl_disk_close(&shelf->disk);
    overwrite(shelf->path, 0);
    assert_int_equal(fl_disk_open(&shelf->disk, &outspoken, &shelf->opts, &shelf->err), FL_EIO);
    expect_words(shelf, "open: file is not a database; take the copy");
}

struct making {
    int times, code;
    bool is_new;
};

static int make(struct fl_disk *disk, bool is_new, void *cx, struct fl_err *err)
{
    struct making *making = cx;
    making->times++;
    making->is_new = is_new;
    if (making->code != 0) return fl_err_set(err, making->code, "not today");
    return is_new ? sqlite3_exec(disk->db, SCHEMA, NULL, NULL, NULL) : 0;
}

static void who_makes_the_tables_is_told_whether_they_are_new(void **state)
{
    struct shelf *shelf = *state;
    struct making making = {.code = FL_ESTATE};
    shelf->opts.make = make;
    shelf->opts.cx = &making;
    assert_int_equal(fl_disk_open(&shelf->disk, &made_by_hand, &shelf->opts, &shelf->err),
                     FL_ESTATE);
    assert_string_equal(shelf->err.text, "not today");
    assert_null(shelf->disk.db);
    making.code = 0;
    must_open(shelf, &made_by_hand);
    assert_true(making.is_new);
    fl_disk_close(&shelf->disk);
    must_open(shelf, &made_by_hand);
    assert_false(making.is_new);
    assert_int_equal(making.times, 3);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_was_written_is_there_again),
        STORY(a_commit_waits_for_the_disk_unless_it_may_not),
        STORY(a_rollback_leaves_nothing_and_may_be_one_too_many),
        STORY(a_full_disk_has_the_code_and_the_words_of_its_kind),
        STORY(a_file_of_others_is_refused_and_stays),
        STORY(damage_is_found_when_it_is_looked_for_and_says_what_to_do),
        STORY(who_makes_the_tables_is_told_whether_they_are_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
