/* Every checker finds what was planted, and nothing where nothing was. */
#include "tests/unit/reports/stage.h"

#define ROOM 3

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

/* ---- chat: users 0, 1 and 2 share a room, and hear what they say themselves ---- */

static void chat_begin(struct stage *stage)
{
    stage_begin(stage);
    stage_load(stage, "talkers", "chat", "chat", 200);
    for (uint32_t user = 0; user < 3; user++)
        stage_see(stage, 0, FL_OBS_JOINED, -100, user, 0, ROOM);
    stage_phases(stage);
}

/* User `sender` says `key` at `at`; it is acknowledged 1 ms later, and done 5 ms later. */
static void say(struct stage *stage, uint64_t key, uint32_t sender, int64_t at, bool acked)
{
    struct fl_op op = {.due_ns = at_ms(at),
                       .sent_ns = at_ms(at),
                       .done_ns = at_ms(at + 5),
                       .key = key,
                       .user = sender,
                       .info = ROOM,
                       .kind = FL_OP_SAY,
                       .outcome = FL_OK};
    fl_journal_op(stage->load, &op);
    if (acked) stage_see(stage, 0, FL_OBS_SAID_ACK, at + 1, sender, key, ROOM);
}

static void heard(struct stage *stage, uint64_t key, int64_t at, const uint32_t *users,
                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        stage_see(stage, 0, FL_OBS_HEARD, at, users[i], key, ROOM);
}

#define HEARD(stage, key, at, ...)                               \
    heard((stage), (key), (at), (const uint32_t[]){__VA_ARGS__}, \
          sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void messages_that_everybody_heard_once_and_in_order_are_valid(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    for (uint64_t key = 1; key <= 50; key++) {
        say(&stage, key, (uint32_t)(key % 3), (int64_t)key * 100, true);
        HEARD(&stage, key, (int64_t)key * 100 + 2, 0, 1, 2);
    }
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat lost", FL_CHECK_VALID, 0);
    expect_row(&judged, "chat duplicated", FL_CHECK_VALID, 0);
    expect_row(&judged, "chat reordered", FL_CHECK_VALID, 0);
    assert_int_equal(row_of(&judged, "chat lost")->looked_at, 50);
    stage_over(&stage, &judged);
}

static void an_acknowledged_message_that_one_member_missed_is_lost(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    int kill = stage_fault(&stage, 6000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_inject(&stage, kill, 6000, 0);
    say(&stage, 1, 0, 5900, true);
    HEARD(&stage, 1, 5902, 0, 1, 2);
    say(&stage, 2, 1, 5950, true); /* user 2 never hears it */
    HEARD(&stage, 2, 5952, 0, 1);
    say(&stage, 3, 1, 5990, true); /* nobody hears it */
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat lost", FL_CHECK_INVALID, 2);
    assert_int_equal(row_of(&judged, "chat lost")->offenders[0], 2);
    assert_int_equal(row_of(&judged, "chat lost")->offenders[1], 3);
    assert_int_equal(judged.j.verdict, FL_FAILED);
    /* effect at 6001, the oldest lost was acknowledged at 5951 */
    assert_int_equal(judged.j.faults[0].rpo_ns, fl_ms(50));
    stage_over(&stage, &judged);
}

static void who_was_not_there_all_the_time_need_not_have_heard(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    stage_see(&stage, 0, FL_OBS_PARTED, 5003, 1, 0, ROOM);
    stage_see(&stage, 0, FL_OBS_JOINED, 5050, 1, 0, ROOM);
    say(&stage, 1, 0, 5000, true); /* user 1 leaves before it is done at 5005 */
    HEARD(&stage, 1, 5002, 0, 2);
    say(&stage, 2, 0, 5020, true); /* user 1 is away */
    HEARD(&stage, 2, 5022, 0, 2);
    say(&stage, 3, 0, 5049, true); /* user 1 comes back before it is done, too late to be asked */
    HEARD(&stage, 3, 5052, 0, 2);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat lost", FL_CHECK_VALID, 0);
    stage_over(&stage, &judged);
}

static void a_message_without_acknowledgement_is_indeterminate(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    say(&stage, 1, 0, 5000, true);
    HEARD(&stage, 1, 5002, 0, 1, 2);
    say(&stage, 2, 0, 5100, false);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat lost", FL_CHECK_VALID, 0);
    assert_int_equal(row_of(&judged, "chat lost")->indeterminate, 1);
    stage_over(&stage, &judged);
}

static void a_message_heard_twice_by_one_member_is_a_duplicate(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    say(&stage, 1, 0, 5000, true);
    HEARD(&stage, 1, 5002, 0, 1, 2, 1);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat duplicated", FL_CHECK_INVALID, 1);
    expect_row(&judged, "chat lost", FL_CHECK_VALID, 0);
    expect_row(&judged, "chat reordered", FL_CHECK_VALID, 0);
    stage_over(&stage, &judged);
}

static void a_message_heard_before_an_earlier_one_of_its_sender_is_reordered(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    chat_begin(&stage);
    say(&stage, 1, 0, 5000, true);
    say(&stage, 2, 0, 5001, true);
    say(&stage, 3, 1, 5002, true);
    HEARD(&stage, 1, 5003, 0, 1);
    HEARD(&stage, 3, 5003, 0, 1, 2); /* another sender's may come in between */
    HEARD(&stage, 2, 5003, 0, 1, 2);
    HEARD(&stage, 1, 5004, 2); /* user 2 hears 2 before 1 */
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "chat reordered", FL_CHECK_INVALID, 1);
    assert_int_equal(row_of(&judged, "chat reordered")->offenders[0], 1);
    expect_row(&judged, "chat lost", FL_CHECK_VALID, 0);
    stage_over(&stage, &judged);
}

/* ---- queue ---- */

static void queue_begin(struct stage *stage)
{
    stage_begin(stage);
    stage_load(stage, "jobs", "queue", "queue", 100);
    stage_phases(stage);
}

static void put_job(struct stage *stage, uint64_t key, int64_t at, enum fl_outcome outcome)
{
    stage->next_key = key;
    stage_op(stage, 0, FL_OP_ENQUEUE, at, 2, outcome,
             outcome == FL_OK ? FL_OPERR_NONE : FL_OPERR_RESET);
}

static void done_job(struct stage *stage, uint64_t key, int64_t at)
{
    stage_see(stage, 0, FL_OBS_LEASED, at, 0, key, 1);
    stage_see(stage, 0, FL_OBS_DONE, at + 1, 0, key, 0);
}

static void an_acknowledged_job_that_is_nowhere_is_lost(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    queue_begin(&stage);
    for (uint64_t key = 1; key <= 20; key++) {
        put_job(&stage, key, 5000 + (int64_t)key, FL_OK);
        if (key != 7) done_job(&stage, key, 6000);
    }
    put_job(&stage, 30, 5500, FL_UNKNOWN);
    put_job(&stage, 31, 5501, FL_FAIL);
    stage_see(&stage, 0, FL_OBS_LEFT, 30500, 0, 0, 0);
    stage_target(&stage, "lost = 0");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "queue lost", FL_CHECK_INVALID, 1);
    assert_int_equal(row_of(&judged, "queue lost")->offenders[0], 7);
    assert_int_equal(row_of(&judged, "queue lost")->looked_at, 20);
    assert_int_equal(row_of(&judged, "queue lost")->indeterminate, 1);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MISSED);
    stage_over(&stage, &judged);
}

static void a_job_that_the_queue_still_holds_is_not_lost(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    queue_begin(&stage);
    for (uint64_t key = 1; key <= 5; key++)
        put_job(&stage, key, 5000 + (int64_t)key, FL_OK);
    done_job(&stage, 1, 6000);
    stage_see(&stage, 0, FL_OBS_DONE_MAYBE, 6000, 0, 2, 0);
    stage_see(&stage, 0, FL_OBS_LEFT, 30500, 0, 0, 2); /* of 3, 4 and 5 it holds two */
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "queue lost", FL_CHECK_INVALID, 1);
    assert_int_equal(row_of(&judged, "queue lost")->indeterminate, 3);
    stage_over(&stage, &judged);
}

static void without_a_drain_open_jobs_cannot_be_told(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    queue_begin(&stage);
    put_job(&stage, 1, 5000, FL_OK);
    put_job(&stage, 2, 5001, FL_OK);
    done_job(&stage, 1, 6000);
    stage_target(&stage, "lost = 0");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "queue lost", FL_CHECK_CANNOT_TELL, 0);
    assert_int_equal(row_of(&judged, "queue lost")->indeterminate, 1);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_CANNOT_TELL);
    stage_over(&stage, &judged);
}

static void a_job_done_twice_is_a_duplicate_and_one_leased_twice_is_not(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    queue_begin(&stage);
    put_job(&stage, 1, 5000, FL_OK);
    put_job(&stage, 2, 5001, FL_OK);
    done_job(&stage, 1, 6000);
    done_job(&stage, 1, 6100);
    stage_see(&stage, 0, FL_OBS_LEASED, 6000, 0, 2, 1);
    done_job(&stage, 2, 6200);
    stage_see(&stage, 0, FL_OBS_LEFT, 30500, 0, 0, 0);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "queue lost", FL_CHECK_VALID, 0);
    expect_row(&judged, "queue duplicated", FL_CHECK_INVALID, 1);
    expect_row(&judged, "queue redelivered", FL_CHECK_VALID, 2);
    assert_int_equal(judged.j.verdict, FL_FAILED);
    stage_over(&stage, &judged);
}

static void a_target_that_allows_duplicates_replaces_the_checkers_own_limit(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    queue_begin(&stage);
    for (int64_t at = 0; at < 30000; at += 10)
        put_job(&stage, (uint64_t)at + 1, at, FL_OK);
    for (int64_t at = 0; at < 30000; at += 10)
        done_job(&stage, (uint64_t)at + 1, at + 5);
    done_job(&stage, 1, 6100);
    stage_see(&stage, 0, FL_OBS_LEFT, 30500, 0, 0, 0);
    stage_target(&stage, "duplicated <= 1");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    expect_row(&judged, "queue duplicated", FL_CHECK_INVALID, 1);
    assert_int_equal(judged.j.targets[0].state, FL_TARGET_MET);
    assert_int_equal(judged.j.verdict, FL_PASS);
    stage_over(&stage, &judged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_that_everybody_heard_once_and_in_order_are_valid),
        cmocka_unit_test(an_acknowledged_message_that_one_member_missed_is_lost),
        cmocka_unit_test(who_was_not_there_all_the_time_need_not_have_heard),
        cmocka_unit_test(a_message_without_acknowledgement_is_indeterminate),
        cmocka_unit_test(a_message_heard_twice_by_one_member_is_a_duplicate),
        cmocka_unit_test(a_message_heard_before_an_earlier_one_of_its_sender_is_reordered),
        cmocka_unit_test(an_acknowledged_job_that_is_nowhere_is_lost),
        cmocka_unit_test(a_job_that_the_queue_still_holds_is_not_lost),
        cmocka_unit_test(without_a_drain_open_jobs_cannot_be_told),
        cmocka_unit_test(a_job_done_twice_is_a_duplicate_and_one_leased_twice_is_not),
        cmocka_unit_test(a_target_that_allows_duplicates_replaces_the_checkers_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
