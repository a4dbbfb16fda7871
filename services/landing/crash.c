#include "services/landing/crash.h"

#include <inttypes.h>
#include <signal.h>

#include "services/landing/list.h"
#include "services/look/look.h"
#include "services/services.h"

#define ASK_WITHIN fl_s(12)
#define HEAL_WITHIN fl_s(20)
#define LOOK_AGAIN fl_ms(1)
#define READ_AGAIN fl_ms(10)
#define TOKEN_AGE_S (7 * 24 * 3600)

/* ---- who may ---- */

static bool may_crash(const struct fl_channel *ch, struct fl_str payload)
{
    cJSON *params = cJSON_ParseWithLength(payload.at, payload.len);
    struct fl_str token = fl_str_of(fl_json_text(params, "token", ""));
    struct fl_buf data = {0};
    bool is_ours = fl_web_verify(fl_channel_secret(ch), FL_CRASH_PURPOSE, token, TOKEN_AGE_S,
                                 &data) == 0;
    fl_buf_fini(&data);
    cJSON_Delete(params);
    return is_ours;
}

int fl_crash_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    (void)state;
    if (may_crash(ch, join->payload)) return 0;
    fl_channel_reply(ch, join->ref, "error", FL_STR("{\"reason\":\"load the page again\"}"));
    return FL_EREFUSED;
}

/* ---- answers ---- */

static void say_reason(struct fl_channel *ch, struct fl_str ref, const char *words)
{
    struct fl_buf out = {0};
    fl_buf_puts(&out, "{\"reason\":");
    fl_json_put_str(&out, fl_str_of(words));
    fl_buf_putc(&out, '}');
    fl_channel_reply(ch, ref, "error", (struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

static void say_healed(struct fl_channel *ch, struct fl_str ref, fl_ns took_ns, const char *pid)
{
    char text[160];
    int len = snprintf(text, sizeof text,
                       "{\"healed\":true,\"took_ns\":%" PRId64 ",\"pid\":\"%.60s\"}", took_ns, pid);
    fl_channel_reply(ch, ref, "ok", (struct fl_str){text, (size_t)len});
}

static void say_not_healed(struct fl_channel *ch, struct fl_str ref)
{
    fl_channel_reply(ch, ref, "ok",
                     FL_STR("{\"healed\":false,\"words\":\"it did not come back at the same place; "
                            "was its supervisor started anew, too?\"}"));
}

/* ---- one process of a node ---- */

const char *fl_crash_find(const cJSON *tree, const char *parent, const char *id)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, tree)
    {
        const char *own_id = fl_json_text(one, "id", fl_json_text(one, "name", ""));
        if (parent[0] == '\0' && own_id[0] != '\0' && strcmp(own_id, id) == 0)
            return fl_json_text(one, "pid", NULL);
        const cJSON *children = cJSON_GetObjectItemCaseSensitive(one, "children");
        if (children == NULL) continue;
        bool is_parent = strcmp(fl_json_text(one, "pid", ""), parent) == 0;
        const char *found = fl_crash_find(children, is_parent ? "" : parent, id);
        if (is_parent || found != NULL) return found;
    }
    return NULL;
}

/* What the reader chose; texts are of the process and go with it. */
struct victim {
    pid_t node;
    char pid[48], parent[48], id[64], name[80];
};

static bool victim_read(struct victim *victim, const cJSON *json)
{
    *victim = (struct victim){.node = (pid_t)fl_json_int(json, "node", 0)};
    snprintf(victim->pid, sizeof victim->pid, "%s", fl_json_text(json, "pid", ""));
    snprintf(victim->parent, sizeof victim->parent, "%s", fl_json_text(json, "parent", ""));
    snprintf(victim->id, sizeof victim->id, "%s", fl_json_text(json, "id", ""));
    snprintf(victim->name, sizeof victim->name, "%s", fl_json_text(json, "name", ""));
    return victim->node > 1 && victim->pid[0] == '<';
}

/** Appends `"op":OP,"name":NAME`. */
static void put_op(struct fl_buf *out, const char *op, const char *name)
{
    fl_buf_printf(out, "\"op\":\"%s\",\"name\":", op);
    fl_json_put_str(out, fl_str_of(name));
}

static int ask(struct fl_self *self, pid_t node, const char *op, const char *name, cJSON **out)
{
    char fields[256];
    struct fl_buf text = {0};
    put_op(&text, op, name);
    snprintf(fields, sizeof fields, "%s",
             text.at); /* the buffer must not be there while it waits */
    fl_buf_fini(&text);
    return fl_look_ask(self, node, fields, out, ASK_WITHIN);
}

/** Is somebody else at its place? Copies the pid of who is. */
static bool is_back(struct fl_self *self, const struct victim *victim, char *pid, size_t pid_len)
{
    cJSON *answer = NULL;
    const char *now = NULL;
    if (victim->name[0] != '\0' && ask(self, victim->node, "process", victim->name, &answer) == 0)
        now = fl_json_text(cJSON_GetObjectItemCaseSensitive(answer, "process"), "pid", NULL);
    else if (victim->name[0] == '\0' && ask(self, victim->node, "tree", "", &answer) == 0)
        now = fl_crash_find(cJSON_GetObjectItemCaseSensitive(answer, "tree"), victim->parent,
                            victim->id);
    bool is = now != NULL && strcmp(now, victim->pid) != 0;
    if (is) snprintf(pid, pid_len, "%s", now);
    cJSON_Delete(answer);
    return is;
}

static void crash_process(struct fl_channel *ch, struct fl_str ref, const cJSON *payload)
{
    struct fl_self *self = fl_channel_self(ch);
    struct victim victim;
    if (!victim_read(&victim, payload)) {
        say_reason(ch, ref, "which process?");
        return;
    }
    cJSON *answer = NULL;
    fl_ns since_ns = fl_self_now(self);
    int code = ask(self, victim.node, "exit", victim.pid, &answer);
    bool is_dead = code == 0 && fl_json_bool(answer, "ok", false);
    if (is_dead) since_ns = fl_json_int(answer, "at_ns", since_ns); /* one clock a machine */
    char words[120];
    snprintf(words, sizeof words, "%s",
             code != 0 ? fl_code_name(code) : fl_json_text(answer, "error", "it said no"));
    cJSON_Delete(answer);
    if (!is_dead) {
        say_reason(ch, ref, words);
        return;
    }
    char pid[48];
    bool is_named = victim.id[0] != '\0' || victim.name[0] != '\0';
    while (is_named && fl_self_now(self) - since_ns < HEAL_WITHIN) {
        if (is_back(self, &victim, pid, sizeof pid)) {
            say_healed(ch, ref, fl_self_now(self) - since_ns, pid);
            return;
        }
        fl_pause(self, LOOK_AGAIN);
    }
    say_not_healed(ch, ref);
}

/* ---- a whole service ---- */

static void crash_service(struct fl_channel *ch, struct fl_str ref, const cJSON *payload)
{
    struct fl_self *self = fl_channel_self(ch);
    const struct fl_service_opts *opts = fl_channel_args(ch);
    char instance[80];
    snprintf(instance, sizeof instance, "%s", fl_json_text(payload, "instance", ""));
    struct fl_list_entry was, now;
    cJSON *figures = fl_list_read(self, opts->figures_path);
    bool is_there = fl_list_find(figures, instance, &was);
    cJSON_Delete(figures);
    if (!is_there || was.pid <= 1) {
        say_reason(ch, ref, is_there ? "it does not run at present" : "no such service");
        return;
    }
    fl_ns since_ns = fl_self_now(self);
    if (kill(-was.pid, SIGKILL) != 0) { /* the group: it, and whom it started */
        say_reason(ch, ref, "it is gone already");
        return;
    }
    while (fl_self_now(self) - since_ns < HEAL_WITHIN) {
        fl_pause(self, READ_AGAIN);
        figures = fl_list_read(self, opts->figures_path);
        bool is_back = fl_list_find(figures, instance, &now) && now.is_ready && now.pid != was.pid;
        cJSON_Delete(figures);
        if (!is_back) continue;
        char pid[24];
        snprintf(pid, sizeof pid, "%d", (int)now.pid);
        say_healed(ch, ref, fl_self_now(self) - since_ns, pid);
        return;
    }
    say_not_healed(ch, ref);
}

void fl_crash_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    (void)state;
    static const struct {
        const char *event;
        void (*crash)(struct fl_channel *ch, struct fl_str ref, const cJSON *payload);
    } kinds[] = {{"process", crash_process}, {"service", crash_service}};
    cJSON *payload = cJSON_ParseWithLength(event->payload.at, event->payload.len);
    struct fl_self *self = fl_channel_self(ch);
    bool is_known = false;
    fl_self_own(self, payload, (void (*)(void *))cJSON_Delete);
    for (size_t i = 0; i < FL_COUNT(kinds); i++)
        if (fl_str_is(event->event, kinds[i].event)) {
            is_known = true;
            kinds[i].crash(ch, event->ref, payload);
        }
    if (!is_known) say_reason(ch, event->ref, "no such event");
    fl_self_disown(self, payload);
    cJSON_Delete(payload);
}
