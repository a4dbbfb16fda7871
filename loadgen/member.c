#include "loadgen/member.h"

#include "runtime/base/clock.h"
#include "services/wire/http.h"
#include "services/wire/ws.h"

#define SOCKET_PATH "/socket/websocket?vsn=2.0.0"
#define REJOIN_MS 100
#define HEARTBEAT_MS 10000
#define MESSAGE_MAX (4u << 20)

/* At once, then what the official client does. */
static const uint64_t reconnect_ms[] = {0, 10, 50, 100, 150, 200, 250, 500, 1000, 2000, 5000};

struct member_conn {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    struct fl_member *member; /* NULL once the member has let go */
    struct fl_ws ws;
    struct fl_http *http; /* only while it upgrades */
    char key[25];         /* Sec-WebSocket-Key */
    bool closing;
};

struct member_write {
    uv_write_t req;
    struct fl_buf bytes;
};

static void member_connect(struct fl_member *member);
static void member_join(struct fl_member *member);

/* ---- closing ---- */

static void conn_on_closed(uv_handle_t *handle)
{
    struct member_conn *conn = FL_OWNER(handle, struct member_conn, tcp);
    fl_ws_fini(&conn->ws);
    if (conn->http != NULL) {
        fl_http_fini(conn->http);
        free(conn->http);
    }
    free(conn);
}

static void member_drop_conn(struct fl_member *member)
{
    struct member_conn *conn = member->conn;
    if (conn == NULL) return;
    member->conn = NULL;
    conn->member = NULL;
    conn->closing = true;
    uv_close((uv_handle_t *)&conn->tcp, conn_on_closed);
}

static void member_leave(struct fl_member *member, enum fl_member_state state)
{
    bool was_joined = member->state == FL_MEMBER_JOINED;
    member->state = state;
    if (was_joined && member->events->on_parted != NULL)
        member->events->on_parted(member, fl_now());
}

static void member_on_reconnect(uv_timer_t *timer)
{
    member_connect(FL_OWNER(timer, struct fl_member, timer));
}

static void member_lost(struct fl_member *member)
{
    member_drop_conn(member);
    uv_timer_stop(&member->heartbeat);
    size_t last = FL_COUNT(reconnect_ms) - 1;
    uint64_t wait_ms = reconnect_ms[member->tries < last ? member->tries : last];
    member->tries++;
    uv_timer_start(&member->timer, member_on_reconnect, wait_ms, 0);
    member_leave(member, FL_MEMBER_AWAY);
}

/* ---- writing ---- */

static void write_on_done(uv_write_t *req, int status)
{
    (void)status; /* a lost connection shows when reading */
    struct member_write *write = FL_OWNER(req, struct member_write, req);
    fl_buf_fini(&write->bytes);
    free(write);
}

static void conn_write(struct member_conn *conn, const char *bytes, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    int wrote = uv_try_write(stream, &buf, 1);
    size_t done = wrote > 0 ? (size_t)wrote : 0;
    if (done == len) return;

    struct member_write *write = fl_new(struct member_write);
    fl_buf_add(&write->bytes, bytes + done, len - done);
    buf = uv_buf_init(write->bytes.at, (unsigned)write->bytes.len);
    if (uv_write(&write->req, stream, &buf, 1, write_on_done) != 0) write_on_done(&write->req, 0);
}

static void conn_write_frame(struct member_conn *conn, enum fl_ws_opcode opcode, const void *bytes,
                             size_t len)
{
    uint64_t draw = fl_rng_next(&conn->member->rng);
    uint8_t mask[4], head[FL_WS_HEADER_MAX];
    memcpy(mask, &draw, sizeof mask);
    struct fl_buf frame = {0};
    size_t head_len = fl_ws_header(head, opcode, len, mask);
    fl_buf_add(&frame, head, head_len);
    if (len > 0) fl_buf_add(&frame, bytes, len);
    fl_ws_mask((uint8_t *)frame.at + head_len, len, mask);
    conn_write(conn, frame.at, frame.len);
    fl_buf_fini(&frame);
}

/* Returns the ref under which it was sent. */
static uint64_t member_send(struct fl_member *member, bool with_join_ref, const char *topic,
                            const char *event, struct fl_str payload)
{
    char join_ref[24], ref[24];
    uint64_t number = ++member->ref;
    if (strcmp(event, "phx_join") == 0) member->join_ref = number;
    snprintf(ref, sizeof ref, "%llu", (unsigned long long)number);
    snprintf(join_ref, sizeof join_ref, "%llu", (unsigned long long)member->join_ref);
    struct fl_buf text = {0};
    fl_channel_put(&text, with_join_ref ? fl_str_of(join_ref) : (struct fl_str){0}, fl_str_of(ref),
                   fl_str_of(topic), event, payload);
    conn_write_frame(member->conn, FL_WS_TEXT, text.at, text.len);
    fl_buf_fini(&text);
    return number;
}

/* ---- the channel ---- */

static void member_on_slow(uv_timer_t *timer)
{
    member_lost(FL_OWNER(timer, struct fl_member, timer));
}

static uint64_t member_patience_ms(const struct fl_member *member)
{
    return (uint64_t)fl_ns_max(member->load->timeout_ns / FL_NS_PER_MS, 1);
}

static void member_on_rejoin(uv_timer_t *timer)
{
    member_join(FL_OWNER(timer, struct fl_member, timer));
}

static void member_join(struct fl_member *member)
{
    member->state = FL_MEMBER_JOINING;
    if (member->events->on_joining != NULL) member->events->on_joining(member);
    member_send(member, true, member->topic, "phx_join", fl_str_of(member->params));
    uv_timer_start(&member->timer, member_on_slow, member_patience_ms(member), 0);
}

static void member_put_out(struct fl_member *member)
{
    uv_timer_start(&member->timer, member_on_rejoin, REJOIN_MS, 0);
    member_leave(member, FL_MEMBER_OUTSIDE);
}

static bool ref_is(struct fl_str text, uint64_t ref)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)ref);
    return fl_str_is(text, number);
}

static uint64_t ref_of(struct fl_str text)
{
    uint64_t ref = 0;
    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        ref = ref * 10 + (uint64_t)(text.at[i] - '0');
    return ref;
}

static bool reply_is_ok(struct fl_str payload)
{
    cJSON *reply = cJSON_ParseWithLength(payload.at, payload.len);
    bool ok = strcmp(fl_json_text(reply, "status", ""), "ok") == 0;
    cJSON_Delete(reply);
    return ok;
}

static void member_on_reply(struct fl_member *member, const struct fl_channel_msg *msg)
{
    bool ok = reply_is_ok(msg->payload);
    fl_ns now_ns = fl_now();
    if (member->state == FL_MEMBER_JOINING && ref_is(msg->ref, member->join_ref)) {
        if (!ok) {
            member_put_out(member);
            return;
        }
        uv_timer_stop(&member->timer);
        member->state = FL_MEMBER_JOINED;
        if (member->events->on_joined != NULL) member->events->on_joined(member, now_ns);
    } else if (member->events->on_reply != NULL) {
        member->events->on_reply(member, ref_of(msg->ref), ok, now_ns);
    }
}

static void member_dispatch(struct fl_member *member, const struct fl_channel_msg *msg)
{
    if (fl_str_is(msg->topic, "phoenix")) {
        if (ref_is(msg->ref, member->heartbeat_ref)) member->heartbeat_ref = 0;
        return;
    }
    if (!fl_str_is(msg->topic, member->topic)) return;
    /* What an earlier membership left behind is not for this one. */
    if (msg->join_ref.at != NULL && !ref_is(msg->join_ref, member->join_ref)) return;

    if (fl_str_is(msg->event, "phx_reply"))
        member_on_reply(member, msg);
    else if (fl_str_is(msg->event, "phx_error") || fl_str_is(msg->event, "phx_close"))
        member_put_out(member);
    else if (member->state == FL_MEMBER_JOINED && member->events->on_push != NULL)
        member->events->on_push(member, msg, fl_now());
}

static void conn_on_message(void *cx, enum fl_ws_opcode opcode, const uint8_t *bytes, size_t len)
{
    struct member_conn *conn = cx;
    if (conn->closing) return;
    if (opcode == FL_WS_PING) conn_write_frame(conn, FL_WS_PONG, bytes, len);
    if (opcode == FL_WS_CLOSE) {
        conn_write_frame(conn, FL_WS_CLOSE, bytes, len < 2 ? len : 2);
        member_lost(conn->member);
    }
    if (opcode != FL_WS_TEXT) return;

    struct fl_buf scratch = {0};
    struct fl_channel_msg msg;
    if (fl_channel_parse((struct fl_str){(const char *)bytes, len}, &scratch, &msg) == 0)
        member_dispatch(conn->member, &msg);
    else
        member_lost(conn->member); /* a server that talks nonsense */
    fl_buf_fini(&scratch);
}

static void member_on_heartbeat(uv_timer_t *timer)
{
    struct fl_member *member = FL_OWNER(timer, struct fl_member, heartbeat);
    if (member->heartbeat_ref != 0)
        member_lost(member); /* the last one is not answered: the line is dead */
    else
        member->heartbeat_ref = member_send(member, false, "phoenix", "heartbeat", FL_STR("{}"));
}

/* ---- connecting ---- */

static bool conn_is_accepted(const struct member_conn *conn)
{
    char accept[29];
    fl_ws_accept_key(fl_str_of(conn->key), accept);
    return conn->http->status == 101 &&
           fl_str_is(fl_http_header(conn->http, "Sec-WebSocket-Accept"), accept);
}

/* Returns how many bytes were the answer to the upgrade; the rest is frames already. */
static size_t conn_feed_upgrade(struct member_conn *conn, const char *bytes, size_t len)
{
    struct fl_member *member = conn->member;
    size_t used = 0;
    int rc = fl_http_response_feed(conn->http, bytes, len, &used);
    if (rc == FL_HTTP_MORE) return len;
    if (rc != FL_HTTP_DONE || !conn_is_accepted(conn)) {
        member_lost(member);
        return len;
    }
    fl_http_fini(conn->http);
    free(conn->http);
    conn->http = NULL;
    member->tries = 0;
    member->heartbeat_ref = 0;
    uv_timer_start(&member->heartbeat, member_on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
    member_join(member);
    return used;
}

static void conn_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void)hint;
    struct member_conn *conn = FL_OWNER(handle, struct member_conn, tcp);
    *buf = uv_buf_init(NULL, 0);
    if (!conn->closing) fl_load_read_buffer(conn->member->load->host, buf);
}

static void conn_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct member_conn *conn = FL_OWNER(stream, struct member_conn, tcp);
    if (conn->closing || got == 0) return;
    if (got < 0) {
        member_lost(conn->member);
        return;
    }
    const char *bytes = buf->base;
    size_t len = (size_t)got;
    if (conn->http != NULL) {
        size_t used = conn_feed_upgrade(conn, bytes, len);
        bytes += used;
        len -= used;
    }
    if (conn->closing || len == 0) return;
    int code = fl_ws_feed(&conn->ws, bytes, len, conn_on_message, conn, &conn->closing);
    if (code != 0 && !conn->closing) member_lost(conn->member);
}

static void conn_on_connect(uv_connect_t *req, int status)
{
    struct member_conn *conn = FL_OWNER(req, struct member_conn, connecting);
    if (conn->closing) return;
    struct fl_member *member = conn->member;
    if (status == 0) status = uv_read_start((uv_stream_t *)&conn->tcp, conn_on_alloc, conn_on_read);
    if (status != 0) {
        member_lost(member);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    member->state = FL_MEMBER_UPGRADING;
    conn->http = fl_new(struct fl_http);
    fl_http_response_init(conn->http, false, 65536);
    struct fl_buf request = {0};
    fl_http_put_upgrade(&request, "127.0.0.1", SOCKET_PATH, conn->key, NULL);
    conn_write(conn, request.at, request.len);
    fl_buf_fini(&request);
}

/* 16 random bytes in base64. Any 22 letters of it will do whose last has only its top bits set. */
static void conn_draw_key(struct member_conn *conn, struct fl_rng *rng)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 22; i++)
        conn->key[i] = letters[fl_rng_between(rng, 0, i < 21 ? 63 : 3) * (i < 21 ? 1 : 16)];
    memcpy(conn->key + 22, "==", 3);
}

static void member_connect(struct fl_member *member)
{
    struct fl_load *load = member->load;
    struct member_conn *conn = fl_new(struct member_conn);
    conn->member = member;
    conn_draw_key(conn, &member->rng);
    fl_ws_init(&conn->ws, false, MESSAGE_MAX);
    uv_tcp_init(load->host->loop, &conn->tcp);
    member->conn = conn;
    member->state = FL_MEMBER_CONNECTING;
    uv_timer_start(&member->timer, member_on_slow, member_patience_ms(member), 0);

    size_t endpoint = fl_endpoints_pick(&load->endpoints);
    const struct sockaddr *addr = (const struct sockaddr *)&load->endpoints.at[endpoint].addr;
    if (uv_tcp_connect(&conn->connecting, &conn->tcp, addr, conn_on_connect) != 0)
        member_lost(member);
}

/* ---- life ---- */

void fl_member_init(struct fl_member *member, const struct fl_member_opts *opts)
{
    *member = (struct fl_member){
        .events = opts->events,
        .load = opts->load,
        .topic = fl_strdup(opts->topic),
        .params = fl_strdup(opts->params),
    };
    fl_rng_init(&member->rng, opts->load->seed ^ fl_hash64(opts->user + 1));
    uv_timer_init(opts->load->host->loop, &member->timer);
    uv_timer_init(opts->load->host->loop, &member->heartbeat);
}

void fl_member_set_params(struct fl_member *member, const char *params)
{
    free(member->params);
    member->params = fl_strdup(params);
}

void fl_member_start(struct fl_member *member)
{
    member_connect(member);
}

bool fl_member_push(struct fl_member *member, const char *event, struct fl_str payload,
                    uint64_t *ref)
{
    if (member->state != FL_MEMBER_JOINED) return false;
    *ref = member_send(member, true, member->topic, event, payload);
    return true;
}

void fl_member_stop(struct fl_member *member)
{
    member_drop_conn(member);
    member->state = FL_MEMBER_AWAY;
    uv_close((uv_handle_t *)&member->timer, NULL);
    uv_close((uv_handle_t *)&member->heartbeat, NULL);
}

void fl_member_fini(struct fl_member *member)
{
    free(member->topic);
    free(member->params);
}
