/* pools.c: the process named `pools`: each queue whose settings name a handler has its pool. */
#include "runtime/base/json.h"
#include "runtime/sup.h"
#include "services/queue/keeper.h"
#include "services/queue/notices.h"
#include "services/queue/pool.h"

#define POOLS_AGAIN_NS fl_ms(200)

enum { POOLS_START = 100, POOLS_AGAIN };

struct kept_pool {
    struct fl_pool_args args;
    struct fl_pid pid;
    struct kept_pool *next;
};

struct pools {
    struct fl_pid sup;
    struct kept_pool *first;
    bool again; /* a timer runs */
};

static void pools_fini(void *ptr)
{
    struct pools *pools = ptr;
    while (pools->first != NULL) {
        struct kept_pool *pool = pools->first;
        pools->first = pool->next;
        free(pool);
    }
}

/** What the settings of a queue want; workers 0: no pool. */
static struct fl_pool_args pools_wanted(const char *queue, const char *handler, int64_t workers)
{
    struct fl_pool_args args = {.handler = fl_pool_handler_find(fl_str_of(handler))};
    snprintf(args.queue, sizeof args.queue, "%s", queue);
    if (args.handler == NULL || workers < 1) return args;
    args.workers = workers < FL_POOL_WORKERS_MAX ? (int)workers : FL_POOL_WORKERS_MAX;
    return args;
}

static void pools_try_later(struct fl_self *self, struct pools *pools)
{
    if (!pools->again) fl_timer_start(self, POOLS_AGAIN_NS, POOLS_AGAIN);
    pools->again = true;
}

static void pools_start_one(struct fl_self *self, struct pools *pools, struct kept_pool *pool)
{
    char name[FL_STORE_QUEUE_MAX + 8];
    snprintf(name, sizeof name, "pool/%s", pool->args.queue);
    const struct fl_child child = {
        .id = name,
        .name = name,
        .server = &fl_pool_server,
        .args = &pool->args,
        .args_bytes = sizeof pool->args,
        .restart = FL_PERMANENT,
        .shutdown_ns = fl_s(2),
        .backoff = {.min_ns = fl_ms(50), .max_ns = fl_s(2), .jitter_percent = 20},
    };
    if (fl_dynamic_start_child_spec(self, pools->sup, &child, &pool->pid) != 0) {
        pool->pid = FL_NO_PID; /* the one of before may still have the name */
        pools_try_later(self, pools);
    }
}

/** The pid changes when a pool is restarted: by name it is found. */
static void pools_stop_one(struct fl_self *self, struct pools *pools, const struct kept_pool *pool)
{
    char name[FL_STORE_QUEUE_MAX + 8];
    snprintf(name, sizeof name, "pool/%s", pool->args.queue);
    struct fl_pid pid = fl_whereis(fl_self_node(self), name);
    if (fl_pid_eq(pid, FL_NO_PID)) pid = pool->pid;
    fl_dynamic_terminate_child(self, pools->sup, pid);
}

/** Makes it so. Waits in between: what is kept is changed before. */
static void pools_set(struct fl_self *self, struct pools *pools, const struct fl_pool_args *want)
{
    struct kept_pool *pool = pools->first;
    while (pool != NULL && strcmp(pool->args.queue, want->queue) != 0)
        pool = pool->next;
    if (pool == NULL && want->workers == 0) return;
    if (pool == NULL) {
        pool = fl_new(struct kept_pool);
        pool->next = pools->first;
        pools->first = pool;
    } else if (pool->args.handler == want->handler && pool->args.workers == want->workers) {
        return;
    } else if (pool->args.workers > 0) {
        pools_stop_one(self, pools, pool);
    }
    pool->args = *want;
    pool->pid = FL_NO_PID;
    if (want->workers > 0) pools_start_one(self, pools, pool);
}

/** Asks for all queues, and starts what is missing. */
static void pools_look(struct fl_self *self, struct pools *pools)
{
    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str json;
    fl_keeper_put(&request, &(struct fl_store_op){.kind = FL_STORE_QUEUES});
    int code = fl_keeper_ask(self, &request, 1, FL_KEEPER_QUEUES_JSON_MAX, &hold, &rows, &json);
    if (code == 0) code = rows[0].code;
    cJSON *tree = code == 0 ? cJSON_ParseWithLength(json.at, json.len) : NULL;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "queues"), *queue;
    size_t count = 0;
    /* starting them waits: what they are is read before, into memory that a kill frees */
    size_t bytes = (size_t)(cJSON_GetArraySize(list) + 1) * sizeof(struct fl_pool_args);
    struct fl_pool_args *wanted = fl_self_alloc(self, bytes);
    cJSON_ArrayForEach(queue, list)
    {
        const cJSON *config = cJSON_GetObjectItemCaseSensitive(queue, "config");
        wanted[count++] = pools_wanted(fl_json_text(queue, "name", ""),
                                       fl_json_text(config, "handler", ""),
                                       fl_json_int(config, "workers", 0));
    }
    cJSON_Delete(tree);
    fl_buf_fini(&hold);
    for (size_t i = 0; i < count; i++)
        pools_set(self, pools, &wanted[i]);
    fl_self_free(self, wanted);
    if (code != 0) pools_try_later(self, pools);
}

static void pools_begin(struct fl_self *self, struct pools *pools)
{
    if (fl_notices_subscribe(self, "*") != 0)
        pools_try_later(self, pools);
    else
        pools_look(self, pools);
}

static int pools_on_init(struct fl_self *self, void *state, const void *args)
{
    (void)args;
    fl_self_own(self, state, pools_fini);
    return fl_send(self, fl_self_pid(self), POOLS_START, NULL, 0);
}

static void pools_start(struct fl_self *self, struct pools *pools)
{
    const struct fl_sup_opts sup = {
        .strategy = FL_DYNAMIC,
        .max_restarts = 1000,
        .within_ns = fl_s(10),
        .max_children = FL_STORE_QUEUES_MAX,
        .link_to = fl_self_pid(self),
    };
    int code = fl_sup_start(fl_self_node(self), self, &sup, &pools->sup);
    if (code != 0)
        fl_self_fail(self, code);
    else
        pools_begin(self, pools);
}

static void pools_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == POOLS_START && fl_pid_eq(msg->from, fl_self_pid(self)))
        pools_start(self, state);
    if (msg->tag != FL_NOTICES_CHANGED) return;
    for (size_t at = 0; at + sizeof(struct fl_queue_news) <= msg->len;
         at += sizeof(struct fl_queue_news)) {
        struct fl_queue_news news;
        memcpy(&news, (const char *)msg->data + at, sizeof news);
        const struct fl_queue_config *config = &news.info.config;
        const struct fl_pool_args want = pools_wanted(news.info.name, config->handler,
                                                      config->values[FL_SET_WORKERS]);
        pools_set(self, state, &want);
    }
}

static void pools_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    (void)ref, (void)who, (void)reason;
    pools_try_later(self, state); /* the notices ended: what was missed is looked up */
}

static void pools_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct pools *pools = state;
    pools->again = false;
    for (struct kept_pool *pool = pools->first; pool != NULL; pool = pool->next)
        if (pool->args.workers > 0 && fl_pid_eq(pool->pid, FL_NO_PID))
            pools_start_one(self, pools, pool);
    pools_begin(self, pools);
}

const struct fl_server fl_pools_server = {
    .name = "queue.pools",
    .state_bytes = sizeof(struct pools),
    .on_init = pools_on_init,
    .on_cast = pools_on_cast,
    .on_down = pools_on_down,
    .on_timer = pools_on_timer,
};
