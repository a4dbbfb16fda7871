/* One direction of a connection. Bytes leave in the order in which they came, whatever the toxics
 * draw; the end of the stream goes last. */
#include "chaos/proxy.h"
#include "runtime/base/clock.h"

struct fl_proxy_chunk {
    struct fl_proxy_chunk *next;
    struct fl_proxy_flow *flow;
    fl_ns arrived_ns, due_ns;
    uv_write_t write;
    size_t len;
    char bytes[];
};

static void flow_go_on(struct fl_proxy_flow *flow);

static void flow_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_proxy_flow *flow = handle->data;
    *buf = uv_buf_init(flow->conn->link->read_buf, FL_PROXY_READ_BYTES);
}

static struct fl_proxy_chunk *flow_chunk_new(struct fl_proxy_flow *flow, const char *bytes,
                                             size_t len)
{
    struct fl_proxy_chunk *chunk = fl_alloc(sizeof *chunk + len);
    chunk->flow = flow;
    chunk->len = len;
    memcpy(chunk->bytes, bytes, len);
    return chunk;
}

static void flow_on_write(uv_write_t *write, int status)
{
    struct fl_proxy_chunk *chunk = FL_OWNER(write, struct fl_proxy_chunk, write);
    struct fl_proxy_flow *flow = chunk->flow;
    free(chunk);
    if (flow->conn->closing) return;
    if (status < 0)
        fl_proxy_conn_reset(flow->conn);
    else
        flow_go_on(flow);
}

static void flow_write_take(struct fl_proxy_flow *flow, struct fl_proxy_chunk *chunk_take)
{
    uv_buf_t buf = uv_buf_init(chunk_take->bytes, (unsigned)chunk_take->len);
    if (uv_write(&chunk_take->write, (uv_stream_t *)flow->to, &buf, 1, flow_on_write) == 0) return;
    free(chunk_take);
    fl_proxy_conn_reset(flow->conn);
}

/* The path without toxics: from the shared buffer into the socket, a copy only of what is left. */
static void flow_pass(struct fl_proxy_flow *flow, char *bytes, size_t len)
{
    FL_ASSERT(flow->head == NULL);
    uv_stream_t *to = (uv_stream_t *)flow->to;
    if (uv_stream_get_write_queue_size(to) == 0) {
        uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
        int wrote = uv_try_write(to, &buf, 1);
        if (wrote < 0 && wrote != UV_EAGAIN) {
            fl_proxy_conn_reset(flow->conn);
            return;
        }
        if (wrote > 0) {
            bytes += wrote;
            len -= (size_t)wrote;
        }
    }
    if (len > 0) flow_write_take(flow, flow_chunk_new(flow, bytes, len));
}

static struct fl_toxic_memory *flow_memory(struct fl_proxy_flow *flow, size_t slot,
                                           const struct fl_proxy_toxic *toxic)
{
    FL_ASSERT(slot < FL_PROXY_TOXICS_MAX);
    if (flow->memory == NULL)
        flow->memory = fl_new_array(struct fl_toxic_memory, FL_PROXY_TOXICS_MAX);
    struct fl_toxic_memory *memory = &flow->memory[slot];
    if (memory->owner != toxic->number) {
        *memory = (struct fl_toxic_memory){.owner = toxic->number};
        uint64_t stream = flow->conn->number * 2 + (flow->stream == FL_STREAM_DOWN);
        fl_rng_init(&memory->rng, toxic->seed ^ fl_hash64(stream));
    }
    return memory;
}

/* Walks the chain: what one toxic lets go at an instant, comes to the next at that instant. */
static fl_ns flow_due(struct fl_proxy_flow *flow, fl_ns arrived_ns, bool touch)
{
    const struct fl_proxy_link *link = flow->conn->link;
    fl_ns due_ns = arrived_ns;
    for (size_t i = 0; i < link->chain_count; i++) {
        size_t slot = link->chain[i];
        struct fl_proxy_toxic *toxic = link->toxics[slot];
        if (toxic->type->hold == NULL || (toxic->streams & flow->stream) == 0) continue;
        due_ns = toxic->type->hold(toxic->settings, flow_memory(flow, slot, toxic), due_ns);
        if (touch) fl_proxy_toxic_touch(toxic, 1);
    }
    return due_ns;
}

static void flow_hold(struct fl_proxy_flow *flow, const char *bytes, size_t len, fl_ns arrived_ns,
                      fl_ns due_ns)
{
    struct fl_proxy_chunk *chunk = flow_chunk_new(flow, bytes, len);
    chunk->arrived_ns = arrived_ns;
    chunk->due_ns = flow->last_due_ns = fl_ns_max(due_ns, flow->last_due_ns);
    *flow->tail = chunk;
    flow->tail = &chunk->next;
    flow->held_bytes += len + sizeof *chunk;
    if (flow->head == chunk) fl_alarms_set(flow->conn->link->alarms, &flow->alarm, chunk->due_ns);
}

static void flow_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct fl_proxy_flow *flow = stream->data;
    FL_ASSERT(!flow->conn->closing);
    if (got == 0) return;
    if (got < 0) {
        flow->end = got == UV_EOF ? FL_PROXY_EOF : FL_PROXY_RESET;
        flow->reading = false;
        uv_read_stop(stream);
        flow_go_on(flow);
        return;
    }
    if (flow->conn->link->chain_count == 0 && flow->head == NULL) {
        flow_pass(flow, buf->base, (size_t)got);
    } else {
        fl_ns now_ns = fl_now();
        fl_ns due_ns = flow_due(flow, now_ns, true);
        if (due_ns <= now_ns && flow->head == NULL)
            flow_pass(flow, buf->base, (size_t)got);
        else
            flow_hold(flow, buf->base, (size_t)got, now_ns, due_ns);
    }
    if (!flow->conn->closing) flow_go_on(flow);
}

static void flow_on_shutdown(uv_shutdown_t *req, int status)
{
    struct fl_proxy_flow *flow = FL_OWNER(req, struct fl_proxy_flow, shutdown);
    if (flow->conn->closing) return;
    if (status < 0) {
        fl_proxy_conn_reset(flow->conn);
        return;
    }
    flow->over = true;
    fl_proxy_conn_flow_over(flow->conn);
}

/* Passes the end on, once everything before it is on its way: EOF by a shutdown, which libuv does
 * after the last write; a reset when the socket has taken every byte. */
static void flow_pass_end(struct fl_proxy_flow *flow)
{
    if (flow->end == FL_PROXY_OPEN || flow->end_sent || flow->head != NULL) return;
    uv_stream_t *to = (uv_stream_t *)flow->to;
    if (flow->end == FL_PROXY_RESET && uv_stream_get_write_queue_size(to) > 0) return;

    flow->end_sent = true;
    if (flow->end == FL_PROXY_RESET || uv_shutdown(&flow->shutdown, to, flow_on_shutdown) != 0)
        fl_proxy_conn_reset(flow->conn);
}

/* Reads on or not: the receiver's pace is the sender's pace. */
static void flow_press_back(struct fl_proxy_flow *flow)
{
    if (flow->end != FL_PROXY_OPEN) return;
    size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)flow->to);
    bool full = queued > FL_PROXY_QUEUED_MAX || flow->held_bytes > FL_PROXY_HELD_MAX;
    bool low = queued <= FL_PROXY_QUEUED_MAX / 2 && flow->held_bytes <= FL_PROXY_HELD_MAX / 2;
    if (flow->reading && full) {
        flow->reading = false;
        uv_read_stop((uv_stream_t *)flow->from);
    } else if (!flow->reading && low) {
        fl_proxy_flow_start(flow);
    }
}

static void flow_go_on(struct fl_proxy_flow *flow)
{
    flow_pass_end(flow);
    if (!flow->conn->closing) flow_press_back(flow);
}

static void flow_release(struct fl_proxy_flow *flow, fl_ns now_ns)
{
    while (flow->head != NULL && flow->head->due_ns <= now_ns) {
        struct fl_proxy_chunk *chunk = flow->head;
        flow->head = chunk->next;
        if (flow->head == NULL) flow->tail = &flow->head;
        flow->held_bytes -= chunk->len + sizeof *chunk;
        flow_write_take(flow, chunk);
        if (flow->conn->closing) return;
    }
    struct fl_alarms *alarms = flow->conn->link->alarms;
    if (flow->head != NULL)
        fl_alarms_set(alarms, &flow->alarm, flow->head->due_ns);
    else
        fl_alarms_unset(alarms, &flow->alarm);
    flow_go_on(flow);
}

static void flow_on_alarm(struct fl_alarm *alarm)
{
    flow_release(FL_OWNER(alarm, struct fl_proxy_flow, alarm), fl_now());
}

void fl_proxy_flow_init(struct fl_proxy_flow *flow, struct fl_proxy_conn *conn, uv_tcp_t *from,
                        uv_tcp_t *to, enum fl_stream stream)
{
    *flow = (struct fl_proxy_flow){.conn = conn, .from = from, .to = to, .stream = stream};
    flow->tail = &flow->head;
    flow->alarm.fn = flow_on_alarm;
    from->data = flow;
}

void fl_proxy_flow_start(struct fl_proxy_flow *flow)
{
    FL_ASSERT(!flow->reading);
    if (uv_read_start((uv_stream_t *)flow->from, flow_on_alloc, flow_on_read) != 0) {
        fl_proxy_conn_reset(flow->conn);
        return;
    }
    flow->reading = true;
}

void fl_proxy_flow_rechain(struct fl_proxy_flow *flow)
{
    /* As if the chain had always been this one. What was touched before is not touched again, and
     * order holds because the due times are made to rise. */
    flow->last_due_ns = 0;
    for (size_t i = 0; flow->memory != NULL && i < FL_PROXY_TOXICS_MAX; i++)
        flow->memory[i].last_due_ns = 0;
    for (struct fl_proxy_chunk *chunk = flow->head; chunk != NULL; chunk = chunk->next) {
        fl_ns due_ns = flow_due(flow, chunk->arrived_ns, false);
        chunk->due_ns = flow->last_due_ns = fl_ns_max(due_ns, flow->last_due_ns);
    }
    if (flow->head != NULL) flow_release(flow, fl_now());
}

void fl_proxy_flow_fini(struct fl_proxy_flow *flow)
{
    fl_alarms_unset(flow->conn->link->alarms, &flow->alarm);
    while (flow->head != NULL) {
        struct fl_proxy_chunk *chunk = flow->head;
        flow->head = chunk->next;
        free(chunk);
    }
    flow->tail = &flow->head;
    free(flow->memory);
    flow->memory = NULL;
}
