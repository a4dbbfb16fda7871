#include "services/queue/group.h"

#include "runtime/base/clock.h"
#include "services/queue/notices.h"

struct fl_group *fl_group_new(void)
{
    return fl_new(struct fl_group);
}

void fl_group_free(void *group)
{
    struct fl_group *mine = group;
    if (mine == NULL) return;
    for (size_t i = 0; i < mine->ops_count; i++)
        fl_store_op_fini(&mine->ops[i]);
    for (size_t i = 0; i < mine->askers_count; i++) {
        free(mine->askers[i].bytes);
        fl_buf_fini(&mine->askers[i].more);
    }
    fl_buf_fini(&mine->news);
    free(mine->ops);
    free(mine->askers);
    free(mine);
}

/** Reads the operation at `at` of a request and says where the next one is; false: it has none. */
static bool group_read(struct fl_str bytes, size_t *at, struct fl_store_op *op)
{
    if (bytes.len - *at < sizeof *op) return false;
    memcpy(op, bytes.at + *at, sizeof *op);
    *at += sizeof *op;
    if (op->kind < FL_STORE_ENQUEUE || op->kind >= FL_STORE_KINDS) return false;

    struct fl_str *const texts[] = {&op->queue, &op->key, &op->unique, &op->worker, &op->payload};
    for (size_t i = 0; i < FL_COUNT(texts); i++) {
        if (bytes.len - *at < texts[i]->len) return false;
        if (texts[i]->at != NULL) texts[i]->at = bytes.at + *at; /* NULL is still none */
        *at += texts[i]->len;
    }
    return true;
}

static struct fl_store_op *group_push_op(struct fl_group *group)
{
    if (group->ops_count == group->ops_cap) {
        group->ops_cap = group->ops_cap == 0 ? 16 : group->ops_cap * 2;
        group->ops = fl_realloc(group->ops, group->ops_cap * sizeof *group->ops);
    }
    return &group->ops[group->ops_count++];
}

static void group_push_asker(struct fl_group *group, const struct fl_group_asker *asker)
{
    if (group->askers_count == group->askers_cap) {
        group->askers_cap = group->askers_cap == 0 ? 16 : group->askers_cap * 2;
        group->askers = fl_realloc(group->askers, group->askers_cap * sizeof *group->askers);
    }
    group->askers[group->askers_count++] = *asker;
}

static bool group_is_heavy(enum fl_store_op_kind kind)
{
    return kind == FL_STORE_LEASE || kind == FL_STORE_LIST || kind == FL_STORE_QUEUES ||
           kind == FL_STORE_REPEATS || kind == FL_STORE_PURGE || kind == FL_STORE_REQUEUE_ALL;
}

int fl_group_add(struct fl_group *group, struct fl_group_asker *asker)
{
    struct fl_str bytes = {asker->bytes, asker->len};
    size_t heavy = group->heavy_count;
    int code = 0;
    asker->first = group->ops_count;
    for (size_t at = 0; at < bytes.len && code == 0;) {
        struct fl_store_op op;
        if (!group_read(bytes, &at, &op)) {
            code = FL_EBADMSG;
        } else if (group->ops_count == FL_STORE_GROUP_MAX || heavy == FL_GROUP_HEAVY_MAX) {
            code = FL_EFULL;
        } else {
            *group_push_op(group) = op;
            if (group_is_heavy(op.kind)) heavy++;
        }
    }
    asker->count = group->ops_count - asker->first;
    if (code == 0 && asker->count == 0) code = FL_EBADMSG;
    if (code != 0) {
        group->ops_count = asker->first;
        return code;
    }
    group->heavy_count = heavy;
    group_push_asker(group, asker);
    asker->bytes = NULL;
    return 0;
}

int64_t fl_group_wait_ms(const void *bytes, size_t len)
{
    struct fl_store_op op;
    size_t at = 0;
    if (!group_read((struct fl_str){bytes, len}, &at, &op) || at != len) return 0;
    return op.kind == FL_STORE_LEASE ? op.wait_ms : 0;
}

const struct fl_store_op *fl_group_must_wait(const struct fl_group *group,
                                             const struct fl_group_asker *asker)
{
    const struct fl_store_op *op = &group->ops[asker->first];
    bool waits = asker->wait_until_ns != 0 && op->code == 0 && op->jobs_count == 0;
    return waits ? op : NULL;
}

static struct fl_keeper_answer group_row(const struct fl_store_op *op, size_t json_len)
{
    return (struct fl_keeper_answer){
        .code = op->code,
        .existed = op->existed,
        .dead = op->dead,
        .is_more = op->is_more,
        .json_len = (uint32_t)json_len,
        .found = (uint32_t)op->jobs_count,
        .id = op->id,
        .until_ms = op->until_ms,
        .count = op->count,
        .next_rank = op->next_rank,
        .next_id = op->next_id,
    };
}

/** What an asker gets: its rows, then the JSON of those that found something. */
static void group_put_answer(const struct fl_group *group, struct fl_group_asker *asker)
{
    struct fl_buf json = {0};
    for (size_t i = 0; i < asker->count; i++) {
        const struct fl_store_op *op = &group->ops[asker->first + i];
        size_t before = json.len;
        if (op->code == 0) fl_render(&json, op, &group->figures);
        asker->one = group_row(op, json.len - before);
        if (asker->count > 1 || json.len > 0)
            fl_buf_add(&asker->more, &asker->one, sizeof asker->one);
    }
    if (json.len > 0) fl_buf_add(&asker->more, json.at, json.len);
    fl_buf_fini(&json);
}

struct fl_str fl_group_answer(const struct fl_group_asker *asker)
{
    if (asker->more.len > 0) return (struct fl_str){asker->more.at, asker->more.len};
    return (struct fl_str){(const char *)&asker->one, sizeof asker->one};
}

int fl_group_commit(struct fl_group *group, struct fl_store *store)
{
    fl_ns before_ns = fl_now();
    group->code = fl_store_apply(store, group->ops, group->ops_count, group->now_ms, &group->err);
    group->took_ns = fl_now() - before_ns;
    for (size_t i = 0; i < group->askers_count; i++)
        group_put_answer(group, &group->askers[i]);
    if (group->code == 0) fl_notices_put(&group->news, store);
    group->next_ms = fl_store_next_ms(store);
    return group->code;
}
