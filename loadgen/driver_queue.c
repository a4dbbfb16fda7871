/* driver_queue.c: jobs go in at the load's rate; workers lease them, and acknowledge what they got.
 *
 * One FL_OP_WORK is a lease and the acknowledgement of all it brought. After the last arrival the
 * queue is worked off without a schedule: those leases are no operations, only observations. */
#include "loadgen/http_engine.h"
#include "loadgen/load.h"
#include "runtime/base/clock.h"

#define DRAIN_LEASE_MOST 256
#define DRAIN_PAUSE_MS 100
#define DRAIN_PHANTOM_ROUNDS 3 /* of empty leases, before "ready" is not believed any more */

/** A request that puts a job in. */
struct queue_put {
    struct fl_pending *pending;
    struct fl_http_call *call;
    struct fl_buf body;
};

struct queue_job {
    uint64_t key; /* 0: not one of this run */
    int64_t id;
};

/** A lease and its acknowledgement. */
struct queue_work {
    struct fl_load *load;
    struct fl_pending *pending; /* NULL: the drain's */
    struct fl_http_call *call;  /* NULL: none under way */
    size_t endpoint;
    bool acking;
    struct queue_job *jobs;
    size_t jobs_count;
    struct fl_buf body;
};

struct queue_drain {
    struct queue_work work;
    uv_timer_t timer; /* limit of a request, or the pause before the next */
    bool begun, done;
    size_t endpoint; /* being emptied */
    int empty_leases;
    int phantom_rounds; /* it said "ready", and gave nothing */
    int64_t *left;      /* of each endpoint, by its own word; -1: unknown */
};

struct queue {
    struct curl_slist *headers;
    char *lease_body, *drain_lease_body, *payload;
    uint64_t run_mark; /* tells this run's keys from an older one's in the same queue */
    bool started;
    struct queue_drain drain;
};

static struct queue *queue_of(const struct fl_load *load)
{
    return load->state;
}

/* ---- requests ---- */

static struct fl_http_call *queue_call(struct fl_load *load, size_t endpoint, const char *method,
                                       const char *path, struct fl_str body, fl_ns *sent_ns,
                                       fl_http_fn fn, void *cx)
{
    const struct fl_endpoint *at = &load->endpoints.at[endpoint];
    char url[512];
    snprintf(url, sizeof url, "http://%s:%d%s", at->host, at->port, path);
    struct fl_http_request request = {
        .method = method, .url = url, .headers = queue_of(load)->headers, .body = body};
    return fl_http_engine_call(load->host->http, &request, sent_ns, fn, cx);
}

static bool is_2xx(const struct fl_http_answer *answer)
{
    return answer->error == FL_OPERR_NONE && answer->status >= 200 && answer->status < 300;
}

static enum fl_op_error queue_error(const struct fl_http_answer *answer)
{
    if (answer->error != FL_OPERR_NONE) return answer->error;
    return is_2xx(answer) ? FL_OPERR_NONE : FL_OPERR_STATUS;
}

static struct fl_str buf_str(const struct fl_buf *buf)
{
    return (struct fl_str){buf->at, buf->len};
}

/* ---- putting in ---- */

static void put_free(struct queue_put *put)
{
    fl_buf_fini(&put->body);
    free(put);
}

static void put_on_answer(void *cx, const struct fl_http_answer *answer)
{
    struct queue_put *put = cx;
    fl_load_settle(put->pending, fl_http_outcome(answer, is_2xx(answer)), queue_error(answer),
                   answer->done_ns);
    put_free(put);
}

static void queue_issue_put(struct fl_load *load, struct fl_pending *pending)
{
    struct queue *queue = queue_of(load);
    struct queue_put *put = fl_new(struct queue_put);
    put->pending = pending;
    pending->work = put;
    pending->key = fl_load_key(load, pending->number + 1);
    fl_buf_printf(&put->body, "{\"key\":\"%llx-%llx\",\"payload\":\"%s\"}",
                  (unsigned long long)pending->key, (unsigned long long)queue->run_mark,
                  queue->payload);
    put->call = queue_call(load, fl_endpoints_pick(&load->endpoints), "POST", "/jobs",
                           buf_str(&put->body), &pending->sent_ns, put_on_answer, put);
}

/* ---- working off ---- */

static void drain_go_on(struct fl_load *load, bool went_well, size_t jobs_count);

static void work_fini(struct queue_work *work)
{
    free(work->jobs);
    work->jobs = NULL;
    work->jobs_count = 0;
    fl_buf_fini(&work->body);
}

static uint32_t work_user(const struct queue_work *work)
{
    return work->pending != NULL ? work->pending->slot : FL_NO_SLOT;
}

static void work_observe(struct queue_work *work, size_t job, enum fl_op_kind kind, uint32_t info,
                         fl_ns at_ns)
{
    if (work->jobs[job].key != 0)
        fl_load_observe(work->load, kind, at_ns, work->jobs[job].key, work_user(work), info);
}

static void work_observe_all(struct queue_work *work, enum fl_op_kind kind, fl_ns at_ns)
{
    for (size_t i = 0; i < work->jobs_count; i++)
        work_observe(work, i, kind, 0, at_ns);
}

static void work_end(struct queue_work *work, enum fl_outcome outcome, enum fl_op_error error,
                     fl_ns done_ns)
{
    size_t jobs_count = work->jobs_count;
    work_fini(work);
    work->call = NULL;
    if (work->pending == NULL) {
        drain_go_on(work->load, outcome == FL_OK, jobs_count);
        return;
    }
    work->pending->info = (uint32_t)jobs_count;
    fl_load_settle(work->pending, outcome, error, done_ns);
    free(work);
}

static void work_read_results(struct queue_work *work, const struct fl_http_answer *answer)
{
    cJSON *json = cJSON_ParseWithLength(answer->body.at, answer->body.len);
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(json, "results");
    result = result != NULL ? result->child : NULL;
    for (size_t i = 0; i < work->jobs_count; i++) {
        enum fl_op_kind kind = FL_OBS_DONE_MAYBE; /* the answer leaves it out */
        if (result != NULL && fl_json_int(result, "id", -1) == work->jobs[i].id)
            kind = fl_json_bool(result, "ok", false) ? FL_OBS_DONE : FL_OBS_DONE_REFUSED;
        work_observe(work, i, kind, 0, answer->done_ns);
        if (result != NULL) result = result->next;
    }
    cJSON_Delete(json);
}

static void work_on_ack_answer(void *cx, const struct fl_http_answer *answer)
{
    struct queue_work *work = cx;
    enum fl_outcome outcome = fl_http_outcome(answer, is_2xx(answer));
    if (outcome == FL_OK)
        work_read_results(work, answer);
    else if (outcome == FL_UNKNOWN)
        work_observe_all(work, FL_OBS_DONE_MAYBE, answer->done_ns);
    else if (answer->was_sent)
        work_observe_all(work, FL_OBS_DONE_REFUSED, answer->done_ns);
    work_end(work, outcome, queue_error(answer), answer->done_ns);
}

static uint64_t queue_read_key(const struct queue *queue, const char *text)
{
    char *rest = NULL;
    uint64_t key = strtoull(text, &rest, 16);
    if (*rest != '-' || strtoull(rest + 1, NULL, 16) != queue->run_mark) return 0;
    return key;
}

/* What the lease brought becomes the body of the acknowledgement. False: that is no answer. */
static bool work_read_jobs(struct queue_work *work, const struct fl_http_answer *answer)
{
    cJSON *json = cJSON_ParseWithLength(answer->body.at, answer->body.len);
    const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(json, "jobs");
    bool right = cJSON_IsArray(jobs);
    size_t count = right ? (size_t)cJSON_GetArraySize(jobs) : 0;
    work->jobs = fl_new_array(struct queue_job, count);
    fl_buf_puts(&work->body, "{\"jobs\":[");
    const cJSON *job;
    cJSON_ArrayForEach(job, jobs)
    {
        if (!right) break;
        size_t at = work->jobs_count++;
        work->jobs[at].id = fl_json_int(job, "id", -1);
        work->jobs[at].key = queue_read_key(queue_of(work->load), fl_json_text(job, "key", ""));
        fl_buf_printf(&work->body, "%s{\"id\":%lld,\"lease\":", at > 0 ? "," : "",
                      (long long)work->jobs[at].id);
        fl_json_put_str(&work->body, fl_str_of(fl_json_text(job, "lease", "")));
        fl_buf_putc(&work->body, '}');
        work_observe(work, at, FL_OBS_LEASED, (uint32_t)fl_json_int(job, "attempt", 0),
                     answer->done_ns);
    }
    fl_buf_puts(&work->body, "]}");
    cJSON_Delete(json);
    return right;
}

static void work_on_lease_answer(void *cx, const struct fl_http_answer *answer)
{
    struct queue_work *work = cx;
    if (!is_2xx(answer)) {
        work_end(work, fl_http_outcome(answer, false), queue_error(answer), answer->done_ns);
        return;
    }
    if (!work_read_jobs(work, answer)) {
        work_end(work, FL_UNKNOWN, FL_OPERR_CONTENT, answer->done_ns);
        return;
    }
    if (work->jobs_count == 0) {
        work_end(work, FL_OK, FL_OPERR_NONE, answer->done_ns);
        return;
    }
    work->acking = true;
    work->call = queue_call(work->load, work->endpoint, "POST", "/jobs/ack", buf_str(&work->body),
                            NULL, work_on_ack_answer, work);
}

static void work_lease(struct queue_work *work, const char *body, fl_ns *sent_ns)
{
    work->acking = false;
    work->call = queue_call(work->load, work->endpoint, "POST", "/jobs/lease", fl_str_of(body),
                            sent_ns, work_on_lease_answer, work);
}

static void queue_issue_work(struct fl_load *load, struct fl_pending *pending)
{
    struct queue_work *work = fl_new(struct queue_work);
    work->load = load;
    work->pending = pending;
    work->endpoint = fl_endpoints_pick(&load->endpoints);
    pending->work = work;
    work_lease(work, queue_of(load)->lease_body, &pending->sent_ns);
}

/* The request is given up; what it may have completed is written down. */
static void work_cancel(struct queue_work *work)
{
    if (work->call != NULL) fl_http_engine_cancel(work->call);
    work->call = NULL;
    if (work->acking) work_observe_all(work, FL_OBS_DONE_MAYBE, fl_now());
    work->acking = false;
    work_fini(work);
}

/* ---- the drain: lease until two leases in a row bring nothing and the queue says it is empty ----
 */

static void drain_lease(struct fl_load *load);

static void drain_on_pause_over(uv_timer_t *timer)
{
    struct queue_drain *drain = FL_OWNER(timer, struct queue_drain, timer);
    drain->empty_leases = 0;
    drain_lease(drain->work.load);
}

static void drain_pause(struct queue_drain *drain)
{
    uv_timer_start(&drain->timer, drain_on_pause_over, DRAIN_PAUSE_MS, 0);
}

static void drain_on_slow(uv_timer_t *timer)
{
    struct queue_drain *drain = FL_OWNER(timer, struct queue_drain, timer);
    work_cancel(&drain->work);
    drain_pause(drain);
}

static void drain_limit(struct queue_drain *drain)
{
    uint64_t ms = (uint64_t)fl_ns_max(drain->work.load->timeout_ns / FL_NS_PER_MS, 1);
    uv_timer_start(&drain->timer, drain_on_slow, ms, 0);
}

static void drain_on_stats(void *cx, const struct fl_http_answer *answer)
{
    struct queue_work *work = cx;
    struct queue_drain *drain = &queue_of(work->load)->drain;
    work->call = NULL;
    uv_timer_stop(&drain->timer);
    cJSON *stats = cJSON_ParseWithLength(answer->body.at, answer->body.len);
    bool is_known = is_2xx(answer) && cJSON_IsNumber(cJSON_GetObjectItem(stats, "ready"));
    int64_t ready = fl_json_int(stats, "ready", 0);
    int64_t left = fl_json_int(stats, "leased", 0) + fl_json_int(stats, "delayed", 0);
    cJSON_Delete(stats);
    /* Jobs that are ready and that nobody can get are not there: a queue that forgets them may
     * still count them. */
    if (is_known && ready > 0) drain->phantom_rounds++;
    if (drain->phantom_rounds < DRAIN_PHANTOM_ROUNDS) left += ready;
    if (is_known) drain->left[drain->endpoint] = left > 0 ? left : 0;
    if (!is_known || left > 0) {
        drain_pause(drain);
        return;
    }
    drain->phantom_rounds = 0;
    drain->empty_leases = 0;
    if (++drain->endpoint < work->load->endpoints.count)
        drain_lease(work->load);
    else
        drain->done = true;
}

static void drain_lease(struct fl_load *load)
{
    struct queue_drain *drain = &queue_of(load)->drain;
    drain->work.endpoint = drain->endpoint;
    drain_limit(drain);
    work_lease(&drain->work, queue_of(load)->drain_lease_body, NULL);
}

static void drain_go_on(struct fl_load *load, bool went_well, size_t jobs_count)
{
    struct queue_drain *drain = &queue_of(load)->drain;
    drain->work.acking = false;
    uv_timer_stop(&drain->timer);
    if (!went_well) {
        drain_pause(drain);
        return;
    }
    drain->empty_leases = jobs_count == 0 ? drain->empty_leases + 1 : 0;
    if (jobs_count > 0) drain->phantom_rounds = 0;
    if (drain->empty_leases < 2) {
        drain_lease(load);
        return;
    }
    drain_limit(drain);
    drain->work.call = queue_call(load, drain->endpoint, "GET", "/stats", (struct fl_str){0}, NULL,
                                  drain_on_stats, &drain->work);
}

static bool driver_queue_drain(struct fl_load *load)
{
    struct queue_drain *drain = &queue_of(load)->drain;
    if (!drain->begun) {
        drain->begun = true;
        drain_lease(load);
    }
    return drain->done;
}

static void driver_queue_drained(struct fl_load *load)
{
    struct queue *queue = queue_of(load);
    if (!queue->started) return;
    work_cancel(&queue->drain.work);
    int64_t left = 0;
    for (size_t i = 0; i < load->endpoints.count; i++) {
        if (queue->drain.left[i] < 0) return; /* nobody knows, so nothing is claimed */
        left += queue->drain.left[i];
    }
    fl_load_observe(load, FL_OBS_LEFT, fl_now(), 0, 0, (uint32_t)left);
}

/* ---- the driver ---- */

static int driver_queue_open(struct fl_load *load, struct fl_err *err)
{
    struct queue *queue = fl_new(struct queue);
    load->state = queue;
    double batch = 0, visibility_ns = 0, payload = 0;
    int rc = fl_settings_number(&load->settings, "batch", &batch, err);
    if (rc == 0) rc = fl_settings_number(&load->settings, "visibility", &visibility_ns, err);
    if (rc == 0) rc = fl_settings_number(&load->settings, "payload", &payload, err);
    if (rc != 0) return rc;

    int most = 2 * (int)batch;
    int drain_most = most > DRAIN_LEASE_MOST ? most : DRAIN_LEASE_MOST;
    long long visibility_ms = (long long)(visibility_ns / 1e6);
    queue->lease_body = fl_format("{\"max\":%d,\"visibility_ms\":%lld}", most, visibility_ms);
    queue->drain_lease_body = fl_format("{\"max\":%d,\"visibility_ms\":%lld}", drain_most,
                                        visibility_ms);
    queue->payload = fl_alloc((size_t)payload + 1);
    memset(queue->payload, 'x', (size_t)payload);
    queue->headers = curl_slist_append(NULL, "Expect:");
    queue->headers = curl_slist_append(queue->headers, "Content-Type: application/json");

    double work_rate = load->rate_per_s / batch;
    fl_load_add_stream(load, FL_OP_ENQUEUE, "enqueue", load->rate_per_s,
                       fl_ledger_slots_for(load->users, load->rate_per_s, load->timeout_ns));
    fl_load_add_stream(load, FL_OP_WORK, "work", work_rate,
                       fl_ledger_slots_for(load->users, work_rate, load->timeout_ns));
    return 0;
}

static void driver_queue_start(struct fl_load *load, fl_ns t0_ns)
{
    struct queue *queue = queue_of(load);
    queue->started = true;
    queue->run_mark = (uint64_t)t0_ns ^ load->seed;
    struct queue_drain *drain = &queue->drain;
    drain->work.load = load;
    drain->left = fl_new_array(int64_t, load->endpoints.count);
    for (size_t i = 0; i < load->endpoints.count; i++)
        drain->left[i] = -1;
    uv_timer_init(load->host->loop, &drain->timer);
}

static void driver_queue_issue(struct fl_load *load, struct fl_pending *pending)
{
    if (fl_load_stream_of(pending)->kind == FL_OP_ENQUEUE)
        queue_issue_put(load, pending);
    else
        queue_issue_work(load, pending);
}

static void driver_queue_drop(struct fl_load *load, struct fl_pending *pending)
{
    (void)load;
    if (fl_load_stream_of(pending)->kind == FL_OP_ENQUEUE) {
        struct queue_put *put = pending->work;
        fl_http_engine_cancel(put->call);
        put_free(put);
        return;
    }
    struct queue_work *work = pending->work;
    pending->info = (uint32_t)work->jobs_count;
    work_cancel(work);
    free(work);
}

static void driver_queue_stop(struct fl_load *load)
{
    struct queue *queue = queue_of(load);
    if (!queue->started) return;
    work_cancel(&queue->drain.work);
    uv_close((uv_handle_t *)&queue->drain.timer, NULL);
    /* Only when the engine is gone is anything still open; nothing is written about it then. */
    for (int i = 0; i < load->streams_count; i++)
        for (struct fl_pending *pending = load->streams[i].ledger.first; pending != NULL;
             pending = pending->next)
            if (!pending->waiting) driver_queue_drop(load, pending);
}

static void driver_queue_fini(struct fl_load *load)
{
    struct queue *queue = queue_of(load);
    free(queue->drain.left);
    free(queue->lease_body);
    free(queue->drain_lease_body);
    free(queue->payload);
    curl_slist_free_all(queue->headers);
    free(queue);
}

const struct fl_driver fl_driver_queue = {
    .open = driver_queue_open,
    .start = driver_queue_start,
    .issue = driver_queue_issue,
    .drop = driver_queue_drop,
    .drain = driver_queue_drain,
    .drained = driver_queue_drained,
    .stop = driver_queue_stop,
    .fini = driver_queue_fini,
};
