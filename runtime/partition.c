#include "runtime/partition.h"

#include "runtime/core.h"
#include "runtime/names.h"

#define NAME_MAX_BYTES 256

int fl_partition_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                       struct fl_pid *out)
{
    struct fl_sup_opts parts = *opts;
    struct fl_child child = {0};
    FL_ASSERT(opts->name != NULL);
    if (opts->children_count == 1) {
        child = opts->children[0];
        if (child.shard == 0) child.shard = FL_SHARD_SPREAD;
        if (child.id == NULL) child.id = opts->name;
        parts.children = &child;
    }
    if (parts.partitions == 0) parts.partitions = (size_t)node->shards_count;
    return fl_sup_start(node, self, &parts, out);
}

uint32_t fl_partition_count(struct fl_node *node, const char *name)
{
    FL_ASSERT(name != NULL);
    return fl_name_parts(node, name);
}

uint32_t fl_partition_index(int64_t key, uint32_t count)
{
    FL_ASSERT(count > 0);
    uint64_t size = key < 0 ? 0 - (uint64_t)key : (uint64_t)key; /* also of the least number */
    return (uint32_t)(size % count);
}

uint32_t fl_partition_index_text(const char *key, uint32_t count)
{
    FL_ASSERT(count > 0);
    return (uint32_t)(fl_hash_bytes(key, strlen(key)) % count);
}

static struct fl_pid partition_at(struct fl_node *node, const char *name, uint32_t i)
{
    char text[NAME_MAX_BYTES];
    int len = snprintf(text, sizeof text, "%s/%u", name, i);
    FL_ASSERT(len > 0);
    return fl_whereis(node, text);
}

struct fl_pid fl_partition_of(struct fl_node *node, const char *name, int64_t key)
{
    uint32_t count = fl_name_parts(node, name);
    FL_ASSERT(name != NULL);
    return count == 0 ? FL_NO_PID : partition_at(node, name, fl_partition_index(key, count));
}

struct fl_pid fl_partition_of_text(struct fl_node *node, const char *name, const char *key)
{
    uint32_t count = fl_name_parts(node, name);
    FL_ASSERT(key != NULL);
    return count == 0 ? FL_NO_PID : partition_at(node, name, fl_partition_index_text(key, count));
}
