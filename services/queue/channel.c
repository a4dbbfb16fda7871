#include "services/queue/channel.h"

#include "runtime/base/units.h"
#include "services/queue/keeper.h"
#include "services/queue/notices.h"

#define CHANNEL_AGAIN_NS fl_ms(100)

struct listener {
    char topic[96];
};

/** What the client hears when it joins: the queue or the job as it stands. The subscription comes
 * first, so that nothing falls in between. */
static int listener_join(struct fl_channel *ch, const struct fl_channel_event *join,
                         const struct fl_store_op *op, size_t json_max)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str json;
    fl_keeper_put(&request, op);
    int code = fl_keeper_ask(self, &request, 1, json_max, &hold, &rows, &json);
    if (code == 0) code = rows[0].code;
    bool is_new_queue = code == FL_ENOTFOUND && op->kind == FL_STORE_STATS;
    if (code == 0) fl_channel_reply(ch, join->ref, "ok", json);
    if (is_new_queue) fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
    fl_buf_fini(&hold);
    return is_new_queue ? 0 : code;
}

static int listener_subscribe(struct fl_channel *ch, struct listener *listener)
{
    struct fl_str topic = fl_channel_topic(ch);
    if (topic.len >= sizeof listener->topic) return FL_ERANGE;
    snprintf(listener->topic, sizeof listener->topic, "%.*s", FL_ARG(topic));
    return fl_notices_subscribe(fl_channel_self(ch), listener->topic);
}

static int queue_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct fl_str name = fl_channel_topic(ch);
    fl_str_cut(&name, ':');
    if (!fl_store_queue_ok(name)) return FL_ERANGE;
    int code = listener_subscribe(ch, state);
    struct fl_store_op op = {.kind = FL_STORE_STATS, .queue = name};
    return code != 0 ? code : listener_join(ch, join, &op, FL_KEEPER_QUEUE_JSON_MAX);
}

static int job_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct fl_str id = fl_channel_topic(ch);
    fl_str_cut(&id, ':');
    struct fl_store_op op = {.kind = FL_STORE_GET};
    if (fl_parse_int(id, 1, INT64_MAX, &op.id, NULL) != 0) return FL_ERANGE;
    int code = listener_subscribe(ch, state);
    return code != 0 ? code : listener_join(ch, join, &op, FL_KEEPER_LIST_JSON_MAX);
}

static void listener_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    (void)state;
    if (msg->tag == FL_NOTICES_FRAME && msg->shared != NULL) fl_channel_push_frame(ch, msg->shared);
}

static void listener_again(struct fl_channel *ch, const struct listener *listener)
{
    struct fl_self *self = fl_channel_self(ch);
    if (fl_notices_subscribe(self, listener->topic) != 0) fl_timer_start(self, CHANNEL_AGAIN_NS, 0);
}

static void listener_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                             const struct fl_reason *reason)
{
    (void)ref, (void)who, (void)reason;
    listener_again(ch, state);
}

static void listener_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    listener_again(ch, state);
}

const struct fl_channel_server fl_queue_channels[] = {
    {
        .topic = "queue:*",
        .state_bytes = sizeof(struct listener),
        .on_join = queue_on_join,
        .on_message = listener_on_message,
        .on_down = listener_on_down,
        .on_timer = listener_on_timer,
    },
    {
        .topic = "job:*",
        .state_bytes = sizeof(struct listener),
        .on_join = job_on_join,
        .on_message = listener_on_message,
        .on_down = listener_on_down,
        .on_timer = listener_on_timer,
    },
    {0},
};
