/* What the archive keeps, for how long, and what it says when it cannot. */
#include "tests/support/testkit.h"

#include <sqlite3.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "services/editor/archive.h"

#define DOC FL_STR("paper")

struct shelf {
    char *folder, *path;
    struct fl_doc_archive_opts opts;
    struct fl_doc_archive *archive;
    struct fl_err err;
};

static void shelf_open(struct shelf *shelf)
{
    shelf->opts.path = shelf->path;
    if (fl_doc_archive_open(&shelf->archive, &shelf->opts, &shelf->err) != 0)
        fail_msg("%s", shelf->err.text);
}

static int set_up(void **state)
{
    struct shelf *shelf = fl_new(struct shelf);
    shelf->folder = testkit_folder();
    shelf->path = fl_format("%s/editor.db", shelf->folder);
    shelf_open(shelf);
    *state = shelf;
    return 0;
}

static int tear_down(void **state)
{
    struct shelf *shelf = *state;
    fl_doc_archive_close(shelf->archive);
    testkit_remove(shelf->folder);
    free(shelf->path);
    free(shelf);
    return 0;
}

/** One revision, of client `x1`, and then `c0` … `c9`, in a transaction of its own. */
static int append(struct shelf *shelf, struct fl_str name, int64_t head, int64_t seq)
{
    char client[4] = {seq == 1 ? 'x' : 'c', (char)('0' + seq % 10)};
    const struct fl_doc_archive_row row = {
        .seq = seq,
        .at_ms = 1000 + head,
        .inserted = 3,
        .deleted = 1,
        .client = fl_str_of(client),
        .by = {"a\0b", 3},
        .edit = FL_STR("[\"abc\"]"),
    };
    assert_int_equal(fl_doc_archive_begin(shelf->archive, &shelf->err), 0);
    int code = fl_doc_archive_append(shelf->archive, name, head, &row, 1, &shelf->err);
    if (code == 0) code = fl_doc_archive_commit(shelf->archive, &shelf->err);
    if (code != 0) fl_doc_archive_rollback(shelf->archive);
    return code;
}

static int snapshot(struct shelf *shelf, const char *text)
{
    assert_int_equal(fl_doc_archive_begin(shelf->archive, &shelf->err), 0);
    int code = fl_doc_archive_snapshot(shelf->archive, DOC, fl_str_of(text), 5, &shelf->err);
    if (code == 0) code = fl_doc_archive_commit(shelf->archive, &shelf->err);
    if (code != 0) fl_doc_archive_rollback(shelf->archive);
    return code;
}

struct rows {
    int64_t revs[64];
    size_t count, most;
    struct fl_doc_archive_row last;
};

static bool on_row(void *cx, const struct fl_doc_archive_row *row)
{
    struct rows *rows = cx;
    assert_true(fl_str_eq(row->by, (struct fl_str){"a\0b", 3}));
    rows->revs[rows->count++] = row->rev;
    rows->last = *row;
    return rows->count < rows->most;
}

static struct fl_doc_archive_doc found(struct shelf *shelf, struct fl_str name)
{
    struct fl_doc_archive_doc doc;
    assert_int_equal(fl_doc_archive_find(shelf->archive, name, &doc, &shelf->err), 0);
    return doc;
}

static void what_was_appended_is_read_in_order_also_after_it_is_opened_again(void **state)
{
    struct shelf *shelf = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(append(shelf, DOC, i, i + 1), 0);
    fl_doc_archive_close(shelf->archive);
    shelf_open(shelf);
    struct rows rows = {.most = 3};
    assert_int_equal(
        fl_doc_archive_rows(shelf->archive, DOC, 1, INT64_MAX, on_row, &rows, &shelf->err), 0);
    assert_int_equal(rows.count, 3); /* until it was told no */
    assert_int_equal(rows.revs[0], 2);
    assert_int_equal(rows.revs[2], 4);
    assert_int_equal(rows.last.seq, 4);
    assert_int_equal(rows.last.inserted, 3);
    rows = (struct rows){.most = 9};
    assert_int_equal(fl_doc_archive_recent(shelf->archive, DOC, 5, on_row, &rows, &shelf->err), 0);
    assert_int_equal(rows.count, 4);
    assert_int_equal(rows.revs[0], 4);
    assert_int_equal(found(shelf, DOC).head, 5);
    assert_int_equal(found(shelf, FL_STR("other")).head, 0);
}

static void who_expects_another_head_writes_nothing(void **state)
{
    struct shelf *shelf = *state;
    assert_int_equal(append(shelf, DOC, 1, 1), FL_ESTATE);
    assert_int_equal(append(shelf, DOC, 0, 1), 0);
    assert_int_equal(append(shelf, DOC, 0, 2), FL_ESTATE);
    assert_int_equal(append(shelf, DOC, 2, 2), FL_ESTATE);
    assert_int_equal(found(shelf, DOC).head, 1);
}

static void what_was_rolled_back_did_not_happen(void **state)
{
    struct shelf *shelf = *state;
    const struct fl_doc_archive_row row = {.seq = 1, .client = FL_STR("c"), .edit = FL_STR("[]")};
    assert_int_equal(fl_doc_archive_begin(shelf->archive, &shelf->err), 0);
    assert_int_equal(fl_doc_archive_append(shelf->archive, DOC, 0, &row, 1, &shelf->err), 0);
    fl_doc_archive_rollback(shelf->archive);
    assert_int_equal(found(shelf, DOC).head, 0);
    assert_int_equal(append(shelf, DOC, 0, 1), 0);
}

static void the_text_kept_last_before_a_revision_is_found(void **state)
{
    struct shelf *shelf = *state;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(append(shelf, DOC, i, i + 1), 0);
        if (i % 2 == 1)
            assert_int_equal(snapshot(shelf, i == 1 ? "two" : i == 3 ? "four" : "six"), 0);
    }
    struct fl_buf text = {0};
    int64_t of = -1;
    assert_int_equal(fl_doc_archive_text(shelf->archive, DOC, 5, &of, &text, &shelf->err), 0);
    assert_int_equal(of, 4);
    assert_string_equal(text.at, "four");
    text.len = 0;
    assert_int_equal(fl_doc_archive_text(shelf->archive, DOC, INT64_MAX, &of, &text, &shelf->err),
                     0);
    assert_int_equal(of, 6);
    assert_int_equal(fl_doc_archive_text(shelf->archive, DOC, 1, &of, &text, &shelf->err), 0);
    assert_int_equal(of, 0);
    fl_buf_fini(&text);
}

static void old_revisions_go_and_whose_they_were_stays(void **state)
{
    struct shelf *shelf = *state;
    fl_doc_archive_close(shelf->archive);
    shelf->opts.keep_revs = 10;
    shelf_open(shelf);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(append(shelf, DOC, i, i + 1), 0);
        if (i % 8 == 7) assert_int_equal(snapshot(shelf, "text"), 0);
    }
    struct fl_doc_archive_doc doc = found(shelf, DOC);
    assert_int_equal(doc.head, 40);
    assert_int_equal(doc.floor, 24); /* the last text kept that is at least 10 back */
    struct rows rows = {.most = 64};
    assert_int_equal(
        fl_doc_archive_rows(shelf->archive, DOC, 0, INT64_MAX, on_row, &rows, &shelf->err), 0);
    assert_int_equal(rows.count, 16);
    assert_int_equal(rows.revs[0], 25);
    int64_t seq = 0; /* of c3: 3, 13, 23, 33 */
    assert_int_equal(fl_doc_archive_seen(shelf->archive, DOC, FL_STR("c3"), &seq, &shelf->err), 0);
    assert_int_equal(seq, 33);
    assert_int_equal(fl_doc_archive_seen(shelf->archive, DOC, FL_STR("x1"), &seq, &shelf->err), 0);
    assert_int_equal(seq, 1); /* its revision is gone */
    assert_int_equal(fl_doc_archive_seen(shelf->archive, DOC, FL_STR("xx"), &seq, &shelf->err), 0);
    assert_int_equal(seq, 0);
}

static void names_and_counts(void *cx, const struct fl_doc_archive_entry *entry)
{
    struct fl_buf *out = cx;
    fl_buf_printf(out, "%.*s %d\n", FL_ARG(entry->name), (int)entry->head);
}

static void documents_are_listed_the_last_changed_first(void **state)
{
    struct shelf *shelf = *state;
    assert_int_equal(append(shelf, FL_STR("old"), 0, 1), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(append(shelf, FL_STR("new"), i, i + 1), 0);
    struct fl_buf out = {0};
    assert_int_equal(fl_doc_archive_list(shelf->archive, 10, names_and_counts, &out, &shelf->err),
                     0);
    assert_string_equal(out.at, "new 3\nold 1\n");
    fl_buf_fini(&out);
}

static void there_are_only_so_many_documents(void **state)
{
    struct shelf *shelf = *state;
    fl_doc_archive_close(shelf->archive);
    shelf->opts.docs_max = 2;
    shelf_open(shelf);
    assert_int_equal(append(shelf, FL_STR("a"), 0, 1), 0);
    assert_int_equal(append(shelf, FL_STR("b"), 0, 1), 0);
    assert_int_equal(append(shelf, FL_STR("c"), 0, 1), FL_ERANGE);
    assert_int_equal(append(shelf, FL_STR("a"), 1, 2), 0);
}

static void a_full_disk_is_an_error_and_what_is_there_stays(void **state)
{
    struct shelf *shelf = *state;
    fl_doc_archive_close(shelf->archive);
    shelf->opts.pages_max = 24;
    shelf_open(shelf);
    int64_t head = 0;
    int code = 0;
    while (head < 5000 && (code = append(shelf, DOC, head, head + 1)) == 0)
        head++;
    assert_int_equal(code, FL_EFULL);
    assert_int_equal(found(shelf, DOC).head, head);
    fl_doc_archive_close(shelf->archive);
    shelf->opts.pages_max = 0;
    shelf_open(shelf);
    assert_int_equal(append(shelf, DOC, head, head + 1), 0);
}

static void damage_and_files_of_others_are_said(void **state)
{
    struct shelf *shelf = *state;
    fl_doc_archive_close(shelf->archive);
    shelf->archive = NULL;
    char *other = fl_format("%s/other.db", shelf->folder);
    assert_int_equal(
        fl_file_write(other, "this is not a database, but long enough to look at", 50, &shelf->err),
        0);
    struct fl_doc_archive_opts opts = {.path = other};
    assert_int_equal(fl_doc_archive_open(&shelf->archive, &opts, &shelf->err), FL_EIO);
    unlink(other);

    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE mine(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(fl_doc_archive_open(&shelf->archive, &opts, &shelf->err), FL_EIO);
    assert_non_null(strstr(shelf->err.text, "not an editor's database"));
    free(other);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_was_appended_is_read_in_order_also_after_it_is_opened_again),
        STORY(who_expects_another_head_writes_nothing),
        STORY(what_was_rolled_back_did_not_happen),
        STORY(the_text_kept_last_before_a_revision_is_found),
        STORY(old_revisions_go_and_whose_they_were_stays),
        STORY(documents_are_listed_the_last_changed_first),
        STORY(there_are_only_so_many_documents),
        STORY(a_full_disk_is_an_error_and_what_is_there_stays),
        STORY(damage_and_files_of_others_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
