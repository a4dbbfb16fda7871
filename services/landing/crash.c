#include "services/landing/crash.h"

#include <signal.h>

#include "services/landing/list.h"
#include "services/look/look.h"

#define ASK_WITHIN fl_s(12)
#define HEAL_WITHIN fl_s(20)
#define LOOK_AGAIN fl_ms(1)
#define READ_AGAIN fl_ms(10)

/* ---- one process of a node ---- */

static const char *pid_among(const cJSON *children, const char *id)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, children)
    {
        const char *own_id = fl_json_text(one, "id", fl_json_text(one, "name", ""));
        if (own_id[0] != '\0' && strcmp(own_id, id) == 0) return fl_json_text(one, "pid", NULL);
    }
    return NULL;
}

const char *fl_crash_find(const cJSON *tree, const char *parent, const char *id)
{
    if (parent[0] == '\0') return pid_among(tree, id);
    const cJSON *one;
    cJSON_ArrayForEach(one, tree)
    {
        const cJSON *children = cJSON_GetObjectItemCaseSensitive(one, "children");
        if (children == NULL) continue;
        bool is_parent = strcmp(fl_json_text(one, "pid", ""), parent) == 0;
        const char *found = is_parent ? pid_among(children, id)
                                      : fl_crash_find(children, parent, id);
        if (is_parent || found != NULL) return found;
    }
    return NULL;
}

static int ask(struct fl_self *self, pid_t node, const char *op, const char *name, cJSON **out)
{
    char fields[256];
    struct fl_buf text = {0};
    fl_buf_printf(&text, "\"op\":\"%s\",\"name\":", op);
    fl_json_put_str(&text, fl_str_of(name));
    snprintf(fields, sizeof fields, "%s", text.at);
    fl_buf_fini(&text); /* nothing of ours may be there while it waits */
    return fl_look_ask(self, node, fields, out, ASK_WITHIN);
}

/** Is somebody else at its place? */
static bool is_back(struct fl_self *self, const struct fl_crash_order *order)
{
    cJSON *answer = NULL;
    const char *now = NULL;
    if (order->name[0] != '\0' && ask(self, order->node, "process", order->name, &answer) == 0)
        now = fl_json_text(cJSON_GetObjectItemCaseSensitive(answer, "process"), "pid", NULL);
    else if (order->name[0] == '\0' && ask(self, order->node, "tree", "", &answer) == 0)
        now = fl_crash_find(cJSON_GetObjectItemCaseSensitive(answer, "tree"), order->parent,
                            order->place);
    bool is = now != NULL && strcmp(now, order->pid) != 0;
    cJSON_Delete(answer);
    return is;
}

static void crash_process(struct fl_self *self, const struct fl_crash_order *order,
                          struct fl_crash_result *out)
{
    cJSON *answer = NULL;
    fl_ns since_ns = fl_self_now(self);
    int code = ask(self, order->node, "exit", order->pid, &answer);
    out->is_crashed = code == 0 && fl_json_bool(answer, "ok", false);
    if (out->is_crashed)
        since_ns = fl_json_int(answer, "at_ns", since_ns); /* one clock a machine */
    snprintf(out->words, sizeof out->words, "%s",
             code != 0 ? fl_code_name(code) : fl_json_text(answer, "error", "it said no"));
    cJSON_Delete(answer);
    if (!out->is_crashed) return;
    bool can_tell = order->place[0] != '\0' || order->name[0] != '\0';
    while (can_tell && !out->is_back && fl_self_now(self) - since_ns < HEAL_WITHIN) {
        out->is_back = is_back(self, order);
        out->took_ns = fl_self_now(self) - since_ns;
        if (!out->is_back) fl_pause(self, LOOK_AGAIN);
    }
    snprintf(out->words, sizeof out->words, "%s",
             can_tell ? "not back: was its supervisor started anew, too?"
                      : "it has no name by which a successor would be known");
}

/* ---- a whole service ---- */

static bool find_now(struct fl_self *self, const struct fl_crash_order *order,
                     struct fl_list_row *out)
{
    cJSON *figures = fl_list_read(self, order->figures_path);
    bool is_there = fl_list_find(figures, order->instance, out);
    cJSON_Delete(figures);
    return is_there;
}

static void crash_service(struct fl_self *self, const struct fl_crash_order *order,
                          struct fl_crash_result *out)
{
    struct fl_list_row was = {0}, now = {0};
    if (!find_now(self, order, &was) || was.pid <= 1) {
        snprintf(out->words, sizeof out->words, "%s",
                 was.port != 0 ? "it does not run at present" : "no such service");
        return;
    }
    fl_ns since_ns = fl_self_now(self);
    out->is_crashed = kill(-was.pid, SIGKILL) == 0; /* the group: it, and whom it started */
    snprintf(out->words, sizeof out->words, "%s",
             out->is_crashed ? "it is not back" : "it is gone already");
    while (out->is_crashed && !out->is_back && fl_self_now(self) - since_ns < HEAL_WITHIN) {
        fl_pause(self, READ_AGAIN);
        out->is_back = find_now(self, order, &now) && now.pid != was.pid &&
                       strcmp(now.state, "ready") == 0;
        out->took_ns = fl_self_now(self) - since_ns;
    }
}

/* ---- the process ---- */

struct crash_args {
    struct fl_crash_order order;
    struct fl_pid for_whom;
};

static void crash_run(struct fl_self *self, const void *args_ptr, size_t args_len)
{
    const struct crash_args *args = args_ptr;
    FL_ASSERT(args_len == sizeof *args);
    struct fl_crash_result result = {.id = args->order.id};
    if (args->order.is_service)
        crash_service(self, &args->order, &result);
    else
        crash_process(self, &args->order, &result);
    fl_send(self, args->for_whom, FL_CRASHED, &result, sizeof result);
}

int fl_crash_start(struct fl_self *self, const struct fl_crash_order *order)
{
    struct crash_args args = {.order = *order, .for_whom = fl_self_pid(self)};
    return fl_spawn_run(self, crash_run, &args, sizeof args, NULL, NULL);
}
