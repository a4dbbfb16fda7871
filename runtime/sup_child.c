#include "runtime/sup_child.h"

static uint64_t id_key(const char *id)
{
    FL_ASSERT(id != NULL);
    return fl_hash_bytes(id, strlen(id));
}

void fl_sup_children_init(struct fl_sup_children *children)
{
    *children = (struct fl_sup_children){0};
    fl_sup_table_init(&children->table, sizeof(struct fl_sup_child));
    fl_sup_index_init(&children->by_id, offsetof(struct fl_sup_child, id_key),
                      offsetof(struct fl_sup_child, id_next));
    fl_sup_index_init(&children->by_pid, offsetof(struct fl_sup_child, pid),
                      offsetof(struct fl_sup_child, pid_next));
}

void fl_sup_children_fini(struct fl_sup_children *children)
{
    for (uint32_t n = children->table.first; n != 0; n = fl_sup_table_next(&children->table, n))
        fl_sup_spec_disown(&fl_sup_child_at(children, n)->spec);
    fl_sup_table_fini(&children->table);
    fl_sup_index_fini(&children->by_id);
    fl_sup_index_fini(&children->by_pid);
}

struct fl_sup_child *fl_sup_child_at(const struct fl_sup_children *children, uint32_t number)
{
    return fl_sup_table_at(&children->table, number);
}

struct fl_sup_child *fl_sup_child_find(const struct fl_sup_children *children, const char *id)
{
    uint32_t n = fl_sup_index_find(&children->by_id, &children->table, id_key(id));
    for (; n != 0; n = fl_sup_index_next(&children->by_id, &children->table, n)) {
        struct fl_sup_child *child = fl_sup_child_at(children, n);
        if (strcmp(child->spec.id, id) == 0) return child;
    }
    return NULL;
}

struct fl_sup_child *fl_sup_child_of(const struct fl_sup_children *children, struct fl_pid pid)
{
    return fl_sup_child_at(children,
                           fl_sup_index_find(&children->by_pid, &children->table, pid.bits));
}

int fl_sup_child_add(struct fl_sup_children *children, const struct fl_child *spec,
                     struct fl_sup_child **out)
{
    if (fl_sup_child_find(children, spec->id) != NULL) return FL_EDUPLICATE;
    uint32_t number = fl_sup_table_add(&children->table);
    struct fl_sup_child *child = fl_sup_child_at(children, number);
    child->number = number;
    child->spec = *spec;
    fl_sup_spec_fill(&child->spec);
    fl_sup_spec_own(&child->spec);
    child->id_key = id_key(spec->id);
    fl_sup_index_add(&children->by_id, &children->table, number);
    if (child->spec.type == FL_CHILD_SUPERVISOR) children->supervisors++;
    *out = child;
    return 0;
}

void fl_sup_child_remove(struct fl_sup_children *children, struct fl_sup_child *child)
{
    FL_ASSERT(child->state == FL_CHILD_UNDEFINED);
    if (child->spec.type == FL_CHILD_SUPERVISOR) children->supervisors--;
    fl_sup_index_remove(&children->by_id, &children->table, child->number);
    fl_sup_spec_disown(&child->spec);
    fl_sup_table_remove(&children->table, child->number);
}

/* Counts a child, by 1 or -1, where its state counts. */
static void child_count(struct fl_sup_children *children, const struct fl_sup_child *child, int by)
{
    bool is_active = child->state == FL_CHILD_RUNNING || child->state == FL_CHILD_STOPPING;
    if (is_active) children->active += (uint32_t)by;
    if (child->spec.significant && child->state != FL_CHILD_UNDEFINED)
        children->significant += (uint32_t)by;
}

static bool has_pid(const struct fl_sup_child *child)
{
    return child->state != FL_CHILD_UNDEFINED && child->state != FL_CHILD_RESTARTING;
}

void fl_sup_child_runs(struct fl_sup_children *children, struct fl_sup_child *child,
                       struct fl_pid pid)
{
    FL_ASSERT(!has_pid(child));
    child_count(children, child, -1);
    child->pid = pid;
    child->state = FL_CHILD_RUNNING;
    child->during = (union fl_sup_during){0};
    fl_sup_index_add(&children->by_pid, &children->table, child->number);
    child_count(children, child, 1);
}

void fl_sup_child_set(struct fl_sup_children *children, struct fl_sup_child *child,
                      enum fl_child_state state)
{
    FL_ASSERT(state != FL_CHILD_RUNNING);
    bool had_pid = has_pid(child);
    child_count(children, child, -1);
    child->state = (uint8_t)state;
    child->during = (union fl_sup_during){0};
    child_count(children, child, 1);
    FL_ASSERT(had_pid || !has_pid(child));
    if (had_pid && !has_pid(child))
        fl_sup_index_remove(&children->by_pid, &children->table, child->number);
}
