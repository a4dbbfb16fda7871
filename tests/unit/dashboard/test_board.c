/* What a viewer reads is what the run said, in words, and never more than there is room for. */
#include "tests/support/testkit.h"

#include "services/dashboard/board.h"

static const char figures_text[] =
    "{\"t\": 123, \"phase\": \"storm\", \"elapsed_ns\": 5200000000, \"total_ns\": 38000000000,\n"
    " \"loads\": [{\"name\": \"talkers\", \"rate\": 199.5, \"errors\": 0.0, \"p50_ns\": 800000,"
    " \"p99_ns\": 4100000, \"inflight\": 3},"
    " {\"name\": \"jobs\", \"rate\": 50, \"errors\": 2.5, \"p50_ns\": 90000000,"
    " \"p99_ns\": 1500000000, \"inflight\": 9}],"
    " \"processes\": [{\"instance\": \"chat.1\", \"state\": \"down\", \"pid\": 4711,"
    " \"restarts\": 1}], \"restarts\": 1, \"faults\": [\"kill chat.1\"],"
    " \"events\": [{\"kind\":\"down\",\"t_ns\":5,\"at_ns\":100000000,\"text\":\"a\"},"
    " {\"kind\":\"back\",\"t_ns\":9,\"at_ns\":200000000,\"took_ns\":81000000,\"text\":\"b\"}]}\n";

static struct fl_board *read_board(const char *text)
{
    struct fl_board *board = fl_new(struct fl_board);
    cJSON *figures = text != NULL ? cJSON_Parse(text) : NULL;
    fl_board_read(board, figures);
    cJSON_Delete(figures);
    return board;
}

static void the_figures_are_said_in_words(void **state)
{
    (void)state;
    struct fl_board *board = read_board(figures_text);
    assert_string_equal(board->phase, "storm");
    assert_string_equal(board->clock, "5 of 38 s");
    assert_string_equal(board->rate, "250"); /* 249.5 */
    assert_string_equal(board->errors, "2.5");
    assert_string_equal(board->p99, "1.5 s");
    assert_true(board->is_bad);
    assert_int_equal(board->loads_count, 2);
    assert_string_equal(board->loads[0].p50, "0.8 ms");
    assert_false(board->loads[0].is_bad);
    assert_string_equal(board->loads[1].rate, "50.0");
    assert_true(board->loads[1].is_bad);
    assert_string_equal(board->processes[0].name, "chat.1");
    assert_string_equal(board->processes[0].state, "down");
    assert_int_equal(board->processes[0].pid, 4711);
    assert_string_equal(board->faults[0], "kill chat.1");
    free(board);
}

static void the_newest_event_comes_first_and_each_has_an_id_of_its_own(void **state)
{
    (void)state;
    struct fl_board *board = read_board(figures_text);
    assert_int_equal(board->events_count, 2);
    assert_string_equal(board->events[0].text, "b");
    assert_string_equal(board->events[0].took, "81 ms");
    assert_string_equal(board->events[0].at, "0.2 s");
    assert_string_equal(board->events[1].took, "");
    assert_int_not_equal(board->events[0].id, board->events[1].id);
    free(board);
}

static void before_anything_is_known_there_is_a_board_all_the_same(void **state)
{
    (void)state;
    struct fl_board *board = read_board(NULL);
    assert_string_equal(board->phase, "waiting");
    assert_string_equal(board->clock, "0 s");
    assert_int_equal(board->loads_count + board->processes_count + board->faults_count, 0);
    free(board);
    board = read_board("{\"processes\":7,\"faults\":[1],\"loads\":[3,{}],\"events\":{}}");
    assert_string_equal(board->faults[0], "?");
    assert_int_equal(board->loads_count, 2);
    assert_string_equal(board->loads[1].name, "?");
    free(board);
}

static void what_is_too_much_is_left_out_and_what_is_too_long_is_cut(void **state)
{
    (void)state;
    struct fl_buf text = {0};
    fl_buf_puts(&text, "{\"loads\":[");
    for (int i = 0; i < 100; i++)
        fl_buf_printf(&text, "%s{\"name\":\"%0200d\",\"rate\":1}", i > 0 ? "," : "", i);
    fl_buf_puts(&text, "],\"faults\":[");
    for (int i = 0; i < 100; i++)
        fl_buf_puts(&text, i > 0 ? ",\"f\"" : "\"f\"");
    fl_buf_puts(&text, "],\"processes\":[");
    for (int i = 0; i < 100; i++)
        fl_buf_puts(&text, i > 0 ? ",{}" : "{}");
    fl_buf_puts(&text, "],\"events\":[");
    for (int i = 0; i < 100; i++)
        fl_buf_puts(&text, i > 0 ? ",{}" : "{}");
    fl_buf_puts(&text, "]}");
    struct fl_board *board = read_board(text.at);
    fl_buf_fini(&text);
    assert_int_equal(board->loads_count, FL_BOARD_LOADS);
    assert_string_equal(board->rate, "100"); /* of all */
    assert_int_equal(strlen(board->loads[0].name), FL_BOARD_TEXT - 1);
    assert_int_equal(board->faults_count, FL_BOARD_FAULTS);
    assert_int_equal(board->processes_count, FL_BOARD_PROCESSES);
    assert_int_equal(board->events_count, FL_BOARD_EVENTS);
    free(board);
}

static void an_update_is_the_figures_with_its_number_and_instant(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    assert_int_equal(fl_board_put_update(&out, fl_str_of(figures_text), 7, 123456789), 0);
    cJSON *tree = cJSON_Parse(out.at);
    assert_int_equal(fl_json_int(tree, "seq", -1), 7);
    assert_int_equal(fl_json_int(tree, "t_ns", -1), 123456789);
    assert_string_equal(fl_json_text(tree, "phase", ""), "storm");
    cJSON_Delete(tree);

    out.len = 0;
    assert_int_equal(fl_board_put_update(&out, FL_STR(" { } "), 1, 2), 0);
    assert_string_equal(out.at, "{\"seq\":1,\"t_ns\":2 }");
    fl_buf_fini(&out);
}

static void half_a_file_is_not_shown(void **state)
{
    (void)state;
    struct fl_buf out = {0};
    static const char *const bad[] = {"", "{\"t\":1", "[]", "{} {}", "7", "{\"t\":1}x"};
    for (size_t i = 0; i < FL_COUNT(bad); i++)
        assert_int_equal(fl_board_put_update(&out, fl_str_of(bad[i]), 1, 1), FL_EBADMSG);
    assert_int_equal(out.len, 0);
    fl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_are_said_in_words),
        cmocka_unit_test(the_newest_event_comes_first_and_each_has_an_id_of_its_own),
        cmocka_unit_test(before_anything_is_known_there_is_a_board_all_the_same),
        cmocka_unit_test(what_is_too_much_is_left_out_and_what_is_too_long_is_cut),
        cmocka_unit_test(an_update_is_the_figures_with_its_number_and_instant),
        cmocka_unit_test(half_a_file_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
