/* driver_tcp.c: a request, and the beginning of its answer, over kept plain TCP connections.
 *
 * A connection carries one request at a time. Idle ones are kept a stack for each endpoint. */
#include "loadgen/load.h"
#include "runtime/base/clock.h"

#define ANSWER_MAX ((size_t)1 << 20) /* bytes without a line's end that are still an answer */

struct tcp_conn {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_write_t writing;
    struct fl_load *load;
    struct fl_pending *pending; /* NULL: idle */
    size_t endpoint;
    struct tcp_conn *prev, *next;           /* all of the load */
    struct tcp_conn *idle_next, *idle_prev; /* idle ones of the endpoint */
    struct fl_buf answer;
    bool is_open, tail_is_due, closing;
};

struct tcp_state {
    struct fl_buf send, expect;
    bool has_expect;
    struct tcp_conn *first;
    struct tcp_conn **idle; /* one stack an endpoint */
    size_t idle_count;
};

static int driver_tcp_open(struct fl_load *load, struct fl_err *err)
{
    struct tcp_state *state = fl_new(struct tcp_state);
    load->state = state;
    char *send = fl_settings_text(&load->settings, "send");
    char *expect = fl_settings_text(&load->settings, "expect");
    int rc = 0;
    if (send == NULL || send[0] == '\0')
        rc = fl_err_set(err, FL_EPARSE, "send: what should be sent? Such as \"PING\\r\\n\"");
    if (rc == 0) {
        rc = fl_settings_unescape(send, &state->send, err);
        if (rc != 0) fl_err_prefix(err, "send: ");
    }
    if (rc == 0 && expect != NULL && expect[0] != '\0') {
        state->has_expect = true;
        rc = fl_settings_unescape(expect, &state->expect, err);
        if (rc != 0) fl_err_prefix(err, "expect: ");
    }
    free(send);
    free(expect);
    if (rc != 0) return rc;
    uint32_t slots = fl_ledger_slots_for(load->users, load->rate_per_s, load->timeout_ns);
    fl_load_add_stream(load, FL_OP_ARRIVAL, "arrivals", load->rate_per_s, slots);
    return 0;
}

static void driver_tcp_start(struct fl_load *load, fl_ns t0_ns)
{
    (void)t0_ns;
    struct tcp_state *state = load->state;
    state->idle_count = load->endpoints.count;
    state->idle = fl_new_array(struct tcp_conn *, state->idle_count);
}

static void conn_push_idle(struct tcp_conn *conn)
{
    struct tcp_state *state = conn->load->state;
    struct tcp_conn **top = &state->idle[conn->endpoint];
    conn->idle_prev = NULL;
    conn->idle_next = *top;
    if (*top != NULL) (*top)->idle_prev = conn;
    *top = conn;
}

static void conn_take_idle(struct tcp_conn *conn)
{
    struct tcp_state *state = conn->load->state;
    if (conn->idle_prev != NULL)
        conn->idle_prev->idle_next = conn->idle_next;
    else
        state->idle[conn->endpoint] = conn->idle_next;
    if (conn->idle_next != NULL) conn->idle_next->idle_prev = conn->idle_prev;
    conn->idle_next = conn->idle_prev = NULL;
}

static struct tcp_conn *conn_of(uv_handle_t *handle)
{
    return FL_OWNER(handle, struct tcp_conn, tcp);
}

static void conn_on_closed(uv_handle_t *handle)
{
    struct tcp_conn *conn = conn_of(handle);
    struct tcp_state *state = conn->load->state;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        state->first = conn->next;
    if (conn->next != NULL) conn->next->prev = conn->prev;
    fl_buf_fini(&conn->answer);
    free(conn);
}

/* Whoever calls this has taken its pending away, or it has none and is idle. */
static void conn_close(struct tcp_conn *conn)
{
    if (conn->closing) return;
    conn->closing = true;
    uv_close((uv_handle_t *)&conn->tcp, conn_on_closed);
}

static void conn_settle(struct tcp_conn *conn, enum fl_outcome outcome, enum fl_op_error error)
{
    struct fl_pending *pending = conn->pending;
    conn->pending = NULL;
    fl_load_settle(pending, outcome, error, fl_now());
}

/* The connection is lost: before the request went out nothing has happened, after it anything. */
static void conn_lost(struct tcp_conn *conn)
{
    if (conn->closing) return;
    if (conn->pending == NULL)
        conn_take_idle(conn);
    else if (conn->pending->sent_ns != 0)
        conn_settle(conn, FL_UNKNOWN, FL_OPERR_RESET);
    else
        conn_settle(conn, FL_FAIL, conn->is_open ? FL_OPERR_RESET : FL_OPERR_REFUSED);
    conn_close(conn);
}

static void conn_answered(struct tcp_conn *conn, bool right)
{
    conn_settle(conn, right ? FL_OK : FL_UNKNOWN, right ? FL_OPERR_NONE : FL_OPERR_CONTENT);
    if (!right) {
        conn_close(conn); /* what follows on it belongs to nobody knows what */
        return;
    }
    const struct fl_buf *answer = &conn->answer;
    conn->tail_is_due = answer->at[answer->len - 1] != '\n';
    conn->answer.len = 0;
    conn_push_idle(conn);
}

static void conn_feed(struct tcp_conn *conn, const char *bytes, size_t len)
{
    const struct tcp_state *state = conn->load->state;
    /* An answer that was complete before its line ended leaves CR and LF for later. */
    while (conn->tail_is_due && len > 0 && conn->answer.len == 0) {
        if (*bytes != '\r' && *bytes != '\n') {
            conn->tail_is_due = false;
            break;
        }
        if (*bytes == '\n') conn->tail_is_due = false;
        bytes++;
        len--;
    }
    if (conn->pending == NULL || len == 0) return;
    fl_buf_add(&conn->answer, bytes, len);

    const struct fl_buf *answer = &conn->answer;
    if (!state->has_expect) {
        if (memchr(answer->at, '\n', answer->len) != NULL)
            conn_answered(conn, true);
        else if (answer->len > ANSWER_MAX)
            conn_answered(conn, false);
        return;
    }
    size_t common = answer->len < state->expect.len ? answer->len : state->expect.len;
    if (memcmp(answer->at, state->expect.at, common) != 0)
        conn_answered(conn, false);
    else if (common == state->expect.len)
        conn_answered(conn, true);
}

static void conn_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void)hint;
    fl_load_read_buffer(conn_of(handle)->load->host, buf);
}

static void conn_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct tcp_conn *conn = conn_of((uv_handle_t *)stream);
    if (got < 0)
        conn_lost(conn);
    else if (got > 0 && !conn->closing)
        conn_feed(conn, buf->base, (size_t)got);
}

static void conn_on_written(uv_write_t *req, int status)
{
    if (status != 0) conn_lost(FL_OWNER(req, struct tcp_conn, writing));
}

static void conn_send(struct tcp_conn *conn)
{
    const struct tcp_state *state = conn->load->state;
    conn->answer.len = 0;
    conn->pending->sent_ns = fl_now();
    uv_buf_t buf = uv_buf_init(state->send.at, (unsigned)state->send.len);
    int rc = uv_write(&conn->writing, (uv_stream_t *)&conn->tcp, &buf, 1, conn_on_written);
    if (rc != 0) conn_lost(conn);
}

static void conn_on_connect(uv_connect_t *req, int status)
{
    struct tcp_conn *conn = FL_OWNER(req, struct tcp_conn, connecting);
    if (conn->closing) return;
    if (status != 0) {
        conn_lost(conn);
        return;
    }
    conn->is_open = true;
    uv_tcp_nodelay(&conn->tcp, 1);
    int rc = uv_read_start((uv_stream_t *)&conn->tcp, conn_on_alloc, conn_on_read);
    if (rc != 0)
        conn_lost(conn);
    else
        conn_send(conn);
}

static void conn_connect(struct fl_load *load, struct fl_pending *pending, size_t endpoint)
{
    struct tcp_state *state = load->state;
    struct tcp_conn *conn = fl_new(struct tcp_conn);
    conn->load = load;
    conn->pending = pending;
    conn->endpoint = endpoint;
    conn->next = state->first;
    if (state->first != NULL) state->first->prev = conn;
    state->first = conn;
    pending->work = conn;
    uv_tcp_init(load->host->loop, &conn->tcp);
    const struct sockaddr *addr = (const struct sockaddr *)&load->endpoints.at[endpoint].addr;
    int rc = uv_tcp_connect(&conn->connecting, &conn->tcp, addr, conn_on_connect);
    if (rc == UV_EMFILE || rc == UV_ENFILE) { /* our own limit, not the service's no */
        conn_settle(conn, FL_FAIL, FL_OPERR_UNSENT);
        conn_close(conn);
    } else if (rc != 0) {
        conn_lost(conn);
    }
}

static void driver_tcp_issue(struct fl_load *load, struct fl_pending *pending)
{
    struct tcp_state *state = load->state;
    size_t endpoint = fl_endpoints_pick(&load->endpoints);
    struct tcp_conn *conn = state->idle[endpoint];
    if (conn == NULL) {
        conn_connect(load, pending, endpoint);
        return;
    }
    conn_take_idle(conn);
    conn->pending = pending;
    pending->work = conn;
    conn_send(conn);
}

static void driver_tcp_drop(struct fl_load *load, struct fl_pending *pending)
{
    (void)load;
    struct tcp_conn *conn = pending->work;
    conn->pending = NULL;
    conn_close(conn); /* a late answer must not be taken for the next one's */
}

static void driver_tcp_stop(struct fl_load *load)
{
    struct tcp_state *state = load->state;
    for (struct tcp_conn *conn = state->first; conn != NULL; conn = conn->next)
        conn_close(conn);
}

static void driver_tcp_fini(struct fl_load *load)
{
    struct tcp_state *state = load->state;
    FL_ASSERT(state->first == NULL);
    fl_buf_fini(&state->send);
    fl_buf_fini(&state->expect);
    free(state->idle);
    free(state);
}

const struct fl_driver fl_driver_tcp = {
    .open = driver_tcp_open,
    .start = driver_tcp_start,
    .issue = driver_tcp_issue,
    .drop = driver_tcp_drop,
    .stop = driver_tcp_stop,
    .fini = driver_tcp_fini,
};
