/* world.h: a chat in virtual time: the real rooms, writer and channels, with people who stand where
 * a connection would be. Header only; each test is one program. */
#ifndef FL_TESTS_CHAT_WORLD_H
#define FL_TESTS_CHAT_WORLD_H

#include "tests/support/testkit.h"

#include "runtime/base/rng.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "services/chat/talk.h"
#include "services/chat/writer.h"
#include "services/web/inside.h"
#include "services/web/presence.h"
#include "services/wire/jscan.h"

#define HEARD_MAX 2000

struct heard {
    int64_t seq;
    int body;
};
/* One device: what it hears of messages whose bodies are numbers, and all else as text. */
struct person {
    struct world *w;
    const char *user;
    struct fl_pid pid, channel;
    struct heard heard[HEARD_MAX];
    size_t heard_count;
    unsigned oks, errors; /* answers */
    struct fl_buf log;    /* every text, one a line */
    unsigned refs;
};
struct world {
    struct fl_node *node;
    struct fl_chat chat;
    struct web_boot boot;
    char *folder;
    struct person people[4];
    size_t people_count;
    struct fl_rng rng;
};

enum { PERSON_COME = 1, PERSON_PUSH };

/* ---- a person */

static inline void person_send(struct fl_self *self, struct person *person, uint32_t tag,
                               struct fl_str event, struct fl_str payload)
{
    char ref[16];
    struct fl_buf out = {0};
    snprintf(ref, sizeof ref, "%u", ++person->refs);
    struct web_item item = {
        .ref_len = (uint32_t)strlen(ref),
        .event_len = (uint32_t)event.len,
        .payload_len = (uint32_t)payload.len,
        .has_ref = 1,
    };
    fl_buf_add(&out, &item, sizeof item);
    fl_buf_puts(&out, ref);
    fl_buf_add(&out, event.at, event.len);
    fl_buf_add(&out, payload.at, payload.len);
    assert_int_equal(fl_send(self, person->channel, tag, out.at, out.len), 0);
    fl_buf_fini(&out);
}

static inline void person_come(struct fl_self *self, struct person *person, struct fl_str params)
{
    struct web_channel_args args = {
        .boot = &person->w->boot,
        .seat = web_seat_new(FL_STR("room:x"), FL_STR("1")),
        .server = fl_talk_channels,
        .conn = fl_self_pid(self),
    };
    const struct fl_spawn_opts opts = {.args = &args, .shard = FL_SHARD_SAME};
    person->refs = 0;
    assert_int_equal(fl_spawn(self, &web_channel_server, &opts, &person->channel), 0);
    web_seat_release(args.seat); /* the channel has it now */
    person_send(self, person, WEB_JOIN, FL_STR("phx_join"), params);
}

static inline int64_t person_number(struct fl_str payload, const char *key)
{
    struct fl_str text = fl_jscan_get(payload, key);
    int64_t number = 0;
    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        number = number * 10 + (text.at[i] - '0');
    return number;
}

static inline void person_note(struct person *person, const struct fl_channel_msg *msg)
{
    if (fl_str_is(msg->event, "phx_reply")) {
        bool ok = fl_str_is(fl_jscan_get(msg->payload, "status"), "\"ok\"");
        *(ok ? &person->oks : &person->errors) += 1;
    }
    if (!fl_str_is(msg->event, "new_msg")) return;
    assert_true(person->heard_count < HEARD_MAX);
    person->heard[person->heard_count++] = (struct heard){
        .seq = person_number(msg->payload, "seq"),
        .body = (int)person_number(msg->payload, "body"),
    };
}

static inline void person_on_frame(struct person *person, const unsigned char *at, size_t len)
{
    size_t head = (at[1] & 127) < 126 ? 2 : (at[1] & 127) == 126 ? 4 : 10;
    struct fl_str text = {(const char *)at + head, len - head};
    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    assert_int_equal(fl_channel_parse(text, &scratch, &msg), 0);
    person_note(person, &msg);
    fl_buf_add(&person->log, text.at, text.len);
    fl_buf_putc(&person->log, '\n');
    fl_buf_fini(&scratch);
}

static inline void person_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct person *person = *(struct person **)state;
    struct fl_str data = {msg->data, msg->len};
    if (msg->tag == WEB_FRAME) person_on_frame(person, msg->data, msg->len);
    if (msg->tag == PERSON_COME) person_come(self, person, data);
    if (msg->tag == PERSON_PUSH) {
        struct fl_str event = fl_str_cut(&data, ' ');
        person_send(self, person, WEB_EVENT, event, data);
    }
}

static inline int person_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct person **)state = (struct person *)(uintptr_t)args;
    return 0;
}

static const struct fl_server person_server = {
    .name = "person",
    .state_bytes = sizeof(struct person *),
    .on_init = person_on_init,
    .on_cast = person_on_cast,
};

/* ---- the world */

static inline void world_start_tree(struct world *w)
{
    struct fl_pid pid;
    const struct fl_child children[] = {
        {.id = "pubsub", .server = &fl_pubsub_server, .args = w->chat.pubsub},
        {.id = "p", .name = "presence", .server = &fl_presence_server, .args = w->chat.presence},
        {.id = "w", .name = "writer", .server = &fl_chat_writer_server, .args = &w->chat.archive},
        {.id = "d",
         .name = "door",
         .server = &fl_door_server,
         .args = &w->chat,
         .shutdown_ns = FL_SHUTDOWN_BRUTAL},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 1000, .children = children, .children_count = FL_COUNT(children)};
    const struct fl_sup_opts rooms = {.max_restarts = 1000, .name = FL_ROOMS_NAME};
    assert_int_equal(fl_sup_start(w->node, NULL, &sup, &pid), 0);
    assert_int_equal(fl_sup_start(w->node, NULL, &rooms, &pid), 0);
}

static inline void world_boot(struct world *w, uint64_t seed)
{
    const struct fl_node_opts opts = {.simulated = true, .seed = seed};
    assert_int_equal(fl_node_new(&w->node, &opts, NULL), 0);
    w->chat.pubsub = fl_pubsub_new(w->node);
    const struct fl_presence_opts presence = fl_web_presence_opts(w->chat.pubsub);
    w->chat.presence = fl_presence_new(w->node, &presence);
    w->people_count = 0;
    world_start_tree(w);
}

static inline struct world *world_open(uint64_t seed)
{
    struct world *w = fl_new(struct world);
    fl_rng_init(&w->rng, seed);
    w->folder = testkit_folder();
    w->chat.archive.path = fl_format("%s/chat.db", w->folder);
    w->chat.archive.relaxed = true; /* the disk is not what is looked at */
    atomic_init(&w->boot.refs, 1);
    w->boot.site.args = &w->chat;
    world_boot(w, seed);
    return w;
}

/* Everything ends at once, as by SIGKILL; what is on the disk stays. */
static inline void world_kill(struct world *w)
{
    fl_presence_free(w->chat.presence);
    fl_pubsub_free(w->chat.pubsub);
    fl_node_free(w->node);
    for (size_t i = 0; i < FL_COUNT(w->people); i++)
        fl_buf_fini(&w->people[i].log);
    memset(w->people, 0, sizeof w->people);
}

static inline void world_close(struct world *w)
{
    world_kill(w);
    free((char *)w->chat.archive.path);
    testkit_remove(w->folder);
    free(w);
}

/** Sends on the person's channel: `new_msg {"body":1}`. */
static inline void world_push(struct world *w, struct person *person, const char *format, ...)
    FL_PRINTF(3, 4);
static inline void world_push(struct world *w, struct person *person, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_int_equal(fl_node_send(w->node, person->pid, PERSON_PUSH, text, strlen(text)), 0);
}

/** Joins room:x with these params; `"since":7`, or "". */
static inline struct person *world_enter(struct world *w, const char *user, const char *more)
{
    struct person *person = &w->people[w->people_count++];
    const struct fl_spawn_opts opts = {.args = person, .shard = -1};
    char params[200];
    person->w = w;
    person->user = user;
    assert_int_equal(fl_node_spawn(w->node, &person_server, &opts, &person->pid), 0);
    snprintf(params, sizeof params, "{\"user\":\"%s\"%s%s}", user, more[0] != '\0' ? "," : "",
             more);
    fl_node_send(w->node, person->pid, PERSON_COME, params, strlen(params));
    fl_sim_run(w->node, fl_ms(5));
    return person;
}

static inline int times(const struct person *person, const char *part)
{
    int count = 0;
    for (const char *at = person->log.at; at != NULL && (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

#endif
