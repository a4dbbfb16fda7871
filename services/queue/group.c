#include "services/queue/group.h"

#include <stdatomic.h>

#include "runtime/base/json.h"

/* A lease may bring 256 KiB, so this many hold at most 16 MiB. */
#define GROUP_LEASES_MAX 64

struct fl_held_store {
    atomic_int refs;
    struct fl_store *store;
};

struct fl_held_store *fl_held_store_new(struct fl_store *store_take)
{
    struct fl_held_store *held = fl_new(struct fl_held_store);
    atomic_init(&held->refs, 1);
    held->store = store_take;
    return held;
}

static struct fl_held_store *held_store_retain(struct fl_held_store *held)
{
    atomic_fetch_add(&held->refs, 1);
    return held;
}

void fl_held_store_release(void *held)
{
    struct fl_held_store *mine = held;
    if (atomic_fetch_sub(&mine->refs, 1) > 1) return;
    fl_store_close(mine->store);
    free(mine);
}

struct fl_group *fl_group_new(struct fl_held_store *held)
{
    struct fl_group *group = fl_new(struct fl_group);
    group->held = held_store_retain(held);
    return group;
}

void fl_group_free(void *group)
{
    struct fl_group *mine = group;
    if (mine == NULL) return;
    for (size_t i = 0; i < mine->ops_count; i++)
        fl_store_op_fini(&mine->ops[i]);
    for (size_t i = 0; i < mine->askers_count; i++) {
        free(mine->askers[i].bytes);
        fl_buf_fini(&mine->askers[i].answer);
    }
    fl_held_store_release(mine->held);
    free(mine->ops);
    free(mine->askers);
    free(mine);
}

/** Reads the operation at `at` of a request and says where the next one is; false: it has none. */
static bool group_read(struct fl_str bytes, size_t *at, struct fl_store_op *op)
{
    struct fl_keeper_ask ask;
    if (bytes.len - *at < sizeof ask) return false;
    memcpy(&ask, bytes.at + *at, sizeof ask);
    *at += sizeof ask;
    if (ask.kind < FL_STORE_ENQUEUE || ask.kind > FL_STORE_STATS) return false;
    if (bytes.len - *at < (size_t)ask.key_len + ask.payload_len) return false;

    *op = (struct fl_store_op){
        .kind = (enum fl_store_op_kind)ask.kind,
        .key = {bytes.at + *at, ask.key_len},
        .payload = {bytes.at + *at + ask.key_len, ask.payload_len},
        .delay_ms = ask.delay_ms,
        .max = ask.max,
        .visibility_ms = ask.visibility_ms,
        .id = ask.id,
        .lease = ask.lease,
        .retry_ms = ask.retry_ms,
    };
    *at += (size_t)ask.key_len + ask.payload_len;
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

int fl_group_add(struct fl_group *group, const struct fl_msg *call)
{
    struct fl_group_asker asker = {.from = call->from, .ref = call->ref, .first = group->ops_count};
    asker.bytes = fl_alloc(call->len);
    if (call->len > 0) memcpy(asker.bytes, call->data, call->len);

    struct fl_str bytes = {asker.bytes, call->len};
    size_t leases = group->leases_count;
    int code = 0;
    for (size_t at = 0; at < bytes.len && code == 0;) {
        struct fl_store_op op;
        if (!group_read(bytes, &at, &op)) {
            code = FL_EBADMSG;
        } else if (group->ops_count == FL_STORE_GROUP_MAX || leases == GROUP_LEASES_MAX) {
            code = FL_EFULL;
        } else {
            *group_push_op(group) = op;
            if (op.kind == FL_STORE_LEASE) leases++;
        }
    }
    asker.count = group->ops_count - asker.first;
    if (code == 0 && asker.count == 0) code = FL_EBADMSG;
    if (code != 0) {
        group->ops_count = asker.first;
        free(asker.bytes);
        return code;
    }
    group->leases_count = leases;
    group_push_asker(group, &asker);
    return 0;
}

static void group_put_jobs(struct fl_buf *out, const struct fl_store_op *op)
{
    fl_buf_puts(out, "{\"jobs\":[");
    for (size_t i = 0; i < op->jobs_count; i++) {
        const struct fl_store_job *job = &op->jobs[i];
        fl_buf_printf(out, "%s{\"id\":%lld,\"key\":", i > 0 ? "," : "", (long long)job->id);
        fl_json_put_str(out, job->key);
        fl_buf_printf(out, ",\"lease\":\"%016llx\",\"attempt\":%d,\"payload\":",
                      (unsigned long long)job->lease, job->attempt);
        fl_buf_add(out, job->payload.at, job->payload.len);
        fl_buf_putc(out, '}');
    }
    fl_buf_puts(out, "]}");
}

static void group_put_stats(struct fl_buf *out, const struct fl_store_op *op)
{
    const struct fl_store_stats *stats = &op->stats;
    fl_buf_printf(out,
                  "{\"ready\":%lld,\"leased\":%lld,\"delayed\":%lld,\"done\":%lld,\"dead\":%lld}",
                  (long long)stats->ready, (long long)stats->leased, (long long)stats->delayed,
                  (long long)stats->done, (long long)stats->dead);
}

/** What an asker gets: its rows, then the JSON of those that found something. */
static void group_put_answer(const struct fl_group *group, struct fl_group_asker *asker)
{
    struct fl_buf json = {0};
    for (size_t i = 0; i < asker->count; i++) {
        const struct fl_store_op *op = &group->ops[asker->first + i];
        size_t before = json.len;
        if (op->code == 0 && op->kind == FL_STORE_LEASE) group_put_jobs(&json, op);
        if (op->code == 0 && op->kind == FL_STORE_STATS) group_put_stats(&json, op);
        struct fl_keeper_answer answer = {
            .code = op->code,
            .existed = op->existed,
            .dead = op->dead,
            .json_len = (uint32_t)(json.len - before),
            .id = op->id,
        };
        fl_buf_add(&asker->answer, &answer, sizeof answer);
    }
    fl_buf_add(&asker->answer, json.at != NULL ? json.at : "", json.len);
    fl_buf_fini(&json);
}

int fl_group_commit(void *group)
{
    struct fl_group *mine = group;
    int code = fl_store_apply(mine->held->store, mine->ops, mine->ops_count, mine->now_ms,
                              &mine->err);
    for (size_t i = 0; i < mine->askers_count; i++)
        group_put_answer(mine, &mine->askers[i]);
    return code;
}
