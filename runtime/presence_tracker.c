#include "runtime/presence_parts.h"

/* The least time between two diffs of a topic, for each that is there: a diff goes to all of them,
 * and a crowd that comes one by one must not make each pay for each. */
#define TRACKER_GAP_EACH_NS (5 * (fl_ns)1000)
#define TRACKER_GAP_LEAST_NS (500 * (fl_ns)1000) /* less is no gap */
#define TRACKER_GAP_MOST_NS fl_ms(500)
#define TRACKER_AGAIN_NS fl_ms(20) /* who asked has no room in its mailbox */

enum { TRACKER_WAKE = 1, TRACKER_TURN };

/* ---- how entries are packed */

struct packed {
    uint64_t replica, clock, prev, pid;
    uint32_t key_len, meta_len;
    uint64_t left;
};

void fl_presence_pack(const struct fl_presence *presence, const struct presence_entry *entry,
                      bool left, struct fl_buf *out)
{
    struct packed head = {
        .replica = presence->opts.replica,
        .clock = entry->clock,
        .prev = entry->prev,
        .pid = entry->pid.bits,
        .key_len = (uint32_t)entry->key->len,
        .meta_len = (uint32_t)entry->len,
        .left = left,
    };
    fl_buf_add(out, &head, sizeof head);
    fl_buf_add(out, entry->key->text, entry->key->len);
    fl_buf_add(out, entry->meta, entry->len);
}

bool fl_presence_next(struct fl_presence_view *view, struct fl_presence_entry *out)
{
    struct packed head;
    if (view->len < sizeof head) return false;
    memcpy(&head, view->data, sizeof head);
    size_t rest = view->len - sizeof head;
    if (head.key_len > rest || head.meta_len > rest - head.key_len) return false;
    const char *at = (const char *)view->data + sizeof head;
    *out = (struct fl_presence_entry){
        .key = {at, head.key_len},
        .meta = {at + head.key_len, head.meta_len},
        .ref = {head.replica, head.clock},
        .pid = {head.pid},
        .left = head.left != 0,
    };
    if (head.prev != 0) out->prev = (struct fl_presence_ref){head.replica, head.prev};
    view->data = at + head.key_len + head.meta_len;
    view->len = rest - head.key_len - head.meta_len;
    return true;
}

const char *fl_presence_ref_show(struct fl_presence_ref ref, char out[FL_PRESENCE_REF_TEXT])
{
    snprintf(out, FL_PRESENCE_REF_TEXT, "%llx.%llx", (unsigned long long)ref.replica,
             (unsigned long long)ref.clock);
    return out;
}

/* ---- the tracker */

struct tracker {
    struct fl_presence *presence;
    uint64_t timer; /* for those waiting; 0: none */
};

void fl_presence_wake(struct fl_presence *presence)
{
    if (atomic_exchange(&presence->woken, true)) return;
    struct fl_pid to = {atomic_load(&presence->tracker)};
    if (to.bits != 0) fl_node_send(presence->node, to, TRACKER_WAKE, NULL, 0);
}

static void key_pack_change(struct fl_presence *presence, struct presence_key *key,
                            struct fl_buf *out)
{
    if (!fl_list_is_empty(&key->entries))
        for (struct fl_list *at = key->entries.next; at != &key->entries; at = at->next) {
            struct presence_entry *entry = FL_OWNER(at, struct presence_entry, of_key);
            if (!entry->told) fl_presence_pack(presence, entry, false, out);
            entry->told = true;
        }
    while (!fl_list_is_empty(&key->gone)) {
        struct presence_entry *entry = FL_OWNER(key->gone.next, struct presence_entry, of_key);
        if (!entry->told) fl_presence_pack(presence, entry, false, out); /* it came, too */
        fl_presence_pack(presence, entry, true, out);
        fl_list_remove(&entry->of_key);
        free(entry);
    }
}

/* Everything that happened to a topic since the last diff; NULL: nothing. */
static struct fl_shared *topic_pack_change(struct fl_presence *presence,
                                           struct presence_topic *topic)
{
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    while (!fl_list_is_empty(&topic->dirty)) {
        struct presence_key *key = FL_OWNER(topic->dirty.next, struct presence_key, of_dirty);
        fl_list_remove(&key->of_dirty);
        key_pack_change(presence, key, &out);
        fl_presence_key_sweep(key);
    }
    struct fl_shared *diff = out.len == 0 ? NULL : fl_shared_new(out.at, out.len);
    fl_buf_fini(&out);
    return diff;
}

/* How long it is until this topic may be told again. */
static fl_ns topic_gap(const struct presence_topic *topic, fl_ns now_ns)
{
    fl_ns gap_ns = (fl_ns)topic->entries * TRACKER_GAP_EACH_NS;
    if (topic->told_ns == 0 || gap_ns < TRACKER_GAP_LEAST_NS) return 0;
    if (gap_ns > TRACKER_GAP_MOST_NS) gap_ns = TRACKER_GAP_MOST_NS;
    fl_ns left_ns = topic->told_ns + gap_ns - now_ns;
    return left_ns > 0 ? left_ns : 0;
}

static void tracker_wait(struct fl_self *self, struct tracker *tracker,
                         struct presence_topic *topic, fl_ns ns)
{
    fl_list_remove(&topic->of_changed);
    fl_list_push(&tracker->presence->waiting, &topic->of_changed);
    if (tracker->timer != 0) {
        if (fl_timer_left(self, tracker->timer) <= ns) return;
        fl_timer_cancel(self, tracker->timer);
    }
    tracker->timer = fl_timer_start(self, ns, TRACKER_TURN);
}

/* The next topic whose turn it is, with its diff, which may be NULL, in `telling`. Under the lock.
 */
static struct presence_topic *tracker_next(struct fl_self *self, struct tracker *tracker)
{
    struct fl_presence *presence = tracker->presence;
    while (!fl_list_is_empty(&presence->changed)) {
        struct presence_topic *topic = FL_OWNER(presence->changed.next, struct presence_topic,
                                                of_changed);
        fl_ns gap_ns = topic_gap(topic, fl_self_now(self));
        if (gap_ns > 0) {
            tracker_wait(self, tracker, topic, gap_ns);
            continue;
        }
        /* what a predecessor did not get to the end of comes first */
        if (topic->telling == NULL) topic->telling = topic_pack_change(presence, topic);
        return topic;
    }
    return NULL;
}

static void tracker_tell(struct fl_self *self, struct fl_presence *presence,
                         const struct presence_topic *topic)
{
    /* Both stay as they are while this waits: only a tracker lets go of them. */
    struct fl_presence_view diff = {
        .topic = topic->text,
        .data = fl_shared_data(topic->telling),
        .len = fl_shared_len(topic->telling),
    };
    if (presence->opts.on_diff != NULL)
        presence->opts.on_diff(self, presence->opts.cx, &diff);
    else
        fl_pubsub_broadcast(self, presence->opts.pubsub, topic->text, FL_PRESENCE_DIFF, diff.data,
                            diff.len);
}

static struct fl_shared *tracker_state(struct fl_presence *presence, struct presence_topic *topic)
{
    struct fl_buf packed = {0}, out = {0}; /* nothing waits before they are freed */
    pthread_mutex_lock(&presence->lock);
    fl_presence_pack_all(presence, topic, &packed);
    pthread_mutex_unlock(&presence->lock);
    struct fl_shared *state;
    if (presence->opts.put_state != NULL) {
        struct fl_presence_view view = {topic->text, packed.at, packed.len};
        presence->opts.put_state(presence->opts.cx, &view, &out);
        state = fl_shared_new(out.at, out.len);
    } else {
        state = fl_shared_new(packed.at, packed.len);
    }
    fl_buf_fini(&packed);
    fl_buf_fini(&out);
    return state;
}

static struct presence_asker *tracker_asker(struct fl_presence *presence,
                                            struct presence_topic *topic)
{
    pthread_mutex_lock(&presence->lock);
    struct presence_asker *asker = fl_list_is_empty(&topic->askers)
                                       ? NULL
                                       : FL_OWNER(topic->askers.next, struct presence_asker,
                                                  of_topic);
    pthread_mutex_unlock(&presence->lock);
    return asker;
}

static void tracker_release(void *ptr)
{
    fl_shared_release(ptr);
}

/* An asker goes once it was sent its answer: it may get two, and never none. False: one has no room
 * for it now. */
static bool tracker_answer(struct fl_self *self, struct fl_presence *presence,
                           struct presence_topic *topic)
{
    struct presence_asker *asker = tracker_asker(presence, topic);
    if (asker == NULL) return true;
    struct fl_shared *state = tracker_state(presence, topic);
    int rc = 0;
    fl_self_own(self, state, tracker_release);
    for (; asker != NULL && rc != FL_EFULL; asker = tracker_asker(presence, topic)) {
        rc = fl_send_shared(self, asker->pid, FL_PRESENCE_STATE, fl_shared_retain(state));
        if (rc == FL_EFULL) break;
        pthread_mutex_lock(&presence->lock);
        fl_list_remove(&asker->of_topic);
        pthread_mutex_unlock(&presence->lock);
        free(asker);
    }
    fl_self_disown(self, state);
    fl_shared_release(state);
    return rc != FL_EFULL;
}

/* Tells one topic; the next one is another message, so that others run in between. */
static void tracker_turn(struct fl_self *self, struct tracker *tracker)
{
    struct fl_presence *presence = tracker->presence;
    atomic_store(&presence->woken, false);
    pthread_mutex_lock(&presence->lock);
    struct presence_topic *topic = tracker_next(self, tracker);
    pthread_mutex_unlock(&presence->lock);
    if (topic == NULL) return;
    bool has_told = topic->telling != NULL;
    if (has_told) tracker_tell(self, presence, topic);
    bool answered = tracker_answer(self, presence, topic);

    pthread_mutex_lock(&presence->lock);
    fl_shared_release(topic->telling);
    topic->telling = NULL;
    if (has_told) topic->told_ns = fl_ns_max(1, fl_self_now(self));
    if (!answered)
        tracker_wait(self, tracker, topic, TRACKER_AGAIN_NS);
    else if (fl_list_is_empty(&topic->dirty) && fl_list_is_empty(&topic->askers))
        fl_list_remove(&topic->of_changed);
    fl_presence_topic_sweep(presence, topic);
    bool more = !fl_list_is_empty(&presence->changed);
    pthread_mutex_unlock(&presence->lock);
    if (more) fl_presence_wake(presence);
}

static void tracker_stop_waiting(struct fl_presence *presence)
{
    pthread_mutex_lock(&presence->lock);
    while (!fl_list_is_empty(&presence->waiting)) {
        struct fl_list *first = presence->waiting.next;
        fl_list_remove(first);
        fl_list_push(&presence->changed, first);
    }
    pthread_mutex_unlock(&presence->lock);
}

static void tracker_end(void *ptr)
{
    fl_presence_free(ptr);
}

static int tracker_on_init(struct fl_self *self, void *state, const void *args)
{
    struct tracker *tracker = state;
    struct fl_presence *presence = (struct fl_presence *)(uintptr_t)args;
    FL_ASSERT(presence != NULL);
    FL_ASSERT(self->shard->node == presence->node);
    tracker->presence = presence;
    atomic_fetch_add(&presence->references, 1);
    fl_self_own(self, presence, tracker_end);
    tracker_stop_waiting(presence);
    atomic_store(&presence->tracker, fl_self_pid(self).bits);
    atomic_store(&presence->woken, false);
    fl_presence_wake(presence);
    return 0;
}

static void tracker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == TRACKER_WAKE) tracker_turn(self, state);
}

static void tracker_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct tracker *tracker = state;
    tracker->timer = 0;
    tracker_stop_waiting(tracker->presence);
    fl_presence_wake(tracker->presence);
}

const struct fl_server fl_presence_server = {
    .name = "presence",
    .state_bytes = sizeof(struct tracker),
    .on_init = tracker_on_init,
    .on_cast = tracker_on_cast,
    .on_timer = tracker_on_timer,
};

int fl_presence_start(struct fl_node *node, struct fl_self *self,
                      const struct fl_presence_opts *opts, struct fl_presence **out)
{
    struct fl_presence *presence = fl_presence_new(node, opts);
    struct fl_spawn_opts spawn = {.args = presence, .shard = FL_SHARD_SAME};
    struct fl_pid pid;
    if (self != NULL) spawn.link_to = fl_self_pid(self);
    int rc = self == NULL ? fl_node_spawn(node, &fl_presence_server, &spawn, &pid)
                          : fl_spawn(self, &fl_presence_server, &spawn, &pid);
    if (rc != 0) {
        fl_presence_free(presence);
        return rc;
    }
    *out = presence;
    return 0;
}
