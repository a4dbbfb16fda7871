#include "runtime/registry_parts.h"

struct fl_registry *fl_registry_new(struct fl_node *node, const struct fl_registry_opts *opts)
{
    struct fl_registry *registry = fl_new(struct fl_registry);
    registry->node = node;
    registry->opts = *opts;
    FL_ASSERT(opts->partitions >= 0);
    registry->parts_count = (size_t)(opts->partitions > 0 ? opts->partitions : node->shards_count);
    registry->parts = aligned_alloc(_Alignof(struct fl_registry_part),
                                    registry->parts_count * sizeof *registry->parts);
    FL_ASSERT(registry->parts != NULL);
    memset(registry->parts, 0, registry->parts_count * sizeof *registry->parts);
    for (size_t i = 0; i < registry->parts_count; i++)
        pthread_mutex_init(&registry->parts[i].lock, NULL);
    pthread_mutex_init(&registry->meta_lock, NULL);
    atomic_init(&registry->references, 1);
    return registry;
}

void fl_registry_free(struct fl_registry *registry)
{
    if (registry == NULL || atomic_fetch_sub(&registry->references, 1) > 1) return;
    for (size_t i = 0; i < registry->parts_count; i++) {
        struct fl_registry_part *part = &registry->parts[i];
        FL_ASSERT(part->count == 0 && part->members.count == 0);
        fl_map_fini(&part->keys);
        fl_map_fini(&part->pairs);
        fl_map_fini(&part->members);
        pthread_mutex_destroy(&part->lock);
    }
    while (registry->metas != NULL) {
        struct fl_registry_meta *meta = registry->metas;
        registry->metas = meta->next;
        free(meta->key);
        free(meta->value);
        free(meta);
    }
    pthread_mutex_destroy(&registry->meta_lock);
    free(registry->parts);
    free(registry);
}

struct fl_registry_part *fl_registry_part_of(struct fl_registry *registry, const char *key,
                                             uint64_t *hash)
{
    *hash = fl_hash_bytes(key, strlen(key));
    FL_ASSERT(registry->parts_count > 0);
    return &registry->parts[(*hash >> 32) % registry->parts_count];
}

struct fl_registry_part *fl_registry_part_of_pid(struct fl_registry *registry, struct fl_pid pid)
{
    FL_ASSERT(pid.bits != 0);
    return &registry->parts[(fl_hash64(pid.bits) >> 32) % registry->parts_count];
}

struct fl_registry_key *fl_registry_key_find(const struct fl_registry_part *part, const char *text,
                                             uint64_t hash)
{
    struct fl_map_node *at = fl_map_find(&part->keys, hash);
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_registry_key *key = FL_OWNER(at, struct fl_registry_key, by_text);
        if (strcmp(key->text, text) == 0) return key;
    }
    return NULL;
}

static struct fl_registry_key *key_get(struct fl_registry_part *part, const char *text,
                                       uint64_t hash)
{
    struct fl_registry_key *key = fl_registry_key_find(part, text, hash);
    if (key != NULL) return key;
    size_t len = strlen(text) + 1;
    key = fl_alloc(sizeof *key + len);
    memcpy(key->text, text, len);
    fl_list_init(&key->entries);
    fl_map_add(&part->keys, &key->by_text, hash);
    return key;
}

static uint64_t pair_key(uint64_t hash, struct fl_pid pid)
{
    return fl_hash64(hash ^ fl_hash64(pid.bits));
}

static struct fl_registry_value *value_new(const void *bytes, size_t len)
{
    struct fl_registry_value *value = fl_alloc(sizeof *value + len);
    value->len = len;
    if (len > 0) memcpy(value->bytes, bytes, len);
    return value;
}

/* Out of its key, and the key away with the last one: after it, the key may be anybody's to free.
 */
static void item_unkey(struct fl_registry *registry, struct fl_registry_item *item)
{
    uint64_t hash;
    struct fl_registry_part *part = fl_registry_part_of(registry, item->key->text, &hash);
    struct fl_registry_key *gone = NULL;
    char *told = registry->opts.listeners == NULL ? NULL : fl_strdup(item->key->text);
    pthread_mutex_lock(&part->lock);
    FL_ASSERT(part->count > 0);
    part->count--;
    fl_map_remove(&part->pairs, &item->by_pair);
    fl_list_remove(&item->of_key);
    if (fl_list_is_empty(&item->key->entries)) {
        gone = item->key;
        fl_map_remove(&part->keys, &gone->by_text);
    }
    pthread_mutex_unlock(&part->lock);
    free(gone);
    item->key = NULL;
    if (told == NULL) return;
    fl_registry_tell(registry, FL_REGISTRY_UNREGISTERED, told, item->member->pid, item->value);
    free(told);
}

static void item_free(struct fl_registry_item *item)
{
    FL_ASSERT(item->of_key.next == NULL && item->of_member.next == NULL);
    free(item->value);
    free(item);
}

/* By the item's own process. */
static void item_remove(struct fl_registry *registry, struct fl_registry_item *item)
{
    struct fl_registry_part *part = fl_registry_part_of_pid(registry, item->member->pid);
    pthread_mutex_lock(&part->lock);
    fl_list_remove(&item->of_member);
    pthread_mutex_unlock(&part->lock);
    item_unkey(registry, item);
    item_free(item);
}

/* The process ends: on its shard, before anybody is told. */
static void member_drop(void *ptr)
{
    struct fl_registry_member *member = ptr;
    struct fl_registry *registry = member->registry;
    struct fl_registry_part *part = fl_registry_part_of_pid(registry, member->pid);
    FL_ASSERT(atomic_load(&registry->references) > 0);
    pthread_mutex_lock(&part->lock);
    fl_map_remove(&part->members, &member->by_pid); /* nobody else sees its list now */
    pthread_mutex_unlock(&part->lock);
    while (!fl_list_is_empty(&member->items)) {
        struct fl_registry_item *item = FL_OWNER(member->items.next, struct fl_registry_item,
                                                 of_member);
        fl_list_remove(&item->of_member);
        item_unkey(registry, item);
        item_free(item);
    }
    fl_registry_free(registry);
    free(member);
}

static struct fl_registry_member *member_of(struct fl_self *self, struct fl_registry *registry)
{
    struct fl_pid pid = fl_self_pid(self);
    struct fl_registry_part *part = fl_registry_part_of_pid(registry, pid);
    FL_ASSERT(fl_self_node(self) == registry->node);
    pthread_mutex_lock(&part->lock);
    struct fl_map_node *at = fl_map_find(&part->members, pid.bits);
    pthread_mutex_unlock(&part->lock);
    return at == NULL ? NULL : FL_OWNER(at, struct fl_registry_member, by_pid);
}

static struct fl_registry_member *member_get(struct fl_self *self, struct fl_registry *registry)
{
    struct fl_registry_member *member = member_of(self, registry);
    if (member != NULL) return member;
    member = fl_new(struct fl_registry_member);
    member->registry = registry;
    member->pid = fl_self_pid(self);
    fl_list_init(&member->items);
    atomic_fetch_add(&registry->references, 1);
    struct fl_registry_part *part = fl_registry_part_of_pid(registry, member->pid);
    pthread_mutex_lock(&part->lock);
    fl_map_add(&part->members, &member->by_pid, member->pid.bits);
    pthread_mutex_unlock(&part->lock);
    fl_self_own(self, member, member_drop);
    return member;
}

int fl_registry_register(struct fl_self *self, struct fl_registry *registry, const char *text,
                         const void *value, size_t len, struct fl_pid *taken_by)
{
    uint64_t hash;
    struct fl_registry_part *part = fl_registry_part_of(registry, text, &hash);
    struct fl_registry_member *member = member_get(self, registry);
    struct fl_registry_item *item = fl_new(struct fl_registry_item);
    item->member = member;
    item->value = value_new(value, len);

    struct fl_pid owner = FL_NO_PID;
    pthread_mutex_lock(&part->lock);
    item->key = key_get(part, text, hash);
    if (registry->opts.keys == FL_REGISTRY_UNIQUE && !fl_list_is_empty(&item->key->entries)) {
        owner = FL_OWNER(item->key->entries.next, struct fl_registry_item, of_key)->member->pid;
    } else {
        fl_list_push(&item->key->entries, &item->of_key);
        fl_map_add(&part->pairs, &item->by_pair, pair_key(hash, member->pid));
        part->count++;
    }
    pthread_mutex_unlock(&part->lock);
    if (owner.bits != 0) {
        item_free(item);
        if (taken_by != NULL) *taken_by = owner;
        return FL_ETAKEN;
    }
    part = fl_registry_part_of_pid(registry, member->pid);
    pthread_mutex_lock(&part->lock);
    fl_list_push(&member->items, &item->of_member);
    pthread_mutex_unlock(&part->lock);
    if (registry->opts.listeners != NULL)
        fl_registry_tell(registry, FL_REGISTRY_REGISTERED, text, member->pid, item->value);
    return 0;
}

/* The one of my items of this key that comes after `after` (NULL: the first), or NULL. */
static struct fl_registry_item *item_of_mine(struct fl_registry *registry,
                                             struct fl_registry_member *member, const char *text,
                                             struct fl_registry_item *after)
{
    uint64_t hash;
    struct fl_registry_part *part = fl_registry_part_of(registry, text, &hash);
    struct fl_registry_item *found = NULL;
    pthread_mutex_lock(&part->lock);
    struct fl_map_node *at = after == NULL ? fl_map_find(&part->pairs, pair_key(hash, member->pid))
                                           : fl_map_next(&after->by_pair);
    for (; at != NULL && found == NULL; at = fl_map_next(at)) {
        struct fl_registry_item *item = FL_OWNER(at, struct fl_registry_item, by_pair);
        if (item->member == member && strcmp(item->key->text, text) == 0) found = item;
    }
    pthread_mutex_unlock(&part->lock);
    FL_ASSERT(found == NULL || found != after);
    return found;
}

size_t fl_registry_unregister_match(struct fl_self *self, struct fl_registry *registry,
                                    const char *text, fl_registry_match_fn match, void *cx)
{
    struct fl_registry_member *member = member_of(self, registry);
    size_t removed = 0;
    if (member == NULL) return 0;
    struct fl_registry_item *item = item_of_mine(registry, member, text, NULL);
    while (item != NULL) {
        /* Only I remove or change my items: this one and the next stay while nobody waits. */
        struct fl_registry_item *next = item_of_mine(registry, member, text, item);
        struct fl_registry_entry entry = {
            .key = text,
            .pid = member->pid,
            .value = item->value->bytes,
            .len = item->value->len,
        };
        if (match == NULL || match(cx, &entry)) {
            item_remove(registry, item);
            removed++;
        }
        item = next;
    }
    FL_ASSERT(registry->opts.keys == FL_REGISTRY_DUPLICATE || removed <= 1);
    return removed;
}

size_t fl_registry_unregister(struct fl_self *self, struct fl_registry *registry, const char *key)
{
    FL_ASSERT(key != NULL);
    return fl_registry_unregister_match(self, registry, key, NULL, NULL);
}

int fl_registry_update_value(struct fl_self *self, struct fl_registry *registry, const char *text,
                             fl_registry_update_fn update, void *cx)
{
    uint64_t hash;
    if (registry->opts.keys != FL_REGISTRY_UNIQUE) return FL_ESTATE;
    struct fl_registry_member *member = member_of(self, registry);
    struct fl_registry_item *item = member == NULL ? NULL
                                                   : item_of_mine(registry, member, text, NULL);
    if (item == NULL) return FL_ENOTFOUND;
    struct fl_buf buf = {0};
    update(cx, item->value->bytes, item->value->len, &buf);
    struct fl_registry_value *old = item->value, *now = value_new(buf.at, buf.len);
    fl_buf_fini(&buf);
    struct fl_registry_part *part = fl_registry_part_of(registry, text, &hash);
    pthread_mutex_lock(&part->lock);
    item->value = now;
    pthread_mutex_unlock(&part->lock);
    free(old);
    return 0;
}
