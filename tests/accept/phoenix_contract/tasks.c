#include "tests/accept/phoenix_contract/tasks.h"

#include "tests/accept/phoenix_contract/tasks.live.h"

#define TASKS_WITHIN_NS fl_s(2)
enum { TASKS_TITLE_GOOD = 20 };

static void tasks_show(struct tasks *tasks, const struct task *task, int at)
{
    struct task_item item = {.task = *task};
    snprintf(item.dom_id, sizeof item.dom_id, "tasks-%d", task->id);
    fl_live_stream_put(&tasks->items, item.dom_id, at, &item);
}

/* All of the board's tasks. */
static int tasks_load(struct fl_live *live, struct tasks *tasks)
{
    struct fl_self *self = fl_live_self(live);
    bool is_connected = fl_live_is_connected(live);
    struct task *all = fl_self_alloc(self, TASKS_MAX * sizeof *all);
    size_t len = 0;
    int rc = fl_call_name(self, TASKS_NAME, TASKS_JOIN, "", is_connected ? 0 : 1, all,
                          TASKS_MAX * sizeof *all, &len, TASKS_WITHIN_NS);
    tasks->total = (int)(len / sizeof *all);
    for (int i = 0; rc == 0 && i < tasks->total; i++)
        tasks_show(tasks, &all[i], FL_LIVE_LAST);
    fl_self_free(self, all);
    return rc;
}

static int tasks_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct tasks *tasks = state;
    fl_live_stream_init(live, &tasks->items, sizeof(struct task_item), 0);
    return tasks_load(live, tasks);
}

static void tasks_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct tasks *tasks = state;
    struct tasks_change change;
    if (msg->tag != TASKS_CHANGED || msg->len != sizeof change) return;
    memcpy(&change, msg->data, sizeof change);
    tasks->total = change.total;
    if (change.is_gone) {
        char dom_id[32];
        snprintf(dom_id, sizeof dom_id, "tasks-%d", change.task.id);
        fl_live_stream_drop(&tasks->items, dom_id);
    } else {
        tasks_show(tasks, &change.task, change.at);
    }
}

static void tasks_tell(struct fl_live *live, uint32_t tag, struct fl_str title)
{
    fl_send_name(fl_live_self(live), TASKS_NAME, tag, title.at, title.len);
}

/* What is typed comes back with the page after a rejoin: the client sends the form again, and shows
 * what the answer says. */
static void tasks_keep_draft(struct tasks *tasks, struct fl_str title)
{
    snprintf(tasks->draft, sizeof tasks->draft, "%.*s", FL_ARG(title));
}

static void tasks_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct tasks *tasks = state;
    struct fl_str title = fl_live_value(event, "title");
    int32_t id = (int32_t)fl_live_value_int(event, "id", 1, INT32_MAX, 0);
    struct fl_self *self = fl_live_self(live);
    if (fl_str_is(event->name, "validate")) {
        tasks->is_too_long = title.len > TASKS_TITLE_GOOD;
        tasks_keep_draft(tasks, title);
    } else if (fl_str_is(event->name, "add")) {
        tasks->is_too_long = false;
        tasks_keep_draft(tasks, FL_STR(""));
        tasks_tell(live, TASKS_ADD, title);
    } else if (fl_str_is(event->name, "add_top")) {
        tasks_tell(live, TASKS_ADD_TOP, title);
    } else if (fl_str_is(event->name, "toggle")) {
        fl_send_name(self, TASKS_NAME, TASKS_TOGGLE, &id, sizeof id);
    } else if (fl_str_is(event->name, "delete")) {
        fl_send_name(self, TASKS_NAME, TASKS_DELETE, &id, sizeof id);
    } else if (fl_str_is(event->name, "reload")) {
        fl_live_stream_reset(&tasks->items);
        if (tasks_load(live, tasks) != 0) fl_self_fail(self, FL_ETIMEOUT);
    } else if (fl_str_is(event->name, "crash")) {
        fl_self_fail(self, FL_ESTATE);
    }
}

const struct fl_live_view contract_tasks = {
    .name = "contract.tasks",
    .title = "Tasks",
    .state_bytes = sizeof(struct tasks),
    .view = &fl_template_tasks,
    .on_mount = tasks_on_mount,
    .on_event = tasks_on_event,
    .on_message = tasks_on_message,
};
