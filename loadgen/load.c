#include "loadgen/load.h"

#include "runtime/base/clock.h"

#define KEY_LOAD_SHIFT 40

static int load_read(struct fl_load *load, const cJSON *plan, struct fl_err *err)
{
    load->index = (int)fl_json_int(plan, "index", 0);
    load->name = fl_strdup(fl_json_text(plan, "name", "load"));
    load->via = fl_strdup(fl_json_text(plan, "via", ""));
    const char *kind = fl_json_text(plan, "workload", "");
    load->workload = fl_workload_find(kind);
    if (load->workload == NULL)
        return fl_err_set(err, FL_ENOTFOUND, "unknown workload \"%s\"", kind);

    load->settings.object = cJSON_GetObjectItemCaseSensitive(plan, "settings");
    load->settings.params = load->workload->params;
    load->timeout_ns = fl_json_int(plan, "timeout_ns", fl_s(2));
    load->seed = strtoull(fl_json_text(plan, "seed", "0"), NULL, 16);
    int64_t users = fl_json_int(plan, "users", 0);
    load->rate_per_s = fl_json_num(plan, "rate_per_s", 0);
    if (load->index < 0 || load->index > UINT16_MAX)
        return fl_err_set(err, FL_ERANGE, "index %d", load->index);
    if (load->timeout_ns <= 0) return fl_err_set(err, FL_ERANGE, "timeout must be above 0");
    if (users < 0 || users > 1000000) return fl_err_set(err, FL_ERANGE, "users: 0 … 1000000");
    if (load->rate_per_s < 0) return fl_err_set(err, FL_ERANGE, "rate must not be below 0");

    load->users = (int)users;
    if (load->users == 0) load->users = load->workload->standard_users;
    if (load->rate_per_s == 0) load->rate_per_s = load->workload->standard_rate_per_s * load->users;
    return 0;
}

int fl_load_new(struct fl_load **out, struct fl_load_host *host, const cJSON *plan,
                struct fl_err *err)
{
    struct fl_load *load = fl_new(struct fl_load);
    load->host = host;
    int rc = load_read(load, plan, err);
    if (rc == 0) rc = load->workload->driver->open(load, err);
    if (rc != 0) {
        fl_err_prefix(err, "load %s: ", load->name);
        fl_load_free(load);
        return rc;
    }
    *out = load;
    return 0;
}

void fl_load_free(struct fl_load *load)
{
    if (load == NULL) return;
    if (load->workload != NULL && load->workload->driver->fini != NULL && load->state != NULL)
        load->workload->driver->fini(load);
    for (int i = 0; i < load->streams_count; i++)
        fl_ledger_fini(&load->streams[i].ledger);
    fl_endpoints_fini(&load->endpoints);
    free(load->name);
    free(load->via);
    free(load);
}

struct fl_stream *fl_load_add_stream(struct fl_load *load, enum fl_op_kind kind, const char *name,
                                     double rate_per_s, uint32_t slots)
{
    FL_ASSERT(load->streams_count < FL_STREAMS_MAX);
    struct fl_stream *stream = &load->streams[load->streams_count++];
    stream->load = load;
    stream->kind = kind;
    stream->name = name;
    stream->rate_per_s = rate_per_s;
    fl_ledger_init(&stream->ledger, load->timeout_ns, slots);
    fl_arrivals_init(&stream->arrivals, &(struct fl_arrivals_opts){0}); /* nothing before start */
    return stream;
}

void fl_load_start(struct fl_load *load, fl_ns t0_ns, fl_ns until_ns)
{
    FL_ASSERT(load->endpoints.count > 0);
    for (int i = 0; i < load->streams_count; i++) {
        struct fl_stream *stream = &load->streams[i];
        struct fl_arrivals_opts opts = {
            .rate_per_s = stream->rate_per_s,
            .seed = load->seed,
            .name = stream->name,
            .spacing = load->workload->is_scattered ? FL_SPACING_SCATTERED : FL_SPACING_CONSTANT,
            .t0_ns = t0_ns,
            .until_ns = until_ns,
        };
        fl_arrivals_init(&stream->arrivals, &opts);
    }
    if (load->workload->driver->start != NULL) load->workload->driver->start(load, t0_ns);
}

static void load_close_account(struct fl_pending *pending, const struct fl_verdict_op *verdict)
{
    struct fl_stream *stream = fl_load_stream_of(pending);
    struct fl_load *load = stream->load;
    struct fl_op record;
    fl_ledger_settle(pending, verdict, &record);
    record.load = (uint16_t)load->index;
    record.kind = (uint8_t)stream->kind;
    fl_journal_op(load->host->journal, &record);
    fl_gauge_add(&load->gauge, record.done_ns - record.due_ns, verdict->outcome == FL_OK);
    if (verdict->error == FL_OPERR_UNSENT) load->host->health.unsent++;
}

static void load_lapse(struct fl_load *load, struct fl_pending *pending, fl_ns until_ns)
{
    if (!pending->waiting && load->workload->driver->drop != NULL)
        load->workload->driver->drop(load, pending);
    struct fl_verdict_op verdict = fl_ledger_lapse(pending, until_ns);
    load_close_account(pending, &verdict);
}

static void stream_pump(struct fl_stream *stream, fl_ns now_ns)
{
    struct fl_load *load = stream->load;
    struct fl_health *health = &load->host->health;
    struct fl_pending *pending;
    while ((pending = fl_ledger_overdue(&stream->ledger, now_ns)) != NULL)
        load_lapse(load, pending, FL_NEVER);

    fl_ns due_ns;
    uint64_t number;
    while (fl_arrivals_pop(&stream->arrivals, now_ns, &due_ns, &number)) {
        fl_hist_add(&health->lag, now_ns - due_ns);
        health->due++;
        fl_ledger_arrive(&stream->ledger, due_ns, number);
    }
    while ((pending = fl_ledger_take(&stream->ledger)) != NULL) {
        health->sent++;
        load->workload->driver->issue(load, pending);
    }
}

void fl_load_pump(struct fl_load *load, fl_ns now_ns)
{
    for (int i = 0; i < load->streams_count; i++)
        stream_pump(&load->streams[i], now_ns);
}

fl_ns fl_load_wake(const struct fl_load *load)
{
    fl_ns wake_ns = FL_NEVER;
    for (int i = 0; i < load->streams_count; i++) {
        wake_ns = fl_ns_min(wake_ns, fl_arrivals_next(&load->streams[i].arrivals));
        wake_ns = fl_ns_min(wake_ns, fl_ledger_deadline(&load->streams[i].ledger));
    }
    return wake_ns;
}

void fl_load_cease(struct fl_load *load, fl_ns at_ns)
{
    for (int i = 0; i < load->streams_count; i++)
        fl_arrivals_stop(&load->streams[i].arrivals, at_ns);
}

bool fl_load_is_settled(const struct fl_load *load)
{
    for (int i = 0; i < load->streams_count; i++) {
        if (fl_arrivals_next(&load->streams[i].arrivals) != FL_NEVER) return false;
        if (load->streams[i].ledger.counts.open > 0) return false;
    }
    return true;
}

void fl_load_give_up(struct fl_load *load, fl_ns now_ns)
{
    for (int i = 0; i < load->streams_count; i++)
        while (load->streams[i].ledger.first != NULL)
            load_lapse(load, load->streams[i].ledger.first, now_ns);
}

void fl_load_settle(struct fl_pending *pending_take, enum fl_outcome outcome,
                    enum fl_op_error error, fl_ns done_ns)
{
    struct fl_verdict_op verdict = {.outcome = outcome, .error = error, .done_ns = done_ns};
    load_close_account(pending_take, &verdict);
}

void fl_load_observe(struct fl_load *load, enum fl_op_kind kind, fl_ns at_ns, uint64_t key,
                     uint32_t user, uint32_t info)
{
    struct fl_op record = {
        .done_ns = at_ns,
        .key = key,
        .info = info,
        .user = user,
        .load = (uint16_t)load->index,
        .kind = (uint8_t)kind,
        .outcome = FL_OK,
    };
    fl_journal_op(load->host->journal, &record);
}

struct fl_stream *fl_load_stream_of(struct fl_pending *pending)
{
    return FL_OWNER(pending->ledger, struct fl_stream, ledger);
}

uint64_t fl_load_key(const struct fl_load *load, uint64_t number)
{
    return (((uint64_t)load->index + 1) << KEY_LOAD_SHIFT) | number;
}

bool fl_load_owns_key(const struct fl_load *load, uint64_t key)
{
    return key >> KEY_LOAD_SHIFT == (uint64_t)load->index + 1;
}

void fl_load_read_buffer(struct fl_load_host *host, uv_buf_t *buf)
{
    *buf = uv_buf_init(host->read_buffer, (unsigned)host->read_buffer_len);
}
