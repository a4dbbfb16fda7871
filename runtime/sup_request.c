#include "runtime/sup_core.h"

/* ---- what is kept for later */

struct fl_sup_later *fl_sup_later_add(struct fl_sup *sup, enum fl_sup_later_kind kind)
{
    struct fl_sup_later *later = fl_new(struct fl_sup_later);
    FL_ASSERT(kind != FL_LATER_REQUEST);
    later->kind = kind;
    fl_list_push(&sup->later, &later->in_later);
    return later;
}

void fl_sup_later_free(struct fl_sup_later *later)
{
    FL_ASSERT(later != NULL);
    fl_list_remove(&later->in_later);
    free(later);
}

void fl_sup_keep(struct fl_list *list, const struct fl_msg *msg)
{
    struct fl_sup_later *later = fl_alloc(sizeof *later + msg->len);
    FL_ASSERT(msg->ref != 0);
    later->kind = FL_LATER_REQUEST;
    later->who = msg->from;
    later->ref = msg->ref;
    later->tag = msg->tag;
    later->len = msg->len;
    if (msg->len > 0) memcpy(later->bytes, msg->data, msg->len);
    fl_list_push(list, &later->in_later);
}

void fl_sup_turn_away(struct fl_self *self, struct fl_list *list)
{
    FL_ASSERT(list->next != NULL);
    for (struct fl_list *at = list->next, *next = at->next; at != list; at = next) {
        struct fl_sup_later *later = FL_OWNER(at, struct fl_sup_later, in_later);
        next = at->next;
        if (later->kind != FL_LATER_REQUEST) continue;
        fl_self_reply_error(self, later->who, later->ref, FL_ESTATE);
        fl_sup_later_free(later);
    }
}

static void later_do(struct fl_self *self, struct fl_sup *sup, struct fl_sup_later *later)
{
    struct fl_sup_child *child = NULL;
    FL_ASSERT(sup->phase == FL_SUP_SETTLED);
    if (later->kind == FL_LATER_REQUEST) {
        struct fl_msg msg = {
            .tag = later->tag,
            .len = later->len,
            .from = later->who,
            .ref = later->ref,
            .data = later->bytes,
        };
        fl_sup_request(self, sup, &msg);
    } else if (later->kind == FL_LATER_EXIT) {
        child = fl_sup_child_of(&sup->children, later->who);
        FL_ASSERT(child != NULL && child->during.died == later);
        child->during = (union fl_sup_during){0};
        fl_sup_child_died(self, sup, child, &later->reason);
    } else {
        child = fl_sup_child_at(&sup->children, later->number);
        bool is_due = child->state == FL_CHILD_RESTARTING && child->during.timer == later->ref;
        if (is_due) fl_sup_child_try(self, sup, child);
    }
}

void fl_sup_settle(struct fl_self *self, struct fl_sup *sup)
{
    FL_ASSERT(sup->later.next != NULL);
    while (sup->phase == FL_SUP_SETTLED && !fl_list_is_empty(&sup->later)) {
        struct fl_sup_later *later = FL_OWNER(sup->later.next, struct fl_sup_later, in_later);
        fl_list_remove(&later->in_later);
        later_do(self, sup, later);
        free(later);
    }
}

/* ---- answers */

void fl_sup_answer(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg, int code,
                   struct fl_pid pid)
{
    size_t info_len = code == 0 ? sup->info_len : 0;
    struct fl_sup_answer answer = {.pid = pid, .code = code, .info_len = (uint32_t)info_len};
    FL_ASSERT(info_len == 0 || sup->info != NULL);
    if (info_len == 0) {
        fl_self_reply(self, msg->from, msg->ref, &answer, sizeof answer);
    } else {
        struct fl_buf buf = {0};
        fl_buf_add(&buf, &answer, sizeof answer);
        fl_buf_add(&buf, sup->info, info_len);
        fl_self_reply(self, msg->from, msg->ref, buf.at, buf.len);
        fl_buf_fini(&buf);
    }
    free(sup->info);
    sup->info = NULL;
    sup->info_len = 0;
}

static void reply_code(struct fl_self *self, const struct fl_msg *msg, int code)
{
    FL_ASSERT(msg->ref != 0);
    if (code == 0)
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    else
        fl_self_reply_error(self, msg->from, msg->ref, code);
}

/* ---- requests about one child by id */

static void on_start_child(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_child spec = {0};
    struct fl_sup_child *child = NULL;
    int rc = fl_sup_spec_decode(&spec, msg->data, msg->len);
    if (rc == 0) rc = fl_sup_spec_check(&spec, sup->opts.auto_shutdown);
    if (rc == 0) child = fl_sup_child_find(&sup->children, spec.id);
    if (child != NULL && child->state == FL_CHILD_STOPPING) {
        fl_sup_keep(&child->during.stop->waiting, msg);
        return;
    }
    if (child != NULL) {
        bool is_there = child->state == FL_CHILD_UNDEFINED;
        struct fl_pid pid = child->state == FL_CHILD_RESTARTING ? FL_NO_PID : child->pid;
        fl_sup_answer(self, sup, msg, is_there ? FL_EPRESENT : FL_ETAKEN, pid);
        return;
    }
    if (rc == 0) rc = fl_sup_child_add(&sup->children, &spec, &child);
    if (rc == 0) rc = fl_sup_child_start(self, sup, child);
    struct fl_pid pid = rc == 0 && child->state == FL_CHILD_RUNNING ? child->pid : FL_NO_PID;
    bool is_ignored = rc == 0 && pid.bits == 0;
    bool is_kept = rc == 0 && !(is_ignored && spec.restart == FL_TEMPORARY);
    if (child != NULL && !is_kept) fl_sup_child_remove(&sup->children, child);
    fl_sup_answer(self, sup, msg, rc, pid);
}

static void request_terminate(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                              const struct fl_msg *msg)
{
    bool is_forgotten = msg->tag == FL_SUP_STOP_CHILD || child->spec.restart == FL_TEMPORARY;
    if (child->state == FL_CHILD_RUNNING) {
        fl_sup_child_stop(self, &sup->children, child);
        child->during.stop->from = msg->from;
        child->during.stop->ref = msg->ref;
        child->during.stop->is_forgotten = is_forgotten;
        return;
    }
    if (child->state != FL_CHILD_UNDEFINED) fl_sup_child_clear(self, sup, child);
    if (is_forgotten) fl_sup_child_remove(&sup->children, child);
    reply_code(self, msg, 0);
}

static int why_not(const struct fl_sup_child *child)
{
    FL_ASSERT(child->state != FL_CHILD_STOPPING);
    if (child->state == FL_CHILD_RESTARTING) return FL_ERESTARTING;
    return child->state == FL_CHILD_UNDEFINED ? 0 : FL_ERUNNING;
}

static void request_restart(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                            const struct fl_msg *msg)
{
    int rc = why_not(child);
    if (rc == 0) rc = fl_sup_child_start(self, sup, child);
    bool runs = rc == 0 && child->state == FL_CHILD_RUNNING;
    fl_sup_answer(self, sup, msg, rc, runs ? child->pid : FL_NO_PID);
}

static void request_delete(struct fl_self *self, struct fl_sup *sup, struct fl_sup_child *child,
                           const struct fl_msg *msg)
{
    int rc = why_not(child);
    if (rc == 0) fl_sup_child_remove(&sup->children, child);
    reply_code(self, msg, rc);
}

static void on_child(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    const char *id = msg->data;
    bool is_text = msg->len > 0 && id[msg->len - 1] == '\0';
    struct fl_sup_child *child = is_text ? fl_sup_child_find(&sup->children, id) : NULL;
    if (child == NULL)
        reply_code(self, msg, is_text ? FL_ENOTFOUND : FL_EBADMSG);
    else if (child->state == FL_CHILD_STOPPING)
        fl_sup_keep(&child->during.stop->waiting, msg);
    else if (msg->tag == FL_SUP_RESTART_CHILD)
        request_restart(self, sup, child, msg);
    else if (msg->tag == FL_SUP_DELETE_CHILD)
        request_delete(self, sup, child, msg);
    else
        request_terminate(self, sup, child, msg);
}

/* ---- questions: answered at any time */

void fl_sup_each(const struct fl_sup *sup, size_t most,
                 void (*fn)(void *cx, const struct fl_child_info *info), void *cx)
{
    const struct fl_sup_table *table = &sup->children.table;
    FL_ASSERT(fn != NULL);
    if (sup->dynamic != NULL) {
        fl_sup_dynamic_each(sup, most, fn, cx);
        return;
    }
    for (uint32_t n = table->last; n != 0 && most-- > 0; n = fl_sup_table_prev(table, n)) {
        const struct fl_sup_child *child = fl_sup_child_at(&sup->children, n);
        bool runs = child->state != FL_CHILD_UNDEFINED && child->state != FL_CHILD_RESTARTING;
        struct fl_child_info info = {
            .id = child->spec.id,
            .kind = child->spec.server->name,
            .pid = runs ? child->pid : FL_NO_PID,
            .state = runs ? FL_CHILD_RUNNING : (enum fl_child_state)child->state,
            .type = child->spec.type,
        };
        fn(cx, &info);
    }
}

struct fl_sup_counts fl_sup_counts(const struct fl_sup *sup)
{
    const struct fl_sup_children *children = &sup->children;
    if (sup->dynamic != NULL) return fl_sup_dynamic_counts(sup);
    FL_ASSERT(children->supervisors <= children->table.count);
    return (struct fl_sup_counts){
        .specs = children->table.count,
        .active = children->active,
        .supervisors = children->supervisors,
        .workers = children->table.count - children->supervisors,
    };
}

/* The answer to FL_SUP_WHICH: infos whose ids are offsets, then the texts, then the count. */
struct which {
    struct fl_buf infos, texts;
};

static void which_add(void *cx, const struct fl_child_info *info)
{
    struct which *which = cx;
    struct fl_child_info copy = *info;
    FL_ASSERT(info->state <= FL_CHILD_RESTARTING);
    if (info->id != NULL) {
        copy.id = (const char *)(which->texts.len + 1);
        fl_buf_add(&which->texts, info->id, strlen(info->id) + 1);
    }
    fl_buf_add(&which->infos, &copy, sizeof copy);
}

/* What does not fit is answered with how much room it needs. */
static void reply_sized(struct fl_self *self, const struct fl_msg *msg, const void *bytes,
                        size_t len)
{
    size_t max;
    FL_ASSERT(msg->len >= sizeof max);
    memcpy(&max, msg->data, sizeof max);
    if (len <= max)
        fl_self_reply(self, msg->from, msg->ref, bytes, len);
    else
        fl_self_reply(self, msg->from, msg->ref, &len, sizeof len);
}

static void on_which(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct which which = {0};
    fl_sup_each(sup, SIZE_MAX, which_add, &which);
    size_t count = which.infos.len / sizeof(struct fl_child_info);
    if (which.texts.len > 0) fl_buf_add(&which.infos, which.texts.at, which.texts.len);
    fl_buf_add(&which.infos, &count, sizeof count);
    reply_sized(self, msg, which.infos.at, which.infos.len);
    fl_buf_fini(&which.infos);
    fl_buf_fini(&which.texts);
}

static void on_count(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_sup_counts counts = fl_sup_counts(sup);
    FL_ASSERT(counts.specs > 0 || counts.active == 0);
    fl_self_reply(self, msg->from, msg->ref, &counts, sizeof counts);
}

static void on_get_spec(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    const char *id = (const char *)msg->data + sizeof(size_t);
    const struct fl_child *spec = NULL;
    if (id[msg->len - sizeof(size_t) - 1] != '\0') {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
        return;
    }
    if (sup->dynamic != NULL) {
        const struct fl_child *template = fl_sup_dynamic_template(sup);
        bool is_it = template->server != NULL && strcmp(template->id, id) == 0;
        if (is_it) spec = template;
    } else {
        struct fl_sup_child *child = fl_sup_child_find(&sup->children, id);
        if (child != NULL) spec = &child->spec;
    }
    if (spec == NULL) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_ENOTFOUND);
        return;
    }
    size_t len = fl_sup_spec_bytes(spec);
    void *bytes = fl_alloc(len);
    fl_sup_spec_encode(bytes, spec);
    reply_sized(self, msg, bytes, len);
    free(bytes);
}

static void on_stop(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    struct fl_reason reason;
    FL_ASSERT(msg->len >= sizeof reason);
    memcpy(&reason, msg->data, sizeof reason);
    fl_sup_end(self, sup, &reason);
}

/* ---- by tag */

static const struct request {
    void (*act)(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg);
    bool is_question; /* changes nothing, or may come at any time */
    bool is_static, is_dynamic;
    size_t least;
} requests[] = {
    [FL_SUP_START_CHILD] = {on_start_child, .is_static = true},
    [FL_SUP_TERMINATE_CHILD] = {on_child, .is_static = true},
    [FL_SUP_RESTART_CHILD] = {on_child, .is_static = true},
    [FL_SUP_DELETE_CHILD] = {on_child, .is_static = true},
    [FL_SUP_STOP_CHILD] = {on_child, .is_static = true},
    [FL_SUP_START_DYNAMIC] = {fl_sup_dynamic_start, .is_dynamic = true},
    [FL_SUP_TERMINATE_DYNAMIC] = {fl_sup_dynamic_terminate, .is_dynamic = true,
                                  .least = sizeof(struct fl_pid)},
    [FL_SUP_WHICH] = {on_which, true, true, true, sizeof(size_t)},
    [FL_SUP_COUNT] = {on_count, true, true, true, 0},
    [FL_SUP_GET_SPEC] = {on_get_spec, true, true, true, sizeof(size_t) + 1},
    [FL_SUP_START_DYNAMIC_SPEC] = {fl_sup_dynamic_start_spec, .is_dynamic = true},
    [FL_SUP_STOP] = {on_stop, true, true, true, sizeof(struct fl_reason)},
};

void fl_sup_request(struct fl_self *self, struct fl_sup *sup, const struct fl_msg *msg)
{
    FL_ASSERT(sup->later.next != NULL);
    const struct request *request = msg->tag < FL_COUNT(requests) ? &requests[msg->tag] : NULL;
    if (request == NULL || request->act == NULL || msg->len < request->least) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
    } else if (sup->dynamic != NULL ? !request->is_dynamic : !request->is_static) {
        bool by_pid = msg->tag == FL_SUP_TERMINATE_DYNAMIC; /* OTP: a pid is no id of anybody */
        fl_self_reply_error(self, msg->from, msg->ref, by_pid ? FL_ENOTFOUND : FL_EWRONGKIND);
    } else if (sup->phase == FL_SUP_SETTLED || request->is_question) {
        request->act(self, sup, msg);
    } else if (sup->phase == FL_SUP_ENDS) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_ESTATE);
    } else {
        fl_sup_keep(&sup->later, msg);
    }
}
