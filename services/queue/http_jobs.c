/* http_jobs.c: putting jobs in, and what people do to single ones. */
#include "services/queue/http.h"
#include "services/queue/http_parts.h"
#include "services/wire/jscan.h"

/** Reads a job to enqueue. */
static bool jobs_read(struct http *http, const struct http_members *object, struct fl_store_op *op)
{
    int64_t backoff_ms = -1, cap_ms = -1;
    const int64_t day_ms = FL_STORE_VISIBILITY_MS_MAX;
    bool good = http_text(http, object, "key", FL_STORE_KEY_MAX, &op->key) &&
                http_text(http, object, "unique", FL_STORE_KEY_MAX, &op->unique) &&
                http_json(http, object, "payload", FL_STORE_PAYLOAD_MAX, &op->payload) &&
                http_whole(http, object, "delay_ms", 0, FL_STORE_DELAY_MS_MAX, &op->delay_ms) &&
                http_whole(http, object, "run_at_ms", 1, INT64_C(253402300799999),
                           &op->run_at_ms) &&
                http_whole(http, object, "priority", -FL_STORE_PRIORITY_MAX, FL_STORE_PRIORITY_MAX,
                           &op->priority) &&
                http_whole(http, object, "max_attempts", 1,
                           fl_queue_settings[FL_SET_ATTEMPTS_MAX].most, &op->attempts_max) &&
                http_whole(http, object, "backoff_ms", 0, day_ms, &backoff_ms) &&
                http_whole(http, object, "backoff_max_ms", 0, day_ms, &cap_ms);
    if (!good) return false;
    if (op->run_at_ms != 0 && http_get(object, "delay_ms").at != NULL)
        return http_bad(http, "run_at_ms", "delay_ms or run_at_ms, not both");
    if (op->payload.at == NULL) op->payload = FL_STR("null");
    op->backoff_ms = backoff_ms;
    op->cap_ms = cap_ms;
    op->has_backoff = backoff_ms >= 0 || cap_ms >= 0;
    return true;
}

void fl_queue_http_enqueue(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE};
    if (http_begin(&http, self, web, req, true) && http_queue(&http, &op.queue) &&
        jobs_read(&http, &http.body, &op) && http_ask(&http, &op, 0))
        http_say(&http, http.rows[0].existed ? 200 : 201, "{\"id\":%lld}",
                 (long long)http.rows[0].id);
    http_end(&http);
}

/** Reads {"jobs":[…]} into the request. Returns how many; -1: answered. */
static int jobs_read_many(struct http *http)
{
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE};
    struct fl_str queue, item;
    struct http_members members;
    if (!http_queue(http, &queue)) return -1;
    struct fl_str rest = http_get(&http->body, "jobs");
    int count = 0;
    if (rest.at == NULL || !fl_jscan_punct(&rest, '[')) {
        http_bad(http, "jobs", "jobs must be a list of 1 to 1024 jobs");
        return -1;
    }
    while (!fl_jscan_punct(&rest, ']')) {
        if (fl_jscan_take(&rest, &item) != 0 || !http_scan(&members, item) ||
            ++count > FL_STORE_GROUP_MAX) {
            http_bad(http, "jobs", "jobs must be a list of 1 to 1024 jobs");
            return -1;
        }
        op = (struct fl_store_op){.kind = FL_STORE_ENQUEUE, .queue = queue};
        if (!jobs_read(http, &members, &op)) return -1;
        http_put(http, &op);
        fl_jscan_punct(&rest, ',');
    }
    if (count > 0) return count;
    http_bad(http, "jobs", "jobs must be a list of 1 to 1024 jobs");
    return -1;
}

static void jobs_say_many(struct http *http, int count)
{
    struct fl_buf out = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&out, "{\"results\":[");
    for (int i = 0; i < count; i++) {
        const struct fl_keeper_answer *row = &http->rows[i];
        if (i > 0) fl_buf_putc(&out, ',');
        if (row->code == 0)
            fl_buf_printf(&out, "{\"ok\":true,\"id\":%lld,\"existed\":%s}", (long long)row->id,
                          row->existed ? "true" : "false");
        else
            fl_buf_printf(&out, "{\"ok\":false,\"error\":\"%s\"}",
                          http_words(row->code, FL_STORE_ENQUEUE));
    }
    fl_buf_puts(&out, "]}");
    fl_web_respond_json(http->self, http->web, 200, (struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

void fl_queue_http_enqueue_many(struct fl_self *self, struct fl_web *web,
                                const struct fl_web_request *req)
{
    struct http http;
    if (http_begin(&http, self, web, req, true)) {
        int count = jobs_read_many(&http);
        if (count > 0 && http_ask_all(&http, (size_t)count, FL_STORE_ENQUEUE))
            jobs_say_many(&http, count);
    }
    http_end(&http);
}

void fl_queue_http_get(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_GET};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_ask(&http, &op, FL_KEEPER_LIST_JSON_MAX))
        fl_web_respond_json(self, web, 200, http.json);
    http_end(&http);
}

/** An operation that needs nothing but the id, and finds nothing. */
static void jobs_by_id(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req,
                       enum fl_store_op_kind kind)
{
    struct http http;
    struct fl_store_op op = {.kind = kind};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true}");
    http_end(&http);
}

void fl_queue_http_delete(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req)
{
    jobs_by_id(self, web, req, FL_STORE_DELETE);
}

void fl_queue_http_requeue(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    jobs_by_id(self, web, req, FL_STORE_REQUEUE);
}
