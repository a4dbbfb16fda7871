#include "runtime/udp.h"

#include "runtime/port.h"

#define UDP_QUEUE_MAX_DEFAULT 1000u
#define UDP_OUT_MAX_DEFAULT ((size_t)1024 * 1024)
#define UDP_READ_BYTES ((size_t)64 * 1024) /* of shard->read_buf: as in tcp.c */

struct datagram {
    struct datagram *next;
    struct fl_addr from;
    size_t len;
    char bytes[];
};

struct fl_udp {
    struct fl_endpoint end;
    uv_udp_t handle;
    struct fl_udp_opts opts;
    struct fl_addr addr;
    struct fl_udp_counts counts;
    struct datagram *first, *last, *current;
    uint32_t waiting;
};

struct send_req {
    uv_udp_send_t req;
    struct fl_udp *udp;
    char bytes[];
};

static struct datagram *udp_take(struct fl_udp *udp)
{
    struct datagram *datagram = udp->first;
    if (datagram == NULL) return NULL;
    FL_ASSERT(udp->waiting > 0);
    udp->first = datagram->next;
    if (udp->first == NULL) udp->last = NULL;
    udp->waiting--;
    return datagram;
}

static void udp_on_gone(struct fl_endpoint *end)
{
    struct fl_udp *udp = FL_OWNER(end, struct fl_udp, end);
    for (struct datagram *left = udp_take(udp); left != NULL; left = udp_take(udp))
        free(left);
    free(udp->current); /* its owner was ended in the middle of it */
    free(udp);
}

static bool udp_on_told(struct fl_self *self, struct fl_endpoint *end)
{
    struct fl_udp *udp = FL_OWNER(end, struct fl_udp, end);
    struct datagram *datagram = udp_take(udp);
    FL_ASSERT(datagram != NULL && udp->current == NULL);
    udp->current = datagram;
    void *state = self->flags & FL_PROC_IS_BODY ? NULL : fl_self_state(self);
    udp->opts.on_data(self, state, udp, &datagram->from, datagram->bytes, datagram->len);
    udp->current = NULL;
    free(datagram);
    return udp->first != NULL;
}

static void udp_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_udp *udp = FL_OWNER(handle, struct fl_udp, handle);
    struct fl_shard *shard = udp->end.shard;
    FL_ASSERT(suggested > 0);
    if (shard->read_buf == NULL) shard->read_buf = fl_alloc(UDP_READ_BYTES);
    *buf = uv_buf_init(shard->read_buf, UDP_READ_BYTES);
}

static void udp_on_receive(uv_udp_t *handle, ssize_t got, const uv_buf_t *buf,
                           const struct sockaddr *from, unsigned flags)
{
    struct fl_udp *udp = FL_OWNER(handle, struct fl_udp, handle);
    FL_ASSERT(!udp->end.is_closed);
    /* Nothing more for now, or an error that an earlier datagram of ours brought back (ICMP). */
    if (got < 0 || from == NULL || udp->opts.on_data == NULL) return;
    if (udp->waiting >= udp->opts.queue_max || (flags & UV_UDP_PARTIAL)) {
        udp->counts.dropped++;
        return;
    }
    struct datagram *datagram = fl_alloc(sizeof *datagram + (size_t)got);
    bool is_v6 = from->sa_family == AF_INET6;
    memcpy(&datagram->from, from, is_v6 ? sizeof datagram->from.v6 : sizeof datagram->from.v4);
    datagram->len = (size_t)got;
    if (got > 0) memcpy(datagram->bytes, buf->base, (size_t)got);
    if (udp->last == NULL)
        udp->first = datagram;
    else
        udp->last->next = datagram;
    udp->last = datagram;
    udp->waiting++;
    udp->counts.received++;
    fl_endpoint_tell(&udp->end);
}

static int udp_bind(struct fl_udp *udp)
{
    int rc = uv_udp_bind(&udp->handle, &udp->addr.any, 0);
    int len = sizeof udp->addr;
    if (rc == 0) rc = uv_udp_getsockname(&udp->handle, &udp->addr.any, &len);
    FL_ASSERT(len <= (int)sizeof udp->addr);
    if (rc == 0) rc = uv_udp_recv_start(&udp->handle, udp_on_alloc, udp_on_receive);
    return rc;
}

int fl_udp_open(struct fl_self *self, const struct fl_udp_opts *opts, struct fl_udp **out,
                struct fl_err *err)
{
    struct fl_shard *shard = self->shard;
    struct fl_addr addr;
    if (shard->node->opts.simulated)
        return fl_err_set(err, FL_ESTATE, "a simulated node has no network");
    int rc = fl_addr_parse(&addr, opts->host, opts->port, err);
    if (rc != 0) return rc;
    struct fl_udp *udp = fl_new(struct fl_udp);
    udp->addr = addr;
    udp->opts = *opts;
    udp->opts.host = NULL; /* the caller's */
    if (opts->queue_max == 0) udp->opts.queue_max = UDP_QUEUE_MAX_DEFAULT;
    if (opts->out_max == 0) udp->opts.out_max = UDP_OUT_MAX_DEFAULT;
    udp->end.on_told = udp_on_told;
    udp->end.on_gone = udp_on_gone;
    rc = uv_udp_init(&shard->loop, &udp->handle);
    FL_ASSERT(rc == 0);
    fl_endpoint_open(&udp->end, self, (uv_handle_t *)&udp->handle);
    rc = udp_bind(udp);
    if (rc != 0) {
        char text[FL_ADDR_TEXT_MAX];
        fl_endpoint_close(&udp->end);
        return fl_err_set(err, rc, "cannot bind UDP on %s: %s",
                          fl_addr_show(&addr, text, sizeof text), uv_strerror(rc));
    }
    *out = udp;
    return 0;
}

static void udp_on_sent(uv_udp_send_t *req, int status)
{
    struct send_req *send = FL_OWNER(req, struct send_req, req);
    /* libuv calls this for all that is queued before it lets go of the handle */
    if (status != 0) send->udp->counts.failed++;
    free(send);
}

int fl_udp_send(struct fl_self *self, struct fl_udp *udp, const struct fl_addr *to,
                const void *bytes, size_t len)
{
    if (udp->end.port.owner != self || udp->end.is_closed) return FL_ESTATE;
    if (len > UINT16_MAX) return UV_EMSGSIZE;
    uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    int rc = uv_udp_try_send(&udp->handle, &buf, 1, &to->any);
    if (rc >= 0) return 0;
    if (rc != UV_EAGAIN) return rc;
    if (uv_udp_get_send_queue_size(&udp->handle) + len > udp->opts.out_max) return FL_EFULL;
    struct send_req *send = fl_alloc(sizeof *send + len);
    send->udp = udp;
    if (len > 0) memcpy(send->bytes, bytes, len);
    buf = uv_buf_init(send->bytes, (unsigned)len);
    rc = uv_udp_send(&send->req, &udp->handle, &buf, 1, &to->any, udp_on_sent);
    if (rc != 0) free(send);
    return rc;
}

const struct fl_addr *fl_udp_addr(const struct fl_udp *udp)
{
    FL_ASSERT(udp->addr.any.sa_family != AF_UNSPEC);
    return &udp->addr;
}

struct fl_udp_counts fl_udp_counts(const struct fl_udp *udp)
{
    return udp->counts;
}

void fl_udp_close(struct fl_self *self, struct fl_udp *udp)
{
    if (udp->end.port.owner == self) fl_endpoint_close(&udp->end);
}
