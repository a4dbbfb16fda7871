/* A rich stored run, and what it renders, byte for byte. FL_UPDATE_GOLDEN=1 writes the files anew;
 * then read the difference before committing it. */
#include "tests/unit/reports/stage.h"

static void rich_run(struct stage *stage)
{
    stage_begin(stage);
    stage->storm_ms = 25000;
    int talkers = stage_load(stage, "talkers", "http", "chat", 50);
    int jobs = stage_load(stage, "jobs", "queue", "queue", 20);
    stage_good(stage, talkers, 0, 8000, 20);
    stage_bad(stage, talkers, 8000, 8400, 20);
    stage_good(stage, talkers, 8400, 16000, 20);
    for (int64_t due = 16000; due < 18000; due += 20)
        stage_op(stage, talkers, FL_OP_ARRIVAL, due, 200, FL_OK, FL_OPERR_NONE);
    stage_good(stage, talkers, 18000, 24000, 20);
    stage_bad(stage, talkers, 24000, 24100, 20);
    stage_good(stage, talkers, 24100, 35000, 20);
    for (int64_t due = 0; due < 35000; due += 50) {
        bool down = due >= 28000 && due < 28500;
        stage->next_key = (uint64_t)(due / 50) + 1;
        stage_op(stage, jobs, FL_OP_ENQUEUE, due, down ? 5000 : 3, down ? FL_UNKNOWN : FL_OK,
                 down ? FL_OPERR_TIMEOUT : FL_OPERR_NONE);
        if (!down && due != 27950)
            stage_see(stage, jobs, FL_OBS_DONE, due + 9, 0, stage->next_key - 1, 0);
    }
    stage_see(stage, jobs, FL_OBS_LEFT, 35500, 0, 0, 0);
    stage_phases(stage);
    stage_fault(stage, 8000, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_fault(stage, 16000, 2000, "latency", "link", "front", "\"talkers\"");
    stage_fault(stage, 28000, 0, "kill", "process", "queue", "\"jobs\"");
    stage_fault(stage, 29000, 0, "crash", "runtime", "chat:room/*", "\"talkers\"");
    stage_inject(stage, 0, 8000, 0);
    stage_inject(stage, 1, 16000, 18000);
    stage_inject(stage, 2, 28000, 0);
    stage_fact(stage->engine, 29000, "fault.requested", "\"fault\":3,\"pick\":\"\"");
    stage_fact(stage->engine, 29000, "fault.missed", "\"fault\":3,\"why\":\"no name matches\"");
    stage_fact(stage->engine, -500, "proc.start", "\"instance\":\"chat.1\",\"pid\":10,\"start\":1");
    stage_fact(stage->engine, -400, "proc.ready", "\"instance\":\"chat.1\",\"pid\":10");
    stage_fact(stage->engine, 8003, "proc.exit",
               "\"instance\":\"chat.1\",\"pid\":10,\"signal\":9,\"asked\":true");
    stage_fact(stage->engine, 8003, "proc.restart",
               "\"instance\":\"chat.1\",\"restarts\":1,\"max_restarts\":20");
    stage_fact(stage->engine, 8050, "proc.start", "\"instance\":\"chat.1\",\"pid\":11,\"start\":2");
    stage_fact(stage->engine, 8250, "proc.ready", "\"instance\":\"chat.1\",\"pid\":11");
    for (int second = 1; second <= 35; second++)
        stage_fact(stage->load, second * 1000, "load.health",
                   "\"lag_p50_ns\":20000,\"lag_p99_ns\":90000,\"lag_max_ns\":200000,\"unsent\":0,"
                   "\"cpu\":0.12,\"due\":70,\"sent\":70");
    stage_target(stage, "recovery p95 < 800ms");
    stage_target(stage, "recovery(kill chat.1) max < 300ms");
    stage_target(stage, "availability(talkers) >= 99%");
    stage_target(stage, "latency p99 < 50ms outside faults");
    stage_target(stage, "lost = 0");
    stage_complete(stage);
}

static char *path_of(const struct stage *stage, const char *file)
{
    return fl_format("%s/%s", stage->folder, file);
}

static char *content(const char *path)
{
    char *text = NULL;
    struct fl_err err = {0};
    if (fl_file_read(&text, NULL, path, &err) != 0) fail_msg("%s", err.text);
    return text;
}

static void expect_golden(const char *name, const char *text)
{
    char *path = fl_format("%s/tests/golden/reports/%s", FL_SOURCE_DIR, name);
    if (getenv("FL_UPDATE_GOLDEN") != NULL) {
        struct fl_err err = {0};
        assert_int_equal(fl_file_write(path, text, strlen(text), &err), 0);
    }
    char *golden = content(path);
    if (strcmp(golden, text) != 0) {
        size_t at = 0;
        while (golden[at] == text[at])
            at++;
        size_t from = at > 60 ? at - 60 : 0;
        fail_msg("%s differs at byte %zu:\n  was …%.120s…\n  is  …%.120s…", name, at, golden + from,
                 text + from);
    }
    free(golden);
    free(path);
}

static void a_stored_run_renders_the_same_bytes_for_ever(void **state)
{
    static const char *const files[] = {"report.json", "junit.xml", "summary.md"};
    (void)state;
    struct stage stage;
    struct fl_report_summary summary;
    struct fl_err err = {0};
    rich_run(&stage);
    stage_close(&stage);
    assert_int_equal(fl_report_make(stage.folder, FL_FORMAT_ALL, false, &summary, &err), 0);
    for (size_t i = 0; i < FL_COUNT(files); i++) {
        char *path = path_of(&stage, files[i]), *text = content(path);
        expect_golden(files[i], text);
        free(text);
        free(path);
    }
    expect_golden("summary.txt", summary.text);
    expect_golden("annotations.txt", summary.annotations);
    assert_int_equal(summary.verdict, FL_FAILED);
    fl_report_summary_fini(&summary);
    stage_over(&stage, NULL);
}

static void colours_are_only_there_when_asked_for(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    rich_run(&stage);
    stage_judge(&stage, &judged);
    struct fl_buf plain = {0}, coloured = {0};
    fl_render_text(&plain, &judged.j, false);
    fl_render_text(&coloured, &judged.j, true);
    assert_null(strchr(plain.at, '\033'));
    assert_non_null(strchr(coloured.at, '\033'));
    fl_buf_fini(&plain);
    fl_buf_fini(&coloured);
    stage_over(&stage, &judged);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

static void the_page_needs_no_network_and_carries_its_data(void **state)
{
    (void)state;
    struct stage stage;
    struct fl_report_summary summary;
    struct fl_err err = {0};
    rich_run(&stage);
    stage_close(&stage);
    assert_int_equal(fl_report_make(stage.folder, FL_FORMAT_HTML, false, &summary, &err), 0);
    char *path = path_of(&stage, "report.html"), *html = content(path);
    assert_null(strstr(html, " src="));
    assert_null(strstr(html, "@import"));
    assert_null(strstr(html, "url("));
    assert_int_equal(count_of(html, " href=\"#fault-"), 2); /* who spent the error budget */
    assert_int_equal(count_of(html, " href="), 3);          /* and the icon, which is data: */
    assert_int_equal(count_of(html, "<script"), 3);
    assert_int_equal(count_of(html, "</script>"), 3);

    const char *data = strstr(html, "id=\"data\">");
    assert_non_null(data);
    cJSON *json = cJSON_Parse(data + strlen("id=\"data\">"));
    assert_int_equal(fl_json_int(json, "version", 0), 1);
    assert_string_equal(fl_json_text(json, "verdict", ""), "fail");
    cJSON_Delete(json);
    free(html);
    free(path);
    fl_report_summary_fini(&summary);
    stage_over(&stage, NULL);
}

static void a_hostile_name_stays_text(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "</script><script>alert(1)<!--|", "http", "a\\\"&<b>'", 100);
    stage_good(&stage, load, 0, 30000, 10);
    stage_phases(&stage);
    stage_fact(stage.engine, 6000, "harness.trouble", "\"what\":\"</script>\\u0001]]>\"");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    struct fl_buf html = {0}, junit = {0}, md = {0};
    fl_render_html(&html, &judged.j);
    fl_render_junit(&junit, &judged.j);
    fl_render_md(&md, &judged.j);
    assert_int_equal(count_of(html.at, "<script"), 3);
    assert_int_equal(count_of(html.at, "</script>"), 3);
    assert_null(strstr(html.at, "<!--"));
    assert_null(strstr(junit.at, "</script>"));
    assert_null(strchr(junit.at, '\001'));
    assert_non_null(strstr(md.at, "\\|"));
    fl_buf_fini(&html);
    fl_buf_fini(&junit);
    fl_buf_fini(&md);
    stage_over(&stage, &judged);
}

static void a_minute_at_a_thousand_a_second_stays_below_a_megabyte(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    stage.storm_ms = 50000;
    int load = stage_load(&stage, "talkers", "http", "chat", 1000);
    stage_good(&stage, load, 0, 60000, 1);
    stage_phases(&stage);
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    struct fl_buf html = {0};
    fl_render_html(&html, &judged.j);
    assert_int_equal(judged.record->ops_total, 60000);
    assert_true(html.len < 1000000);
    assert_int_equal(judged.j.timeline.count, 600);
    assert_int_equal(judged.j.timeline.loads[0][300].good, 100);
    fl_buf_fini(&html);
    stage_over(&stage, &judged);
}

static void a_summary_with_thousands_of_faults_is_cut_but_keeps_its_verdict(void **state)
{
    (void)state;
    struct stage stage;
    struct judged judged;
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 100);
    stage_good(&stage, load, 0, 30000, 10);
    stage_phases(&stage);
    for (int i = 0; i < 2000; i++)
        stage_fault(&stage, 6000 + i, 0, "kill", "process", "chat.1", "\"talkers\"");
    stage_complete(&stage);
    stage_judge(&stage, &judged);
    struct fl_buf md = {0}, annotations = {0};
    fl_render_md(&md, &judged.j);
    fl_render_annotations(&annotations, &judged.j);
    assert_true(md.len < 80 * 1024);
    assert_non_null(strstr(md.at, "more faults are in the report"));
    assert_non_null(strstr(md.at, "cannot tell"));
    assert_int_equal(count_of(annotations.at, "\n"), 10);
    fl_buf_fini(&md);
    fl_buf_fini(&annotations);
    stage_over(&stage, &judged);
}

static void every_operation_is_in_the_csv(void **state)
{
    (void)state;
    struct stage stage;
    struct fl_report_summary summary;
    struct fl_err err = {0};
    stage_begin(&stage);
    int load = stage_load(&stage, "talkers", "http", "chat", 200);
    stage_good(&stage, load, 0, 100, 5);
    stage_op(&stage, load, FL_OP_ARRIVAL, 100, 5000, FL_FAIL, FL_OPERR_UNSENT);
    stage_phases(&stage);
    stage_close(&stage);
    assert_int_equal(fl_report_make(stage.folder, FL_FORMAT_CSV, false, &summary, &err), 0);
    char *path = path_of(&stage, "operations.csv"), *csv = content(path);
    assert_int_equal(count_of(csv, "\n"), 22);
    assert_non_null(strstr(csv, "\ntalkers,arrival,5000000,5000000,7000000,2000000,ok,none,1,0,"));
    assert_non_null(
        strstr(csv, "\ntalkers,arrival,100000000,,5100000000,5000000000,fail,unsent,0,0,"));
    free(csv);
    free(path);
    fl_report_summary_fini(&summary);
    stage_over(&stage, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_run_renders_the_same_bytes_for_ever),
        cmocka_unit_test(colours_are_only_there_when_asked_for),
        cmocka_unit_test(the_page_needs_no_network_and_carries_its_data),
        cmocka_unit_test(a_hostile_name_stays_text),
        cmocka_unit_test(a_minute_at_a_thousand_a_second_stays_below_a_megabyte),
        cmocka_unit_test(a_summary_with_thousands_of_faults_is_cut_but_keeps_its_verdict),
        cmocka_unit_test(every_operation_is_in_the_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
