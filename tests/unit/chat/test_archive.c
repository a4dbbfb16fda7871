#include "tests/support/testkit.h"

#include <stdio.h>

#include "services/chat/ask.h"

struct shelf {
    char *folder, *path;
    struct fl_archive *archive;
    struct fl_archive_opts opts;
};

static void shelf_open(struct shelf *shelf)
{
    struct fl_err err = {0};
    if (fl_archive_open(&shelf->archive, &shelf->opts, &err) != 0) fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct shelf *shelf = fl_new(struct shelf);
    shelf->folder = testkit_folder();
    shelf->path = fl_format("%s/chat.db", shelf->folder);
    shelf->opts = (struct fl_archive_opts){.path = shelf->path, .relaxed = true};
    shelf_open(shelf);
    *state = shelf;
    return 0;
}

static int teardown(void **state)
{
    struct shelf *shelf = *state;
    fl_archive_close(shelf->archive);
    free(shelf->path);
    testkit_remove(shelf->folder);
    free(shelf);
    return 0;
}

static struct fl_archive_op apply(struct shelf *shelf, struct fl_archive_op op)
{
    op.user = op.user.at == NULL ? FL_STR("ana") : op.user;
    op.room = op.room.at == NULL ? FL_STR("x") : op.room;
    assert_int_equal(fl_archive_apply(shelf->archive, &op, 1, 1000, NULL), 0);
    return op;
}

static struct fl_archive_op say(struct shelf *shelf, const char *id, const char *body)
{
    return apply(shelf, (struct fl_archive_op){
                            .kind = FL_ARCHIVE_SAY, .id = fl_str_of(id), .body = fl_str_of(body)});
}

/* The answer's rows as `seq:number:body`, erased ones as `seq:number:-`. */
static void expect_rows(struct shelf *shelf, enum fl_archive_kind kind, int64_t seq, int limit,
                        bool more, const char *want)
{
    struct fl_archive_op op = apply(
        shelf, (struct fl_archive_op){.kind = kind, .seq = seq, .limit = limit});
    struct fl_str rows = {op.rows.at, op.rows.len}, json;
    struct fl_archive_row row;
    char got[600] = "";
    while (fl_chat_row_next(&rows, &row, &json)) {
        size_t len = strlen(got);
        const char *body = strstr(json.at, "\"body\":") + 7;
        snprintf(got + len, sizeof got - len, "%lld:%lld:%.*s ", (long long)row.seq,
                 (long long)row.number, row.is_erased ? 1 : (int)strcspn(body, ","),
                 row.is_erased ? "-" : body);
    }
    assert_string_equal(got, want);
    assert_int_equal(op.more, more);
    fl_archive_op_fini(&op);
}

static void changes_are_numbered_and_found_by_their_number(void **state)
{
    struct shelf *shelf = *state;
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "\"%d\"", i);
        assert_int_equal(say(shelf, id, id).seq, i);
    }
    struct fl_archive_op op = apply(
        shelf,
        (struct fl_archive_op){.kind = FL_ARCHIVE_EDIT, .seq = 2, .body = FL_STR("\"two\"")});
    assert_int_equal(op.number, 5);
    op = apply(shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_ERASE, .seq = 3});
    assert_int_equal(op.number, 6);
    assert_int_equal(op.last, 6);
    expect_rows(shelf, FL_ARCHIVE_SINCE, 0, 9, false, "1:1:\"1\" 2:5:\"two\" 3:6:- 4:4:\"4\" ");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 3, 9, false, "4:4:\"4\" 2:5:\"two\" 3:6:- ");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 5, 9, false, "3:6:- ");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 6, 9, false, "");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 1, 2, true, "3:6:- 4:4:\"4\" "); /* too much: the end */
    expect_rows(shelf, FL_ARCHIVE_SINCE, 7, 9, true,
                "1:1:\"1\" 2:5:\"two\" 3:6:- 4:4:\"4\" "); /* of another world */
    expect_rows(shelf, FL_ARCHIVE_PAGE, 0, 2, true, "3:6:- 4:4:\"4\" ");
    expect_rows(shelf, FL_ARCHIVE_PAGE, 3, 2, false, "1:1:\"1\" 2:5:\"two\" ");
    expect_rows(shelf, FL_ARCHIVE_PAGE, 1, 2, false, "");
}

static void an_id_is_one_message_also_after_opening_anew(void **state)
{
    struct shelf *shelf = *state;
    assert_int_equal(say(shelf, "1", "1").seq, 1);
    fl_archive_close(shelf->archive);
    shelf_open(shelf);
    struct fl_archive_op op = say(shelf, "1", "2");
    assert_true(op.existed);
    assert_int_equal(op.seq, 1);
    assert_int_equal(op.last, 1);
    op = apply(shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_SAY,
                                             .user = FL_STR("bob"),
                                             .id = FL_STR("1"),
                                             .body = FL_STR("3")});
    assert_false(op.existed);
    op = apply(shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_SAY,
                                             .room = FL_STR("y\0y"),
                                             .id = FL_STR("1"),
                                             .body = FL_STR("4")});
    assert_false(op.existed);
    assert_int_equal(op.seq, 1);
    expect_rows(shelf, FL_ARCHIVE_PAGE, 0, 9, false, "1:1:1 2:2:3 ");
}

static void only_so_many_are_kept(void **state)
{
    struct shelf *shelf = *state;
    fl_archive_close(shelf->archive);
    shelf->opts.kept_max = 3;
    shelf->opts.rooms_max = 1;
    shelf_open(shelf);
    for (int i = 1; i <= 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        say(shelf, id, id);
    }
    expect_rows(shelf, FL_ARCHIVE_PAGE, 0, 9, false, "3:3:3 4:4:4 5:5:5 ");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 2, 9, false, "3:3:3 4:4:4 5:5:5 ");
    expect_rows(shelf, FL_ARCHIVE_SINCE, 1, 9, true, "3:3:3 4:4:4 5:5:5 "); /* 2 is not kept */
    struct fl_archive_op op = apply(
        shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_EDIT, .seq = 2, .body = FL_STR("2")});
    assert_int_equal(op.code, FL_ENOTFOUND);
    op = apply(shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_SAY,
                                             .room = FL_STR("another"),
                                             .id = FL_STR("1"),
                                             .body = FL_STR("1")});
    assert_int_equal(op.code, FL_EFULL);
}

static void what_is_outside_the_limits_is_refused_and_the_rest_done(void **state)
{
    struct shelf *shelf = *state;
    static char big[FL_ARCHIVE_BODY_MAX + 1];
    memset(big, '1', sizeof big);
    struct fl_archive_op ops[] = {
        {.kind = FL_ARCHIVE_SAY, .body = {big, sizeof big}, .id = FL_STR("1")},
        {.kind = FL_ARCHIVE_SAY, .body = FL_STR("1"), .id = {big, FL_ARCHIVE_ID_MAX + 1}},
        {.kind = FL_ARCHIVE_SAY, .body = FL_STR("1"), .id = FL_STR("")},
        {.kind = FL_ARCHIVE_SAY, .body = {big, sizeof big - 1}, .id = FL_STR("1")},
        {.kind = FL_ARCHIVE_EDIT, .body = FL_STR("1"), .seq = INT64_MAX},
        {.kind = FL_ARCHIVE_PAGE, .seq = INT64_MAX, .limit = INT32_MAX},
        {.kind = FL_ARCHIVE_SAY, .room = {big, 65}, .body = FL_STR("1"), .id = FL_STR("1")},
    };
    static const int codes[] = {FL_ERANGE, FL_ERANGE, FL_ERANGE, 0, FL_ENOTFOUND, 0, FL_ERANGE};
    for (size_t i = 0; i < FL_COUNT(ops); i++) {
        if (ops[i].room.at == NULL) ops[i].room = FL_STR("x");
        ops[i].user = FL_STR("ana");
    }
    assert_int_equal(fl_archive_apply(shelf->archive, ops, FL_COUNT(ops), 1, NULL), 0);
    for (size_t i = 0; i < FL_COUNT(ops); i++) {
        assert_int_equal(ops[i].code, codes[i]);
        fl_archive_op_fini(&ops[i]);
    }
}

static void a_full_disk_is_an_answer_and_room_on_it_is_used_again(void **state)
{
    struct shelf *shelf = *state;
    static char big[FL_ARCHIVE_BODY_MAX];
    memset(big, '1', sizeof big);
    fl_archive_close(shelf->archive);
    shelf->opts.pages_max = 40;
    shelf_open(shelf);
    int code = 0, said = 0;
    for (; code == 0 && said < 100; said++) {
        char id[8];
        snprintf(id, sizeof id, "%d", said);
        struct fl_archive_op op = {.kind = FL_ARCHIVE_SAY,
                                   .room = FL_STR("x"),
                                   .user = FL_STR("ana"),
                                   .id = fl_str_of(id),
                                   .body = {big, sizeof big}};
        code = fl_archive_apply(shelf->archive, &op, 1, 1, NULL);
        assert_int_equal(op.code, code);
    }
    assert_int_equal(code, FL_EFULL);
    assert_true(said > 3);
    expect_rows(shelf, FL_ARCHIVE_PAGE, 2, 0, false, "");
    apply(shelf, (struct fl_archive_op){.kind = FL_ARCHIVE_ERASE, .seq = 1});
    assert_int_equal(say(shelf, "\"small\"", "1").code, 0);
}

static void a_file_that_is_none_of_ours_is_an_error_with_words(void **state)
{
    struct shelf *shelf = *state;
    struct fl_archive *other = NULL;
    struct fl_err err = {0};
    char *path = fl_format("%s/other.db", shelf->folder);
    FILE *file = fopen(path, "w");
    fprintf(file, "this is no database, and it is long enough to be looked at as one. %0512d", 0);
    fclose(file);
    const struct fl_archive_opts opts = {.path = path};
    assert_int_equal(fl_archive_open(&other, &opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, "other.db"));
    free(path);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(changes_are_numbered_and_found_by_their_number),
        STORY(an_id_is_one_message_also_after_opening_anew),
        STORY(only_so_many_are_kept),
        STORY(what_is_outside_the_limits_is_refused_and_the_rest_done),
        STORY(a_full_disk_is_an_answer_and_room_on_it_is_used_again),
        STORY(a_file_that_is_none_of_ours_is_an_error_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
