/* dispatch.c: which channel a message is for, and what the client is told when there is none. */
#include "services/web/inside.h"

#define DISPATCH_NULL ((struct fl_str){0})
#define DISPATCH_BOX_MAX 10000               /* messages that wait in a channel's mailbox */
#define DISPATCH_BYTES_MAX ((size_t)8 << 20) /* bytes of them that its client sent */

void web_flow_release(struct web_flow *flow)
{
    if (atomic_fetch_sub(&flow->refs, 1) == 1) free(flow);
}

static struct fl_str slot_join_ref(const struct web_slot *slot)
{
    return slot->join_ref != NULL ? fl_str_of(slot->join_ref) : DISPATCH_NULL;
}

static struct web_slot *slot_find(struct web_socket *socket, struct fl_str topic)
{
    for (size_t i = 0; i < socket->slots_count; i++) {
        struct web_slot *slot = &socket->slots[i];
        if (slot->topic_len == topic.len && memcmp(slot->topic, topic.at, topic.len) == 0)
            return slot;
    }
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
    web_flow_release(slot->flow);
    free(slot->topic);
    free(slot->join_ref);
    *slot = socket->slots[--socket->slots_count];
}

static void dispatch_put(struct web_conn *conn, struct fl_str join_ref, struct fl_str ref,
                         struct fl_str topic, const char *event, struct fl_str payload)
{
    struct fl_buf *out = &conn->socket->out;
    out->len = 0;
    fl_channel_put(out, join_ref, ref, topic, event, payload);
    web_socket_write(conn, FL_WS_TEXT, out->at, out->len);
}

static void dispatch_reply(struct web_conn *conn, struct fl_str join_ref, struct fl_str ref,
                           struct fl_str topic, const char *status, struct fl_str response)
{
    if (ref.at == NULL) return;
    struct fl_buf *out = &conn->socket->out;
    out->len = 0;
    fl_channel_put_reply(out, join_ref, ref, topic, status, response);
    web_socket_write(conn, FL_WS_TEXT, out->at, out->len);
}

/* Hands ref, event and payload to a channel. FL_EFULL: it is not keeping up. */
static int dispatch_send(struct web_conn *conn, const struct web_slot *slot, uint32_t tag,
                         const struct fl_channel_msg *msg)
{
    size_t waiting = atomic_load(&slot->flow->bytes);
    if (tag == WEB_EVENT && waiting > 0 && waiting + msg->payload.len > DISPATCH_BYTES_MAX)
        return FL_EFULL;
    struct web_item item = {
        .ref_len = (uint32_t)msg->ref.len,
        .event_len = (uint32_t)msg->event.len,
        .payload_len = (uint32_t)msg->payload.len,
        .has_ref = msg->ref.at != NULL,
        .binary = msg->binary,
    };
    struct fl_buf *out = &conn->socket->out;
    out->len = 0;
    fl_buf_add(out, &item, sizeof item);
    fl_buf_add(out, msg->ref.at, msg->ref.len);
    fl_buf_add(out, msg->event.at, msg->event.len);
    fl_buf_add(out, msg->payload.at, msg->payload.len);
    atomic_fetch_add(&slot->flow->bytes, out->len); /* the channel takes it off */
    int rc = fl_send(conn->self, slot->pid, tag, out->at, out->len);
    if (rc != 0) atomic_fetch_sub(&slot->flow->bytes, out->len);
    return rc;
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
    struct web_flow *flow = fl_new(struct web_flow);
    atomic_init(&flow->refs, 2);
    struct web_channel_args args = {
        .boot = conn->boot,
        .flow = flow,
        .server = server,
        .topic = msg->topic,
        .join_ref = msg->join_ref,
        .conn = fl_self_pid(conn->self),
    };
    struct fl_spawn_opts opts = {.args = &args, .shard = -1, .mailbox_max = DISPATCH_BOX_MAX};
    struct fl_pid pid = FL_NO_PID;
    int rc = fl_spawn(conn->self, &web_channel_server, &opts, &pid);
    if (rc != 0) {
        free(flow); /* its on_init cannot fail: there was no process */
        return rc;
    }
    if (socket->slots_count == socket->slots_cap) {
        socket->slots_cap = socket->slots_cap == 0 ? 2 : socket->slots_cap * 2;
        socket->slots = fl_realloc(socket->slots, socket->slots_cap * sizeof *socket->slots);
    }
    socket->slots[socket->slots_count++] = (struct web_slot){
        .server = server,
        .topic = fl_str_dup(msg->topic),
        .topic_len = msg->topic.len,
        .join_ref = msg->join_ref.at != NULL ? fl_str_dup(msg->join_ref) : NULL,
        .pid = pid,
        .flow = flow,
        .monitor = fl_monitor(conn->self, pid),
    };
    return dispatch_send(conn, &socket->slots[socket->slots_count - 1], WEB_JOIN, msg);
}

static void dispatch_join(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    struct web_slot *old = slot_find(conn->socket, msg->topic);
    if (old != NULL) { /* the old one closes itself, with its own join_ref */
        fl_send(conn->self, old->pid, WEB_CLOSE, NULL, 0);
        slot_drop(conn, old);
    }
    const char *why = NULL;
    const struct fl_channel_server *server = dispatch_server(conn, msg->topic);
    if (server == NULL)
        why = "{\"reason\":\"unmatched topic\"}";
    else if (conn->socket->slots_count >= FL_WEB_CHANNELS_MAX)
        why = "{\"reason\":\"too many channels joined\"}";
    else if (dispatch_spawn(conn, server, msg) != 0)
        why = "{\"reason\":\"too many processes\"}";
    if (why != NULL)
        dispatch_reply(conn, msg->join_ref, msg->ref, msg->topic, "error", fl_str_of(why));
}

/* A message of an earlier join of the topic is ignored without a word. */
static bool dispatch_is_stale(const struct web_slot *slot, const struct fl_channel_msg *msg)
{
    return msg->join_ref.at != NULL && !fl_str_eq(msg->join_ref, slot_join_ref(slot));
}

static void dispatch_leave(struct web_conn *conn, const struct fl_channel_msg *msg)
{
    struct web_slot *slot = slot_find(conn->socket, msg->topic);
    if (slot == NULL) {
        dispatch_reply(conn, msg->join_ref, msg->ref, msg->topic, "ok", FL_STR("{}"));
        return;
    }
    if (dispatch_is_stale(slot, msg)) return;
    dispatch_send(conn, slot, WEB_LEAVE, msg);
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
        dispatch_reply(conn, slot_join_ref(slot), msg->ref, msg->topic, "error",
                       FL_STR("{\"reason\":\"too many messages\"}"));
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
    if (joined)
        slot->joined = true;
    else
        slot_drop(conn, slot);
}

void web_dispatch_down(struct web_conn *conn, struct fl_pid channel, const struct fl_reason *reason)
{
    struct web_slot *slot = slot_of_pid(conn->socket, channel);
    if (slot == NULL) return;
    struct fl_str topic = {slot->topic, slot->topic_len};
    struct fl_str join_ref = slot_join_ref(slot);
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
