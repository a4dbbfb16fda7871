/* What exporters write is read as they mean it; what is no metric is said, with its line. */
#include "tests/support/testkit.h"

#include <math.h>

#include "services/dashboard/prom.h"

struct seen {
    struct fl_buf text;
    double last;
    int count;
};

static void on_sample(void *cx, const struct fl_prom_sample *sample)
{
    static const char *const types[] = {"untyped", "counter", "gauge", "histogram", "summary"};
    struct seen *seen = cx;
    fl_buf_printf(&seen->text, "%s %.*s(%.*s)", types[sample->type], FL_ARG(sample->name),
                  FL_ARG(sample->family));
    for (size_t i = 0; i < sample->labels_count; i++)
        fl_buf_printf(&seen->text, " %.*s=<%.*s>", FL_ARG(sample->labels[i].name),
                      FL_ARG(sample->labels[i].value));
    if (sample->help.len > 0) fl_buf_printf(&seen->text, " help=%.*s", FL_ARG(sample->help));
    fl_buf_printf(&seen->text, " = %g\n", sample->value);
    seen->last = sample->value;
    seen->count++;
}

static int parse(const char *text, struct seen *seen, struct fl_err *err)
{
    *seen = (struct seen){0};
    return fl_prom_parse(fl_str_of(text), on_sample, seen, err);
}

/* The example of the format's own page. */
static const char page[] =
    "# HELP http_requests_total The total number of HTTP requests.\n"
    "# TYPE http_requests_total counter\n"
    "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
    "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
    "\n"
    "# Escaping in label values:\n"
    "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot "
    "find:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9\n"
    "metric_without_timestamp_and_labels 12.47\n"
    "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
    "# A histogram\n"
    "# TYPE rpc histogram\n"
    "rpc_bucket{le=\"+Inf\",} 144320\r\n"
    "rpc_sum 53423\n"
    "rpc_count 144320";

static void the_page_of_the_format_is_read_as_it_says(void **state)
{
    (void)state;
    struct seen seen;
    struct fl_err err = {0};
    if (parse(page, &seen, &err) != 0) fail_msg("%s", err.text);
    assert_string_equal(
        seen.text.at,
        "counter http_requests_total(http_requests_total) method=<post> code=<200> help=The total "
        "number of HTTP requests. = 1027\n"
        "counter http_requests_total(http_requests_total) method=<post> code=<400> help=The total "
        "number of HTTP requests. = 3\n"
        "untyped msdos_file_access_time_seconds(msdos_file_access_time_seconds) "
        "path=<C:\\DIR\\FILE.TXT> error=<Cannot find:\n\"FILE.TXT\"> = 1.45826e+09\n"
        "untyped metric_without_timestamp_and_labels(metric_without_timestamp_and_labels) = 12.47\n"
        "untyped something_weird(something_weird) problem=<division by zero> = inf\n"
        "histogram rpc_bucket(rpc) le=<+Inf> = 144320\n"
        "histogram rpc_sum(rpc) = 53423\n"
        "histogram rpc_count(rpc) = 144320\n");
    fl_buf_fini(&seen.text);
}

static void open_metrics_say_a_counter_by_its_stem(void **state)
{
    (void)state;
    struct seen seen;
    assert_int_equal(parse("# TYPE jobs counter\njobs_total 5\n# EOF\n", &seen, NULL), 0);
    assert_string_equal(seen.text.at, "counter jobs_total(jobs) = 5\n");
    fl_buf_fini(&seen.text);
    assert_int_equal(parse("x NaN", &seen, NULL), 0);
    assert_true(isnan(seen.last));
    fl_buf_fini(&seen.text);
}

static void what_is_no_metric_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"a 1\n<html>", "line 2: expected the name of a metric"},
        {"a", "line 1: expected a number"},
        {"a one", "line 1: expected a number"},
        {"a{b=\"c} 1", "line 1: a label's value has no end"},
        {"a{b=c} 1", "line 1: a label's value begins with a quote"},
        {"a{b} 1", "line 1: expected = after the name of a label"},
        {"a{=\"\"} 1", "line 1: expected the name of a label"},
        {"a{b=\"1\" c=\"2\"} 1", "line 1: expected , or } after a label"},
        {"a{", "line 1: expected the name of a label"},
        {"a{b=\"\\", "line 1: a label's value has no end"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct seen seen;
        struct fl_err err = {0};
        assert_int_equal(parse(rows[i].text, &seen, &err), FL_EPARSE);
        assert_string_equal(err.text, rows[i].words);
        fl_buf_fini(&seen.text);
    }
}

static void any_bytes_are_an_answer(void **state)
{
    (void)state;
    /* every beginning, and every single byte changed: no crash, no read beyond the end */
    size_t len = sizeof page - 1;
    for (size_t cut = 0; cut < len; cut++) {
        struct seen seen = {0};
        char *part = fl_str_dup((struct fl_str){page, cut});
        fl_prom_parse((struct fl_str){part, cut}, on_sample, &seen, NULL);
        fl_buf_fini(&seen.text);
        part[cut / 2] = (char)(cut * 31);
        seen = (struct seen){0};
        fl_prom_parse((struct fl_str){part, cut}, on_sample, &seen, NULL);
        fl_buf_fini(&seen.text);
        free(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_the_format_is_read_as_it_says),
        cmocka_unit_test(open_metrics_say_a_counter_by_its_stem),
        cmocka_unit_test(what_is_no_metric_is_said_with_its_line),
        cmocka_unit_test(any_bytes_are_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
