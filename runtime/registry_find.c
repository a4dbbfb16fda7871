#include "runtime/registry_parts.h"

/* Entries are copied out under the lock into one block: the array, then keys and values. Two
 * passes: one for the size, one to copy. */
struct copy {
    struct fl_registry_entry *entries;
    size_t count, bytes; /* entries, and of keys and values, with padding */
    unsigned char *at;   /* where the next bytes go; NULL in the first pass */
};

static size_t padded(size_t len)
{
    return (len + 15) / 16 * 16;
}

static void copy_add(struct copy *copy, const struct fl_registry_item *item)
{
    size_t key_len = strlen(item->key->text) + 1;
    size_t value_len = item->value->len;
    if (copy->at != NULL) {
        struct fl_registry_entry *entry = &copy->entries[copy->count];
        unsigned char *value = copy->at, *key = copy->at + padded(value_len);
        if (value_len > 0) memcpy(value, item->value->bytes, value_len);
        memcpy(key, item->key->text, key_len);
        *entry = (struct fl_registry_entry){
            .key = (const char *)key, .pid = item->member->pid, .value = value, .len = value_len};
        copy->at = key + padded(key_len);
    }
    copy->count++;
    copy->bytes += padded(key_len) + padded(value_len);
}

/* Between the passes. */
static void copy_alloc(struct copy *copy)
{
    size_t array = padded(copy->count * sizeof *copy->entries);
    FL_ASSERT(copy->at == NULL && copy->count > 0);
    copy->entries = fl_alloc(array + copy->bytes);
    copy->at = (unsigned char *)copy->entries + array;
    copy->count = copy->bytes = 0;
}

static void copy_key(struct copy *copy, const struct fl_registry_key *key)
{
    const struct fl_list *at = key->entries.next;
    FL_ASSERT(at != &key->entries);
    for (; at != &key->entries; at = at->next)
        copy_add(copy, FL_OWNER(at, struct fl_registry_item, of_key));
}

/* Keeps those that match, in place. */
static size_t copy_filter(struct copy *copy, fl_registry_match_fn match, void *cx,
                          struct fl_registry_entry **out)
{
    size_t kept = 0;
    for (size_t i = 0; i < copy->count; i++)
        if (match == NULL || match(cx, &copy->entries[i])) copy->entries[kept++] = copy->entries[i];
    *out = copy->entries;
    if (kept == 0) {
        free(copy->entries);
        *out = NULL;
    }
    return kept;
}

size_t fl_registry_match(struct fl_registry *registry, const char *text, fl_registry_match_fn match,
                         void *cx, struct fl_registry_entry **out)
{
    uint64_t hash;
    struct copy copy = {0};
    struct fl_registry_part *part = fl_registry_part_of(registry, text, &hash);
    pthread_mutex_lock(&part->lock);
    struct fl_registry_key *key = fl_registry_key_find(part, text, hash);
    if (key != NULL) {
        copy_key(&copy, key);
        copy_alloc(&copy);
        copy_key(&copy, key);
    }
    pthread_mutex_unlock(&part->lock);
    return copy_filter(&copy, match, cx, out);
}

size_t fl_registry_lookup(struct fl_registry *registry, const char *key,
                          struct fl_registry_entry **out)
{
    FL_ASSERT(out != NULL);
    return fl_registry_match(registry, key, NULL, NULL, out);
}

struct fl_pid fl_registry_whereis(struct fl_registry *registry, const char *text)
{
    uint64_t hash;
    struct fl_pid pid = FL_NO_PID;
    struct fl_registry_part *part = fl_registry_part_of(registry, text, &hash);
    pthread_mutex_lock(&part->lock);
    struct fl_registry_key *key = fl_registry_key_find(part, text, hash);
    if (key != NULL)
        pid = FL_OWNER(key->entries.next, struct fl_registry_item, of_key)->member->pid;
    pthread_mutex_unlock(&part->lock);
    return pid;
}

static void part_copy(struct copy *copy, const struct fl_registry_part *part, const char *glob)
{
    for (size_t i = 0; part->keys.buckets != NULL && i <= part->keys.mask; i++) {
        for (struct fl_map_node *at = part->keys.buckets[i]; at != NULL; at = at->next) {
            const struct fl_registry_key *key = FL_OWNER(at, struct fl_registry_key, by_text);
            if (fl_glob(glob, key->text)) copy_key(copy, key);
        }
    }
}

/* All parts at once, so that it is one moment that is seen: locked in order, none waits for another
 * with one held elsewhere. */
size_t fl_registry_select(struct fl_registry *registry, const char *glob,
                          fl_registry_match_fn match, void *cx, struct fl_registry_entry **out)
{
    struct copy copy = {0};
    for (size_t i = 0; i < registry->parts_count; i++)
        pthread_mutex_lock(&registry->parts[i].lock);
    for (size_t i = 0; i < registry->parts_count; i++)
        part_copy(&copy, &registry->parts[i], glob);
    size_t count = copy.count;
    if (count > 0) copy_alloc(&copy);
    for (size_t i = 0; count > 0 && i < registry->parts_count; i++)
        part_copy(&copy, &registry->parts[i], glob);
    for (size_t i = 0; i < registry->parts_count; i++)
        pthread_mutex_unlock(&registry->parts[i].lock);
    FL_ASSERT(copy.count == count);
    return copy_filter(&copy, match, cx, out);
}

static void member_copy(struct copy *copy, const struct fl_registry_member *member)
{
    FL_ASSERT(member->pid.bits != 0);
    const struct fl_list *at = member->items.next;
    for (; at != &member->items; at = at->next)
        copy_add(copy, FL_OWNER(at, struct fl_registry_item, of_member));
}

/* The value of an item is under the lock of its key's part, so all are taken here too. */
size_t fl_registry_keys(struct fl_registry *registry, struct fl_pid pid,
                        struct fl_registry_entry **out)
{
    struct copy copy = {0};
    *out = NULL;
    if (pid.bits == 0) return 0;
    for (size_t i = 0; i < registry->parts_count; i++)
        pthread_mutex_lock(&registry->parts[i].lock);
    struct fl_registry_part *part = fl_registry_part_of_pid(registry, pid);
    struct fl_map_node *at = fl_map_find(&part->members, pid.bits);
    const struct fl_registry_member *member = at == NULL
                                                  ? NULL
                                                  : FL_OWNER(at, struct fl_registry_member, by_pid);
    if (member != NULL) member_copy(&copy, member);
    if (copy.count > 0) {
        copy_alloc(&copy);
        member_copy(&copy, member);
    }
    for (size_t i = 0; i < registry->parts_count; i++)
        pthread_mutex_unlock(&registry->parts[i].lock);
    return copy_filter(&copy, NULL, NULL, out);
}

size_t fl_registry_count(struct fl_registry *registry)
{
    size_t count = 0;
    FL_ASSERT(registry->parts_count > 0);
    for (size_t i = 0; i < registry->parts_count; i++) {
        pthread_mutex_lock(&registry->parts[i].lock);
        count += registry->parts[i].count;
        pthread_mutex_unlock(&registry->parts[i].lock);
    }
    return count;
}

size_t fl_registry_dispatch(struct fl_registry *registry, const char *key,
                            void (*fn)(void *cx, const struct fl_registry_entry *entries,
                                       size_t count),
                            void *cx)
{
    struct fl_registry_entry *entries;
    size_t count = fl_registry_lookup(registry, key, &entries);
    FL_ASSERT(fn != NULL);
    if (count > 0) fn(cx, entries, count);
    free(entries);
    return count;
}

/* Metas are few: a list. */
static struct fl_registry_meta *meta_find(const struct fl_registry *registry, const char *key)
{
    struct fl_registry_meta *meta = registry->metas;
    while (meta != NULL && strcmp(meta->key, key) != 0)
        meta = meta->next;
    return meta;
}

void fl_registry_put_meta(struct fl_registry *registry, const char *key, const void *value,
                          size_t len)
{
    void *copy = fl_alloc(len + 1);
    FL_ASSERT(key != NULL);
    if (len > 0) memcpy(copy, value, len);
    pthread_mutex_lock(&registry->meta_lock);
    struct fl_registry_meta *meta = meta_find(registry, key);
    if (meta == NULL) {
        meta = fl_new(struct fl_registry_meta);
        meta->key = fl_strdup(key);
        meta->next = registry->metas;
        registry->metas = meta;
    }
    void *old = meta->value;
    meta->value = copy;
    meta->len = len;
    pthread_mutex_unlock(&registry->meta_lock);
    free(old);
}

int fl_registry_meta(struct fl_registry *registry, const char *key, void *value, size_t value_max,
                     size_t *len)
{
    FL_ASSERT(value != NULL || value_max == 0);
    pthread_mutex_lock(&registry->meta_lock);
    const struct fl_registry_meta *meta = meta_find(registry, key);
    if (meta != NULL) {
        if (len != NULL) *len = meta->len;
        size_t copied = meta->len < value_max ? meta->len : value_max;
        if (copied > 0) memcpy(value, meta->value, copied);
    }
    pthread_mutex_unlock(&registry->meta_lock);
    return meta == NULL ? FL_ENOTFOUND : 0;
}

/* An event: this, the key with its NUL, the value. */
struct event_head {
    struct fl_pid pid;
    size_t key_len; /* with its NUL */
};

void fl_registry_tell(struct fl_registry *registry, uint32_t tag, const char *key,
                      struct fl_pid pid, const struct fl_registry_value *value)
{
    struct event_head head = {.pid = pid, .key_len = strlen(key) + 1};
    struct fl_buf buf = {0};
    fl_buf_add(&buf, &head, sizeof head);
    fl_buf_add(&buf, key, head.key_len);
    if (value->len > 0) fl_buf_add(&buf, value->bytes, value->len);
    FL_ASSERT(registry->opts.listeners != NULL);
    for (const char *const *name = registry->opts.listeners; *name != NULL; name++)
        fl_node_send(registry->node, fl_whereis(registry->node, *name), tag, buf.at, buf.len);
    fl_buf_fini(&buf);
}

bool fl_registry_event_read(const struct fl_msg *msg, struct fl_registry_entry *entry)
{
    struct event_head head;
    if (msg->kind != FL_MSG_CAST || msg->len < sizeof head) return false;
    if (msg->tag != FL_REGISTRY_REGISTERED && msg->tag != FL_REGISTRY_UNREGISTERED) return false;
    memcpy(&head, msg->data, sizeof head);
    if (head.key_len == 0 || head.key_len > msg->len - sizeof head) return false;
    const char *key = (const char *)msg->data + sizeof head;
    if (key[head.key_len - 1] != '\0') return false;
    *entry = (struct fl_registry_entry){
        .key = key,
        .pid = head.pid,
        .value = key + head.key_len,
        .len = msg->len - sizeof head - head.key_len,
    };
    return true;
}

int fl_via_call(struct fl_self *self, struct fl_registry *registry, const char *key, uint32_t tag,
                const void *data, size_t len, void *reply, size_t reply_max, size_t *reply_len,
                fl_ns timeout_ns)
{
    struct fl_pid to = fl_registry_whereis(registry, key);
    FL_ASSERT(data != NULL || len == 0);
    if (to.bits == 0) return FL_ENOPROC;
    return fl_call(self, to, tag, data, len, reply, reply_max, reply_len, timeout_ns);
}

int fl_via_send(struct fl_self *self, struct fl_registry *registry, const char *key, uint32_t tag,
                const void *data, size_t len)
{
    struct fl_pid to = fl_registry_whereis(registry, key);
    FL_ASSERT(data != NULL || len == 0);
    return to.bits == 0 ? FL_ENOPROC : fl_send(self, to, tag, data, len);
}
