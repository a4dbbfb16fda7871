#include "runtime/sup_child.h"

static uint64_t id_key(const char *id)
{
    return fl_hash_bytes(id, strlen(id));
}

struct fl_sup_child *fl_sup_child_find(const struct fl_sup_children *children, const char *id)
{
    struct fl_map_node *at = fl_map_find(&children->by_id, id_key(id));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_sup_child *child = FL_OWNER(at, struct fl_sup_child, by_id);
        if (strcmp(child->spec.id, id) == 0) return child;
    }
    return NULL;
}

struct fl_sup_child *fl_sup_child_of(const struct fl_sup_children *children, struct fl_pid pid)
{
    struct fl_map_node *at = fl_map_find(&children->by_pid, pid.bits);
    return at == NULL ? NULL : FL_OWNER(at, struct fl_sup_child, by_pid);
}

int fl_sup_child_add(struct fl_sup_children *children, const struct fl_child *spec,
                     struct fl_sup_child **out)
{
    if (spec->id == NULL || spec->server == NULL || spec->shutdown_ns < 0) return FL_ERANGE;
    if (fl_sup_child_find(children, spec->id) != NULL) return FL_ETAKEN;
    struct fl_sup_child *child = fl_new(struct fl_sup_child);
    child->children = children;
    child->spec = *spec;
    child->spec.id = fl_strdup(spec->id);
    child->spec.name = spec->name == NULL ? NULL : fl_strdup(spec->name);
    fl_map_add(&children->by_id, &child->by_id, id_key(spec->id));
    fl_list_push(&children->in_order, &child->in_order);
    *out = child;
    return 0;
}

void fl_sup_child_remove(struct fl_sup_children *children, struct fl_sup_child *child)
{
    FL_ASSERT(child->pid.bits == 0);
    fl_map_remove(&children->by_id, &child->by_id);
    fl_list_remove(&child->in_order);
    free((char *)child->spec.id);
    free((char *)child->spec.name);
    free(child);
}

void fl_sup_child_runs(struct fl_sup_child *child, struct fl_pid pid)
{
    FL_ASSERT(child->pid.bits == 0);
    child->pid = child->last_pid = pid;
    child->state = FL_CHILD_RUNS;
    fl_map_add(&child->children->by_pid, &child->by_pid, pid.bits);
}

void fl_sup_child_ended(struct fl_sup_child *child)
{
    FL_ASSERT(child->pid.bits != 0);
    fl_map_remove(&child->children->by_pid, &child->by_pid);
    child->pid = FL_NO_PID;
    child->state = FL_CHILD_STOPPED;
}

struct fl_sup_child *fl_sup_child_last_alive(struct fl_sup_children *children)
{
    /* Stopped ones at the end are moved out of the way, so that ending a tree is linear: nothing
     * is started any more once this is asked. */
    while (!fl_list_is_empty(&children->in_order)) {
        struct fl_sup_child *child = FL_OWNER(children->in_order.prev, struct fl_sup_child,
                                              in_order);
        if (child->pid.bits != 0) return child;
        fl_sup_child_remove(children, child);
    }
    return NULL;
}

void fl_sup_children_fini(struct fl_sup_children *children)
{
    while (children->in_order.next != NULL && !fl_list_is_empty(&children->in_order)) {
        struct fl_sup_child *child = FL_OWNER(children->in_order.next, struct fl_sup_child,
                                              in_order);
        if (child->pid.bits != 0) fl_sup_child_ended(child);
        fl_sup_child_remove(children, child);
    }
    fl_map_fini(&children->by_id);
    fl_map_fini(&children->by_pid);
    fl_map_fini(&children->by_timer);
}

void fl_sup_child_encode(struct fl_buf *buf, const struct fl_child *spec)
{
    const char *name = spec->name != NULL ? spec->name : "";
    FL_ASSERT(spec->id != NULL);
    fl_buf_add(buf, spec, sizeof *spec);
    fl_buf_add(buf, spec->id, strlen(spec->id) + 1);
    fl_buf_add(buf, name, strlen(name) + 1);
}

int fl_sup_child_decode(struct fl_child *out, const void *bytes, size_t len)
{
    if (len < sizeof *out + 2) return FL_EBADMSG;
    const char *texts = (const char *)bytes + sizeof *out;
    size_t left = len - sizeof *out;
    size_t id_len = strnlen(texts, left);
    if (id_len + 1 >= left || texts[left - 1] != '\0') return FL_EBADMSG;
    memcpy(out, bytes, sizeof *out);
    out->id = texts;
    out->name = out->name == NULL ? NULL : texts + id_len + 1;
    return 0;
}
