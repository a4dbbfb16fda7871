#include "services/queue/notices.h"

#include "runtime/base/rng.h"
#include "services/web/web.h"

#define NOTICES_BUCKETS 4096
#define NOTICES_PAUSE_NS fl_ms(100)
#define NOTICES_TOPIC_MAX 96
#define NOTICES_CALL_NS fl_s(2)

struct topic;
struct subscriber {
    struct fl_pid pid;
    uint64_t monitor;
    struct topic *topic;
    struct subscriber *next, *prev; /* of the topic */
    struct subscriber *bucket_next; /* of the monitors */
};
struct topic {
    char text[NOTICES_TOPIC_MAX];
    struct subscriber *first;
    struct topic *bucket_next;
};

/** A queue that changed since the last round. */
struct change {
    struct fl_queue_news news;
    struct change *next;
};

struct notices {
    struct topic *topics[NOTICES_BUCKETS];
    struct subscriber *monitors[NOTICES_BUCKETS];
    size_t subscribers_count;
    struct change *changes;
    bool timer_runs;
};

/** What precedes events and news in a message. */
struct notices_head {
    uint32_t events, news;
};

void fl_notices_put(struct fl_buf *out, const struct fl_store *store)
{
    size_t events_count;
    const struct fl_store_event *events = fl_store_events(store, &events_count);
    struct notices_head head = {.events = (uint32_t)events_count};
    fl_buf_add(out, &head, sizeof head);
    if (events_count > 0) fl_buf_add(out, events, events_count * sizeof *events);
    head.news = (uint32_t)fl_store_changed(store, out);
    memcpy(out->at, &head, sizeof head);
    if (head.events == 0 && head.news == 0) fl_buf_fini(out);
}

const char *fl_notices_queues(const void *news, size_t len, size_t *count)
{
    struct notices_head head = {0};
    if (len >= sizeof head) memcpy(&head, news, sizeof head);
    *count = head.news;
    return (const char *)news + sizeof head + head.events * sizeof(struct fl_store_event);
}

/* ---- who wants to know ---- */

static struct topic **topic_link(struct notices *notices, const char *text)
{
    struct topic **link = &notices->topics[fl_hash_bytes(text, strlen(text)) % NOTICES_BUCKETS];
    while (*link != NULL && strcmp((*link)->text, text) != 0)
        link = &(*link)->bucket_next;
    return link;
}

static struct topic *topic_find(struct notices *notices, const char *text)
{
    return *topic_link(notices, text);
}

static int notices_add(struct fl_self *self, struct notices *notices, struct fl_pid who,
                       struct fl_str text)
{
    if (text.len == 0 || text.len >= NOTICES_TOPIC_MAX) return FL_ERANGE;
    if (notices->subscribers_count >= FL_NOTICES_SUBSCRIBERS_MAX) return FL_EFULL;
    char name[NOTICES_TOPIC_MAX];
    snprintf(name, sizeof name, "%.*s", FL_ARG(text));
    struct topic **link = topic_link(notices, name);
    if (*link == NULL) {
        *link = fl_new(struct topic);
        memcpy((*link)->text, name, sizeof name);
    }
    struct subscriber *sub = fl_new(struct subscriber);
    sub->pid = who;
    sub->topic = *link;
    sub->next = sub->topic->first;
    if (sub->next != NULL) sub->next->prev = sub;
    sub->topic->first = sub;
    sub->monitor = fl_monitor(self, who);
    struct subscriber **bucket = &notices->monitors[sub->monitor % NOTICES_BUCKETS];
    sub->bucket_next = *bucket;
    *bucket = sub;
    notices->subscribers_count++;
    return 0;
}

static void notices_remove(struct notices *notices, struct subscriber **bucket_link)
{
    struct subscriber *sub = *bucket_link;
    *bucket_link = sub->bucket_next;
    if (sub->prev != NULL)
        sub->prev->next = sub->next;
    else
        sub->topic->first = sub->next;
    if (sub->next != NULL) sub->next->prev = sub->prev;
    if (sub->topic->first == NULL) {
        *topic_link(notices, sub->topic->text) = sub->topic->bucket_next;
        free(sub->topic);
    }
    free(sub);
    notices->subscribers_count--;
}

static void notices_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    (void)self, (void)who, (void)reason;
    struct notices *notices = state;
    struct subscriber **link = &notices->monitors[ref % NOTICES_BUCKETS];
    while (*link != NULL && (*link)->monitor != ref)
        link = &(*link)->bucket_next;
    if (*link != NULL) notices_remove(notices, link);
}

static void notices_fini(void *ptr)
{
    struct notices *notices = ptr;
    for (size_t i = 0; i < NOTICES_BUCKETS; i++)
        while (notices->monitors[i] != NULL)
            notices_remove(notices, &notices->monitors[i]);
    while (notices->changes != NULL) {
        struct change *change = notices->changes;
        notices->changes = change->next;
        free(change);
    }
}

/* ---- telling them ---- */

/** A slow subscriber's full mailbox loses this: the next one has the totals. Refuses at once rather
 * than waits, as nobody here has asked for FL_FULL_BLOCK. */
static void topic_tell(struct fl_self *self, const struct topic *topic, const char *event,
                       const char *json)
{
    struct fl_shared *frame = fl_web_frame(fl_str_of(topic->text), event, fl_str_of(json));
    for (const struct subscriber *sub = topic->first; sub != NULL; sub = sub->next)
        fl_send_shared(self, sub->pid, FL_NOTICES_FRAME, fl_shared_retain(frame));
    fl_shared_release(frame);
}

static void notices_tell_event(struct fl_self *self, struct notices *notices,
                               const struct fl_store_event *event)
{
    static const char *const names[FL_JOB_STATES] = {"failed", "failed", NULL, "done", "dead"};
    char text[NOTICES_TOPIC_MAX], json[160];
    snprintf(text, sizeof text, "job:%lld", (long long)event->id);
    const struct topic *topic = topic_find(notices, text);
    if (topic == NULL || names[event->state] == NULL) return;
    snprintf(json, sizeof json, "{\"id\":%lld,\"queue\":\"%s\",\"state\":\"%s\"}",
             (long long)event->id, event->queue, fl_job_state_name(event->state));
    topic_tell(self, topic, names[event->state], json);
}

static void notices_tell_queue(struct fl_self *self, struct notices *notices,
                               const struct fl_queue_news *news)
{
    char text[NOTICES_TOPIC_MAX], json[256];
    snprintf(text, sizeof text, "queue:%s", news->info.name);
    const struct topic *topic = topic_find(notices, text);
    if (topic == NULL) return;
    for (int i = 0; i < FL_TOTALS; i++) {
        if (news->added[i] == 0) continue;
        snprintf(json, sizeof json, "{\"count\":%lld,\"total\":%lld}", (long long)news->added[i],
                 (long long)news->info.totals[i]);
        topic_tell(self, topic, fl_queue_total_name((enum fl_queue_total)i), json);
    }
    const int64_t *jobs = news->info.jobs;
    snprintf(json, sizeof json,
             "{\"scheduled\":%lld,\"ready\":%lld,\"leased\":%lld,\"done\":%lld,\"dead\":%lld}",
             (long long)jobs[FL_JOB_SCHEDULED], (long long)jobs[FL_JOB_READY],
             (long long)jobs[FL_JOB_LEASED], (long long)jobs[FL_JOB_DONE],
             (long long)jobs[FL_JOB_DEAD]);
    topic_tell(self, topic, "jobs", json);
}

/** Adds up what happened to a queue until the next round. */
static void notices_merge(struct notices *notices, const struct fl_queue_news *news)
{
    struct change *change = notices->changes;
    while (change != NULL && strcmp(change->news.info.name, news->info.name) != 0)
        change = change->next;
    if (change == NULL) {
        change = fl_new(struct change);
        change->next = notices->changes;
        notices->changes = change;
    }
    change->news.info = news->info;
    for (int i = 0; i < FL_TOTALS; i++)
        change->news.added[i] += news->added[i];
}

static void notices_round(struct fl_self *self, struct notices *notices)
{
    struct fl_buf all = {0};
    while (notices->changes != NULL) {
        struct change *change = notices->changes;
        notices->changes = change->next;
        notices_tell_queue(self, notices, &change->news);
        fl_buf_add(&all, &change->news, sizeof change->news);
        free(change);
    }
    const struct topic *everything = topic_find(notices, "*");
    if (everything != NULL && all.len > 0) {
        struct fl_shared *shared = fl_shared_new(all.at, all.len);
        for (const struct subscriber *sub = everything->first; sub != NULL; sub = sub->next)
            fl_send_shared(self, sub->pid, FL_NOTICES_CHANGED, fl_shared_retain(shared));
        fl_shared_release(shared);
    }
    fl_buf_fini(&all);
}

static void notices_on_news(struct fl_self *self, struct notices *notices, const struct fl_msg *msg)
{
    struct notices_head head;
    if (msg->len < sizeof head) return;
    memcpy(&head, msg->data, sizeof head);
    const char *at = (const char *)msg->data + sizeof head;
    FL_ASSERT(msg->len == sizeof head + head.events * sizeof(struct fl_store_event) +
                              head.news * sizeof(struct fl_queue_news));
    for (uint32_t i = 0; i < head.events; i++, at += sizeof(struct fl_store_event)) {
        struct fl_store_event event;
        memcpy(&event, at, sizeof event);
        notices_tell_event(self, notices, &event);
    }
    for (uint32_t i = 0; i < head.news; i++, at += sizeof(struct fl_queue_news)) {
        struct fl_queue_news news;
        memcpy(&news, at, sizeof news);
        notices_merge(notices, &news);
    }
    if (notices->timer_runs || notices->changes == NULL) return;
    notices->timer_runs = true;
    fl_timer_start(self, NOTICES_PAUSE_NS, 0);
}

static int notices_on_init(struct fl_self *self, void *state, const void *args)
{
    (void)args;
    fl_self_own(self, state, notices_fini);
    return 0;
}

static void notices_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    int code = msg->tag != FL_NOTICES_SUBSCRIBE
                   ? FL_EBADMSG
                   : notices_add(self, state, msg->from, (struct fl_str){msg->data, msg->len});
    if (code == 0)
        fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    else
        fl_self_reply_error(self, msg->from, msg->ref, code);
}

static void notices_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == FL_NOTICES_NEWS) notices_on_news(self, state, msg);
}

static void notices_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct notices *notices = state;
    notices->timer_runs = false;
    notices_round(self, notices);
}

const struct fl_server fl_notices_server = {
    .name = "notices",
    .state_bytes = sizeof(struct notices),
    .on_init = notices_on_init,
    .on_call = notices_on_call,
    .on_cast = notices_on_cast,
    .on_timer = notices_on_timer,
    .on_down = notices_on_down,
};

int fl_notices_subscribe(struct fl_self *self, const char *topic)
{
    struct fl_pid notices = fl_whereis(fl_self_node(self), FL_NOTICES_NAME);
    if (fl_pid_eq(notices, FL_NO_PID)) return FL_ENOPROC;
    int code = fl_call(self, notices, FL_NOTICES_SUBSCRIBE, topic, strlen(topic), NULL, 0, NULL,
                       NOTICES_CALL_NS);
    if (code == 0) fl_monitor(self, notices);
    return code;
}
