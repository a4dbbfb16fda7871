/* http_work.c: what workers do: lease, and say what became of it. */
#include "runtime/base/units.h"
#include "services/queue/http.h"
#include "services/queue/http_parts.h"
#include "services/wire/jscan.h"

#define WORK_WAIT_MS_MAX 60000
#define WORK_SLICE_MS 1000 /* of a wait, between two looks whether the client is still there */

/** What waits in this connection's mailbox, besides its own timers. */
struct work_box {
    size_t visible;
    bool is_told_to_end;
};

static bool work_look(void *cx, const struct fl_msg *msg)
{
    struct work_box *box = cx;
    box->visible++;
    if (msg->kind == FL_MSG_EXIT) box->is_told_to_end = true;
    return false;
}

/** Has the client hung up or sent more, or does the node stop? What comes through the socket waits
 * in the mailbox and is not shown to a receive: it is what is left over. */
static bool work_is_called_away(struct fl_self *self)
{
    struct work_box box = {0};
    struct fl_msg none;
    fl_receive(self, work_look, &box, 0, &none);
    return box.is_told_to_end || fl_self_mailbox_len(self) > box.visible;
}

/** Gives back what a lease brought: its client is gone. As if it had not been leased. */
static void work_give_back(struct http *http)
{
    struct fl_str rest = fl_jscan_get(http->json, "jobs"), item;
    struct fl_buf request = {0};
    size_t count = 0;
    fl_jscan_punct(&rest, '[');
    while (!fl_jscan_punct(&rest, ']') && fl_jscan_take(&rest, &item) == 0) {
        struct fl_store_op op = {.kind = FL_STORE_RELEASE};
        struct http_members job;
        if (http_scan(&job, item) &&
            fl_parse_int(http_get(&job, "id"), 1, INT64_MAX, &op.id, NULL) == 0 &&
            http_lease(http, &job, &op.lease)) {
            fl_keeper_put(&request, &op);
            count++;
        }
        fl_jscan_punct(&rest, ',');
    }
    struct fl_buf hold = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str none;
    if (count > 0) fl_keeper_ask(http->self, &request, count, 0, &hold, &rows, &none);
    fl_buf_fini(&hold);
}

/** Leases, waiting in slices. False: answered, or the client is gone. */
static bool work_lease(struct http *http, struct fl_store_op *op)
{
    fl_ns until_ns = fl_self_now(http->self) + fl_ms(op->wait_ms);
    const bool waits = op->wait_ms > 0;
    /* the op's texts must outlive the first slice */
    struct fl_buf kept = {0};
    fl_keeper_put(&kept, op);
    char *bytes = fl_self_alloc(http->self, kept.len);
    size_t len = kept.len;
    memcpy(bytes, kept.at, len);
    fl_buf_fini(&kept);
    for (;;) {
        int64_t left_ms = (until_ns - fl_self_now(http->self)) / FL_NS_PER_MS;
        int64_t slice_ms = left_ms < WORK_SLICE_MS ? left_ms : WORK_SLICE_MS;
        struct fl_store_op now = *op;
        now.wait_ms = slice_ms > 0 ? slice_ms : 0;
        memcpy(bytes, &now, sizeof now);
        fl_buf_add(&http->request, bytes, len);
        bool went_well = http_ask_some(http, 1, FL_KEEPER_JOBS_JSON_MAX, FL_STORE_LEASE);
        if (!went_well || http->rows[0].code != 0 || !waits) break;
        bool away = work_is_called_away(http->self);
        if (away && http->rows[0].found > 0) work_give_back(http);
        if (away) http->json = FL_STR("{\"jobs\":[]}");
        if (away || http->rows[0].found > 0 || left_ms <= WORK_SLICE_MS) break;
    }
    fl_self_free(http->self, bytes);
    if (http->rows == NULL) return false;
    return http->rows[0].code == 0 || http_fail(http, http->rows[0].code, FL_STORE_LEASE);
}

void fl_queue_http_lease(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_LEASE};
    int64_t max = 1;
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        http_whole(&http, &http.body, "max", 1, FL_STORE_LEASE_MAX, &max) &&
        http_whole(&http, &http.body, "visibility_ms", 1, FL_STORE_VISIBILITY_MS_MAX,
                   &op.visibility_ms) &&
        http_whole(&http, &http.body, "wait_ms", 0, WORK_WAIT_MS_MAX, &op.wait_ms) &&
        http_text(&http, &http.body, "worker", FL_STORE_WORKER_MAX, &op.worker)) {
        op.max = (int)max;
        if (work_lease(&http, &op)) fl_web_respond_json(self, web, 200, http.json);
    }
    http_end(&http);
}

void fl_queue_http_ack(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_ACK};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_lease(&http, &http.body, &op.lease) &&
        http_json(&http, &http.body, "result", FL_STORE_PAYLOAD_MAX, &op.payload) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true}");
    http_end(&http);
}

void fl_queue_http_job_failed(struct fl_self *self, struct fl_web *web,
                              const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_FAIL, .retry_ms = -1};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_lease(&http, &http.body, &op.lease) &&
        http_whole(&http, &http.body, "retry_ms", 0, FL_STORE_DELAY_MS_MAX, &op.retry_ms) &&
        http_text(&http, &http.body, "error", FL_STORE_PAYLOAD_MAX, &op.payload) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true,\"dead\":%s}", http.rows[0].dead ? "true" : "false");
    http_end(&http);
}

void fl_queue_http_heartbeat(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_HEARTBEAT};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_lease(&http, &http.body, &op.lease) &&
        http_whole(&http, &http.body, "visibility_ms", 1, FL_STORE_VISIBILITY_MS_MAX,
                   &op.visibility_ms) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true,\"until_ms\":%lld}", (long long)http.rows[0].until_ms);
    http_end(&http);
}

void fl_queue_http_release(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_RELEASE};
    if (http_begin(&http, self, web, req, false) && http_id(&http, &op.id) &&
        http_lease(&http, &http.body, &op.lease) &&
        http_whole(&http, &http.body, "delay_ms", 0, FL_STORE_DELAY_MS_MAX, &op.delay_ms) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true}");
    http_end(&http);
}

/** Reads {"jobs":[{"id","lease"}, …]} into the request. Returns how many, or -1: answered. */
static int work_read_acks(struct http *http)
{
    static const char words[] = "jobs must be a list of at most 1024 such as "
                                "{\"id\":1,\"lease\":\"16 hex digits\"}";
    struct fl_str rest = http_get(&http->body, "jobs"), item;
    struct http_members members;
    int count = 0;
    if (rest.at == NULL || !fl_jscan_punct(&rest, '[')) {
        http_bad(http, "jobs", words);
        return -1;
    }
    while (!fl_jscan_punct(&rest, ']')) {
        struct fl_store_op op = {.kind = FL_STORE_ACK, .id = -1};
        if (fl_jscan_take(&rest, &item) != 0 || !http_scan(&members, item) ||
            ++count > FL_STORE_GROUP_MAX) {
            http_bad(http, "jobs", words);
            return -1;
        }
        if (!http_whole(http, &members, "id", 0, INT64_MAX, &op.id) ||
            !http_lease(http, &members, &op.lease) ||
            !http_json(http, &members, "result", FL_STORE_PAYLOAD_MAX, &op.payload))
            return -1;
        if (op.id < 0) {
            http_bad(http, "id", words);
            return -1;
        }
        http_put(http, &op);
        fl_jscan_punct(&rest, ',');
    }
    return count;
}

static void work_say_results(struct http *http, int count)
{
    struct fl_buf out = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&out, "{\"results\":[");
    for (int i = 0; i < count; i++) {
        const struct fl_keeper_answer *row = &http->rows[i];
        fl_buf_printf(&out, "%s{\"id\":%lld,\"ok\":%s", i > 0 ? "," : "", (long long)row->id,
                      row->code == 0 ? "true}" : "false,\"error\":");
        if (row->code != 0) fl_buf_printf(&out, "\"%s\"}", http_words(row->code, FL_STORE_ACK));
    }
    fl_buf_puts(&out, "]}");
    fl_web_respond_json(http->self, http->web, 200, (struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

void fl_queue_http_ack_many(struct fl_self *self, struct fl_web *web,
                            const struct fl_web_request *req)
{
    struct http http;
    if (http_begin(&http, self, web, req, true)) {
        int count = work_read_acks(&http);
        if (count >= 0 && http_ask_all(&http, (size_t)count, FL_STORE_ACK))
            work_say_results(&http, count);
    }
    http_end(&http);
}
