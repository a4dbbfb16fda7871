#include "runtime/pubsub_parts.h"

/* A broadcast on its way to another shard: this, the topic with its NUL, the data. */
struct envelope {
    struct fl_pid except;
    fl_dispatch_fn dispatch;
    size_t topic_len; /* with its NUL */
    uint32_t tag;
};
enum { PUBSUB_FORWARD = 1 };

static struct fl_shared *envelope_new(const struct fl_broadcast *what, fl_dispatch_fn dispatch)
{
    struct envelope head = {
        .except = what->except,
        .dispatch = dispatch,
        .topic_len = strlen(what->topic) + 1,
        .tag = what->tag,
    };
    struct fl_buf buf = {0};
    fl_buf_reserve(&buf, sizeof head + head.topic_len + what->len);
    fl_buf_add(&buf, &head, sizeof head);
    fl_buf_add(&buf, what->topic, head.topic_len);
    if (what->len > 0) fl_buf_add(&buf, what->data, what->len);
    FL_ASSERT(buf.len == sizeof head + head.topic_len + what->len);
    struct fl_shared *shared = fl_shared_new(buf.at, buf.len);
    fl_buf_fini(&buf);
    return shared;
}

static struct fl_pid table_forwarder(struct fl_pubsub_table *table)
{
    if (atomic_load_explicit(&table->count, memory_order_relaxed) == 0) return FL_NO_PID;
    return (struct fl_pid){atomic_load_explicit(&table->forwarder, memory_order_relaxed)};
}

static void pubsub_forward(struct fl_self *self, struct fl_pubsub *pubsub,
                           const struct fl_broadcast *what, fl_dispatch_fn dispatch)
{
    struct fl_shared *shared = NULL;
    for (int i = 0; i < pubsub->tables_count; i++) {
        if (i == self->shard->id) continue;
        struct fl_pid to = table_forwarder(&pubsub->tables[i]);
        if (to.bits == 0) continue;
        if (shared == NULL) shared = envelope_new(what, dispatch);
        fl_send_shared(self, to, PUBSUB_FORWARD, fl_shared_retain(shared));
    }
    FL_ASSERT(pubsub->tables_count > 0);
    fl_shared_release(shared);
}

/* Other shards first: they work while we do. */
static void pubsub_send(struct fl_self *self, struct fl_pubsub *pubsub, struct fl_broadcast *what,
                        fl_dispatch_fn dispatch)
{
    FL_ASSERT(what->topic != NULL);
    if (pubsub->tables_count > 1) pubsub_forward(self, pubsub, what, dispatch);
    fl_pubsub_deliver(self, fl_pubsub_here(self, pubsub), what, dispatch);
}

void fl_pubsub_broadcast(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                         uint32_t tag, const void *data, size_t len)
{
    struct fl_broadcast what = {.topic = topic, .tag = tag, .data = data, .len = len};
    pubsub_send(self, pubsub, &what, NULL);
}

void fl_pubsub_broadcast_from(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                              uint32_t tag, const void *data, size_t len)
{
    struct fl_broadcast what = {
        .topic = topic, .tag = tag, .data = data, .len = len, .except = fl_self_pid(self)};
    pubsub_send(self, pubsub, &what, NULL);
}

void fl_pubsub_dispatch(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                        uint32_t tag, const void *data, size_t len, struct fl_pid except,
                        fl_dispatch_fn dispatch)
{
    struct fl_broadcast what = {
        .topic = topic, .tag = tag, .data = data, .len = len, .except = except};
    pubsub_send(self, pubsub, &what, dispatch);
}

void fl_pubsub_node_broadcast(struct fl_pubsub *pubsub, const char *topic, uint32_t tag,
                              const void *data, size_t len)
{
    struct fl_broadcast what = {.topic = topic, .tag = tag, .data = data, .len = len};
    struct fl_shared *shared = envelope_new(&what, NULL);
    FL_ASSERT(shared != NULL);
    for (int i = 0; i < pubsub->tables_count; i++) {
        struct fl_pid to = table_forwarder(&pubsub->tables[i]);
        if (to.bits == 0) continue;
        fl_node_send(pubsub->node, to, PUBSUB_FORWARD, fl_shared_data(shared),
                     fl_shared_len(shared));
    }
    fl_shared_release(shared);
}

static void pubsub_release(void *ptr)
{
    fl_pubsub_free(ptr);
}

/* It lives at least as long as this process. */
static void pubsub_hold(struct fl_self *self, struct fl_pubsub *pubsub)
{
    size_t before = atomic_fetch_add(&pubsub->references, 1);
    FL_ASSERT(before > 0);
    fl_self_own(self, pubsub, pubsub_release);
}

/* The forwarder of a shard: broadcasts what came from elsewhere. */
static void forwarder_body(struct fl_self *self, const void *args, size_t len)
{
    struct fl_pubsub *pubsub;
    FL_ASSERT(len == sizeof pubsub);
    memcpy(&pubsub, args, sizeof pubsub);
    pubsub_hold(self, pubsub);
    for (;;) {
        struct fl_msg msg;
        struct envelope head;
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
        if (msg.kind != FL_MSG_CAST || msg.tag != PUBSUB_FORWARD || msg.len < sizeof head) continue;
        memcpy(&head, msg.data, sizeof head);
        const char *topic = (const char *)msg.data + sizeof head;
        struct fl_broadcast what = {
            .topic = topic,
            .tag = head.tag,
            .data = topic + head.topic_len,
            .len = msg.len - sizeof head - head.topic_len,
            .except = head.except,
        };
        fl_pubsub_deliver(self, fl_pubsub_here(self, pubsub), &what, head.dispatch);
    }
}

/* The keeper: one forwarder a shard, started again when it ends. */
struct keeper {
    struct fl_pubsub *pubsub;
};

static int keeper_start(struct fl_self *self, struct fl_pubsub *pubsub, int shard)
{
    struct fl_spawn_opts opts = {.shard = shard, .mailbox_max = FL_MAILBOX_UNBOUNDED};
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_spawn_run_link(self, forwarder_body, &pubsub, sizeof(struct fl_pubsub *), &opts,
                               &pid);
    FL_ASSERT(rc != 0 || pid.bits != 0);
    atomic_store(&pubsub->tables[shard].forwarder, pid.bits);
    return rc;
}

static int keeper_start_all(struct fl_self *self, struct keeper *keeper)
{
    int rc = 0;
    FL_ASSERT(keeper->pubsub != NULL);
    for (int i = 0; i < keeper->pubsub->tables_count && rc == 0; i++)
        rc = keeper_start(self, keeper->pubsub, i);
    return rc;
}

static int keeper_on_init(struct fl_self *self, void *state, const void *args)
{
    struct keeper *keeper = state;
    FL_ASSERT(args != NULL);
    keeper->pubsub = (struct fl_pubsub *)(uintptr_t)args;
    pubsub_hold(self, keeper->pubsub);
    fl_self_trap_exits(self, true);
    if (keeper->pubsub->tables_count == 1) return keeper_start(self, keeper->pubsub, 0);
    /* Those elsewhere are waited for, which cannot be done before the node runs. */
    if (atomic_load(&self->shard->node->state) != FL_NODE_NEW)
        return keeper_start_all(self, keeper);
    fl_self_continue(self, 0);
    return 0;
}

static void keeper_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    int rc = keeper_start_all(self, state);
    if (rc != 0) fl_self_fail(self, rc);
}

static void keeper_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                           const struct fl_reason *reason)
{
    struct keeper *keeper = state;
    FL_ASSERT(keeper->pubsub != NULL);
    for (int i = 0; i < keeper->pubsub->tables_count; i++) {
        if (atomic_load(&keeper->pubsub->tables[i].forwarder) != who.bits) continue;
        int rc = keeper_start(self, keeper->pubsub, i);
        if (rc != 0) fl_self_fail(self, rc);
    }
}

const struct fl_server fl_pubsub_server = {
    .name = "pubsub",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
    .on_continue = keeper_on_continue,
    .on_exit = keeper_on_exit,
};

int fl_pubsub_start(struct fl_node *node, struct fl_self *self, struct fl_pubsub **out)
{
    struct fl_pubsub *pubsub = fl_pubsub_new(node);
    struct fl_spawn_opts opts = {.args = pubsub, .shard = -1};
    struct fl_pid pid;
    if (self != NULL) opts.link_to = fl_self_pid(self);
    int rc = self == NULL ? fl_node_spawn(node, &fl_pubsub_server, &opts, &pid)
                          : fl_spawn(self, &fl_pubsub_server, &opts, &pid);
    if (rc != 0) {
        fl_pubsub_free(pubsub);
        return rc;
    }
    *out = pubsub;
    return 0;
}
