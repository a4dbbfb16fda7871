/* http_queues.c: queues as a whole: what they hold, their settings, lists, figures. */
#include <math.h>

#include "runtime/base/units.h"
#include "services/queue/http.h"
#include "services/queue/http_parts.h"
#include "services/queue/pool.h"
#include "services/wire/jscan.h"

/** The largest queues are requeued and purged in so many steps of FL_STORE_STEPS_MAX at most. */
#define QUEUES_STEPS_MAX 2000

void fl_queue_http_queues(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_QUEUES};
    if (http_begin(&http, self, web, req, false) && http_ask(&http, &op, FL_KEEPER_QUEUES_JSON_MAX))
        fl_web_respond_json(self, web, 200, http.json);
    http_end(&http);
}

void fl_queue_http_metrics(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_QUEUES, .form = FL_FORM_METRICS};
    if (http_begin(&http, self, web, req, false) && http_ask(&http, &op, FL_KEEPER_QUEUES_JSON_MAX))
        fl_web_respond(self, web, 200, "text/plain; version=0.0.4; charset=utf-8", http.json.at,
                       http.json.len);
    http_end(&http);
}

void fl_queue_http_queue(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_STATS};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        http_ask(&http, &op, FL_KEEPER_QUEUE_JSON_MAX))
        fl_web_respond_json(self, web, 200, http.json);
    http_end(&http);
}

void fl_queue_http_stats(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_STATS, .form = FL_FORM_STATS};
    if (http_begin(&http, self, web, req, false)) {
        http_put(&http, &op);
        if (http_ask_some(&http, 1, FL_KEEPER_QUEUE_JSON_MAX, op.kind)) {
            int code = http.rows[0].code;
            if (code == FL_ENOTFOUND) /* it is there from the first job on */
                http_say(&http, 200,
                         "{\"ready\":0,\"leased\":0,\"delayed\":0,\"done\":0,\"dead\":0}");
            else if (code != 0)
                http_fail(&http, code, op.kind);
            else
                fl_web_respond_json(self, web, 200, http.json);
        }
    }
    http_end(&http);
}

/** A number with a fraction, as thousandths. */
static bool queues_thousandths(struct fl_str raw, int64_t *out)
{
    char text[40];
    if (raw.len == 0 || raw.len >= sizeof text || raw.at[0] == '"') return false;
    memcpy(text, raw.at, raw.len);
    text[raw.len] = '\0';
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0' || !(value >= 0 && value <= 1e15)) return false;
    *out = (int64_t)llround(value * 1000);
    return true;
}

static bool queues_read_setting(struct http *http, int which, struct fl_queue_change *change)
{
    const struct fl_queue_setting *row = &fl_queue_settings[which];
    struct fl_str raw = http_get(&http->body, row->name);
    int64_t *value = &change->to.values[which];
    if (raw.at == NULL) return true;
    change->has[which] = true;
    if (row->kind == FL_SETTING_INT)
        return http_whole(http, &http->body, row->name, row->least, row->most, value);
    char words[128];
    if (row->kind == FL_SETTING_BOOL) {
        *value = fl_str_is(raw, "true");
        if (*value || fl_str_is(raw, "false")) return true;
        snprintf(words, sizeof words, "%s must be true or false", row->name);
    } else {
        if (queues_thousandths(raw, value) && *value <= row->most) return true;
        snprintf(words, sizeof words, "%s must be a number from 0 to %lld", row->name,
                 (long long)(row->most / 1000));
    }
    return http_bad(http, row->name, words);
}

static bool queues_read_handler(struct http *http, struct fl_queue_change *change)
{
    struct fl_str name;
    struct fl_str raw = http_get(&http->body, "handler");
    if (raw.at == NULL) return true;
    if (!http_text(http, &http->body, "handler", FL_HANDLER_NAME_MAX, &name)) return false;
    if (name.at != NULL && fl_pool_handler_find(name) == NULL) {
        struct fl_buf words = {0}; /* nothing blocks before it is freed */
        fl_buf_puts(&words, "handler must be null or one of");
        for (const struct fl_pool_handler *row = fl_pool_handlers; row->name != NULL; row++)
            fl_buf_printf(&words, " %s", row->name);
        http_bad(http, "handler", words.at);
        fl_buf_fini(&words);
        return false;
    }
    change->has_handler = true;
    snprintf(change->to.handler, sizeof change->to.handler, "%.*s", FL_ARG(name));
    return true;
}

static void queues_change(struct http *http, const struct fl_queue_change *change)
{
    struct fl_store_op op = {.kind = FL_STORE_QUEUE_SET, .change = *change};
    if (http_queue(http, &op.queue) && http_ask(http, &op, FL_KEEPER_QUEUE_JSON_MAX))
        fl_web_respond_json(http->self, http->web, 200, http->json);
}

void fl_queue_http_queue_set(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req)
{
    struct http http;
    struct fl_queue_change change = {0};
    bool good = http_begin(&http, self, web, req, false);
    for (int i = 0; i < FL_SET_COUNT && good; i++)
        good = queues_read_setting(&http, i, &change);
    if (good && queues_read_handler(&http, &change)) queues_change(&http, &change);
    http_end(&http);
}

static void queues_pause(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req,
                         bool on)
{
    struct http http;
    struct fl_queue_change change = {0};
    change.has[FL_SET_PAUSED] = true;
    change.to.values[FL_SET_PAUSED] = on;
    if (http_begin(&http, self, web, req, false)) queues_change(&http, &change);
    http_end(&http);
}

void fl_queue_http_pause(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    queues_pause(self, web, req, true);
}

void fl_queue_http_resume(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req)
{
    queues_pause(self, web, req, false);
}

void fl_queue_http_queue_delete(struct fl_self *self, struct fl_web *web,
                                const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_QUEUE_DELETE};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true}");
    http_end(&http);
}

/** `after` is what the page before called next: RANK.ID. */
static bool queues_read_after(struct http *http, struct fl_store_op *op)
{
    struct fl_str rest = fl_web_query(http->req, "after");
    if (rest.at == NULL) return true;
    struct fl_str rank = fl_str_cut(&rest, '.');
    if (fl_parse_int(rank, INT64_MIN, INT64_MAX, &op->after_rank, NULL) == 0 &&
        fl_parse_int(rest, 1, INT64_MAX, &op->after_id, NULL) == 0)
        return true;
    return http_bad(http, "after", "?after= must be the `next` of the page before");
}

void fl_queue_http_list(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_LIST};
    int64_t limit = 50;
    bool good = http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
                http_state(&http, &op.state) && queues_read_after(&http, &op);
    if (good && fl_web_query_int(req, "limit", 1, FL_STORE_PAGE_MAX, 50, &limit) != 0)
        good = http_bad(&http, "limit", "?limit= must be a whole number from 1 to 200");
    op.max = (int)limit;
    if (good && http_ask(&http, &op, FL_KEEPER_LIST_JSON_MAX))
        fl_web_respond_json(self, web, 200, http.json);
    http_end(&http);
}

/** Does a bounded step again until nothing is left: each is a commit of its own, so that others
 * get their turn in between. */
static void queues_step(struct http *http, struct fl_store_op *op, const char *done)
{
    long long count = 0;
    for (int i = 0; i < QUEUES_STEPS_MAX; i++) {
        if (!http_ask(http, op, 0)) return;
        count += http->rows[0].count;
        op->after_rank = http->rows[0].next_rank;
        op->after_id = http->rows[0].next_id;
        if (!http->rows[0].is_more) break;
    }
    http_say(http, 200, "{\"%s\":%lld}", done, count);
}

void fl_queue_http_requeue_all(struct fl_self *self, struct fl_web *web,
                               const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_REQUEUE_ALL};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue))
        queues_step(&http, &op, "requeued");
    http_end(&http);
}

void fl_queue_http_purge(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_PURGE};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        http_state(&http, &op.state))
        queues_step(&http, &op, "deleted");
    http_end(&http);
}
