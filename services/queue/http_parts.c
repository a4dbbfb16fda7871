#include "services/queue/http_parts.h"

#include <stdarg.h>

#include "runtime/base/json.h"
#include "runtime/base/units.h"
#include "services/wire/jscan.h"

/** What an error value is over HTTP. 503 and 507: it did not happen. 504: it may have happened.
 * kind 0: whatever was asked. */
static const struct {
    int code, kind, status;
    const char *words, *retry_after;
} http_errors[] = {
    {FL_ENOTFOUND, FL_STORE_STATS, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_LIST, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_REQUEUE_ALL, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_PURGE, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_QUEUE_DELETE, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_REPEATS, 404, "no such queue", NULL},
    {FL_ENOTFOUND, FL_STORE_REPEAT_DELETE, 404, "no such repeat", NULL},
    {FL_ENOTFOUND, 0, 404, "no such job", NULL},
    {FL_EREFUSED, FL_STORE_REQUEUE, 409, "only dead and scheduled jobs can be requeued", NULL},
    {FL_EREFUSED, FL_STORE_DELETE, 409, "the job is leased; wait for its worker or its lease's end",
     NULL},
    {FL_EREFUSED, FL_STORE_PURGE, 409, "leased jobs cannot be purged", NULL},
    {FL_EREFUSED, FL_STORE_QUEUE_DELETE, 409,
     "the queue has jobs or workers; purge its jobs and set workers to 0 first", NULL},
    {FL_EREFUSED, 0, 409, "lease lost", NULL},
    {FL_ETAKEN, 0, 409, "another job holds this unique key", NULL},
    {FL_ERANGE, 0, 400, "a value is outside its limits", NULL},
    {FL_EBADMSG, 0, 400, "this is not what the API expects", NULL},
    {FL_EFULL, FL_STORE_QUEUE_SET, 429, "there are as many queues as there may be", "60"},
    {FL_EFULL, FL_STORE_REPEAT_SET, 429, "there are as many repeats or queues as there may be",
     "60"},
    {FL_EFULL, 0, 429, "the queue is full", "1"},
    {FL_STORE_EDISK, 0, 507, "the disk is full; it did not happen", "5"},
    {FL_ESTATE, 0, 503, "storage failed; it did not happen", "1"},
    {FL_EIO, 0, 504, "storage failed; it may have happened", NULL},
    {FL_ENOPROC, 0, 503, "the store is starting", "1"},
    {FL_EDIED, 0, 504, "the store ended before it answered", NULL},
    {FL_ETIMEOUT, 0, 504, "the store did not answer in time", NULL},
};

static size_t http_error_row(int code, enum fl_store_op_kind kind)
{
    size_t i = 0;
    while (i < FL_COUNT(http_errors) &&
           !(http_errors[i].code == code &&
             (http_errors[i].kind == 0 || http_errors[i].kind == (int)kind)))
        i++;
    return i;
}

const char *http_words(int code, enum fl_store_op_kind kind)
{
    size_t row = http_error_row(code, kind);
    return row < FL_COUNT(http_errors) ? http_errors[row].words : fl_code_name(code);
}

bool http_fail(struct http *http, int code, enum fl_store_op_kind kind)
{
    size_t row = http_error_row(code, kind);
    bool is_known = row < FL_COUNT(http_errors);
    if (is_known && http_errors[row].retry_after != NULL)
        fl_web_set_header(http->web, "Retry-After", http_errors[row].retry_after);
    fl_web_fail(http->self, http->web, is_known ? http_errors[row].status : 503,
                http_words(code, kind));
    return false;
}

bool http_bad(struct http *http, const char *field, const char *words)
{
    struct fl_buf json = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&json, "{\"error\":");
    fl_json_put_str(&json, fl_str_of(words));
    fl_buf_puts(&json, ",\"field\":");
    fl_json_put_str(&json, fl_str_of(field));
    fl_buf_puts(&json, "}\n");
    fl_web_respond_json(http->self, http->web, 400, (struct fl_str){json.at, json.len});
    fl_buf_fini(&json);
    return false;
}

bool http_scan(struct http_members *members, struct fl_str text)
{
    struct fl_str rest = text;
    members->object = text;
    members->count = 0;
    members->is_odd = false;
    if (!fl_jscan_punct(&rest, '{')) return false;
    bool ends = fl_jscan_punct(&rest, '}');
    while (!ends) {
        struct fl_str name, value;
        if (fl_jscan_take(&rest, &name) != 0 || name.len < 2 || name.at[0] != '"' ||
            !fl_jscan_punct(&rest, ':') || fl_jscan_take(&rest, &value) != 0)
            return false;
        members->is_odd |= members->count == HTTP_MEMBERS_MAX ||
                           memchr(name.at, '\\', name.len) != NULL;
        if (members->count < HTTP_MEMBERS_MAX) {
            members->at[members->count].name = (struct fl_str){name.at + 1, name.len - 2};
            members->at[members->count++].value = value;
        }
        ends = fl_jscan_punct(&rest, '}');
        if (!ends && !fl_jscan_punct(&rest, ',')) return false;
    }
    return fl_str_trim(rest).len == 0;
}

struct fl_str http_get(const struct http_members *object, const char *name)
{
    if (object->is_odd) return fl_jscan_get(object->object, name);
    for (size_t i = object->count; i-- > 0;) /* the last one, when it comes twice */
        if (fl_str_is(object->at[i].name, name)) return object->at[i].value;
    return (struct fl_str){0};
}

bool http_begin(struct http *http, struct fl_self *self, struct fl_web *web,
                const struct fl_web_request *req, bool body_wanted)
{
    http->self = self; /* not zeroed as a whole: it is large */
    http->web = web;
    http->req = req;
    http->texts = http->request = http->hold = (struct fl_buf){0};
    http->rows = NULL;
    struct fl_str body = req->body.len == 0 && !body_wanted ? FL_STR("{}") : req->body;
    if (!http_scan(&http->body, body) || !fl_utf8_ok(body.at, body.len)) {
        fl_web_fail(self, web, 400, "the body must be a JSON object in UTF-8");
        return false;
    }
    /* a decoded text is never longer than its JSON */
    if (req->body.len > 0) fl_buf_reserve(&http->texts, req->body.len);
    return true;
}

void http_end(struct http *http)
{
    fl_buf_fini(&http->texts);
    fl_buf_fini(&http->request);
    fl_buf_fini(&http->hold);
}

bool http_whole(struct http *http, const struct http_members *object, const char *name,
                int64_t least, int64_t most, int64_t *out)
{
    struct fl_str raw = http_get(object, name);
    if (raw.at == NULL || fl_parse_int(raw, least, most, out, NULL) == 0) return true;
    char words[160];
    snprintf(words, sizeof words, "%s must be a whole number from %lld to %lld", name,
             (long long)least, (long long)most);
    return http_bad(http, name, words);
}

bool http_text(struct http *http, const struct http_members *object, const char *name, size_t max,
               struct fl_str *out)
{
    struct fl_str raw = http_get(object, name);
    *out = (struct fl_str){0};
    if (raw.at == NULL || fl_str_is(raw, "null")) return true;
    size_t before = http->texts.len;
    int rc = fl_jscan_text(raw, &http->texts);
    size_t len = http->texts.len - before;
    *out = (struct fl_str){http->texts.at + before, len};
    if (rc == 0 && len >= 1 && len <= max) return true;
    char words[160];
    snprintf(words, sizeof words, "%s must be a text of 1 to %zu bytes", name, max);
    return http_bad(http, name, words);
}

bool http_json(struct http *http, const struct http_members *object, const char *name, size_t max,
               struct fl_str *out)
{
    *out = http_get(object, name);
    if (out->len <= max) return true;
    char words[96];
    snprintf(words, sizeof words, "%s is larger than %zu KiB", name, max / 1024);
    fl_web_fail(http->self, http->web, 413, words);
    return false;
}

bool http_lease(struct http *http, const struct http_members *object, uint64_t *out)
{
    static const char words[] = "lease must be the 16 hexadecimal digits that the lease brought";
    static const char digits[16] = "0123456789abcdef";
    struct fl_str raw = http_get(object, "lease");
    if (raw.len != 18 || raw.at[0] != '"') return http_bad(http, "lease", words);
    *out = 0;
    for (size_t i = 1; i < 17; i++) {
        const char *digit = memchr(digits, raw.at[i], sizeof digits);
        if (digit == NULL) return http_bad(http, "lease", words);
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

bool http_id(struct http *http, int64_t *out)
{
    if (fl_parse_int(fl_web_param(http->req, "id"), 0, INT64_MAX, out, NULL) == 0) return true;
    return http_bad(http, "id", "the id in the path must be a whole number");
}

bool http_queue(struct http *http, struct fl_str *out)
{
    *out = fl_web_param(http->req, "queue");
    if (out->at == NULL || fl_store_queue_ok(*out)) return true;
    return http_bad(http, "queue",
                    "a queue's name is 1 to 64 letters, digits, dots, dashes or underscores");
}

bool http_state(struct http *http, enum fl_job_state *out)
{
    if (fl_job_state_of(fl_web_query(http->req, "state"), out)) return true;
    return http_bad(http, "state", "?state= must be scheduled, ready, leased, done or dead");
}

void http_put(struct http *http, const struct fl_store_op *op)
{
    fl_keeper_put(&http->request, op);
}

bool http_ask_some(struct http *http, size_t count, size_t json_max, enum fl_store_op_kind kind)
{
    fl_buf_fini(&http->texts); /* they are in the request; and should I be killed, nobody else's */
    fl_buf_fini(&http->hold);
    http->rows = NULL;
    int code = fl_keeper_ask(http->self, &http->request, count, json_max, &http->hold, &http->rows,
                             &http->json);
    if (code == 0) return true;
    if (code != FL_EFULL) return http_fail(http, code, kind);
    fl_web_set_header(http->web, "Retry-After", "1");
    fl_web_fail(http->self, http->web, 503, "the store has too much to do");
    return false;
}

bool http_ask(struct http *http, const struct fl_store_op *op, size_t json_max)
{
    enum fl_store_op_kind kind = op->kind;
    http_put(http, op);
    if (!http_ask_some(http, 1, json_max, kind)) return false;
    return http->rows[0].code == 0 || http_fail(http, http->rows[0].code, kind);
}

bool http_ask_all(struct http *http, size_t count, enum fl_store_op_kind kind)
{
    if (count == 0) return true;
    if (!http_ask_some(http, count, 0, kind)) return false;
    /* when the commit failed, it did so for all of them */
    int code = http->rows[0].code;
    bool is_lost = code == FL_EIO || code == FL_ESTATE || code == FL_STORE_EDISK;
    return !is_lost || http_fail(http, code, kind);
}

void http_say(struct http *http, int status, const char *format, ...)
{
    char json[512];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    fl_web_respond_json(http->self, http->web, status, fl_str_of(json));
}
