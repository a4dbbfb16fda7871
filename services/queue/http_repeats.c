/* http_repeats.c: jobs that come by the calendar. */
#include "services/queue/cron.h"
#include "services/queue/http.h"
#include "services/queue/http_parts.h"
#include "services/wire/jscan.h"

static bool repeats_name(struct http *http, struct fl_str *out)
{
    *out = fl_web_param(http->req, "name");
    if (fl_store_queue_ok(*out)) return true;
    return http_bad(http, "name",
                    "a repeat's name is 1 to 64 letters, digits, dots, dashes or underscores");
}

static bool repeats_cron(struct http *http, struct fl_str *out)
{
    struct fl_cron cron;
    struct fl_err err = {0};
    if (!http_text(http, &http->body, "cron", FL_STORE_KEY_MAX, out)) return false;
    if (out->at == NULL) *out = (struct fl_str){"", 0};
    if (fl_cron_parse(*out, &cron, &err) != 0) return http_bad(http, "cron", err.text);
    if (fl_cron_next(&cron, 0) >= 0) return true;
    return http_bad(http, "cron", "cron: there is no such day");
}

static bool repeats_misfire(struct http *http, int *out)
{
    struct fl_str word;
    if (!http_text(http, &http->body, "misfire", 16, &word)) return false;
    *out = fl_str_is(word, "skip") ? FL_MISFIRE_SKIP : FL_MISFIRE_ONCE;
    if (word.at == NULL || fl_str_is(word, "skip") || fl_str_is(word, "once")) return true;
    return http_bad(http, "misfire", "misfire must be \"once\" or \"skip\"");
}

void fl_queue_http_repeats(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_REPEATS};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        http_ask(&http, &op, FL_KEEPER_REPEATS_JSON_MAX))
        fl_web_respond_json(self, web, 200, http.json);
    http_end(&http);
}

void fl_queue_http_repeat_set(struct fl_self *self, struct fl_web *web,
                              const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_REPEAT_SET};
    if (http_begin(&http, self, web, req, true) && http_queue(&http, &op.queue) &&
        repeats_name(&http, &op.key) && repeats_cron(&http, &op.unique) &&
        repeats_misfire(&http, &op.max) &&
        http_json(&http, &http.body, "payload", FL_STORE_PAYLOAD_MAX, &op.payload) &&
        http_whole(&http, &http.body, "priority", -FL_STORE_PRIORITY_MAX, FL_STORE_PRIORITY_MAX,
                   &op.priority) &&
        http_ask(&http, &op, FL_KEEPER_LIST_JSON_MAX))
        fl_web_respond_json(self, web, http.rows[0].existed ? 200 : 201, http.json);
    http_end(&http);
}

void fl_queue_http_repeat_delete(struct fl_self *self, struct fl_web *web,
                                 const struct fl_web_request *req)
{
    struct http http;
    struct fl_store_op op = {.kind = FL_STORE_REPEAT_DELETE};
    if (http_begin(&http, self, web, req, false) && http_queue(&http, &op.queue) &&
        repeats_name(&http, &op.key) && http_ask(&http, &op, 0))
        http_say(&http, 200, "{\"ok\":true}");
    http_end(&http);
}
