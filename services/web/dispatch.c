/* dispatch.c: which channel a message is for, and what the client is told when there is none. */
#include "services/web/inside.h"

#define DISPATCH_NULL ((struct fl_str){0})
#define DISPATCH_BYTES_MAX ((size_t)4 << 20) /* that a client sent and its channel has not read */
#define DISPATCH_SMALL 1024
#define DISPATCH_JOINS_MAX 1000 /* joins at once, and how many more a second */
#define DISPATCH_JOINS_PER_S 100

static struct web_slot *slot_find(struct web_socket *socket, struct fl_str topic)
{
    for (size_t i = 0; i < socket->slots_count; i++)
        if (fl_str_eq(web_seat_topic(socket->slots[i].seat), topic)) return &socket->slots[i];
    return NULL;
}

static struct web_slot *slot_of_pid(struct web_socket *socket, struct fl_pid pid)
{
    for (size_t i = 0; i < socket->slots_count; i++)
        if (fl_pid_eq(socket->slots[i].pid, pid)) return &socket->slots[i];
    return NULL;
}

/* Forgets a channel; its process goes on until it has read what we sent it. */
static void slot_drop(struct web_conn *conn, struct web_slot *slot)
{
    struct web_socket *socket = conn->socket;
    fl_demonitor(conn->self, slot->monitor);
    web_seat_release(slot->seat);
    *slot = socket->slots[--socket->slots_count];
}

static struct web_slot *slot_add(struct web_socket *socket)
{
    if (socket->slots_count == socket->slots_cap) {
        socket->slots_cap *= 2;
        bool is_first = socket->slots == &socket->first;
        socket->slots = fl_realloc(is_first ? NULL : socket->slots,
                                   socket->slots_cap * sizeof *socket->slots);
        if (is_first) socket->slots[0] = socket->first;
    }
    return &socket->slots[socket->slots_count++];
}

static void dispatch_put(struct web_conn *conn, struct fl_str join_ref, struct fl_str ref,
                         struct fl_str topic, const char *event, struct fl_str payload)
{
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    fl_channel_put(&out, join_ref, ref, topic, event, payload);
    web_socket_write(conn, FL_WS_TEXT, out.at, out.len);
    fl_buf_fini(&out);
}

static void dispatch_reply(struct web_conn *conn, struct fl_str join_ref, struct fl_str ref,
                           struct fl_str topic, const char *status, struct fl_str response)
{
    if (ref.at == NULL) return;
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    fl_channel_put_reply(&out, join_ref, ref, topic, status, response);
    web_socket_write(conn, FL_WS_TEXT, out.at, out.len);
    fl_buf_fini(&out);
}

static char *dispatch_put_part(char *at, struct fl_str part)
{
    if (part.len > 0) memcpy(at, part.at, part.len);
    return at + part.len;
}

/* Hands ref, event and payload to a channel. FL_EFULL: it is not keeping up. */
static int dispatch_send(struct web_conn *conn, const struct web_slot *slot, uint32_t tag,
                         const struct fl_channel_msg *msg)
{
    struct web_seat *seat = slot->seat;
    if (tag == WEB_EVENT && seat->waiting > 0 &&
        seat->waiting + msg->payload.len > DISPATCH_BYTES_MAX)
        return FL_EFULL;
    struct web_item item = {
        .ref_len = (uint32_t)msg->ref.len,
        .event_len = (uint32_t)msg->event.len,
        .payload_len = (uint32_t)msg->payload.len,
        .has_ref = msg->ref.at != NULL,
        .binary = msg->binary,
    };
    char small[DISPATCH_SMALL];
    size_t len = sizeof item + msg->ref.len + msg->event.len + msg->payload.len;
    char *bytes = len <= sizeof small ? small : fl_alloc(len); /* nothing waits while it is there */
    char *at = bytes;
    at = dispatch_put_part(at, (struct fl_str){(const char *)&item, sizeof item});
    at = dispatch_put_part(at, msg->ref);
    at = dispatch_put_part(at, msg->event);
    dispatch_put_part(at, msg->payload);
    seat->waiting += len; /* the channel takes it off */
    int rc = fl_send(conn->self, slot->pid, tag, bytes, len);
    if (rc != 0) seat->waiting -= len;
    if (bytes != small) free(bytes);
    return rc;
}

/* One that does not even take the word that it is over. */
static void dispatch_kill(struct web_conn *conn, const struct web_slot *slot)
{
    fl_exit(conn->self, slot->pid, fl_reason_of(FL_EXIT_KILL));
    struct fl_str join_ref = web_seat_join_ref(slot->seat);
    dispatch_put(conn, join_ref, join_ref, web_seat_topic(slot->seat), "phx_close", FL_STR("{}"));
}

static bool dispatch_topic_is(const char *pattern, struct fl_str topic)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*')
        return topic.len >= len - 1 && memcmp(topic.at, pattern, len - 1) == 0;
    return fl_str_is(topic, pattern);
}

static const struct fl_channel_server *dispatch_server(struct web_conn *conn, struct fl_str topic)
{
    const struct fl_channel_server *server = conn->socket->row->channels;
    if (memchr(topic.at, '\0', topic.len) != NULL) return NULL; /* no name may hide behind a NUL */
    for (; server != NULL && server->topic != NULL; server++)
        if (dispatch_topic_is(server->topic, topic)) return server;
    return NULL;
}

static int dispatch_spawn(struct web_conn *conn, const struct fl_channel_server *server,
                          const struct fl_channel_msg *msg)
{
    struct web_socket *socket = conn->socket;
    /* starting it may wait, and we be killed there: what is made hangs off the slot */
    struct web_slot *slot = slot_add(socket);
    struct web_seat *seat = web_seat_new(msg->topic, msg->join_ref);
    *slot = (struct web_slot){.server = server, .seat = seat};
    struct web_channel_args args = {
        .boot = conn->boot,
        .seat = seat,
        .server = server,
        .conn = fl_self_pid(conn->self),
        .deflates = socket->deflates,
    };
    struct fl_spawn_opts opts = {
        .args = &args,
        .shard = FL_SHARD_SAME,
        .mailbox_max = conn->boot->site.events_max,
    };
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_spawn(conn->self, &web_channel_server, &opts, &pid);
    if (rc != 0) {
        socket->slots_count--;
        web_seat_release(seat);
        return rc;
    }
    slot->pid = pid;
    slot->monitor = fl_monitor(conn->self, pid);
    return dispatch_send(conn, slot, WEB_JOIN, msg);
}

/* Joins are the dearest thing to ask for. */
static bool dispatch_may_join(struct web_conn *conn)
{
    struct web_socket *socket = conn->socket;
    fl_ns now = fl_self_now(conn->self);
    int64_t more = DISPATCH_JOINS_MAX;
    if (socket->joins_ns != 0)
        more = (now - socket->joins_ns) / (FL_NS_PER_S / DISPATCH_JOINS_PER_S);
    if (more > 0) {
        int64_t left = socket->joins_left + more;
        socket->joins_left = (int)(left < DISPATCH_JOINS_MAX ? left : DISPATCH_JOINS_MAX);
        socket->joins_ns = now;
    }
    if (socket->joins_left == 0) return false;
    socket->joins_left--;
    return true;
}

static const char *dispatch_try_join(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    const struct fl_channel_server *server = NULL;
    bool is_short = msg->topic.len <= FL_WEB_TOPIC_MAX && msg->join_ref.len <= FL_WEB_JOIN_REF_MAX;
    if (is_short) server = dispatch_server(conn, msg->topic);
    if (server == NULL) return "{\"reason\":\"unmatched topic\"}";
    if (conn->socket->slots_count >= FL_WEB_CHANNELS_MAX)
        return "{\"reason\":\"too many channels joined\"}";
    if (!dispatch_may_join(conn)) return "{\"reason\":\"overloaded\"}";
    return dispatch_spawn(conn, server, msg) == 0 ? NULL : "{\"reason\":\"overloaded\"}";
}

static void dispatch_join(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    struct web_slot *old = slot_find(conn->socket, msg->topic);
    if (old != NULL) { /* the old one closes itself, with its own join_ref */
        if (fl_send(conn->self, old->pid, WEB_CLOSE, NULL, 0) != 0) dispatch_kill(conn, old);
        slot_drop(conn, old);
    }
    const char *why = dispatch_try_join(conn, msg);
    if (why != NULL)
        dispatch_reply(conn, msg->join_ref, msg->ref, msg->topic, "error", fl_str_of(why));
}

/* A message of an earlier join of the topic is ignored without a word. */
static bool dispatch_is_stale(const struct web_slot *slot, const struct fl_channel_msg *msg)
{
    return msg->join_ref.at != NULL && !fl_str_eq(msg->join_ref, web_seat_join_ref(slot->seat));
}

static void dispatch_leave(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    struct web_slot *slot = slot_find(conn->socket, msg->topic);
    if (slot == NULL) {
        dispatch_reply(conn, msg->join_ref, msg->ref, msg->topic, "ok", FL_STR("{}"));
        return;
    }
    if (dispatch_is_stale(slot, msg)) return;
    if (dispatch_send(conn, slot, WEB_LEAVE, msg) != 0) {
        dispatch_reply(conn, web_seat_join_ref(slot->seat), msg->ref, msg->topic, "ok",
                       FL_STR("{}"));
        dispatch_kill(conn, slot);
    }
    slot_drop(conn, slot);
}

static void dispatch_event(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    struct web_slot *slot = slot_find(conn->socket, msg->topic);
    if (slot == NULL) {
        dispatch_reply(conn, DISPATCH_NULL, msg->ref, msg->topic, "error",
                       FL_STR("{\"reason\":\"unmatched topic\"}"));
        return;
    }
    if (dispatch_is_stale(slot, msg)) return;
    if (dispatch_send(conn, slot, WEB_EVENT, msg) != FL_EFULL) return;
    if (slot->server->ends_when_full)
        fl_exit(conn->self, slot->pid, fl_reason_of(FL_EXIT_KILL));
    else
        dispatch_reply(conn, web_seat_join_ref(slot->seat), msg->ref, msg->topic, "error",
                       FL_STR("{\"reason\":\"overloaded\"}"));
}

void web_dispatch(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    if (fl_str_is(msg->topic, "phoenix") && fl_str_is(msg->event, "heartbeat"))
        dispatch_reply(conn, DISPATCH_NULL, msg->ref, msg->topic, "ok", FL_STR("{}"));
    else if (fl_str_is(msg->event, "phx_join"))
        dispatch_join(conn, msg);
    else if (fl_str_is(msg->event, "phx_leave"))
        dispatch_leave(conn, msg);
    else
        dispatch_event(conn, msg);
}

void web_dispatch_joined(struct web_conn *conn, struct fl_pid channel, bool joined)
{
    struct web_slot *slot = slot_of_pid(conn->socket, channel);
    if (slot == NULL) return;
    if (joined) {
        slot->joined = true;
        return;
    }
    /* it waits for this word, and answers until then what was said on its topic */
    if (fl_send(conn->self, channel, WEB_CLOSE, NULL, 0) != 0)
        fl_exit(conn->self, channel, fl_reason_of(FL_EXIT_KILL));
    slot_drop(conn, slot);
}

void web_dispatch_down(struct web_conn *conn, struct fl_pid channel, const struct fl_reason *reason)
{
    struct web_slot *slot = slot_of_pid(conn->socket, channel);
    if (slot == NULL) return;
    struct fl_str topic = web_seat_topic(slot->seat);
    struct fl_str join_ref = web_seat_join_ref(slot->seat);
    if (!slot->joined)
        dispatch_reply(conn, join_ref, join_ref, topic, "error",
                       FL_STR("{\"reason\":\"join crashed\"}"));
    else if (reason->kind == FL_EXIT_NORMAL)
        dispatch_put(conn, join_ref, join_ref, topic, "phx_close", FL_STR("{}"));
    else
        dispatch_put(conn, join_ref, join_ref, topic, "phx_error",
                     FL_STR("{\"reason\":\"channel_crash\"}"));
    slot_drop(conn, slot);
}
