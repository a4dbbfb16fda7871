/* board_queue.c: the page of one queue: its figures, its jobs, what can be done to them. */
#include "runtime/base/rng.h"
#include "runtime/base/units.h"
#include "services/queue/board.h"
#include "services/queue/board_queue.live.h"
#include "services/queue/notices.h"
#include "services/wire/jscan.h"

#define PAGE_SECOND_NS fl_s(1)
#define PAGE_AGAIN_NS fl_ms(200)
#define PAGE_REFRESH_NS fl_ms(300) /* between two lists of the jobs, at least */
#define PAGE_STEPS_MAX 2000        /* as over HTTP */

enum { PAGE_SECOND = 1, PAGE_AGAIN, PAGE_REFRESH };

/* ---- the list of jobs ---- */

static bool page_is_in(const struct board_job *rows, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].id == id) return true;
    return false;
}

static const struct board_shown *page_shown(const struct board_page *page, int64_t id)
{
    for (size_t i = 0; i < page->shown_count; i++)
        if (page->shown[i].id == id) return &page->shown[i];
    return NULL;
}

/** Tells the page what differs from what it shows. */
static void page_show_jobs(struct board_page *page, const struct board_job *rows, size_t count)
{
    for (size_t i = 0; i < page->shown_count; i++) {
        char dom_id[32];
        if (page_is_in(rows, count, page->shown[i].id)) continue;
        snprintf(dom_id, sizeof dom_id, "job-%lld", (long long)page->shown[i].id);
        fl_live_stream_drop(&page->jobs, dom_id);
    }
    struct board_shown now[BOARD_JOBS_MAX];
    for (size_t i = 0; i < count; i++) {
        now[i] = (struct board_shown){rows[i].id, fl_hash_bytes(&rows[i], sizeof rows[i])};
        const struct board_shown *was = page_shown(page, rows[i].id);
        if (was == NULL || was->hash != now[i].hash)
            fl_live_stream_put(&page->jobs, rows[i].dom_id, (int)i, &rows[i]);
    }
    memcpy(page->shown, now, count * sizeof now[0]);
    page->shown_count = count;
    int64_t all = page->info.jobs[page->state];
    page->beyond = all > (int64_t)count ? all - (int64_t)count : 0;
}

static void page_list(struct fl_live *live, struct board_page *page)
{
    struct fl_self *self = fl_live_self(live);
    struct board_job *rows = fl_self_alloc(self, BOARD_JOBS_MAX * sizeof *rows);
    size_t count;
    int code = board_read_jobs(self, page->name, page->state, rows, &count);
    if (code == 0 || code == FL_ENOTFOUND) page_show_jobs(page, rows, count);
    page->is_stale = code != 0 && code != FL_ENOTFOUND;
    fl_self_free(self, rows);
}

/** Another state is listed: nothing of before is left. */
static void page_list_anew(struct fl_live *live, struct board_page *page)
{
    fl_live_stream_reset(&page->jobs);
    page->shown_count = 0;
    page_list(live, page);
}

static void page_refresh_soon(struct fl_live *live, struct board_page *page)
{
    page->is_stale = true;
    if (page->refreshes) return;
    page->refreshes = true;
    fl_timer_start(fl_live_self(live), PAGE_REFRESH_NS, PAGE_REFRESH);
}

/* ---- the queue ---- */

static void page_take(struct board_page *page, const struct fl_queue_info *info)
{
    page->is_there = true;
    page->info = *info;
    snprintf(page->rate, sizeof page->rate, "%.12g",
             (double)info->config.values[FL_SET_RATE] / 1000);
}

static void page_read(struct fl_live *live, struct board_page *page)
{
    struct fl_buf hold = {0};
    size_t count;
    int code = board_read_queues(fl_live_self(live), page->name, &hold, &count);
    if (code == 0) page_take(page, (const void *)hold.at);
    if (code == FL_ENOTFOUND) {
        page->is_there = false;
        page->info = (struct fl_queue_info){0};
        fl_queue_config_init(&page->info.config);
    }
    fl_buf_fini(&hold);
    if (code == 0 || code == FL_ENOTFOUND) return;
    board_say(&page->said, true, "the store does not answer; trying again");
    if (fl_live_is_connected(live)) fl_timer_start(fl_live_self(live), PAGE_AGAIN_NS, PAGE_AGAIN);
}

static void page_listen(struct fl_live *live, struct board_page *page)
{
    if (fl_notices_subscribe(fl_live_self(live), "*") != 0)
        fl_timer_start(fl_live_self(live), PAGE_AGAIN_NS, PAGE_AGAIN);
    else
        page_read(live, page);
}

static int page_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct board_page *page = state;
    struct fl_str name = fl_live_param(req, "queue");
    if (!fl_store_queue_ok(name)) return FL_ENOTFOUND;
    snprintf(page->name, sizeof page->name, "%.*s", FL_ARG(name));
    fl_live_title(live, page->name);
    fl_live_stream_init(live, &page->jobs, sizeof(struct board_job), 0);
    page->state = FL_JOB_READY;
    snprintf(page->form.payload, sizeof page->form.payload, "{}");
    if (fl_live_is_connected(live)) {
        fl_timer_start(fl_live_self(live), PAGE_SECOND_NS, PAGE_SECOND);
        page_listen(live, page);
    } else {
        page_read(live, page);
    }
    return 0;
}

static void page_on_params(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct board_page *page = state;
    page->state = FL_JOB_READY;
    fl_job_state_of(fl_live_query(req, "state"), &page->state);
    page->said = (struct board_said){0};
    page_list_anew(live, page);
}

static void page_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct board_page *page = state;
    bool is_mine = false;
    if (msg->tag != FL_NOTICES_CHANGED) return;
    for (size_t at = 0; at + sizeof(struct fl_queue_news) <= msg->len;
         at += sizeof(struct fl_queue_news)) {
        struct fl_queue_news news;
        memcpy(&news, (const char *)msg->data + at, sizeof news);
        if (strcmp(news.info.name, page->name) != 0) continue;
        is_mine = true;
        page_take(page, &news.info);
        page->in.counted += news.added[FL_TOTAL_ENQUEUED];
        page->out.counted += news.added[FL_TOTAL_DONE];
        page->failed.counted += news.added[FL_TOTAL_FAILED] + news.added[FL_TOTAL_DEAD];
    }
    if (is_mine)
        page_refresh_soon(live, page);
    else
        fl_live_unchanged(live);
}

/* ---- lines of the past ---- */

static void page_push_past(int64_t past[BOARD_SPARK_S], int64_t value)
{
    memmove(past, past + 1, (BOARD_SPARK_S - 1) * sizeof past[0]);
    past[BOARD_SPARK_S - 1] = value;
}

/** Points in a field of 590 by 100, the latest at the right. */
static void page_line(const int64_t past[BOARD_SPARK_S], int64_t highest, char *out, size_t max)
{
    size_t len = 0;
    for (int i = 0; i < BOARD_SPARK_S && len + 12 < max; i++)
        len += (size_t)snprintf(out + len, max - len, "%s%d,%lld", i > 0 ? " " : "", i * 10,
                                (long long)(98 - past[i] * 94 / highest));
}

static void page_second(struct board_page *page)
{
    board_rate_turn(&page->in);
    board_rate_turn(&page->out);
    board_rate_turn(&page->failed);
    page_push_past(page->in_past, page->in.per_s);
    page_push_past(page->out_past, page->out.per_s);
    page->highest = 1;
    for (int i = 0; i < BOARD_SPARK_S; i++) {
        if (page->in_past[i] > page->highest) page->highest = page->in_past[i];
        if (page->out_past[i] > page->highest) page->highest = page->out_past[i];
    }
    page_line(page->in_past, page->highest, page->in_line, sizeof page->in_line);
    page_line(page->out_past, page->highest, page->out_line, sizeof page->out_line);
}

static void page_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref;
    struct board_page *page = state;
    if (tag == PAGE_SECOND) {
        fl_timer_start(fl_live_self(live), PAGE_SECOND_NS, PAGE_SECOND);
        page_second(page);
    } else if (tag == PAGE_AGAIN) {
        page->said = (struct board_said){0};
        page_listen(live, page);
        page_refresh_soon(live, page);
    } else if (tag == PAGE_REFRESH) {
        page->refreshes = false;
        page_list(live, page);
        if (page->is_stale) page_refresh_soon(live, page);
    }
}

static void page_on_down(struct fl_live *live, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    (void)state, (void)ref, (void)who, (void)reason;
    fl_timer_start(fl_live_self(live), PAGE_AGAIN_NS, PAGE_AGAIN);
}

/* ---- what people do ---- */

static void page_keep(char *out, size_t max, struct fl_str text)
{
    snprintf(out, max, "%.*s", FL_ARG(text));
}

/** Reads the form, and says what is wrong with it. True: it is a job. */
static bool page_read_form(struct board_page *page, const struct fl_live_event *event,
                           struct fl_store_op *op)
{
    struct board_form *form = &page->form;
    struct fl_str payload = fl_live_value(event, "payload"), key = fl_live_value(event, "key");
    struct fl_str delay = fl_live_value(event, "delay");
    struct fl_str priority = fl_live_value(event, "priority");
    page_keep(form->payload, sizeof form->payload, payload);
    page_keep(form->key, sizeof form->key, key);
    page_keep(form->delay, sizeof form->delay, delay);
    page_keep(form->priority, sizeof form->priority, priority);
    fl_ns delay_ns = 0;
    bool delay_ok = delay.len == 0 || fl_parse_duration(delay, &delay_ns, NULL) == 0;
    delay_ok = delay_ok && delay_ns >= 0 && delay_ns <= fl_ms(FL_STORE_DELAY_MS_MAX);
    bool priority_ok = priority.len == 0 ||
                       fl_parse_int(priority, -FL_STORE_PRIORITY_MAX, FL_STORE_PRIORITY_MAX,
                                    &op->priority, NULL) == 0;
    bool payload_ok = payload.len <= BOARD_PAYLOAD_MAX && fl_jscan_ok(payload);
    form->payload_wrong = payload.len > BOARD_PAYLOAD_MAX ? "too long for this form; use the API"
                          : payload_ok                    ? NULL
                                       : "this is not JSON; try {\"to\": \"ana\"}";
    form->key_wrong = key.len <= FL_STORE_KEY_MAX ? NULL : "256 bytes at most";
    form->delay_wrong = delay_ok ? NULL : "a time such as 30s or 2h, a year at most";
    form->priority_wrong = priority_ok ? NULL : "a whole number from -1000 to 1000";
    op->payload = payload;
    if (key.len > 0) op->key = key;
    op->delay_ms = delay_ns / FL_NS_PER_MS;
    return payload_ok && form->key_wrong == NULL && delay_ok && priority_ok;
}

static void page_enqueue(struct fl_live *live, struct board_page *page,
                         const struct fl_live_event *event)
{
    struct fl_store_op op = {.kind = FL_STORE_ENQUEUE, .queue = fl_str_of(page->name)};
    if (!page_read_form(page, event, &op)) return;
    if (board_do(fl_live_self(live), &op, &page->said, "enqueued", NULL)) page->form.key[0] = '\0';
}

static void page_change(struct fl_live *live, struct board_page *page,
                        const struct fl_queue_change *change, const char *good)
{
    struct fl_store_op op = {
        .kind = FL_STORE_QUEUE_SET, .queue = fl_str_of(page->name), .change = *change};
    if (board_do(fl_live_self(live), &op, &page->said, good, NULL)) page_read(live, page);
}

static void page_set_paused(struct fl_live *live, struct board_page *page, bool on)
{
    struct fl_queue_change change = {0};
    change.has[FL_SET_PAUSED] = true;
    change.to.values[FL_SET_PAUSED] = on;
    page_change(live, page, &change, on ? "paused: no leases are given" : "leases are given again");
}

/** The settings that the page has fields for. */
static void page_save(struct fl_live *live, struct board_page *page,
                      const struct fl_live_event *event)
{
    static const enum fl_queue_setting_id fields[] = {FL_SET_CONCURRENCY, FL_SET_ATTEMPTS_MAX,
                                                      FL_SET_VISIBILITY_MS, FL_SET_WORKERS};
    struct fl_queue_change change = {0};
    struct fl_str handler = fl_live_value(event, "handler"), rate = fl_live_value(event, "rate");
    for (size_t i = 0; i < FL_COUNT(fields); i++) {
        const struct fl_queue_setting *row = &fl_queue_settings[fields[i]];
        change.has[fields[i]] = true;
        if (fl_parse_int(fl_live_value(event, row->name), row->least, row->most,
                         &change.to.values[fields[i]], NULL) == 0)
            continue;
        board_say(&page->said, true, "%s must be a whole number from %lld to %lld", row->name,
                  (long long)row->least, (long long)row->most);
        return;
    }
    char text[24], *end;
    page_keep(text, sizeof text, rate);
    double per_s = strtod(text, &end);
    if (*end != '\0' || !(per_s >= 0 && per_s <= 1e6)) {
        board_say(&page->said, true, "rate must be a number from 0 to 1000000");
        return;
    }
    change.has[FL_SET_RATE] = change.has_handler = true;
    change.to.values[FL_SET_RATE] = (int64_t)(per_s * 1000 + 0.5);
    if (fl_pool_handler_find(handler) != NULL)
        page_keep(change.to.handler, sizeof change.to.handler, handler);
    page_change(live, page, &change, "saved");
}

static void page_one_job(struct fl_live *live, struct board_page *page,
                         const struct fl_live_event *event, enum fl_store_op_kind kind,
                         const char *verb)
{
    struct fl_store_op op = {.kind = kind, .id = fl_live_value_int(event, "id", 1, INT64_MAX, 0)};
    char good[64];
    snprintf(good, sizeof good, "job %lld %s", (long long)op.id, verb);
    if (board_do(fl_live_self(live), &op, &page->said, good, NULL)) page_list(live, page);
}

/** All jobs of the state that is listed, or all dead ones, in steps. */
static void page_all_jobs(struct fl_live *live, struct board_page *page, enum fl_store_op_kind kind,
                          const char *verb)
{
    struct fl_store_op op = {.kind = kind, .queue = fl_str_of(page->name), .state = page->state};
    int64_t all = 0, count = FL_STORE_STEPS_MAX;
    for (int i = 0; i < PAGE_STEPS_MAX && count == FL_STORE_STEPS_MAX; i++) {
        if (!board_do(fl_live_self(live), &op, &page->said, "", &count)) return;
        all += count;
    }
    board_say(&page->said, false, "%lld %s %s", (long long)all, all == 1 ? "job" : "jobs", verb);
    page_list(live, page);
}

static void page_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct board_page *page = state;
    struct fl_store_op scratch = {0};
    if (fl_str_is(event->name, "check"))
        page_read_form(page, event, &scratch);
    else if (fl_str_is(event->name, "enqueue"))
        page_enqueue(live, page, event);
    else if (fl_str_is(event->name, "retry"))
        page_one_job(live, page, event, FL_STORE_REQUEUE, "is ready again");
    else if (fl_str_is(event->name, "delete"))
        page_one_job(live, page, event, FL_STORE_DELETE, "is deleted");
    else if (fl_str_is(event->name, "requeue_all"))
        page_all_jobs(live, page, FL_STORE_REQUEUE_ALL, "ready again");
    else if (fl_str_is(event->name, "purge") && page->state != FL_JOB_LEASED)
        page_all_jobs(live, page, FL_STORE_PURGE, "deleted");
    else if (fl_str_is(event->name, "pause"))
        page_set_paused(live, page, true);
    else if (fl_str_is(event->name, "resume"))
        page_set_paused(live, page, false);
    else if (fl_str_is(event->name, "save"))
        page_save(live, page, event);
}

const struct fl_live_view fl_board_queue_view = {
    .name = "queue.board.queue",
    .state_bytes = sizeof(struct board_page),
    .view = &fl_template_board_queue,
    .on_mount = page_on_mount,
    .on_params = page_on_params,
    .on_event = page_on_event,
    .on_message = page_on_message,
    .on_down = page_on_down,
    .on_timer = page_on_timer,
};
