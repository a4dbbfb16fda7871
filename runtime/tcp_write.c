#include "runtime/base/failpoint.h"
#include "runtime/tcp_port.h"

/* Writing. With delay_send on, what is written within a turn of the shard is gathered in a cork,
 * and goes out with one system call when the turn ends: to a crowd that is told several things, or
 * to a peer that asked for several, the calls are most of the work. */

#define CORK_BUFS 8u
#define CORK_BYTES 1536u
#define CORK_REFER_FROM 512u /* a shared block of so many bytes is not copied */
#define CORKS_KEPT 256u
#define CORK_WITHIN FL_NS_PER_MS

struct fl_tcp_cork {
    struct fl_tcp_cork *next; /* of the shard's pool */
    struct fl_list of_shard;
    struct fl_tcp *tcp;
    size_t len, used; /* bytes in all; of them in `bytes` */
    unsigned count;
    bool is_open; /* the last buf grows with what is copied next */
    uv_buf_t bufs[CORK_BUFS];
    struct fl_shared *shared[CORK_BUFS]; /* NULL: the buf is in `bytes` */
    char bytes[CORK_BYTES];
};

struct write_req {
    uv_write_t req;
    struct fl_tcp *tcp;
    size_t len;
    struct fl_shared *shared[CORK_BUFS];
    char bytes[];
};

static void write_free(struct write_req *write)
{
    for (size_t i = 0; i < CORK_BUFS; i++)
        fl_shared_release(write->shared[i]);
    free(write);
}

static void tcp_on_written(uv_write_t *req, int status)
{
    struct write_req *write = FL_OWNER(req, struct write_req, req);
    struct fl_tcp *tcp = write->tcp;
    FL_ASSERT(tcp->out_bytes >= write->len);
    tcp->out_bytes -= write->len;
    write_free(write);
    if (tcp->is_closed) return;
    bool is_lingering = tcp->port.owner == NULL;
    if (tcp->wait_ref != 0 && (status != 0 || tcp->out_bytes <= tcp->wait_below)) {
        FL_ASSERT(!is_lingering);
        tcp->wait_ref = 0;
        fl_call_end_wait(tcp->port.owner, status != 0 ? FL_ESTATE : 0);
    }
    if (is_lingering && status != 0)
        fl_tcp_close_now(tcp);
    else if (is_lingering)
        fl_tcp_finish(tcp);
    else if (status != 0 && !tcp->has_ended) {
        tcp->has_ended = true;
        fl_tcp_push(tcp, FL_SIG_TCP_CLOSED, status, NULL, 0);
    } else if (tcp->out_high > 0 && !tcp->is_reading && !fl_tcp_is_ahead(tcp)) {
        fl_tcp_read_on(tcp);
    }
}

static int tcp_broke(struct fl_tcp *tcp, int code)
{
    FL_ASSERT(code != 0);
    if (!tcp->has_ended && tcp->port.owner != NULL) {
        tcp->has_ended = true;
        fl_tcp_push(tcp, FL_SIG_TCP_CLOSED, code, NULL, 0);
    }
    return FL_ESTATE;
}

/* What did not go out at once: shared blocks are retained, the rest is copied. */
static int tcp_queue_rest(struct fl_tcp *tcp, const uv_buf_t *bufs, struct fl_shared *const *shared,
                          unsigned count)
{
    size_t copied = 0, len = 0;
    for (unsigned i = 0; i < count; i++) {
        len += bufs[i].len;
        if (shared[i] == NULL) copied += bufs[i].len;
    }
    struct write_req *write = fl_alloc(sizeof *write + copied);
    FL_ASSERT(count <= CORK_BUFS && len > 0);
    memset(write->shared, 0, sizeof write->shared);
    write->tcp = tcp;
    write->len = len;
    uv_buf_t out[CORK_BUFS];
    unsigned out_count = 0;
    char *at = write->bytes;
    for (unsigned i = 0; i < count; i++) {
        if (bufs[i].len == 0) continue;
        uv_buf_t *one = &out[out_count++];
        *one = bufs[i];
        if (shared[i] != NULL) {
            write->shared[i] = fl_shared_retain(shared[i]);
            continue;
        }
        one->base = memcpy(at, bufs[i].base, bufs[i].len);
        at += bufs[i].len;
    }
    int rc = uv_write(&write->req, &tcp->handle.stream, out, out_count, tcp_on_written);
    if (rc != 0) {
        write_free(write);
        return tcp_broke(tcp, rc);
    }
    tcp->out_bytes += len;
    return 0;
}

static void bufs_skip(uv_buf_t *bufs, unsigned count, size_t skip)
{
    for (unsigned i = 0; i < count && skip > 0; i++) {
        size_t len = skip < bufs[i].len ? skip : bufs[i].len;
        bufs[i].base += len;
        bufs[i].len -= len;
        skip -= len;
    }
    FL_ASSERT(skip == 0);
}

/* Writes what can be written, queues the rest. bufs are changed. */
static int tcp_write_out(struct fl_tcp *tcp, uv_buf_t *bufs, struct fl_shared *const *shared,
                         unsigned count, size_t len)
{
    FL_ASSERT(len > 0);
    int failinfo = FL_FAIL("posix/io/net/send");
    if (failinfo != 0) return tcp_broke(tcp, -failinfo);
    if (tcp->out_bytes == 0) {
        int rc = uv_try_write(&tcp->handle.stream, bufs, count);
        if (rc < 0 && rc != UV_EAGAIN) return tcp_broke(tcp, rc);
        size_t went = rc > 0 ? (size_t)rc : 0;
        if (went == len) return 0;
        bufs_skip(bufs, count, went);
    }
    return tcp_queue_rest(tcp, bufs, shared, count);
}

/* ---- corks */

static struct fl_tcp_cork *cork_take(struct fl_tcp *tcp)
{
    struct fl_shard *shard = tcp->shard;
    struct fl_tcp_cork *cork = shard->corks;
    if (cork != NULL) {
        shard->corks = cork->next;
        shard->corks_kept--;
    } else {
        cork = fl_alloc(sizeof *cork);
    }
    if (fl_list_is_empty(&shard->corked)) shard->corked_ns = 0; /* by the clock of the next look */
    cork->of_shard = (struct fl_list){0};
    fl_list_push(&shard->corked, &cork->of_shard);
    cork->tcp = tcp;
    cork->len = cork->used = 0;
    cork->count = 0;
    cork->is_open = false;
    tcp->cork = cork;
    return cork;
}

static void cork_drop(struct fl_tcp_cork *cork)
{
    struct fl_shard *shard = cork->tcp->shard;
    for (unsigned i = 0; i < cork->count; i++)
        fl_shared_release(cork->shared[i]);
    fl_list_remove(&cork->of_shard);
    cork->tcp->cork = NULL;
    if (shard->corks_kept == CORKS_KEPT) {
        free(cork);
        return;
    }
    cork->next = shard->corks;
    shard->corks = cork;
    shard->corks_kept++;
}

int fl_tcp_uncork(struct fl_tcp *tcp)
{
    struct fl_tcp_cork *cork = tcp->cork;
    if (cork == NULL) return 0;
    FL_ASSERT(cork->tcp == tcp);
    int rc = FL_ESTATE;
    if (!tcp->is_closed) rc = tcp_write_out(tcp, cork->bufs, cork->shared, cork->count, cork->len);
    cork_drop(cork);
    return rc;
}

void fl_tcp_uncork_all(struct fl_shard *shard, bool is_idle)
{
    if (fl_list_is_empty(&shard->corked)) return;
    if (!is_idle) {
        fl_ns now = fl_now();
        if (shard->corked_ns == 0) shard->corked_ns = now;
        if (now - shard->corked_ns < CORK_WITHIN) return;
    }
    while (!fl_list_is_empty(&shard->corked))
        fl_tcp_uncork(FL_OWNER(shard->corked.next, struct fl_tcp_cork, of_shard)->tcp);
}

void fl_tcp_free_corks(struct fl_shard *shard)
{
    FL_ASSERT(fl_list_is_empty(&shard->corked));
    while (shard->corks != NULL) {
        struct fl_tcp_cork *next = shard->corks->next;
        free(shard->corks);
        shard->corks = next;
    }
    shard->corks_kept = 0;
}

static void cork_copy(struct fl_tcp_cork *cork, const void *bytes, size_t len)
{
    if (len == 0) return;
    FL_ASSERT(cork->used + len <= CORK_BYTES);
    char *to = memcpy(cork->bytes + cork->used, bytes, len);
    cork->used += len;
    cork->len += len;
    if (cork->is_open) {
        cork->bufs[cork->count - 1].len += len;
        return;
    }
    cork->shared[cork->count] = NULL;
    cork->bufs[cork->count++] = uv_buf_init(to, (unsigned)len);
    cork->is_open = true;
}

static void cork_refer(struct fl_tcp_cork *cork, struct fl_shared *shared)
{
    size_t len = fl_shared_len(shared);
    FL_ASSERT(cork->count < CORK_BUFS);
    cork->shared[cork->count] = fl_shared_retain(shared);
    cork->bufs[cork->count++] = uv_buf_init((char *)fl_shared_data(shared), (unsigned)len);
    cork->len += len;
    cork->is_open = false;
}

/* False: too long to be gathered. */
static bool cork_add(struct fl_tcp *tcp, uv_buf_t head, uv_buf_t body, struct fl_shared *shared)
{
    bool refers = shared != NULL && body.len >= CORK_REFER_FROM;
    size_t copied = head.len + (refers ? 0 : body.len);
    if (copied > CORK_BYTES / 2) return false;
    struct fl_tcp_cork *cork = tcp->cork;
    if (cork != NULL && (cork->used + copied > CORK_BYTES || cork->count + 2 > CORK_BUFS)) {
        if (fl_tcp_uncork(tcp) != 0) return true; /* it broke, and says so */
        cork = NULL;
    }
    if (cork == NULL) cork = cork_take(tcp);
    cork_copy(cork, head.base, head.len);
    if (refers)
        cork_refer(cork, shared);
    else
        cork_copy(cork, body.base, body.len);
    return true;
}

/* ---- what a process may do */

static int tcp_write_both(struct fl_tcp *tcp, uv_buf_t head, uv_buf_t body,
                          struct fl_shared *shared)
{
    if (tcp->is_closed || tcp->has_ended || tcp->port.owner == NULL) return FL_ESTATE;
    size_t len = head.len + body.len;
    size_t waiting = fl_tcp_queued(tcp);
    if (len == 0) return 0;
    if (waiting > 0 && waiting + len > tcp->out_max) return FL_EFULL;
    if (tcp->delays_send && cork_add(tcp, head, body, shared)) return 0;
    int rc = fl_tcp_uncork(tcp);
    if (rc != 0) return rc;
    uv_buf_t bufs[2] = {head, body};
    struct fl_shared *const of[2] = {NULL, shared};
    unsigned first = head.len == 0 ? 1 : 0;
    unsigned count = (head.len > 0 ? 1u : 0u) + (body.len > 0 ? 1u : 0u);
    return tcp_write_out(tcp, bufs + first, of + first, count, len);
}

int fl_tcp_write(struct fl_self *self, struct fl_tcp *tcp, const void *bytes, size_t len)
{
    if (tcp->port.owner != self) return FL_ESTATE;
    return tcp_write_both(tcp, uv_buf_init((char *)bytes, (unsigned)len), uv_buf_init(NULL, 0),
                          NULL);
}

int fl_tcp_write_both(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                      const void *body, size_t body_len)
{
    if (tcp->port.owner != self) return FL_ESTATE;
    return tcp_write_both(tcp, uv_buf_init((char *)head, (unsigned)head_len),
                          uv_buf_init((char *)body, (unsigned)body_len), NULL);
}

int fl_tcp_write_shared(struct fl_self *self, struct fl_tcp *tcp, const void *head, size_t head_len,
                        struct fl_shared *body)
{
    if (tcp->port.owner != self) return FL_ESTATE;
    uv_buf_t body_buf = uv_buf_init((char *)fl_shared_data(body), (unsigned)fl_shared_len(body));
    return tcp_write_both(tcp, uv_buf_init((char *)head, (unsigned)head_len), body_buf, body);
}

size_t fl_tcp_queued(const struct fl_tcp *tcp)
{
    return tcp->out_bytes + (tcp->cork != NULL ? tcp->cork->len : 0);
}

void fl_tcp_set_out_max(struct fl_tcp *tcp, size_t bytes)
{
    tcp->out_max = bytes;
}

void fl_tcp_set_out_high(struct fl_tcp *tcp, size_t bytes)
{
    tcp->out_high = bytes;
}

void fl_tcp_set_delay_send(struct fl_tcp *tcp, bool on)
{
    tcp->delays_send = on;
    if (!on) fl_tcp_uncork(tcp);
}
