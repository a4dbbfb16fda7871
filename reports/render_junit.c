/* render_junit.c: junit.xml: a case for each target, each check and each fault. Names hold no
 * measured number, so that a CI system sees the same case in every run; `time` is the figure in
 * seconds where there is one, so that its trend charts plot recovery. */
#include <math.h>

#include "reports/render.h"
#include "runtime/base/units.h"

/* XML 1.0 knows no control characters but these three, not even escaped. */
static void put_xml(struct fl_buf *out, const char *text)
{
    static const struct {
        char c;
        const char *escaped;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\n', "&#10;"}};
    for (; *text != '\0'; text++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < FL_COUNT(escapes); i++)
            if (escapes[i].c == *text) escaped = escapes[i].escaped;
        if (escaped != NULL)
            fl_buf_puts(out, escaped);
        else if ((unsigned char)*text >= 0x20 || *text == '\t')
            fl_buf_putc(out, *text);
    }
}

struct suite {
    struct fl_buf cases;
    size_t count, failures, errors;
    double seconds;
    const struct fl_judgement *judgement;
};

enum ending { FINE, FAILURE, ERROR };

static void put_case(struct suite *suite, const char *group, const char *name, double seconds,
                     enum ending ending, const char *type, const char *message, const char *detail)
{
    struct fl_buf *out = &suite->cases;
    fl_buf_puts(out, "    <testcase classname=\"faultline.");
    put_xml(out, suite->judgement->record->scenario);
    fl_buf_printf(out, ".%s\" name=\"", group);
    put_xml(out, name);
    fl_buf_printf(out, "\" time=\"%.6f\"", seconds);
    suite->count++;
    suite->seconds += seconds;
    suite->failures += ending == FAILURE;
    suite->errors += ending == ERROR;
    if (ending == FINE) {
        fl_buf_puts(out, "/>\n");
        return;
    }
    const char *element = ending == FAILURE ? "failure" : "error";
    fl_buf_printf(out, ">\n      <%s type=\"%s\" message=\"", element, type);
    put_xml(out, message);
    fl_buf_puts(out, "\">");
    put_xml(out, detail);
    fl_buf_printf(out, "</%s>\n    </testcase>\n", element);
}

static void put_target(struct suite *suite, const struct fl_target_result *one)
{
    static const enum ending endings[] = {FINE, FAILURE, ERROR};
    char message[400], figure[48];
    double seconds = 0;
    if (one->measured && one->target.unit == FL_UNIT_NS && isfinite(one->figure))
        seconds = one->figure / 1e9;
    if (one->state == FL_TARGET_MISSED)
        snprintf(message, sizeof message, "measured %s (n=%zu)",
                 fl_render_figure(one, figure, sizeof figure), one->samples);
    else
        snprintf(message, sizeof message, "cannot tell: %s", one->why);
    put_case(suite, "targets", one->rec->text, seconds, endings[one->state],
             one->state == FL_TARGET_MISSED ? "target" : "cannot tell", message, one->note);
}

static void put_check(struct suite *suite, const struct fl_check_result *row)
{
    static const enum ending endings[] = {FINE, FAILURE, ERROR};
    struct fl_buf keys = {0};
    char name[160], message[300];
    if (row->metric == NULL || row->by_target) return; /* for information, or a case already */
    snprintf(name, sizeof name, "%s (%s)", row->check, row->load->name);
    if (row->state == FL_CHECK_INVALID)
        snprintf(message, sizeof message, "%llu of %llu", (unsigned long long)row->count,
                 (unsigned long long)row->looked_at);
    else
        snprintf(message, sizeof message, "cannot tell: %s", row->why);
    fl_buf_puts(&keys, "keys:");
    for (size_t i = 0; i < row->offenders_count; i++)
        fl_buf_printf(&keys, " %llx", (unsigned long long)row->offenders[i]);
    put_case(suite, "checks", name, 0, endings[row->state], "check", message,
             row->offenders_count > 0 ? keys.at : "");
    fl_buf_fini(&keys);
}

/* What happened when, as lines. */
static char *waterfall(const struct fl_record *record, const struct fl_fault_view *fault)
{
    struct fl_buf buf = {0};
    for (int i = 0; i < FL_INSTANTS; i++) {
        char when[40];
        if (fault->at[i] == FL_NEVER) continue;
        fl_buf_printf(&buf, "\n%-10s %s", fl_instant_names[i],
                      fl_render_when(record, fault->at[i], when, sizeof when));
    }
    return fl_buf_take(&buf);
}

static void put_fault(struct suite *suite, const struct fl_fault_view *fault)
{
    char name[300];
    bool measured = fl_recovery_measured(fault->outcome);
    snprintf(name, sizeof name, "%d %s %s recovered", fault->fault->index, fault->fault->kind,
             fault->fault->target);
    char *detail = waterfall(suite->judgement->record, fault);
    put_case(suite, "faults", name, measured ? (double)fault->recovery_ns / 1e9 : 0,
             measured                                   ? FINE
             : fault->outcome == FL_FAULT_NOT_RECOVERED ? FAILURE
                                                        : ERROR,
             fl_recovery_outcome_name(fault->outcome), fault->why, detail);
    free(detail);
}

/* The verdict itself: what no single target says (a killed run, a broken baseline). */
static void put_verdict(struct suite *suite)
{
    static const enum ending endings[] = {FINE, FAILURE, ERROR};
    const struct fl_judgement *judgement = suite->judgement;
    put_case(suite, "run", "verdict", 0, endings[judgement->verdict],
             fl_judge_verdict_name(judgement->verdict), judgement->why, "");
}

static void put_property(struct fl_buf *out, const char *name, const char *value)
{
    if (value == NULL) return;
    fl_buf_printf(out, "      <property name=\"%s\" value=\"", name);
    put_xml(out, value);
    fl_buf_puts(out, "\"/>\n");
}

void fl_render_junit(struct fl_buf *out, const struct fl_judgement *judgement)
{
    const struct fl_record *record = judgement->record;
    struct suite suite = {.judgement = judgement};
    put_verdict(&suite);
    for (size_t i = 0; i < judgement->targets_count; i++)
        put_target(&suite, &judgement->targets[i]);
    for (size_t i = 0; i < judgement->checks.count; i++)
        put_check(&suite, &judgement->checks.rows[i]);
    for (size_t i = 0; i < record->faults_count; i++)
        put_fault(&suite, &judgement->faults[i]);

    fl_buf_puts(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
    put_xml(out, record->scenario);
    fl_buf_printf(out,
                  "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"%.6f\"",
                  suite.count, suite.failures, suite.errors, suite.seconds);
    if (record->wall != NULL) {
        fl_buf_puts(out, " timestamp=\"");
        put_xml(out, record->wall);
        fl_buf_puts(out, "\"");
    }
    fl_buf_puts(out, " hostname=\"");
    put_xml(out, record->host != NULL ? record->host : "unknown");
    fl_buf_puts(out, "\">\n    <properties>\n");
    put_property(out, "seed", record->seed);
    put_property(out, "faultline", record->version);
    put_property(out, "verdict", fl_judge_verdict_name(judgement->verdict));
    put_property(out, "why", judgement->why);
    fl_buf_puts(out, "    </properties>\n");
    fl_buf_add(out, suite.cases.at, suite.cases.len);
    fl_buf_puts(out, "  </testsuite>\n</testsuites>\n");
    fl_buf_fini(&suite.cases);
}
