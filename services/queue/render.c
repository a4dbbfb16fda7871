#include "services/queue/render.h"

#include "runtime/base/json.h"
#include "services/queue/keeper.h"

static void render_text(struct fl_buf *out, const char *name, struct fl_str text)
{
    if (text.at == NULL) return;
    fl_buf_printf(out, ",\"%s\":", name);
    fl_json_put_str(out, text);
}

static void render_key(struct fl_buf *out, struct fl_str key)
{
    if (key.at == NULL)
        fl_buf_puts(out, "null");
    else
        fl_json_put_str(out, key);
}

static void render_raw(struct fl_buf *out, const char *name, struct fl_str json)
{
    if (json.at == NULL) return;
    fl_buf_printf(out, ",\"%s\":", name);
    fl_buf_add(out, json.at, json.len);
}

/** As a consumer gets it. */
static void render_lease(struct fl_buf *out, const struct fl_store_job *job)
{
    fl_buf_printf(out, "{\"id\":%lld,\"queue\":\"%.*s\",\"key\":", (long long)job->id,
                  FL_ARG(job->queue));
    render_key(out, job->key);
    fl_buf_printf(out, ",\"priority\":%d,\"max_attempts\":%d,\"until_ms\":%lld", job->priority,
                  job->attempts_max, (long long)job->at_ms);
    fl_buf_printf(out, ",\"lease\":\"%016llx\",\"attempt\":%d,\"payload\":",
                  (unsigned long long)job->lease, job->attempt);
    if (job->payload.len > 0)
        fl_buf_add(out, job->payload.at, job->payload.len);
    else
        fl_buf_puts(out, "null");
    fl_buf_putc(out, '}');
}

/** As somebody sees it who only looks: without the lease. */
static void render_job(struct fl_buf *out, const struct fl_store_job *job)
{
    static const char *const at_names[FL_JOB_STATES] = {"run_at_ms", NULL, "until_ms",
                                                        "finished_ms", "finished_ms"};
    fl_buf_printf(out,
                  "{\"id\":%lld,\"queue\":\"%.*s\",\"state\":\"%s\",\"key\":", (long long)job->id,
                  FL_ARG(job->queue), fl_job_state_name(job->state));
    render_key(out, job->key);
    render_text(out, "unique", job->unique);
    fl_buf_printf(out, ",\"priority\":%d,\"attempt\":%d,\"max_attempts\":%d,\"created_ms\":%lld",
                  job->priority, job->attempt, job->attempts_max, (long long)job->created_ms);
    if (at_names[job->state] != NULL)
        fl_buf_printf(out, ",\"%s\":%lld", at_names[job->state], (long long)job->at_ms);
    render_text(out, "worker", job->worker);
    render_text(out, "error", job->error);
    render_raw(out, "result", job->result);
    render_raw(out, "payload", job->payload);
    fl_buf_putc(out, '}');
}

static void render_jobs(struct fl_buf *out, const struct fl_store_op *op,
                        void (*one)(struct fl_buf *out, const struct fl_store_job *job))
{
    fl_buf_puts(out, "{\"jobs\":[");
    for (size_t i = 0; i < op->jobs_count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        one(out, &op->jobs[i]);
    }
    fl_buf_puts(out, "]");
}

static void render_list(struct fl_buf *out, const struct fl_store_op *op)
{
    render_jobs(out, op, render_job);
    if (op->next_id != 0)
        fl_buf_printf(out, ",\"next\":\"%lld.%lld\"}", (long long)op->next_rank,
                      (long long)op->next_id);
    else
        fl_buf_puts(out, ",\"next\":null}");
}

static void render_setting(struct fl_buf *out, const struct fl_queue_setting *row, int64_t value)
{
    if (row->kind == FL_SETTING_BOOL)
        fl_buf_printf(out, "\"%s\":%s", row->name, value ? "true" : "false");
    else if (row->kind == FL_SETTING_THOUSANDTHS)
        fl_buf_printf(out, "\"%s\":%.12g", row->name, (double)value / 1000);
    else
        fl_buf_printf(out, "\"%s\":%lld", row->name, (long long)value);
}

void fl_render_queue(struct fl_buf *out, const struct fl_queue_info *info)
{
    fl_buf_printf(out, "{\"name\":\"%s\",\"jobs\":{", info->name);
    for (int i = 0; i < FL_JOB_STATES; i++)
        fl_buf_printf(out, "%s\"%s\":%lld", i > 0 ? "," : "",
                      fl_job_state_name((enum fl_job_state)i), (long long)info->jobs[i]);
    fl_buf_puts(out, "},\"totals\":{");
    for (int i = 0; i < FL_TOTALS; i++)
        fl_buf_printf(out, "%s\"%s\":%lld", i > 0 ? "," : "",
                      fl_queue_total_name((enum fl_queue_total)i), (long long)info->totals[i]);
    fl_buf_puts(out, "},\"config\":{");
    for (int i = 0; i < FL_SET_COUNT; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        render_setting(out, &fl_queue_settings[i], info->config.values[i]);
    }
    fl_buf_printf(out, ",\"handler\":");
    if (info->config.handler[0] == '\0')
        fl_buf_puts(out, "null");
    else
        fl_json_put_str(out, fl_str_of(info->config.handler));
    fl_buf_puts(out, "}}");
}

/** The five counts that there always were. */
static void render_stats(struct fl_buf *out, const struct fl_queue_info *info)
{
    fl_buf_printf(out,
                  "{\"ready\":%lld,\"leased\":%lld,\"delayed\":%lld,\"done\":%lld,\"dead\":%lld}",
                  (long long)info->jobs[FL_JOB_READY], (long long)info->jobs[FL_JOB_LEASED],
                  (long long)info->jobs[FL_JOB_SCHEDULED], (long long)info->jobs[FL_JOB_DONE],
                  (long long)info->jobs[FL_JOB_DEAD]);
}

static void render_repeat(struct fl_buf *out, const struct fl_repeat_info *repeat)
{
    fl_buf_printf(out, "{\"queue\":\"%s\",\"name\":\"%.*s\",\"cron\":", repeat->queue,
                  FL_ARG(repeat->name));
    fl_json_put_str(out, repeat->cron);
    fl_buf_printf(out, ",\"priority\":%d,\"misfire\":\"%s\",\"next_ms\":", repeat->priority,
                  repeat->misfire == FL_MISFIRE_SKIP ? "skip" : "once");
    if (repeat->next_ms == INT64_MAX)
        fl_buf_puts(out, "null");
    else
        fl_buf_printf(out, "%lld", (long long)repeat->next_ms);
    fl_buf_puts(out, ",\"last_ms\":");
    if (repeat->last_ms == 0)
        fl_buf_puts(out, "null");
    else
        fl_buf_printf(out, "%lld", (long long)repeat->last_ms);
    fl_buf_printf(out, ",\"fired\":%lld,\"payload\":%.*s}", (long long)repeat->fired,
                  FL_ARG(repeat->payload));
}

static void render_repeats(struct fl_buf *out, const struct fl_store_op *op)
{
    fl_buf_puts(out, "{\"repeats\":[");
    for (size_t i = 0; i < op->repeats_count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        render_repeat(out, &op->repeats[i]);
    }
    fl_buf_printf(out, "]%s}", op->is_more ? ",\"truncated\":true" : "");
}

static void render_queues(struct fl_buf *out, const struct fl_store_op *op)
{
    fl_buf_puts(out, "{\"queues\":[");
    for (size_t i = 0; i < op->queues_count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        fl_render_queue(out, &op->queues[i]);
    }
    fl_buf_puts(out, "]}");
}

/* ---- Prometheus ---- */

static const char *const metric_helps[FL_TOTALS] = {
    "Jobs enqueued",  "Leases given",        "Jobs acknowledged", "Failures that are tried again",
    "Jobs that died", "Leases that ran out",
};

static void metric_head(struct fl_buf *out, const char *name, const char *kind, const char *help)
{
    fl_buf_printf(out, "# HELP faultline_queue_%s %s.\n# TYPE faultline_queue_%s %s\n", name, help,
                  name, kind);
}

static void metric_number(struct fl_buf *out, const char *name, const char *kind, const char *help,
                          double value)
{
    metric_head(out, name, kind, help);
    fl_buf_printf(out, "faultline_queue_%s %.15g\n", name, value);
}

static void render_metrics(struct fl_buf *out, const struct fl_store_op *op,
                           const struct fl_figures *figures)
{
    metric_head(out, "jobs", "gauge", "Jobs by state");
    for (size_t i = 0; i < op->queues_count; i++)
        for (int state = 0; state < FL_JOB_STATES; state++)
            fl_buf_printf(out, "faultline_queue_jobs{queue=\"%s\",state=\"%s\"} %lld\n",
                          op->queues[i].name, fl_job_state_name((enum fl_job_state)state),
                          (long long)op->queues[i].jobs[state]);
    for (int k = 0; k < FL_TOTALS; k++) {
        char name[48];
        snprintf(name, sizeof name, "%s_total", fl_queue_total_name((enum fl_queue_total)k));
        metric_head(out, name, "counter", metric_helps[k]);
        for (size_t i = 0; i < op->queues_count; i++)
            fl_buf_printf(out, "faultline_queue_%s{queue=\"%s\"} %lld\n", name, op->queues[i].name,
                          (long long)op->queues[i].totals[k]);
    }
    metric_head(out, "paused", "gauge", "1 while a queue gives no leases");
    for (size_t i = 0; i < op->queues_count; i++)
        fl_buf_printf(out, "faultline_queue_paused{queue=\"%s\"} %lld\n", op->queues[i].name,
                      (long long)op->queues[i].config.values[FL_SET_PAUSED]);
    metric_number(out, "commits_total", "counter", "Groups committed since the store started",
                  (double)figures->commits);
    metric_number(out, "operations_total", "counter", "Operations in them",
                  (double)figures->operations);
    metric_number(out, "commit_failures_total", "counter", "Groups that were rolled back",
                  (double)figures->failures);
    metric_number(out, "commit_seconds_total", "counter", "Time spent in commits",
                  (double)figures->commit_ns / 1e9);
    metric_number(out, "waiting", "gauge", "Leases that wait for jobs", (double)figures->waiting);
}

void fl_render(struct fl_buf *out, const struct fl_store_op *op, const struct fl_figures *figures)
{
    if (op->form == FL_FORM_RAW) {
        fl_buf_add(out, op->queues, op->queues_count * sizeof *op->queues);
        return;
    }
    switch (op->kind) {
    case FL_STORE_LEASE:
        render_jobs(out, op, render_lease);
        fl_buf_putc(out, '}');
        break;
    case FL_STORE_LIST:
        render_list(out, op);
        break;
    case FL_STORE_GET:
        render_job(out, &op->jobs[0]);
        break;
    case FL_STORE_STATS:
    case FL_STORE_QUEUE_SET:
        if (op->form == FL_FORM_STATS)
            render_stats(out, &op->queues[0]);
        else
            fl_render_queue(out, &op->queues[0]);
        break;
    case FL_STORE_QUEUES:
        if (op->form == FL_FORM_METRICS)
            render_metrics(out, op, figures);
        else
            render_queues(out, op);
        break;
    case FL_STORE_REPEAT_SET:
        render_repeat(out, &op->repeats[0]);
        break;
    case FL_STORE_REPEATS:
        render_repeats(out, op);
        break;
    default:
        break;
    }
}
