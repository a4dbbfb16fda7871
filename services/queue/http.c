#include "services/queue/http.h"

#include "runtime/base/units.h"
#include "services/queue/keeper.h"
#include "services/wire/jscan.h"

#define HTTP_VISIBILITY_MS 30000

/** What an error value is over HTTP. 503: it did not happen. 504: it may have happened. */
static const struct {
    int code, status;
    const char *words;
} http_errors[] = {
    {FL_ENOTFOUND, 404, "no such job"},
    {FL_EREFUSED, 409, "lease lost"},
    {FL_ERANGE, 400, "a value is outside its limits"},
    {FL_EBADMSG, 400, "this is not what the API expects"},
    {FL_EFULL, 503, "the queue or its disk is full"},
    {FL_EIO, 504, "storage failed; it may have happened"},
    {FL_ENOPROC, 503, "the store is starting"},
    {FL_EDIED, 504, "the store ended before it answered"},
    {FL_ETIMEOUT, 504, "the store did not answer in time"},
};

static void http_fail(struct fl_self *self, struct fl_web *web, int code)
{
    for (size_t i = 0; i < FL_COUNT(http_errors); i++)
        if (http_errors[i].code == code) {
            fl_web_fail(self, web, http_errors[i].status, http_errors[i].words);
            return;
        }
    fl_web_fail(self, web, 503, fl_code_name(code));
}

/** A whole number member within limits; absent leaves *out as it is. */
static int http_int(struct fl_str object, const char *name, int64_t least, int64_t most,
                    int64_t *out)
{
    struct fl_str raw = fl_jscan_get(object, name);
    return raw.at == NULL ? 0 : fl_parse_int(raw, least, most, out, NULL);
}

/** A lease is 16 hexadecimal digits. */
static int http_lease(struct fl_str object, uint64_t *out)
{
    struct fl_str raw = fl_jscan_get(object, "lease");
    if (raw.len != 18 || raw.at[0] != '"') return FL_EBADMSG;
    uint64_t lease = 0;
    for (size_t i = 1; i < 17; i++) {
        static const char digits[16] = "0123456789abcdef";
        const char *digit = memchr(digits, raw.at[i], sizeof digits);
        if (digit == NULL) return FL_EBADMSG;
        lease = lease << 4 | (uint64_t)(digit - digits);
    }
    *out = lease;
    return 0;
}

/** The body as checked JSON; an empty one counts as {}. False: answered 400. */
static bool http_body(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req,
                      struct fl_str *out)
{
    *out = req->body.len > 0 ? req->body : FL_STR("{}");
    if (fl_jscan_ok(*out) && fl_jscan_is_object(fl_str_trim(*out)) && fl_utf8_ok(out->at, out->len))
        return true;
    fl_web_fail(self, web, 400, "the body is not a JSON object");
    return false;
}

static bool http_id(const struct fl_web_request *req, int64_t *out)
{
    return fl_parse_int(fl_web_param(req, "id"), 0, INT64_MAX, out, NULL) == 0;
}

/** Asks for one operation, whose request is freed. True: it went well, and *answer says how. False:
 * answered. hold is the caller's to free. */
static bool http_ask_one(struct fl_self *self, struct fl_web *web, const struct fl_store_op *op,
                         size_t json_max, struct fl_buf *hold, struct fl_keeper_answer *answer,
                         struct fl_str *json)
{
    struct fl_buf request = {0};
    fl_keeper_put(&request, op);
    const struct fl_keeper_answer *rows;
    int code = fl_keeper_ask(self, &request, 1, json_max, hold, &rows, json);
    if (code == FL_EFULL) {
        fl_web_fail(self, web, 503, "the store has too much to do");
        return false;
    }
    if (code == 0) {
        *answer = rows[0];
        code = answer->code;
    }
    if (code != 0) http_fail(self, web, code);
    return code == 0;
}

/** Reads a job to enqueue; key is where its key is decoded to. 0, or a status and its words. */
static int http_read_job(struct fl_str body, char key[FL_STORE_KEY_MAX], struct fl_store_op *op,
                         const char **words)
{
    struct fl_buf decoded = {0};
    int rc = fl_jscan_text(fl_jscan_get(body, "key"), &decoded);
    bool fits = rc == 0 && decoded.len > 0 && decoded.len <= FL_STORE_KEY_MAX;
    if (fits) memcpy(key, decoded.at, decoded.len);
    op->key = (struct fl_str){key, decoded.len};
    fl_buf_fini(&decoded);

    *words = "key must be a text of 1 to 256 bytes";
    if (!fits) return 400;
    op->payload = fl_jscan_get(body, "payload");
    if (op->payload.at == NULL) op->payload = FL_STR("null");
    *words = "payload is larger than 64 KiB";
    if (op->payload.len > FL_STORE_PAYLOAD_MAX) return 413;
    *words = "delay_ms must be a whole number, at most a day";
    if (http_int(body, "delay_ms", 0, FL_STORE_VISIBILITY_MS_MAX, &op->delay_ms) != 0) return 400;
    return 0;
}

static void http_enqueue(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_str body;
    if (!http_body(self, web, req, &body)) return;
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE};
    char key[FL_STORE_KEY_MAX];
    const char *words;
    int status = http_read_job(body, key, &op, &words);
    if (status != 0) {
        fl_web_fail(self, web, status, words);
        return;
    }
    struct fl_buf hold = {0};
    struct fl_keeper_answer answer;
    struct fl_str none;
    if (http_ask_one(self, web, &op, 0, &hold, &answer, &none)) {
        char json[48];
        snprintf(json, sizeof json, "{\"id\":%lld}", (long long)answer.id);
        fl_web_respond_json(self, web, answer.existed ? 200 : 201, fl_str_of(json));
    }
    fl_buf_fini(&hold);
}

static void http_lease_jobs(struct fl_self *self, struct fl_web *web,
                            const struct fl_web_request *req)
{
    struct fl_str body;
    if (!http_body(self, web, req, &body)) return;
    int64_t max = 1, visibility_ms = HTTP_VISIBILITY_MS;
    if (http_int(body, "max", 1, FL_STORE_LEASE_MAX, &max) != 0 ||
        http_int(body, "visibility_ms", 1, FL_STORE_VISIBILITY_MS_MAX, &visibility_ms) != 0) {
        fl_web_fail(self, web, 400,
                    "max must be a whole number from 1 to 1024, visibility_ms from 1 to 86400000");
        return;
    }
    struct fl_store_op op = {
        .kind = FL_STORE_LEASE, .max = (int)max, .visibility_ms = visibility_ms};
    struct fl_buf hold = {0};
    struct fl_keeper_answer answer;
    struct fl_str json;
    if (http_ask_one(self, web, &op, FL_KEEPER_JOBS_JSON_MAX, &hold, &answer, &json))
        fl_web_respond_json(self, web, 200, json);
    fl_buf_fini(&hold);
}

static void http_ack(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_str body;
    if (!http_body(self, web, req, &body)) return;
    struct fl_store_op op = {.kind = FL_STORE_ACK};
    if (!http_id(req, &op.id) || http_lease(body, &op.lease) != 0) {
        fl_web_fail(self, web, 400, "an id in the path and {\"lease\":\"16 hex digits\"}");
        return;
    }
    struct fl_buf hold = {0};
    struct fl_keeper_answer answer;
    struct fl_str none;
    if (http_ask_one(self, web, &op, 0, &hold, &answer, &none))
        fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
    fl_buf_fini(&hold);
}

static void http_job_failed(struct fl_self *self, struct fl_web *web,
                            const struct fl_web_request *req)
{
    struct fl_str body;
    if (!http_body(self, web, req, &body)) return;
    struct fl_store_op op = {.kind = FL_STORE_FAIL, .retry_ms = -1};
    if (!http_id(req, &op.id) || http_lease(body, &op.lease) != 0 ||
        http_int(body, "retry_ms", 0, FL_STORE_VISIBILITY_MS_MAX, &op.retry_ms) != 0) {
        fl_web_fail(self, web, 400,
                    "an id in the path and {\"lease\":\"16 hex digits\", \"retry_ms\":number}");
        return;
    }
    struct fl_buf hold = {0};
    struct fl_keeper_answer answer;
    struct fl_str none;
    if (http_ask_one(self, web, &op, 0, &hold, &answer, &none))
        fl_web_respond_json(self, web, 200,
                            answer.dead ? FL_STR("{\"ok\":true,\"dead\":true}")
                                        : FL_STR("{\"ok\":true,\"dead\":false}"));
    fl_buf_fini(&hold);
}

/** Reads {"jobs":[{"id","lease"}, …]} into a request. Returns how many, or -1. */
static int http_read_acks(struct fl_str body, struct fl_buf *request)
{
    struct fl_str rest = fl_jscan_get(body, "jobs"), item;
    if (rest.at == NULL || !fl_jscan_punct(&rest, '[')) return -1;
    int count = 0;
    while (!fl_jscan_punct(&rest, ']')) {
        struct fl_store_op op = {.kind = FL_STORE_ACK, .id = -1};
        if (fl_jscan_take(&rest, &item) != 0 || ++count > FL_STORE_GROUP_MAX ||
            http_int(item, "id", 0, INT64_MAX, &op.id) != 0 || op.id < 0 ||
            http_lease(item, &op.lease) != 0)
            return -1;
        fl_keeper_put(request, &op);
        fl_jscan_punct(&rest, ',');
    }
    return count;
}

static void http_put_results(struct fl_buf *out, const struct fl_keeper_answer *rows, int count)
{
    fl_buf_puts(out, "{\"results\":[");
    for (int i = 0; i < count; i++) {
        const char *words = rows[i].code == 0 ? NULL : fl_code_name(rows[i].code);
        for (size_t k = 0; k < FL_COUNT(http_errors); k++)
            if (http_errors[k].code == rows[i].code) words = http_errors[k].words;
        fl_buf_printf(out, "%s{\"id\":%lld,\"ok\":%s", i > 0 ? "," : "", (long long)rows[i].id,
                      words == NULL ? "true}" : "false,\"error\":");
        if (words != NULL) fl_buf_printf(out, "\"%s\"}", words);
    }
    fl_buf_puts(out, "]}");
}

static void http_ack_many(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req)
{
    struct fl_str body, none;
    if (!http_body(self, web, req, &body)) return;
    struct fl_buf request = {0}, hold = {0}, results = {0};
    int count = http_read_acks(body, &request);
    if (count < 0) {
        fl_buf_fini(&request);
        fl_web_fail(self, web, 400,
                    "{\"jobs\":[{\"id\":1,\"lease\":\"16 hex digits\"}]}, "
                    "at most 1024");
        return;
    }
    const struct fl_keeper_answer *rows = NULL;
    int code = count == 0 ? 0
                          : fl_keeper_ask(self, &request, (size_t)count, 0, &hold, &rows, &none);
    if (code != 0) {
        http_fail(self, web, code);
    } else if (count > 0 && (rows[0].code == FL_EIO || rows[0].code == FL_EFULL)) {
        http_fail(self, web, rows[0].code); /* the commit failed, for all of them */
    } else {
        http_put_results(&results, rows, count);
        fl_web_respond_json(self, web, 200, (struct fl_str){results.at, results.len});
    }
    fl_buf_fini(&hold);
    fl_buf_fini(&results);
}

static void http_stats(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    (void)req;
    struct fl_store_op op = {.kind = FL_STORE_STATS};
    struct fl_buf hold = {0};
    struct fl_keeper_answer answer;
    struct fl_str json;
    if (http_ask_one(self, web, &op, FL_KEEPER_STATS_JSON_MAX, &hold, &answer, &json))
        fl_web_respond_json(self, web, 200, json);
    fl_buf_fini(&hold);
}

static void http_health(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    (void)req;
    struct fl_pid store = fl_whereis(fl_self_node(self), FL_KEEPER_NAME);
    if (fl_pid_eq(store, FL_NO_PID))
        http_fail(self, web, FL_ENOPROC);
    else
        fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

static const char http_page_top[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width,initial-scale=1'><title>Queue</title><link "
    "rel=icon href='data:,'>"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;"
    "max-width:40rem;padding:0 1rem}pre{overflow:auto;padding:1rem;border:1px solid #8884;"
    "border-radius:8px}</style><h1>Queue</h1><p>Jobs that survive a crash. Now:<pre>";
static const char http_page_end[] =
    "</pre><p>The API:<pre>"
    "POST /jobs            {\"key\":\"a\",\"payload\":{}}\n"
    "POST /jobs/lease      {\"max\":16,\"visibility_ms\":5000}\n"
    "POST /jobs/:id/ack    {\"lease\":\"…\"}\n"
    "POST /jobs/:id/fail   {\"lease\":\"…\",\"retry_ms\":1000}\n"
    "POST /jobs/ack        {\"jobs\":[{\"id\":1,\"lease\":\"…\"}]}\n"
    "GET  /stats\n"
    "GET  /health</pre></html>";

static void http_page(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    (void)req;
    struct fl_store_op op = {.kind = FL_STORE_STATS};
    struct fl_buf hold = {0}, page = {0};
    struct fl_keeper_answer answer;
    struct fl_str json;
    if (http_ask_one(self, web, &op, FL_KEEPER_STATS_JSON_MAX, &hold, &answer, &json)) {
        fl_buf_puts(&page, http_page_top);
        fl_buf_add(&page, json.at, json.len);
        fl_buf_puts(&page, http_page_end);
        fl_web_respond(self, web, 200, "text/html; charset=utf-8", page.at, page.len);
    }
    fl_buf_fini(&page);
    fl_buf_fini(&hold);
}

const struct fl_web_route fl_queue_routes[] = {
    {"GET", "/", http_page, NULL},
    {"GET", "/health", http_health, NULL},
    {"GET", "/stats", http_stats, NULL},
    {"POST", "/jobs", http_enqueue, NULL},
    {"POST", "/jobs/lease", http_lease_jobs, NULL},
    {"POST", "/jobs/ack", http_ack_many, NULL},
    {"POST", "/jobs/:id/ack", http_ack, NULL},
    {"POST", "/jobs/:id/fail", http_job_failed, NULL},
    {0},
};
