/* people.c: who is in which room. Few are: lists will do. */
#include "tests/accept/phoenix_contract/people.h"

#include "runtime/server.h"
#include "tests/accept/phoenix_contract/contract.h"

struct person {
    struct person *next;
    struct fl_pid channel;
    char *topic, *user, *status; /* user and status are JSON text */
    char ref[24], ref_prev[24];
};

struct people {
    struct fl_self *self;
    struct person *first;
    uint64_t refs;
    struct fl_buf out;
};

static void person_free(struct person *person)
{
    free(person->topic);
    free(person->user);
    free(person->status);
    free(person);
}

static void people_fini(void *ptr)
{
    struct people *people = ptr;
    while (people->first != NULL) {
        struct person *next = people->first->next;
        person_free(people->first);
        people->first = next;
    }
    fl_buf_fini(&people->out);
}

static int people_on_init(struct fl_self *self, void *state, const void *args)
{
    struct people *people = state;
    people->self = self;
    fl_self_own(self, people, people_fini);
    return 0;
}

static void people_broadcast(struct people *people, const char *topic, const char *event)
{
    struct fl_str payload = {people->out.at, people->out.len};
    struct fl_shared *frame = fl_web_frame(fl_str_of(topic), event, payload);
    for (struct person *one = people->first; one != NULL; one = one->next)
        if (strcmp(one->topic, topic) == 0)
            fl_send_shared(people->self, one->channel, PEOPLE_FRAME, fl_shared_retain(frame));
    fl_shared_release(frame);
}

static void people_put_meta(struct fl_buf *out, const struct person *person)
{
    fl_buf_printf(out, "{\"phx_ref\":\"%s\"", person->ref);
    if (person->ref_prev[0] != '\0')
        fl_buf_printf(out, ",\"phx_ref_prev\":\"%s\"", person->ref_prev);
    fl_buf_printf(out, ",\"status\":%s}", person->status);
}

static void people_put_half(struct fl_buf *out, const char *name, const struct person *person)
{
    fl_buf_printf(out, "\"%s\":{", name);
    if (person != NULL) {
        fl_buf_printf(out, "%s:{\"metas\":[", person->user);
        people_put_meta(out, person);
        fl_buf_puts(out, "]}");
    }
    fl_buf_putc(out, '}');
}

static void people_put_diff(struct people *people, const struct person *joins,
                            const struct person *leaves)
{
    people->out.len = 0;
    fl_buf_putc(&people->out, '{');
    people_put_half(&people->out, "joins", joins);
    fl_buf_putc(&people->out, ',');
    people_put_half(&people->out, "leaves", leaves);
    fl_buf_putc(&people->out, '}');
}

static bool people_are_one(const struct person *a, const struct person *b)
{
    return strcmp(a->topic, b->topic) == 0 && strcmp(a->user, b->user) == 0;
}

static bool people_has_before(const struct people *people, const struct person *person)
{
    for (const struct person *one = people->first; one != person; one = one->next)
        if (people_are_one(one, person)) return true;
    return false;
}

/* A user with several connections is one key with several metas. */
static void people_put_state(struct people *people, const char *topic)
{
    struct fl_buf *out = &people->out;
    bool more = false;
    out->len = 0;
    fl_buf_putc(out, '{');
    for (const struct person *one = people->first; one != NULL; one = one->next) {
        if (strcmp(one->topic, topic) != 0 || people_has_before(people, one)) continue;
        fl_buf_printf(out, "%s%s:{\"metas\":[", more ? "," : "", one->user);
        more = true;
        for (const struct person *same = one; same != NULL; same = same->next) {
            if (!people_are_one(one, same)) continue;
            if (same != one) fl_buf_putc(out, ',');
            people_put_meta(out, same);
        }
        fl_buf_puts(out, "]}");
    }
    fl_buf_putc(out, '}');
}

static struct person *people_find(const struct people *people, struct fl_pid channel)
{
    struct person *one = people->first;
    while (one != NULL && !fl_pid_eq(one->channel, channel))
        one = one->next;
    return one;
}

static void people_new_ref(struct people *people, struct person *person)
{
    snprintf(person->ref, sizeof person->ref, "%llx", (unsigned long long)++people->refs);
}

static void people_join(struct people *people, struct fl_pid channel, struct fl_str topic,
                        struct fl_str user)
{
    struct person *person = fl_new(struct person);
    person->channel = channel;
    person->topic = fl_str_dup(topic);
    person->user = fl_str_dup(user);
    person->status = fl_strdup("\"online\"");
    people_new_ref(people, person);
    struct person **last = &people->first;
    while (*last != NULL)
        last = &(*last)->next;
    *last = person;
    fl_monitor(people->self, channel);
    people_put_state(people, person->topic);
    fl_send(people->self, channel, PEOPLE_STATE, people->out.at, people->out.len);
    people_put_diff(people, person, NULL);
    people_broadcast(people, person->topic, "presence_diff");
}

static void people_say(struct people *people, const struct person *person, struct fl_str body)
{
    people->out.len = 0;
    fl_buf_printf(&people->out, "{\"user\":%s,\"body\":%.*s}", person->user, FL_ARG(body));
    people_broadcast(people, person->topic, "new_msg");
}

static void people_set_status(struct people *people, struct person *person, struct fl_str status)
{
    struct person before = *person;
    person->status = fl_str_dup(status);
    memcpy(person->ref_prev, person->ref, sizeof person->ref);
    people_new_ref(people, person);
    people_put_diff(people, person, &before);
    free(before.status);
    people_broadcast(people, person->topic, "presence_diff");
}

static void people_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct people *people = state;
    uint32_t topic_len;
    FL_ASSERT(msg->len >= sizeof topic_len);
    memcpy(&topic_len, msg->data, sizeof topic_len);
    struct fl_str topic = {(const char *)msg->data + sizeof topic_len, topic_len};
    struct fl_str text = {topic.at + topic.len, msg->len - sizeof topic_len - topic_len};
    struct person *person = people_find(people, msg->from);
    if (msg->tag == PEOPLE_JOIN)
        people_join(people, msg->from, topic, text);
    else if (person != NULL && msg->tag == PEOPLE_SAY)
        people_say(people, person, text);
    else if (person != NULL && msg->tag == PEOPLE_STATUS)
        people_set_status(people, person, text);
}

static void people_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                           const struct fl_reason *reason)
{
    struct people *people = state;
    struct person **at = &people->first;
    while (*at != NULL && !fl_pid_eq((*at)->channel, who))
        at = &(*at)->next;
    struct person *person = *at;
    if (person == NULL) return;
    *at = person->next;
    people_put_diff(people, NULL, person);
    people_broadcast(people, person->topic, "presence_diff");
    person_free(person);
}

static const struct fl_server people_server = {
    .name = "people",
    .state_bytes = sizeof(struct people),
    .on_init = people_on_init,
    .on_cast = people_on_cast,
    .on_down = people_on_down,
};

int contract_rooms_start(struct fl_node *node)
{
    struct fl_pid pid;
    const struct fl_spawn_opts opts = {.name = PEOPLE_NAME, .shard = FL_SHARD_SAME};
    return fl_node_spawn(node, &people_server, &opts, &pid);
}
