#include "reports/reports.h"

#include "reports/render.h"
#include "runtime/base/json.h"

static const struct {
    unsigned format;
    const char *file;
    void (*render)(struct fl_buf *out, const struct fl_judgement *judgement);
} renderers[] = {
    {FL_FORMAT_HTML, "report.html", fl_render_html},
    {FL_FORMAT_JSON, "report.json", fl_render_json},
    {FL_FORMAT_JUNIT, "junit.xml", fl_render_junit},
    {FL_FORMAT_MD, "summary.md", fl_render_md},
};

/* One that cannot be written does not keep the others: on a full disk the small ones still fit. */
static int write_all(const char *folder, unsigned formats, const struct fl_judgement *judgement,
                     struct fl_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < FL_COUNT(renderers); i++) {
        if ((formats & renderers[i].format) == 0) continue;
        struct fl_buf buf = {0};
        renderers[i].render(&buf, judgement);
        char *path = fl_format("%s/%s", folder, renderers[i].file);
        int failed = fl_file_write(path, buf.at, buf.len, rc == 0 ? err : NULL);
        if (rc == 0) rc = failed;
        free(path);
        fl_buf_fini(&buf);
    }
    if (rc == 0 && (formats & FL_FORMAT_CSV) != 0) {
        char *path = fl_format("%s/operations.csv", folder);
        rc = fl_render_csv(path, judgement, err);
        free(path);
    }
    return rc;
}

int fl_report_make(const char *run_folder, unsigned formats, bool colour,
                   struct fl_report_summary *out, struct fl_err *err)
{
    struct fl_record *record = NULL;
    int rc = fl_record_open(&record, run_folder, err);
    if (rc != 0) return rc;

    struct fl_judgement judgement;
    fl_judge(&judgement, record);
    rc = write_all(run_folder, formats, &judgement, err);
    struct fl_buf text = {0}, annotations = {0};
    fl_render_text(&text, &judgement, colour);
    fl_render_annotations(&annotations, &judgement);
    *out = (struct fl_report_summary){.verdict = judgement.verdict};
    snprintf(out->why, sizeof out->why, "%s", judgement.why);
    out->text = fl_buf_take(&text);
    if (annotations.len > 0) out->annotations = fl_buf_take(&annotations);
    fl_buf_fini(&annotations);
    fl_judge_fini(&judgement);
    fl_record_free(record);
    return rc;
}

void fl_report_summary_fini(struct fl_report_summary *summary)
{
    free(summary->text);
    free(summary->annotations);
    *summary = (struct fl_report_summary){0};
}
