#include "runtime/sup_core.h"

/* The side of those who ask. What they send lies in memory of their process: one that is ended
 * while it waits leaves nothing behind. */

#define FIRST_ROOM 1024u

int fl_sup_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                 struct fl_pid *out)
{
    struct fl_spawn_opts spawn = {
        .name = opts->name,
        .args = opts,
        .link_to = opts->link_to,
        .shard = -1,
        .mailbox_max = FL_SUP_MAILBOX_MAX,
    };
    if (self != NULL) return fl_spawn(self, &fl_sup_server, &spawn, out);
    /* OS children and the program's own loop are on shard 0 */
    spawn.shard = FL_SHARD(0);
    return fl_node_spawn(node, &fl_sup_server, &spawn, out);
}

int fl_sup_stop(struct fl_self *self, struct fl_pid sup, struct fl_reason reason, fl_ns timeout_ns)
{
    int rc = fl_call(self, sup, FL_SUP_STOP, &reason, sizeof reason, NULL, 0, NULL, timeout_ns);
    FL_ASSERT(rc != 0); /* it is not answered: the end is the answer */
    return rc == FL_EDIED ? 0 : rc;
}

int fl_sup_give_info(struct fl_self *self, const void *bytes, size_t len)
{
    struct fl_self *parent = fl_proc_find(self->shard, self->parent);
    if (parent == NULL || parent->server != &fl_sup_server) return FL_ESTATE;
    if (!(self->flags & FL_PROC_STARTING)) return FL_ESTATE;
    struct fl_sup *sup = fl_self_state(parent);
    FL_ASSERT(sup->info_len == 0 || sup->info != NULL);
    sup->info = fl_realloc(sup->info, len);
    memcpy(sup->info, bytes, len);
    sup->info_len = len;
    return 0;
}

/* Asks for a start: the answer has a pid in any case, and perhaps more. */
static int ask_start(struct fl_self *self, struct fl_pid sup, enum fl_sup_tag tag, const void *data,
                     size_t len, struct fl_pid *out, struct fl_sup_info *info)
{
    struct fl_sup_answer answer;
    size_t room = sizeof answer + (info != NULL ? info->max : 0), got = 0;
    char *reply = info != NULL ? fl_self_alloc(self, room) : (char *)&answer;
    int rc = fl_call(self, sup, tag, data, len, reply, room, &got, FL_NEVER);
    if (rc == 0) {
        FL_ASSERT(got >= sizeof answer);
        if (info != NULL) memcpy(&answer, reply, sizeof answer);
        rc = answer.code;
        if (out != NULL && (rc == 0 || rc == FL_ETAKEN)) *out = answer.pid;
        if (info != NULL) info->len = got - sizeof answer;
        if (info != NULL && info->len > 0) memcpy(info->at, reply + sizeof answer, info->len);
    }
    if (info != NULL) fl_self_free(self, reply);
    return rc;
}

static int ask_start_spec(struct fl_self *self, struct fl_pid sup, enum fl_sup_tag tag,
                          const struct fl_child *child, struct fl_pid *out,
                          struct fl_sup_info *info)
{
    _Alignas(16) char small[512];
    if (child->args_bytes > 0 && child->args == NULL) return FL_ERANGE;
    if (info != NULL) info->len = 0;
    size_t len = fl_sup_spec_bytes(child);
    FL_ASSERT(len >= sizeof *child);
    void *bytes = len <= sizeof small ? small : fl_self_alloc(self, len);
    fl_sup_spec_encode(bytes, child);
    int rc = ask_start(self, sup, tag, bytes, len, out, info);
    if (bytes != small) fl_self_free(self, bytes);
    return rc;
}

int fl_sup_start_child_info(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                            struct fl_pid *out, struct fl_sup_info *info)
{
    FL_ASSERT(child != NULL);
    return ask_start_spec(self, sup, FL_SUP_START_CHILD, child, out, info);
}

int fl_dynamic_start_child_spec(struct fl_self *self, struct fl_pid sup,
                                const struct fl_child *child, struct fl_pid *out)
{
    FL_ASSERT(child != NULL);
    return ask_start_spec(self, sup, FL_SUP_START_DYNAMIC_SPEC, child, out, NULL);
}

int fl_sup_start_child(struct fl_self *self, struct fl_pid sup, const struct fl_child *child,
                       struct fl_pid *out)
{
    return fl_sup_start_child_info(self, sup, child, out, NULL);
}

int fl_dynamic_start_child(struct fl_self *self, struct fl_pid sup, const void *args,
                           size_t args_bytes, struct fl_pid *out)
{
    FL_ASSERT(args != NULL || args_bytes == 0);
    return ask_start(self, sup, FL_SUP_START_DYNAMIC, args, args_bytes, out, NULL);
}

int fl_sup_restart_child(struct fl_self *self, struct fl_pid sup, const char *id,
                         struct fl_pid *out, struct fl_sup_info *info)
{
    FL_ASSERT(id != NULL);
    if (info != NULL) info->len = 0;
    return ask_start(self, sup, FL_SUP_RESTART_CHILD, id, strlen(id) + 1, out, info);
}

static int ask_by_id(struct fl_self *self, struct fl_pid sup, enum fl_sup_tag tag, const char *id)
{
    FL_ASSERT(id != NULL);
    return fl_call(self, sup, tag, id, strlen(id) + 1, NULL, 0, NULL, FL_NEVER);
}

int fl_sup_terminate_child(struct fl_self *self, struct fl_pid sup, const char *id)
{
    return ask_by_id(self, sup, FL_SUP_TERMINATE_CHILD, id);
}

int fl_sup_delete_child(struct fl_self *self, struct fl_pid sup, const char *id)
{
    return ask_by_id(self, sup, FL_SUP_DELETE_CHILD, id);
}

int fl_sup_stop_child(struct fl_self *self, struct fl_pid sup, const char *id)
{
    return ask_by_id(self, sup, FL_SUP_STOP_CHILD, id);
}

int fl_dynamic_terminate_child(struct fl_self *self, struct fl_pid sup, struct fl_pid child)
{
    FL_ASSERT(self->pid.bits != 0);
    return fl_call(self, sup, FL_SUP_TERMINATE_DYNAMIC, &child, sizeof child, NULL, 0, NULL,
                   FL_NEVER);
}

int fl_sup_count_children(struct fl_self *self, struct fl_pid sup, struct fl_sup_counts *out)
{
    FL_ASSERT(out != NULL);
    return fl_call(self, sup, FL_SUP_COUNT, NULL, 0, out, sizeof *out, NULL, FL_NEVER);
}

/* Asks for something of a size that only the supervisor knows; what is too large for the room comes
 * as how much is needed. *out is in memory of self. */
static int ask_sized(struct fl_self *self, struct fl_pid sup, enum fl_sup_tag tag, const char *id,
                     void **out, size_t *out_len)
{
    size_t id_bytes = id == NULL ? 0 : strlen(id) + 1, room = FIRST_ROOM;
    for (;;) {
        char *ask = fl_self_alloc(self, sizeof room + id_bytes);
        char *reply = fl_self_alloc(self, room);
        memcpy(ask, &room, sizeof room);
        if (id_bytes > 0) memcpy(ask + sizeof room, id, id_bytes);
        int rc = fl_call(self, sup, tag, ask, sizeof room + id_bytes, reply, room, out_len,
                         FL_NEVER);
        fl_self_free(self, ask);
        size_t needed = 0;
        if (rc == 0 && *out_len == sizeof needed) memcpy(&needed, reply, sizeof needed);
        *out = reply;
        if (rc == 0 && needed <= room) return 0;
        fl_self_free(self, reply);
        if (rc != 0) return rc;
        room = needed;
    }
}

int fl_sup_which_children(struct fl_self *self, struct fl_pid sup, struct fl_child_info **out,
                          size_t *count)
{
    void *bytes = NULL;
    size_t len = 0;
    int rc = ask_sized(self, sup, FL_SUP_WHICH, NULL, &bytes, &len);
    if (rc != 0) return rc;
    FL_ASSERT(len >= sizeof *count);
    memcpy(count, (char *)bytes + len - sizeof *count, sizeof *count);
    struct fl_child_info *infos = bytes;
    const char *texts = (const char *)(infos + *count);
    for (size_t i = 0; i < *count; i++)
        if (infos[i].id != NULL) infos[i].id = texts + (uintptr_t)infos[i].id - 1;
    *out = infos;
    return 0;
}

int fl_sup_get_childspec(struct fl_self *self, struct fl_pid sup, const char *id,
                         struct fl_child **out)
{
    void *bytes = NULL;
    size_t len = 0;
    FL_ASSERT(id != NULL);
    int rc = ask_sized(self, sup, FL_SUP_GET_SPEC, id, &bytes, &len);
    if (rc != 0) return rc;
    struct fl_child spec;
    rc = fl_sup_spec_decode(&spec, bytes, len);
    FL_ASSERT(rc == 0);
    memcpy(bytes, &spec, sizeof spec);
    *out = bytes;
    return 0;
}
