#include "runtime/presence_parts.h"

#define PRESENCE_ENTRIES_MAX 1000000
#define PRESENCE_REPLICA_MASK ((UINT64_C(1) << 48) - 1) /* short enough to be written often */

struct fl_presence *fl_presence_new(struct fl_node *node, const struct fl_presence_opts *opts)
{
    struct fl_presence *presence = fl_new(struct fl_presence);
    FL_ASSERT(opts->pubsub != NULL);
    presence->node = node;
    presence->opts = *opts;
    if (presence->opts.entries_max == 0) presence->opts.entries_max = PRESENCE_ENTRIES_MAX;
    if (presence->opts.replica == 0)
        presence->opts.replica = fl_rng_fresh_seed() & PRESENCE_REPLICA_MASK;
    atomic_init(&presence->references, 1);
    pthread_mutex_init(&presence->lock, NULL);
    return presence;
}

/* With nobody tracked there are only those left that were never told to have gone. */
static void presence_drop_topics(struct fl_list *list, struct fl_presence *presence)
{
    while (!fl_list_is_empty(list)) {
        struct presence_topic *topic = FL_OWNER(list->next, struct presence_topic, of_changed);
        fl_list_remove(&topic->of_changed);
        while (!fl_list_is_empty(&topic->dirty)) {
            struct presence_key *key = FL_OWNER(topic->dirty.next, struct presence_key, of_dirty);
            FL_ASSERT(fl_list_is_empty(&key->entries));
            while (!fl_list_is_empty(&key->gone)) {
                struct presence_entry *gone = FL_OWNER(key->gone.next, struct presence_entry,
                                                       of_key);
                fl_list_remove(&gone->of_key);
                free(gone);
            }
            fl_list_remove(&key->of_dirty);
            fl_presence_key_sweep(key);
        }
        while (!fl_list_is_empty(&topic->askers)) {
            struct fl_list *first = topic->askers.next;
            fl_list_remove(first);
            free(FL_OWNER(first, struct presence_asker, of_topic));
        }
        fl_shared_release(topic->telling);
        topic->telling = NULL;
        fl_presence_topic_sweep(presence, topic);
    }
}

void fl_presence_free(struct fl_presence *presence)
{
    if (presence == NULL || atomic_fetch_sub(&presence->references, 1) > 1) return;
    presence_drop_topics(&presence->changed, presence);
    presence_drop_topics(&presence->waiting, presence);
    FL_ASSERT(presence->topics.count == 0);
    FL_ASSERT(presence->owners.count == 0);
    fl_map_fini(&presence->topics);
    fl_map_fini(&presence->owners);
    pthread_mutex_destroy(&presence->lock);
    free(presence);
}

/* ---- topics and keys */

struct presence_topic *fl_presence_topic_find(const struct fl_presence *presence, const char *text)
{
    struct fl_map_node *at = fl_map_find(&presence->topics, fl_hash_bytes(text, strlen(text)));
    for (; at != NULL; at = fl_map_next(at)) {
        struct presence_topic *topic = FL_OWNER(at, struct presence_topic, by_text);
        if (strcmp(topic->text, text) == 0) return topic;
    }
    return NULL;
}

static struct presence_topic *topic_get(struct fl_presence *presence, const char *text)
{
    struct presence_topic *topic = fl_presence_topic_find(presence, text);
    if (topic != NULL) return topic;
    size_t len = strlen(text);
    topic = fl_alloc(sizeof *topic + len + 1);
    memcpy(topic->text, text, len + 1);
    fl_map_add(&presence->topics, &topic->by_text, fl_hash_bytes(text, len));
    return topic;
}

void fl_presence_topic_sweep(struct fl_presence *presence, struct presence_topic *topic)
{
    bool is_used = !fl_list_is_empty(&topic->keys) || !fl_list_is_empty(&topic->askers) ||
                   topic->telling != NULL || topic->of_changed.next != NULL;
    if (is_used) return;
    FL_ASSERT(topic->entries == 0);
    fl_map_remove(&presence->topics, &topic->by_text);
    fl_map_fini(&topic->by_key);
    free(topic);
}

static struct presence_key *key_find(const struct presence_topic *topic, struct fl_str text)
{
    struct fl_map_node *at = fl_map_find(&topic->by_key, fl_hash_bytes(text.at, text.len));
    for (; at != NULL; at = fl_map_next(at)) {
        struct presence_key *key = FL_OWNER(at, struct presence_key, by_text);
        if (fl_str_eq((struct fl_str){key->text, key->len}, text)) return key;
    }
    return NULL;
}

static struct presence_key *key_get(struct presence_topic *topic, struct fl_str text)
{
    struct presence_key *key = key_find(topic, text);
    if (key != NULL) return key;
    key = fl_alloc(sizeof *key + text.len + 1);
    if (text.len > 0) memcpy(key->text, text.at, text.len);
    key->len = text.len;
    key->topic = topic;
    fl_map_add(&topic->by_key, &key->by_text, fl_hash_bytes(text.at, text.len));
    fl_list_push(&topic->keys, &key->of_topic);
    return key;
}

void fl_presence_key_sweep(struct presence_key *key)
{
    bool is_used = !fl_list_is_empty(&key->entries) || !fl_list_is_empty(&key->gone) ||
                   key->of_dirty.next != NULL;
    if (is_used) return;
    fl_list_remove(&key->of_topic);
    fl_map_remove(&key->topic->by_key, &key->by_text);
    free(key);
}

static void topic_mark(struct fl_presence *presence, struct presence_topic *topic)
{
    if (topic->of_changed.next == NULL) fl_list_push(&presence->changed, &topic->of_changed);
}

static void key_mark(struct fl_presence *presence, struct presence_key *key)
{
    if (key->of_dirty.next == NULL) fl_list_push(&key->topic->dirty, &key->of_dirty);
    topic_mark(presence, key->topic);
}

/* ---- owners and entries */

static struct presence_owner *owner_find(const struct fl_presence *presence, struct fl_pid pid)
{
    struct fl_map_node *at = fl_map_find(&presence->owners, pid.bits);
    return at == NULL ? NULL : FL_OWNER(at, struct presence_owner, by_pid);
}

static struct presence_entry *entry_find(const struct fl_presence *presence, struct fl_pid pid,
                                         const char *topic, struct fl_str text)
{
    struct presence_topic *found = fl_presence_topic_find(presence, topic);
    struct presence_key *key = found == NULL ? NULL : key_find(found, text);
    if (key == NULL || fl_list_is_empty(&key->entries)) return NULL;
    for (struct fl_list *at = key->entries.next; at != &key->entries; at = at->next) {
        struct presence_entry *entry = FL_OWNER(at, struct presence_entry, of_key);
        if (fl_pid_eq(entry->pid, pid)) return entry;
    }
    return NULL;
}

static struct presence_entry *entry_add(struct fl_presence *presence, struct presence_owner *owner,
                                        struct presence_key *key, struct fl_str meta)
{
    struct presence_entry *entry = fl_alloc(sizeof *entry + meta.len);
    entry->key = key;
    entry->pid = owner->pid;
    entry->clock = ++presence->clock;
    entry->len = meta.len;
    if (meta.len > 0) memcpy(entry->meta, meta.at, meta.len);
    if (fl_list_is_empty(&key->entries)) key->topic->keys_count++;
    fl_list_push(&key->entries, &entry->of_key);
    fl_list_push(&owner->entries, &entry->of_owner);
    key->topic->entries++;
    presence->entries++;
    key_mark(presence, key);
    return entry;
}

/* It is not there any more. Whoever may know of it will be told, once. */
static void entry_go(struct fl_presence *presence, struct presence_entry *entry)
{
    struct presence_key *key = entry->key;
    fl_list_remove(&entry->of_owner);
    fl_list_remove(&entry->of_key);
    FL_ASSERT(key->topic->entries > 0);
    key->topic->entries--;
    presence->entries--;
    if (fl_list_is_empty(&key->entries)) key->topic->keys_count--;
    if (entry->told || entry->clock <= key->topic->seen) {
        fl_list_push(&key->gone, &entry->of_key);
        key_mark(presence, key);
        return;
    }
    free(entry);
    if (fl_list_is_empty(&key->entries) && fl_list_is_empty(&key->gone))
        fl_list_remove(&key->of_dirty);
    fl_presence_key_sweep(key);
}

/* The process ends: on its shard, before anybody is told. */
static void owner_drop(void *ptr)
{
    struct presence_owner *owner = ptr;
    struct fl_presence *presence = owner->presence;
    pthread_mutex_lock(&presence->lock);
    while (!fl_list_is_empty(&owner->entries))
        entry_go(presence, FL_OWNER(owner->entries.next, struct presence_entry, of_owner));
    fl_map_remove(&presence->owners, &owner->by_pid);
    pthread_mutex_unlock(&presence->lock);
    fl_presence_wake(presence);
    free(owner);
    fl_presence_free(presence);
}

static struct presence_owner *owner_get(struct fl_self *self, struct fl_presence *presence)
{
    struct presence_owner *owner = owner_find(presence, fl_self_pid(self));
    if (owner != NULL) return owner;
    owner = fl_new(struct presence_owner);
    owner->presence = presence;
    owner->pid = fl_self_pid(self);
    fl_map_add(&presence->owners, &owner->by_pid, owner->pid.bits);
    atomic_fetch_add(&presence->references, 1);
    fl_self_own(self, owner, owner_drop);
    return owner;
}

static int presence_add(struct fl_self *self, struct fl_presence *presence, const char *topic,
                        struct fl_str key, struct fl_str meta)
{
    if (entry_find(presence, fl_self_pid(self), topic, key) != NULL) return FL_ETAKEN;
    if (presence->entries >= presence->opts.entries_max) return FL_EFULL;
    struct presence_owner *owner = owner_get(self, presence);
    entry_add(presence, owner, key_get(topic_get(presence, topic), key), meta);
    return 0;
}

int fl_presence_track(struct fl_self *self, struct fl_presence *presence, const char *topic,
                      struct fl_str key, struct fl_str meta)
{
    FL_ASSERT(topic != NULL);
    if (key.len > FL_PRESENCE_KEY_MAX || meta.len > FL_PRESENCE_META_MAX) return FL_ERANGE;
    pthread_mutex_lock(&presence->lock);
    int rc = presence_add(self, presence, topic, key, meta);
    pthread_mutex_unlock(&presence->lock);
    if (rc == 0) fl_presence_wake(presence);
    return rc;
}

int fl_presence_update(struct fl_self *self, struct fl_presence *presence, const char *topic,
                       struct fl_str key, struct fl_str meta)
{
    if (meta.len > FL_PRESENCE_META_MAX) return FL_ERANGE;
    pthread_mutex_lock(&presence->lock);
    struct presence_entry *old = entry_find(presence, fl_self_pid(self), topic, key);
    if (old != NULL) {
        struct presence_owner *owner = owner_find(presence, old->pid);
        FL_ASSERT(owner != NULL);
        struct presence_entry *entry = entry_add(presence, owner, old->key, meta);
        entry->prev = old->clock;
        entry_go(presence, old);
    }
    pthread_mutex_unlock(&presence->lock);
    if (old == NULL) return FL_ENOTFOUND;
    fl_presence_wake(presence);
    return 0;
}

int fl_presence_untrack(struct fl_self *self, struct fl_presence *presence, const char *topic,
                        struct fl_str key)
{
    pthread_mutex_lock(&presence->lock);
    struct presence_entry *entry = entry_find(presence, fl_self_pid(self), topic, key);
    if (entry != NULL) entry_go(presence, entry);
    pthread_mutex_unlock(&presence->lock);
    if (entry == NULL) return FL_ENOTFOUND;
    fl_presence_wake(presence);
    return 0;
}

size_t fl_presence_untrack_all(struct fl_self *self, struct fl_presence *presence)
{
    size_t count = 0;
    pthread_mutex_lock(&presence->lock);
    struct presence_owner *owner = owner_find(presence, fl_self_pid(self));
    for (; owner != NULL && !fl_list_is_empty(&owner->entries); count++)
        entry_go(presence, FL_OWNER(owner->entries.next, struct presence_entry, of_owner));
    pthread_mutex_unlock(&presence->lock);
    if (count > 0) fl_presence_wake(presence);
    return count;
}

/* ---- looking */

static size_t key_pack(struct fl_presence *presence, const struct presence_key *key,
                       struct fl_buf *out)
{
    size_t count = 0;
    if (fl_list_is_empty(&key->entries)) return 0;
    for (struct fl_list *at = key->entries.next; at != &key->entries; at = at->next, count++)
        fl_presence_pack(presence, FL_OWNER(at, struct presence_entry, of_key), false, out);
    return count;
}

size_t fl_presence_pack_all(struct fl_presence *presence, struct presence_topic *topic,
                            struct fl_buf *out)
{
    size_t count = 0;
    topic->seen = presence->clock;
    if (fl_list_is_empty(&topic->keys)) return 0;
    for (struct fl_list *at = topic->keys.next; at != &topic->keys; at = at->next)
        count += key_pack(presence, FL_OWNER(at, struct presence_key, of_topic), out);
    FL_ASSERT(count == topic->entries);
    return count;
}

size_t fl_presence_list(struct fl_presence *presence, const char *topic, struct fl_buf *out)
{
    pthread_mutex_lock(&presence->lock);
    struct presence_topic *found = fl_presence_topic_find(presence, topic);
    size_t count = found == NULL ? 0 : fl_presence_pack_all(presence, found, out);
    pthread_mutex_unlock(&presence->lock);
    return count;
}

size_t fl_presence_get(struct fl_presence *presence, const char *topic, struct fl_str key,
                       struct fl_buf *out)
{
    size_t count = 0;
    pthread_mutex_lock(&presence->lock);
    struct presence_topic *found = fl_presence_topic_find(presence, topic);
    struct presence_key *at = found == NULL ? NULL : key_find(found, key);
    if (at != NULL) {
        found->seen = presence->clock;
        count = key_pack(presence, at, out);
    }
    pthread_mutex_unlock(&presence->lock);
    return count;
}

size_t fl_presence_count(struct fl_presence *presence, const char *topic, size_t *keys)
{
    pthread_mutex_lock(&presence->lock);
    const struct presence_topic *found = fl_presence_topic_find(presence, topic);
    size_t count = found == NULL ? 0 : found->entries;
    if (keys != NULL) *keys = found == NULL ? 0 : found->keys_count;
    pthread_mutex_unlock(&presence->lock);
    return count;
}

void fl_presence_ask(struct fl_self *self, struct fl_presence *presence, const char *topic)
{
    struct presence_asker *asker = fl_new(struct presence_asker);
    asker->pid = fl_self_pid(self);
    pthread_mutex_lock(&presence->lock);
    struct presence_topic *found = topic_get(presence, topic);
    fl_list_push(&found->askers, &asker->of_topic);
    topic_mark(presence, found);
    pthread_mutex_unlock(&presence->lock);
    fl_presence_wake(presence);
}
