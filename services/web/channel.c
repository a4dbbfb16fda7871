/* channel.c: a joined channel's process. When it dies its connection tells the client; when its
 * connection dies it leaves. */
#include "services/web/channel_inside.h"

struct web_seat *web_seat_new(struct fl_str topic, struct fl_str join_ref)
{
    FL_ASSERT(topic.len <= FL_WEB_TOPIC_MAX && join_ref.len <= FL_WEB_JOIN_REF_MAX);
    struct web_seat *seat = fl_alloc(sizeof *seat + topic.len + join_ref.len + 2);
    *seat = (struct web_seat){
        .refs = 1,
        .topic_len = (uint16_t)topic.len,
        .join_ref_len = (uint16_t)join_ref.len,
        .has_join_ref = join_ref.at != NULL,
    };
    char *at = seat->text;
    memcpy(at, topic.at, topic.len);
    at[topic.len] = '\0';
    if (join_ref.len > 0) memcpy(at + topic.len + 1, join_ref.at, join_ref.len);
    at[topic.len + 1 + join_ref.len] = '\0';
    return seat;
}

void web_seat_release(struct web_seat *seat)
{
    if (seat == NULL) return;
    FL_ASSERT(seat->refs > 0);
    if (--seat->refs == 0) free(seat);
}

static void channel_fini(void *ptr)
{
    struct fl_channel *ch = ptr;
    web_seat_release(ch->seat);
    web_boot_release(ch->boot);
}

static int channel_on_init(struct fl_self *self, void *state, const void *init_args)
{
    const struct web_channel_args *args = init_args;
    struct fl_channel *ch = state;
    ch->self = self;
    ch->server = args->server;
    ch->boot = web_boot_retain(args->boot);
    ch->conn = args->conn;
    ch->seat = args->seat;
    ch->seat->refs++;
    ch->deflates = args->deflates;
    if (args->server->state_bytes > 0) ch->state = fl_self_alloc(self, args->server->state_bytes);
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
    return web_seat_topic(ch->seat);
}

/* ---- from the connection */

static void channel_end(struct fl_channel *ch)
{
    ch->phase = CHANNEL_ENDED;
    fl_self_exit(ch->self, fl_reason_of(FL_EXIT_NORMAL));
}

/* Refused, it stays until its connection knows: what the client said meanwhile is answered. */
static void channel_refuse(struct fl_channel *ch, int rc)
{
    ch->phase = CHANNEL_REFUSED;
    if (!ch->join_answered) {
        char reason[96];
        snprintf(reason, sizeof reason, "{\"reason\":\"%s\"}", fl_code_name(rc));
        fl_channel_reply(ch, ch->join_ref, "error", fl_str_of(reason));
    }
    fl_send(ch->self, ch->conn, WEB_REFUSED, NULL, 0);
}

static void channel_join(struct fl_channel *ch, const struct fl_channel_event *join)
{
    int rc = 0;
    ch->join_ref = join->ref;
    if (ch->server->on_join != NULL) rc = ch->server->on_join(ch, ch->state, join);
    /* the connection says how it ended */
    if (!ch->join_answered && fl_self_is_ending(ch->self)) return;
    if (rc == 0) {
        web_channel_answer_join(ch);
        ch->phase = CHANNEL_JOINED;
        fl_send(ch->self, ch->conn, WEB_JOINED, NULL, 0);
    } else {
        channel_refuse(ch, rc);
    }
    ch->join_ref = (struct fl_str){0};
}

static void channel_leave(struct fl_channel *ch)
{
    if (ch->phase == CHANNEL_JOINED && ch->server->on_leave != NULL)
        ch->server->on_leave(ch, ch->state);
}

static void channel_say_closed(struct fl_channel *ch)
{
    struct fl_str join_ref = web_seat_join_ref(ch->seat);
    if (ch->phase != CHANNEL_JOINED) return;
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, 2);
    fl_channel_put(&out, join_ref, join_ref, fl_channel_topic(ch), "phx_close", FL_STR("{}"));
    web_channel_send(ch, &out, FL_WS_TEXT);
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

static void channel_on_event(struct fl_channel *ch, const struct fl_channel_event *event)
{
    if (ch->phase == CHANNEL_REFUSED)
        web_channel_say_unmatched(ch, event->ref);
    else if (ch->server->on_event != NULL)
        ch->server->on_event(ch, ch->state, event);
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
        channel_on_event(ch, &event);
    } else if (msg->tag == WEB_LEAVE) {
        channel_leave(ch);
        fl_channel_reply(ch, event.ref, "ok", FL_STR("{}"));
        channel_say_closed(ch);
        channel_end(ch);
    }
}

/* Callbacks are for who is joining or joined. */
static bool channel_is_on(const struct fl_channel *ch)
{
    return ch->phase == CHANNEL_JOINING || ch->phase == CHANNEL_JOINED;
}

static void channel_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_channel *ch = state;
    bool from_conn = fl_pid_eq(msg->from, ch->conn) && msg->tag >= WEB_CLOSE &&
                     msg->tag <= WEB_LEAVE;
    if (from_conn) ch->seat->waiting -= msg->len;
    if (ch->phase == CHANNEL_ENDED) return;
    if (from_conn)
        channel_on_conn(ch, msg);
    else if (ch->server->on_message != NULL && channel_is_on(ch))
        ch->server->on_message(ch, ch->state, msg);
}

static void channel_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_channel *ch = state;
    if (ch->server->on_message != NULL && channel_is_on(ch))
        ch->server->on_message(ch, ch->state, msg);
}

static void channel_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                             const void *data, size_t len)
{
    struct fl_channel *ch = state;
    if (ch->server->on_reply != NULL && channel_is_on(ch))
        ch->server->on_reply(ch, ch->state, ref, code, data, len);
}

static void channel_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct fl_channel *ch = state;
    if (ch->server->on_timer != NULL && channel_is_on(ch))
        ch->server->on_timer(ch, ch->state, ref, tag);
}

static void channel_on_timeout(struct fl_self *self, void *state)
{
    struct fl_channel *ch = state;
    if (ch->server->on_timeout != NULL && channel_is_on(ch)) ch->server->on_timeout(ch, ch->state);
}

static void channel_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    struct fl_channel *ch = state;
    if (fl_pid_eq(who, ch->conn)) {
        channel_leave(ch);
        channel_end(ch);
    } else if (ch->server->on_down != NULL && channel_is_on(ch)) {
        ch->server->on_down(ch, ch->state, ref, who, reason);
    }
}

static void channel_on_format(const void *state, struct fl_buf *out)
{
    const struct fl_channel *ch = state;
    if (ch->seat == NULL) return; /* it has not begun */
    struct fl_str topic = web_seat_topic(ch->seat);
    fl_buf_printf(out, "topic %.*s", FL_ARG(topic));
    if (ch->server->on_format == NULL || ch->state == NULL) return;
    fl_buf_puts(out, ", ");
    ch->server->on_format(ch->state, out);
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
    .on_format = channel_on_format,
};
