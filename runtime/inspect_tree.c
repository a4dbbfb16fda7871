#include <inttypes.h>

#include "runtime/base/json.h"
#include "runtime/gather.h"
#include "runtime/inspect_core.h"

/* Each shard writes down its supervisors; who is below whom is put together afterwards, since a
 * child may live on another shard. */

#define SLOTS_AT_ONCE 4096u
#define DEPTH_MAX 64
#define SLOT_MASK (FL_ID_SLOTS_MAX - 1)

struct tree_child {
    char *id; /* or NULL */
    const char *server, *state;
    struct fl_pid pid;
};
struct tree_sup {
    struct fl_pid pid, parent;
    char name[FL_INSPECT_NAME_MAX];
    struct fl_sup_view view;
    struct tree_child *children; /* the last started first */
    size_t children_count;
    bool is_child; /* of another one that is here */
};
struct tree_part {
    struct tree_sup *sups;
    size_t count, cap;
};

static void tree_on_child(void *cx, const struct fl_sup_view_child *seen)
{
    struct tree_sup *sup = cx;
    if (sup->children_count % 16 == 0)
        sup->children = fl_realloc(sup->children,
                                   (sup->children_count + 16) * sizeof *sup->children);
    FL_ASSERT(seen->state != NULL);
    sup->children[sup->children_count++] = (struct tree_child){
        .id = seen->id == NULL ? NULL : fl_strdup(seen->id),
        .server = seen->server,
        .state = seen->state,
        .pid = seen->pid,
    };
}

static void tree_add(struct tree_part *part, struct fl_self *self)
{
    if (part->count == part->cap) {
        part->cap = part->cap == 0 ? 16 : part->cap * 2;
        part->sups = fl_realloc(part->sups, part->cap * sizeof *part->sups);
    }
    struct tree_sup *sup = &part->sups[part->count++];
    *sup = (struct tree_sup){.pid = self->pid, .parent = self->parent, .view = fl_sup_look(self)};
    const char *name = fl_name_of(self);
    if (name != NULL) snprintf(sup->name, sizeof sup->name, "%s", name);
    fl_sup_look_at_children(self, FL_INSPECT_PROCS_MAX, tree_on_child, sup);
    FL_ASSERT(sup->children_count <= FL_INSPECT_PROCS_MAX);
}

static bool tree_visit(struct fl_shard *shard, void *ptr, const void *opts, uint32_t *at)
{
    const struct fl_table *table = &shard->procs_by_pid;
    uint32_t end = table->used - *at < SLOTS_AT_ONCE ? table->used : *at + SLOTS_AT_ONCE;
    const uint32_t which = FL_PROC_IS_SUP | FL_PROC_STARTING | FL_PROC_DOOMED;
    for (; *at < end; ++*at) {
        struct fl_self *self = fl_table_at(table, *at);
        if (self != NULL && (self->flags & which) == FL_PROC_IS_SUP) tree_add(ptr, self);
    }
    return *at == table->used;
}

static void tree_fini(void *ptr)
{
    struct tree_part *part = ptr;
    for (size_t i = 0; i < part->count; i++) {
        for (size_t j = 0; j < part->sups[i].children_count; j++)
            free(part->sups[i].children[j].id);
        free(part->sups[i].children);
    }
    free(part->sups);
}

static const struct fl_gather_kind tree_kind = {
    .part_bytes = sizeof(struct tree_part), .visit = tree_visit, .fini = tree_fini};

/* ---- put together */

struct tree {
    struct fl_gather *gather;
    struct fl_node *node;
    struct fl_buf *out;
};

static struct tree_sup *tree_find(const struct tree *tree, struct fl_pid pid)
{
    const struct fl_shard *shard = fl_proc_shard(tree->node, pid);
    const struct tree_part *part = shard == NULL ? NULL : fl_gather_part(tree->gather, shard->id);
    if (part == NULL) return NULL;
    /* they were found slot by slot */
    size_t low = 0, high = part->count;
    while (low < high) {
        size_t at = low + (high - low) / 2;
        if ((part->sups[at].pid.bits & SLOT_MASK) < (pid.bits & SLOT_MASK))
            low = at + 1;
        else
            high = at;
    }
    bool is_it = low < part->count && fl_pid_eq(part->sups[low].pid, pid);
    return is_it ? &part->sups[low] : NULL;
}

static void put_text(struct fl_buf *out, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0') return;
    fl_buf_printf(out, ",\"%s\":", key);
    fl_json_put_str(out, fl_str_of(text));
}

static void put_sup(const struct tree *tree, const struct tree_sup *sup, int depth);

static void put_child(const struct tree *tree, const struct tree_child *child, int depth)
{
    struct fl_buf *out = tree->out;
    const struct tree_sup *below = child->pid.bits == 0 ? NULL : tree_find(tree, child->pid);
    fl_buf_printf(out, "{\"state\":\"%s\"", child->state);
    put_text(out, "id", child->id);
    put_text(out, "server", child->server);
    if (child->pid.bits != 0) {
        fl_buf_puts(out, ",\"pid\":");
        fl_pid_put_json(out, child->pid);
    }
    if (below != NULL && depth < DEPTH_MAX) put_sup(tree, below, depth + 1);
    fl_buf_putc(out, '}');
}

/* The members that a supervisor has beyond those of a child. */
static void put_sup(const struct tree *tree, const struct tree_sup *sup, int depth)
{
    struct fl_buf *out = tree->out;
    const struct fl_sup_view *view = &sup->view;
    FL_ASSERT(depth <= DEPTH_MAX);
    fl_buf_printf(out,
                  ",\"strategy\":\"%s\",\"restarts\":%d,\"restarts_max\":%d,\"within_ns\":%" PRId64,
                  view->strategy, view->restarts, view->restarts_max, view->within_ns);
    put_text(out, "name", sup->name);
    fl_buf_puts(out, ",\"children\":[");
    for (size_t i = sup->children_count; i-- > 0;) {
        put_child(tree, &sup->children[i], depth);
        if (i > 0) fl_buf_putc(out, ',');
    }
    fl_buf_putc(out, ']');
    if (view->children > sup->children_count)
        fl_buf_printf(out, ",\"more\":%" PRIu64, view->children - sup->children_count);
}

static void mark_children(const struct tree *tree, const struct tree_part *part)
{
    FL_ASSERT(part != NULL);
    for (size_t i = 0; i < part->count; i++) {
        for (size_t j = 0; j < part->sups[i].children_count; j++) {
            struct fl_pid pid = part->sups[i].children[j].pid;
            struct tree_sup *below = pid.bits == 0 ? NULL : tree_find(tree, pid);
            if (below != NULL) below->is_child = true;
        }
    }
}

int fl_inspect_tree(struct fl_node *node, struct fl_buf *out)
{
    struct tree tree = {.node = node, .out = out};
    int rc = fl_gather_run(&tree.gather, node, &tree_kind, "", 1, -1);
    if (rc != 0) return rc;
    for (int i = 0; i < node->shards_count; i++)
        mark_children(&tree, fl_gather_part(tree.gather, i));
    fl_buf_putc(out, '[');
    bool is_first = true;
    for (int i = 0; i < node->shards_count; i++) {
        const struct tree_part *part = fl_gather_part(tree.gather, i);
        for (size_t j = 0; j < part->count; j++) {
            const struct tree_sup *sup = &part->sups[j];
            if (sup->is_child) continue;
            fl_buf_puts(out, is_first ? "{" : ",{");
            is_first = false;
            fl_buf_puts(out, "\"pid\":");
            fl_pid_put_json(out, sup->pid);
            fl_buf_puts(out, ",\"state\":\"running\",\"server\":\"supervisor\"");
            put_sup(&tree, sup, 1);
            fl_buf_putc(out, '}');
        }
    }
    fl_buf_putc(out, ']');
    fl_gather_free(tree.gather);
    return 0;
}
