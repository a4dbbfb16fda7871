/* channel.c: a joined channel's process. When it dies its connection tells the client; when its
 * connection dies it leaves. */
#include "services/web/inside.h"

struct fl_channel {
    struct fl_self *self;
    struct web_boot *boot; /* counted */
    const struct fl_channel_server *server;
    void *state;
    struct fl_pid conn;
    struct web_flow *flow;
    struct fl_str topic, join_ref;
    bool joined, join_answered, ended;
    struct fl_buf out; /* freed by fl_self_own: callbacks may be killed while they block */
};

static void channel_fini(void *ptr)
{
    struct fl_channel *ch = ptr;
    fl_buf_fini(&ch->out);
    web_flow_release(ch->flow);
    web_boot_release(ch->boot);
}

static struct fl_str channel_keep(struct fl_self *self, struct fl_str text)
{
    if (text.at == NULL) return text;
    char *copy = fl_self_alloc(self, text.len + 1);
    memcpy(copy, text.at, text.len);
    return (struct fl_str){copy, text.len};
}

static int channel_on_init(struct fl_self *self, void *state, const void *init_args)
{
    const struct web_channel_args *args = init_args;
    struct fl_channel *ch = state;
    ch->self = self;
    ch->server = args->server;
    ch->boot = web_boot_retain(args->boot);
    ch->conn = args->conn;
    ch->flow = args->flow;
    ch->topic = channel_keep(self, args->topic);
    ch->join_ref = channel_keep(self, args->join_ref);
    ch->state = fl_self_alloc(self, args->server->state_bytes + 1);
    fl_self_own(self, ch, channel_fini);
    fl_monitor(self, ch->conn);
    return 0;
}

struct fl_self *fl_channel_self(struct fl_channel *ch)
{
    return ch->self;
}

const void *fl_channel_cx(const struct fl_channel *ch)
{
    return ch->server->cx;
}

const void *fl_channel_args(const struct fl_channel *ch)
{
    return ch->boot->site.args;
}

const struct fl_web_secret *fl_channel_secret(const struct fl_channel *ch)
{
    return &ch->boot->secret;
}

struct fl_str fl_channel_topic(const struct fl_channel *ch)
{
    return ch->topic;
}

/* ---- to the client */

/* A header goes before the content in `out`, which begins with room for the longest one. */
static void channel_begin_frame(struct fl_buf *out)
{
    static const char room[FL_WS_HEADER_MAX];
    out->len = 0;
    fl_buf_add(out, room, sizeof room);
}

static struct fl_str channel_end_frame(struct fl_buf *out, enum fl_ws_opcode opcode)
{
    uint8_t head[FL_WS_HEADER_MAX];
    size_t head_len = fl_ws_header(head, opcode, out->len - FL_WS_HEADER_MAX, NULL);
    char *from = out->at + FL_WS_HEADER_MAX - head_len;
    memcpy(from, head, head_len);
    return (struct fl_str){from, out->len - FL_WS_HEADER_MAX + head_len};
}

/* A connection that cannot take more is a client that does not read: it ends. */
static void channel_sent(struct fl_channel *ch, int rc)
{
    if (rc == FL_EFULL) fl_exit(ch->self, ch->conn, fl_reason_of(FL_EXIT_KILL));
}

static void channel_send(struct fl_channel *ch, enum fl_ws_opcode opcode)
{
    struct fl_str frame = channel_end_frame(&ch->out, opcode);
    channel_sent(ch, fl_send(ch->self, ch->conn, WEB_FRAME, frame.at, frame.len));
    if (ch->out.cap > 4096) fl_buf_fini(&ch->out);
}

static struct fl_str channel_object(struct fl_str json)
{
    return json.len > 0 ? json : FL_STR("{}");
}

/* The first answer to the join's ref is the join's answer. */
static void channel_note_answer(struct fl_channel *ch, struct fl_str ref)
{
    if (!ch->joined && fl_str_eq(ref, ch->join_ref)) ch->join_answered = true;
}

void fl_channel_reply(struct fl_channel *ch, struct fl_str ref, const char *status,
                      struct fl_str response)
{
    if (ref.at == NULL) return;
    channel_note_answer(ch, ref);
    channel_begin_frame(&ch->out);
    fl_channel_put_reply(&ch->out, ch->join_ref, ref, ch->topic, status, channel_object(response));
    channel_send(ch, FL_WS_TEXT);
}

void fl_channel_reply_binary(struct fl_channel *ch, struct fl_str ref, const char *status,
                             struct fl_str bytes)
{
    if (ref.at == NULL) return;
    channel_note_answer(ch, ref);
    channel_begin_frame(&ch->out);
    int rc = fl_channel_put_binary_reply(&ch->out, ch->join_ref, ref, ch->topic, status, bytes);
    if (rc == 0)
        channel_send(ch, FL_WS_BINARY);
    else
        fl_channel_reply(ch, ref, "error", FL_STR("{\"reason\":\"no room for it in a frame\"}"));
}

void fl_channel_push(struct fl_channel *ch, const char *event, struct fl_str payload)
{
    channel_begin_frame(&ch->out);
    fl_channel_put(&ch->out, ch->join_ref, (struct fl_str){0}, ch->topic, event,
                   channel_object(payload));
    channel_send(ch, FL_WS_TEXT);
}

void fl_channel_push_frame(struct fl_channel *ch, struct fl_shared *encoded)
{
    channel_sent(ch, fl_send_shared(ch->self, ch->conn, WEB_FRAME, fl_shared_retain(encoded)));
}

struct fl_shared *fl_web_frame(struct fl_str topic, const char *event, struct fl_str payload)
{
    struct fl_buf out = {0}; /* nothing blocks before it is freed */
    channel_begin_frame(&out);
    fl_channel_put(&out, (struct fl_str){0}, (struct fl_str){0}, topic, event,
                   channel_object(payload));
    struct fl_str frame = channel_end_frame(&out, FL_WS_TEXT);
    struct fl_shared *shared = fl_shared_new(frame.at, frame.len);
    fl_buf_fini(&out);
    return shared;
}

/* ---- from the connection */

static void channel_end(struct fl_channel *ch)
{
    ch->ended = true;
    fl_self_exit(ch->self, fl_reason_of(FL_EXIT_NORMAL));
}

static void channel_join(struct fl_channel *ch, const struct fl_channel_event *join)
{
    int rc = 0;
    if (ch->server->on_join != NULL) rc = ch->server->on_join(ch, ch->state, join);
    /* the connection says how it ended */
    if (!ch->join_answered && fl_self_is_ending(ch->self)) return;
    if (rc == 0) {
        if (!ch->join_answered) fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
        ch->joined = true;
        fl_send(ch->self, ch->conn, WEB_JOINED, NULL, 0);
        return;
    }
    if (!ch->join_answered) {
        char reason[96];
        snprintf(reason, sizeof reason, "{\"reason\":\"%s\"}", fl_code_name(rc));
        fl_channel_reply(ch, join->ref, "error", fl_str_of(reason));
    }
    fl_send(ch->self, ch->conn, WEB_REFUSED, NULL, 0);
    channel_end(ch);
}

static void channel_leave(struct fl_channel *ch)
{
    if (ch->joined && ch->server->on_leave != NULL) ch->server->on_leave(ch, ch->state);
}

static void channel_say_closed(struct fl_channel *ch)
{
    channel_begin_frame(&ch->out);
    fl_channel_put(&ch->out, ch->join_ref, ch->join_ref, ch->topic, "phx_close", FL_STR("{}"));
    channel_send(ch, FL_WS_TEXT);
}

static struct fl_channel_event channel_event(const struct fl_msg *msg)
{
    struct web_item item;
    FL_ASSERT(msg->len >= sizeof item);
    memcpy(&item, msg->data, sizeof item);
    const char *at = (const char *)msg->data + sizeof item;
    struct fl_channel_event event = {
        .event = {at + item.ref_len, item.event_len},
        .payload = {at + item.ref_len + item.event_len, item.payload_len},
        .binary = item.binary != 0,
    };
    if (item.has_ref != 0) event.ref = (struct fl_str){at, item.ref_len};
    return event;
}

static void channel_on_conn(struct fl_channel *ch, const struct fl_msg *msg)
{
    if (msg->tag == WEB_CLOSE) {
        channel_leave(ch);
        channel_say_closed(ch);
        channel_end(ch);
        return;
    }
    struct fl_channel_event event = channel_event(msg);
    if (msg->tag == WEB_JOIN) {
        channel_join(ch, &event);
    } else if (msg->tag == WEB_EVENT) {
        if (ch->server->on_event != NULL) ch->server->on_event(ch, ch->state, &event);
    } else if (msg->tag == WEB_LEAVE) {
        channel_leave(ch);
        fl_channel_reply(ch, event.ref, "ok", FL_STR("{}"));
        channel_say_closed(ch);
        channel_end(ch);
    }
}

static void channel_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_channel *ch = state;
    bool from_conn = fl_pid_eq(msg->from, ch->conn);
    if (from_conn) atomic_fetch_sub(&ch->flow->bytes, msg->len);
    if (ch->ended) return;
    if (from_conn)
        channel_on_conn(ch, msg);
    else if (ch->server->on_message != NULL)
        ch->server->on_message(ch, ch->state, msg);
}

static void channel_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_channel *ch = state;
    if (ch->server->on_message != NULL) ch->server->on_message(ch, ch->state, msg);
}

static void channel_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                             const void *data, size_t len)
{
    struct fl_channel *ch = state;
    if (ch->server->on_reply != NULL) ch->server->on_reply(ch, ch->state, ref, code, data, len);
}

static void channel_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct fl_channel *ch = state;
    if (ch->server->on_timer != NULL) ch->server->on_timer(ch, ch->state, ref, tag);
}

static void channel_on_timeout(struct fl_self *self, void *state)
{
    struct fl_channel *ch = state;
    if (ch->server->on_timeout != NULL) ch->server->on_timeout(ch, ch->state);
}

static void channel_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    struct fl_channel *ch = state;
    if (fl_pid_eq(who, ch->conn)) {
        channel_leave(ch);
        channel_end(ch);
    } else if (ch->server->on_down != NULL) {
        ch->server->on_down(ch, ch->state, ref, who, reason);
    }
}

const struct fl_server web_channel_server = {
    .name = "web.channel",
    .state_bytes = sizeof(struct fl_channel),
    .on_init = channel_on_init,
    .on_cast = channel_on_cast,
    .on_call = channel_on_call,
    .on_reply = channel_on_reply,
    .on_timer = channel_on_timer,
    .on_timeout = channel_on_timeout,
    .on_down = channel_on_down,
};
