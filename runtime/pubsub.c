#include "runtime/pubsub_parts.h"

#define TOPIC_SEATS_FIRST 2
#define TOPIC_GAPS_MIN 16 /* fewer are not worth a sweep */

struct fl_pubsub *fl_pubsub_new(struct fl_node *node)
{
    struct fl_pubsub *pubsub = fl_new(struct fl_pubsub);
    pubsub->node = node;
    pubsub->tables_count = node->shards_count;
    size_t bytes = (size_t)node->shards_count * sizeof *pubsub->tables;
    pubsub->tables = aligned_alloc(_Alignof(struct fl_pubsub_table), bytes);
    FL_ASSERT(pubsub->tables != NULL);
    memset(pubsub->tables, 0, bytes);
    atomic_init(&pubsub->references, 1);
    return pubsub;
}

void fl_pubsub_free(struct fl_pubsub *pubsub)
{
    if (pubsub == NULL || atomic_fetch_sub(&pubsub->references, 1) > 1) return;
    for (int i = 0; i < pubsub->tables_count; i++) {
        struct fl_pubsub_table *table = &pubsub->tables[i];
        FL_ASSERT(table->topics.count == 0 && table->members.count == 0);
        fl_map_fini(&table->topics);
        fl_map_fini(&table->members);
        fl_map_fini(&table->pairs);
    }
    free(pubsub->tables);
    free(pubsub);
}

struct fl_pubsub_table *fl_pubsub_here(struct fl_self *self, struct fl_pubsub *pubsub)
{
    FL_ASSERT(self->shard->node == pubsub->node);
    return &pubsub->tables[self->shard->id];
}

static uint64_t topic_key(const char *text)
{
    return fl_hash_bytes(text, strlen(text));
}

struct fl_pubsub_topic *fl_pubsub_topic(const struct fl_pubsub_table *table, const char *text)
{
    struct fl_map_node *at = fl_map_find(&table->topics, topic_key(text));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_pubsub_topic *topic = FL_OWNER(at, struct fl_pubsub_topic, by_text);
        if (strcmp(topic->text, text) == 0) return topic;
    }
    return NULL;
}

static struct fl_pubsub_topic *topic_get(struct fl_pubsub_table *table, const char *text)
{
    struct fl_pubsub_topic *topic = fl_pubsub_topic(table, text);
    if (topic != NULL) return topic;
    size_t len = strlen(text) + 1;
    topic = fl_alloc(sizeof *topic + len);
    memcpy(topic->text, text, len);
    fl_map_add(&table->topics, &topic->by_text, topic_key(text));
    return topic;
}

static void topic_sit(struct fl_pubsub_table *table, struct fl_pubsub_topic *topic,
                      struct fl_pubsub_sub *sub)
{
    if (topic->used == topic->cap) {
        topic->cap = topic->cap == 0 ? TOPIC_SEATS_FIRST : topic->cap * 2;
        topic->seats = fl_realloc(topic->seats, topic->cap * sizeof *topic->seats);
    }
    sub->topic = topic;
    sub->at = topic->used++;
    topic->seats[sub->at] = (struct fl_pubsub_seat){
        .pid = sub->member->pid,
        .sub = sub,
        .seq = ++table->seq_last & INT64_MAX,
        .has_lane = sub->has_lane,
    };
}

/* Closes the gaps; as many have left as are moved, so each leave pays for one move. */
static void topic_sweep(struct fl_pubsub_table *table, struct fl_pubsub_topic *topic)
{
    size_t to = 0;
    for (size_t i = 0; i < topic->used; i++) {
        if (topic->seats[i].pid.bits == 0) continue;
        topic->seats[to] = topic->seats[i];
        topic->seats[to].sub->at = to;
        to++;
    }
    FL_ASSERT(to == topic->used - topic->gaps);
    topic->used = to;
    topic->gaps = 0;
    table->epoch++;
}

static void topic_leave(struct fl_pubsub_table *table, struct fl_pubsub_topic *topic, size_t at)
{
    FL_ASSERT(at < topic->used && topic->seats[at].pid.bits != 0);
    topic->seats[at].pid = FL_NO_PID;
    topic->seats[at].sub = NULL;
    topic->gaps++;
    if (topic->gaps == topic->used) {
        fl_map_remove(&table->topics, &topic->by_text);
        free(topic->seats);
        free(topic);
        table->epoch++;
    } else if (topic->gaps >= TOPIC_GAPS_MIN && topic->gaps * 2 > topic->used) {
        topic_sweep(table, topic);
    }
}

static uint64_t pair_key(const struct fl_pubsub_topic *topic, struct fl_pid pid)
{
    return fl_hash64((uintptr_t)topic) ^ pid.bits;
}

static void sub_free(struct fl_pubsub_table *table, struct fl_pubsub_sub *sub)
{
    FL_ASSERT(table == sub->member->table);
    fl_map_remove(&table->pairs, &sub->by_pair);
    fl_list_remove(&sub->of_member);
    topic_leave(table, sub->topic, sub->at);
    atomic_fetch_sub_explicit(&table->count, 1, memory_order_relaxed);
    free(sub);
}

/* The subscriber ends; on its shard, before anybody is told. */
static void member_drop(void *ptr)
{
    struct fl_pubsub_member *member = ptr;
    while (!fl_list_is_empty(&member->subs))
        sub_free(member->table, FL_OWNER(member->subs.next, struct fl_pubsub_sub, of_member));
    fl_map_remove(&member->table->members, &member->by_pid);
    fl_pubsub_free(member->pubsub);
    free(member);
}

static struct fl_pubsub_member *member_find(const struct fl_pubsub_table *table, struct fl_pid pid)
{
    struct fl_map_node *at = fl_map_find(&table->members, pid.bits);
    return at == NULL ? NULL : FL_OWNER(at, struct fl_pubsub_member, by_pid);
}

static struct fl_pubsub_member *member_get(struct fl_self *self, struct fl_pubsub *pubsub)
{
    struct fl_pubsub_table *table = fl_pubsub_here(self, pubsub);
    struct fl_pubsub_member *member = member_find(table, fl_self_pid(self));
    if (member != NULL) return member;
    member = fl_new(struct fl_pubsub_member);
    member->pubsub = pubsub;
    member->table = table;
    member->pid = fl_self_pid(self);
    fl_list_init(&member->subs);
    fl_map_add(&table->members, &member->by_pid, member->pid.bits);
    atomic_fetch_add(&pubsub->references, 1);
    fl_self_own(self, member, member_drop);
    return member;
}

void fl_pubsub_subscribe_with(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                              const struct fl_subscribe_opts *opts)
{
    struct fl_pubsub_member *member = member_get(self, pubsub);
    struct fl_pubsub_table *table = member->table;
    struct fl_pubsub_sub *sub = fl_alloc(sizeof *sub + opts->meta_len);
    sub->member = member;
    sub->has_lane = opts->fastlane != NULL;
    if (sub->has_lane) sub->lane = *opts->fastlane;
    FL_ASSERT(!sub->has_lane || sub->lane.encode != NULL);
    sub->meta_len = opts->meta_len;
    if (opts->meta_len > 0) memcpy(sub->meta, opts->meta, opts->meta_len);
    topic_sit(table, topic_get(table, topic), sub);
    fl_map_add(&table->pairs, &sub->by_pair, pair_key(sub->topic, member->pid));
    fl_list_push(&member->subs, &sub->of_member);
    atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
}

void fl_pubsub_subscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic)
{
    const struct fl_subscribe_opts plain = {0};
    FL_ASSERT(topic != NULL);
    fl_pubsub_subscribe_with(self, pubsub, topic, &plain);
}

size_t fl_pubsub_unsubscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *text)
{
    struct fl_pubsub_table *table = fl_pubsub_here(self, pubsub);
    struct fl_pubsub_topic *topic = fl_pubsub_topic(table, text);
    size_t dropped = 0;
    if (topic == NULL) return 0;
    uint64_t key = pair_key(topic, fl_self_pid(self));
    struct fl_map_node *at = fl_map_find(&table->pairs, key);
    while (at != NULL) {
        struct fl_pubsub_sub *sub = FL_OWNER(at, struct fl_pubsub_sub, by_pair);
        at = fl_map_next(at);
        if (sub->topic != topic || !fl_pid_eq(sub->member->pid, fl_self_pid(self))) continue;
        sub_free(table, sub);
        dropped++;
    }
    return dropped;
}

size_t fl_pubsub_count(struct fl_self *self, struct fl_pubsub *pubsub, const char *text)
{
    struct fl_pubsub_topic *topic = fl_pubsub_topic(fl_pubsub_here(self, pubsub), text);
    FL_ASSERT(topic == NULL || topic->used > topic->gaps);
    return topic == NULL ? 0 : topic->used - topic->gaps;
}
