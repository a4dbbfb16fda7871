#include "services/landing/page.h"

#include <time.h>

#include "services/landing/crash.h"
#include "services/landing/page.live.h"
#include "services/services.h"

#define PAGE_RETRY_NS fl_ms(50)

/* ---- what runs ---- */

/** Reads what runs, and asks to be told when it is another. */
static void page_look(struct fl_live *live, struct fl_page *page)
{
    struct fl_self *self = fl_live_self(live);
    const struct fl_service_opts *opts = fl_live_args(live);
    if (fl_live_is_connected(live) && fl_send_name(self, FL_LIST_NAME, FL_LIST_WATCH, NULL, 0) != 0)
        fl_timer_start(self, PAGE_RETRY_NS, 0); /* it is being started anew */
    cJSON *figures = fl_list_read(self, opts->figures_path);
    if (figures != NULL)
        page->services_count = fl_list_rows(figures, page->services, FL_PAGE_SERVICES_MAX);
    cJSON_Delete(figures);
}

static int page_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    (void)req;
    page_look(live, state);
    if (fl_live_is_connected(live)) fl_monitor_name(fl_live_self(live), FL_LIST_NAME);
    return 0;
}

static void page_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    page_look(live, state);
}

static void page_on_down(struct fl_live *live, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    (void)state, (void)ref, (void)who, (void)reason;
    fl_monitor_name(fl_live_self(live), FL_LIST_NAME);
    fl_timer_start(fl_live_self(live), PAGE_RETRY_NS, 0);
}

/* ---- what was crashed ---- */

static struct fl_page_entry *page_log(struct fl_page *page)
{
    size_t kept = page->log_count < FL_PAGE_LOG_MAX ? page->log_count : FL_PAGE_LOG_MAX - 1;
    memmove(&page->log[1], &page->log[0], kept * sizeof page->log[0]);
    page->log_count = kept + 1;
    struct fl_page_entry *entry = &page->log[0];
    *entry = (struct fl_page_entry){.id = ++page->crashes, .kind = "wait"};
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts) != NULL)
        strftime(entry->at, sizeof entry->at, "%H:%M:%S", &parts);
    snprintf(entry->outcome, sizeof entry->outcome, "crashed …");
    return entry;
}

static void copy_value(const struct fl_live_event *event, const char *key, char *out, size_t max)
{
    struct fl_str value = fl_live_value(event, key);
    snprintf(out, max, "%.*s", FL_ARG(value));
}

static void page_crash(struct fl_live *live, struct fl_page *page, struct fl_crash_order *order)
{
    const struct fl_service_opts *opts = fl_live_args(live);
    struct fl_page_entry *entry = &page->log[0];
    order->id = entry->id;
    order->figures_path = opts->figures_path;
    int code = page->pending < FL_PAGE_PENDING_MAX ? fl_crash_start(fl_live_self(live), order)
                                                   : FL_EFULL;
    if (code == 0) {
        page->pending++;
        return;
    }
    entry->kind = "bad";
    snprintf(entry->outcome, sizeof entry->outcome, "not crashed: %s",
             code == FL_EFULL ? "wait for the others to be back" : fl_code_name(code));
}

static void on_service(struct fl_live *live, struct fl_page *page,
                       const struct fl_live_event *event)
{
    struct fl_crash_order order = {.is_service = true};
    copy_value(event, "instance", order.instance, sizeof order.instance);
    struct fl_page_entry *entry = page_log(page);
    snprintf(entry->what, sizeof entry->what, "%s", order.instance);
    snprintf(entry->more, sizeof entry->more, ", the whole OS process (SIGKILL)");
    page_crash(live, page, &order);
}

static void on_process(struct fl_live *live, struct fl_page *page,
                       const struct fl_live_event *event)
{
    struct fl_crash_order order = {
        .node = (pid_t)fl_live_value_int(event, "node", 2, INT32_MAX, 0)};
    copy_value(event, "pid", order.pid, sizeof order.pid);
    copy_value(event, "parent", order.parent, sizeof order.parent);
    copy_value(event, "id", order.place, sizeof order.place);
    copy_value(event, "name", order.name, sizeof order.name);
    struct fl_page_entry *entry = page_log(page);
    copy_value(event, "label", entry->what, sizeof entry->what);
    snprintf(entry->more, sizeof entry->more, " %s", order.pid);
    page_crash(live, page, &order);
}

static void page_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    if (fl_str_is(event->name, "service")) on_service(live, state, event);
    if (fl_str_is(event->name, "process")) on_process(live, state, event);
}

static void put_span(char *out, size_t max, fl_ns ns)
{
    if (ns < fl_ms(100))
        snprintf(out, max, "back after %.1f ms", (double)ns / 1e6);
    else if (ns < fl_s(1))
        snprintf(out, max, "back after %.0f ms", (double)ns / 1e6);
    else
        snprintf(out, max, "back after %.2f s", (double)ns / 1e9);
}

static void page_on_result(struct fl_page *page, const struct fl_crash_result *result)
{
    page->pending--;
    for (size_t i = 0; i < page->log_count; i++) {
        struct fl_page_entry *entry = &page->log[i];
        if (entry->id != result->id) continue;
        entry->kind = result->is_back ? "took" : "bad";
        if (result->is_back)
            put_span(entry->outcome, sizeof entry->outcome, result->took_ns);
        else
            snprintf(entry->outcome, sizeof entry->outcome, "%s%s",
                     result->is_crashed ? "" : "not crashed: ", result->words);
    }
}

static void page_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct fl_crash_result result;
    if (msg->tag == FL_CRASHED && msg->len == sizeof result) {
        memcpy(&result, msg->data, sizeof result);
        page_on_result(state, &result);
    } else if (msg->tag == FL_LIST_CHANGED) {
        page_look(live, state);
    }
}

const struct fl_live_view fl_page_view = {
    .name = "landing.page",
    .title = "Services",
    .state_bytes = sizeof(struct fl_page),
    .view = &fl_template_landing,
    .on_mount = page_on_mount,
    .on_event = page_on_event,
    .on_message = page_on_message,
    .on_down = page_on_down,
    .on_timer = page_on_timer,
};
