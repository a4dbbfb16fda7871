/* Copies and views: the checkers of the editor and the dashboard find what was planted, and nothing
 * where nothing was. */
#include "tests/unit/reports/stage.h"

static struct fl_check_result *row_of(struct judged *judged, const char *check)
{
    for (size_t i = 0; i < judged->j.checks.count; i++)
        if (strcmp(judged->j.checks.rows[i].check, check) == 0) return &judged->j.checks.rows[i];
    fail_msg("no row %s", check);
    return NULL;
}

static void expect_row(struct judged *judged, const char *check, enum fl_check_state state,
                       uint64_t count)
{
    const struct fl_check_result *row = row_of(judged, check);
    assert_string_equal(fl_check_state_name(row->state), fl_check_state_name(state));
    assert_int_equal(row->count, count);
}

/* ---- an editor: users 0 and 1 write in document 3; text "T" is what hashes to 77 ---- */

#define DOCUMENT 3
#define HASH 77

static void editor_begin(struct stage *stage)
{
    stage_begin(stage);
    stage_load(stage, "writers", "editor", "editor", 100);
    stage_phases(stage);
}

static void edit(struct stage *stage, uint64_t key, int64_t at, enum fl_outcome outcome)
{
    struct fl_op op = {.due_ns = at_ms(at),
                       .sent_ns = at_ms(at),
                       .done_ns = at_ms(at + 2),
                       .key = key,
                       .info = DOCUMENT,
                       .kind = FL_OP_EDIT,
                       .outcome = (uint8_t)outcome,
                       .error = outcome == FL_OK ? FL_OPERR_NONE : FL_OPERR_STATUS};
    fl_journal_op(stage->load, &op);
    if (outcome == FL_OK) stage_see(stage, 0, FL_OBS_EDIT_IN, at + 2, 0, key, DOCUMENT);
}

static void took_out(struct stage *stage, uint64_t key, int64_t at, bool acknowledged)
{
    stage_see(stage, 0, FL_OBS_EDIT_OUT_MAYBE, at, 0, key, DOCUMENT);
    if (acknowledged) stage_see(stage, 0, FL_OBS_EDIT_OUT, at + 2, 0, key, DOCUMENT);
}

static void has_text(struct stage *stage, uint32_t user, uint64_t hash)
{
    stage_see(stage, 0, FL_OBS_TEXT, 31000, user, hash, DOCUMENT);
}

static void has_token(struct stage *stage, uint64_t key)
{
    stage_see(stage, 0, FL_OBS_TOKEN, 31000, 0, key, DOCUMENT);
}

static void edits_that_are_in_once_and_equal_texts_are_valid(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    editor_begin(&stage);
    for (uint64_t key = 1; key <= 20; key++)
        edit(&stage, key, 5000 + (int64_t)key, FL_OK);
    for (uint64_t key = 1; key <= 10; key++)
        took_out(&stage, key, 6000, true);
    for (uint64_t key = 11; key <= 20; key++)
        has_token(&stage, key);
    edit(&stage, 21, 7000, FL_UNKNOWN); /* not in */
    edit(&stage, 22, 7001, FL_UNKNOWN);
    has_token(&stage, 22);
    took_out(&stage, 11, 7002, false); /* and still in */
    has_text(&stage, 0, HASH);
    has_text(&stage, 1, HASH);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "editor lost", FL_CHECK_VALID, 0);
    expect_row(&judged, "editor duplicated", FL_CHECK_VALID, 0);
    expect_row(&judged, "editor diverged", FL_CHECK_VALID, 0);
    assert_int_equal(row_of(&judged, "editor lost")->looked_at, 20);
    assert_int_equal(row_of(&judged, "editor lost")->indeterminate, 2);
    stage_over(&stage, &judged);
}

static void an_acknowledged_edit_that_is_in_no_text_is_lost(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    editor_begin(&stage);
    for (uint64_t key = 1; key <= 5; key++)
        edit(&stage, key, 5000 + (int64_t)key, FL_OK);
    stage_see(&stage, 0, FL_OBS_EDIT_MISSED, 6000, 0, 2, DOCUMENT); /* its author looked for it */
    has_token(&stage, 1);
    has_token(&stage, 5);
    took_out(&stage, 3, 6100, false); /* perhaps */
    has_text(&stage, 0, HASH);
    stage_target(&stage, "lost = 0");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "editor lost", FL_CHECK_INVALID, 2);
    assert_int_equal(row_of(&judged, "editor lost")->offenders[0], 2);
    assert_int_equal(row_of(&judged, "editor lost")->offenders[1], 4);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MISSED);
    stage_over(&stage, &judged);
}

static void an_edit_that_is_in_twice_or_again_is_a_duplicate(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    editor_begin(&stage);
    edit(&stage, 1, 5001, FL_OK);
    edit(&stage, 2, 5002, FL_OK);
    edit(&stage, 3, 5003, FL_OK);
    has_token(&stage, 1);
    has_token(&stage, 2);
    has_token(&stage, 2);
    took_out(&stage, 3, 6000, true);
    has_token(&stage, 3);
    has_text(&stage, 0, HASH);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "editor duplicated", FL_CHECK_INVALID, 2);
    expect_row(&judged, "editor lost", FL_CHECK_VALID, 0);
    stage_over(&stage, &judged);
}

static void texts_that_differ_and_words_that_nobody_wrote_have_diverged(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    editor_begin(&stage);
    edit(&stage, 1, 5001, FL_OK);
    edit(&stage, 2, 5002, FL_FAIL); /* refused */
    has_token(&stage, 1);
    has_text(&stage, 0, HASH);
    has_text(&stage, 1, HASH);
    has_text(&stage, 2, HASH + 1);
    has_token(&stage, 2);
    has_token(&stage, 99);
    stage_see(&stage, 0, FL_OBS_EDIT_ASTRAY, 6000, 1, 0, DOCUMENT);
    stage_target(&stage, "diverged = 0");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "editor diverged", FL_CHECK_INVALID, 4);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MISSED);
    assert_int_equal(judged.j.verdict, FL_FAILED);
    stage_over(&stage, &judged);
}

static void a_history_that_nobody_read_to_its_end_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    editor_begin(&stage);
    edit(&stage, 1, 5001, FL_OK);
    has_text(&stage, 0, 0);
    has_text(&stage, 1, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "editor lost", FL_CHECK_CANNOT_TELL, 0);
    expect_row(&judged, "editor diverged", FL_CHECK_CANNOT_TELL, 0);
    stage_over(&stage, &judged);
}

/* ---- a dashboard ---- */

static void a_view_of_what_never_was_is_found(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    stage_load(&stage, "viewers", "dashboard", "dashboard", 100);
    for (int64_t at = 0; at < 30000; at += 10)
        stage_op(&stage, 0, FL_OP_VIEW, at, 50, FL_OK, FL_OPERR_NONE);
    stage_phases(&stage);
    stage_target(&stage, "diverged(viewers) <= 1");
    stage_see(&stage, 0, FL_OBS_VIEW_UNTRUE, 9000, 1, 512, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "dashboard diverged", FL_CHECK_INVALID, 1);
    assert_int_equal(row_of(&judged, "dashboard diverged")->looked_at, 3001);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MET);
    stage_over(&stage, &judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_that_are_in_once_and_equal_texts_are_valid),
        cmocka_unit_test(an_acknowledged_edit_that_is_in_no_text_is_lost),
        cmocka_unit_test(an_edit_that_is_in_twice_or_again_is_a_duplicate),
        cmocka_unit_test(texts_that_differ_and_words_that_nobody_wrote_have_diverged),
        cmocka_unit_test(a_history_that_nobody_read_to_its_end_cannot_be_told),
        cmocka_unit_test(a_view_of_what_never_was_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
