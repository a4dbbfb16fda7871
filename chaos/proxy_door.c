/* The listening socket of a link, and the probe that verifies it from outside. */
#include <netinet/in.h>

#include "chaos/proxy.h"
#include "runtime/base/clock.h"

struct fl_proxy_door {
    uv_tcp_t tcp;
    struct fl_proxy_link *link; /* NULL once closed */
};

struct fl_proxy_probe {
    uv_tcp_t tcp;
    uv_connect_t connect;
    int port; /* our own end: how the door knows it */
    bool wants_accepted, closing;
    struct fl_proxy_link *link;
    struct fl_proxy_probe *next, **prev;
    fl_proxy_door_fn fn;
    void *cx;
};

enum { DOOR_BACKLOG = 1024 };

static struct sockaddr_in door_address(int port)
{
    struct sockaddr_in addr = {0};
    int rc = uv_ip4_addr("127.0.0.1", port, &addr);
    FL_ASSERT(rc == 0);
    return addr;
}

static void door_on_close(uv_handle_t *handle)
{
    free(FL_OWNER(handle, struct fl_proxy_door, tcp));
}

void fl_proxy_door_close(struct fl_proxy_link *link)
{
    if (link->door == NULL) return;
    link->door->link = NULL;
    uv_close((uv_handle_t *)&link->door->tcp, door_on_close);
    link->door = NULL;
}

static void door_on_client(uv_stream_t *stream, int status)
{
    struct fl_proxy_door *door = FL_OWNER(stream, struct fl_proxy_door, tcp);
    if (status != 0 || door->link == NULL) return;
    fl_proxy_conn_accept(door->link, stream);
}

/* A socket on the link's port. Bound at once, so that the port is ours whether or not it listens;
 * libuv sets SO_REUSEADDR, which connections that linger in TIME_WAIT ask for. */
static int door_bind(struct fl_proxy_link *link)
{
    FL_ASSERT(link->door == NULL);
    struct fl_proxy_door *door = fl_new(struct fl_proxy_door);
    int rc = uv_tcp_init(link->loop, &door->tcp);
    FL_ASSERT(rc == 0);
    door->link = link;
    link->door = door;
    struct sockaddr_in addr = door_address(link->port);
    return uv_tcp_bind(&door->tcp, (const struct sockaddr *)&addr, 0);
}

static int door_listen(struct fl_proxy_link *link)
{
    FL_ASSERT(link->door != NULL);
    return uv_listen((uv_stream_t *)&link->door->tcp, DOOR_BACKLOG, door_on_client);
}

int fl_proxy_door_open(struct fl_proxy_link *link, struct fl_err *err)
{
    int wanted = link->port;
    int rc = door_bind(link);
    if (rc == 0) rc = door_listen(link);
    struct sockaddr_in addr = {0};
    int len = sizeof addr;
    if (rc == 0) rc = uv_tcp_getsockname(&link->door->tcp, (struct sockaddr *)&addr, &len);
    if (rc != 0) {
        fl_proxy_door_close(link);
        return fl_err_set(err, rc, "127.0.0.1:%d: %s", wanted, uv_strerror(rc));
    }
    link->port = ntohs(addr.sin_port);
    return 0;
}

void fl_proxy_door_shut(struct fl_proxy_link *link)
{
    FL_ASSERT(link->port > 0);
    fl_proxy_door_close(link);
    /* Should another be faster than this bind, libuv says so in uv_listen: fl_proxy_door_reopen. */
    if (door_bind(link) != 0) fl_proxy_door_close(link);
}

int fl_proxy_door_reopen(struct fl_proxy_link *link, struct fl_err *err)
{
    int rc = link->door == NULL ? UV_EADDRINUSE : door_listen(link);
    if (rc == 0) return 0;
    fl_proxy_door_close(link);
    rc = door_bind(link);
    if (rc == 0) rc = door_listen(link);
    if (rc == 0) return 0;
    fl_proxy_door_close(link);
    return fl_err_set(err, rc, "127.0.0.1:%d: %s", link->port, uv_strerror(rc));
}

bool fl_proxy_probe_is(const struct fl_proxy_link *link, const uv_tcp_t *tcp)
{
    struct sockaddr_in peer = {0};
    int len = sizeof peer;
    if (link->probes == NULL || uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &len) != 0)
        return false;
    for (const struct fl_proxy_probe *probe = link->probes; probe != NULL; probe = probe->next)
        if (probe->port == ntohs(peer.sin_port)) return true;
    return false;
}

static void probe_on_close(uv_handle_t *handle)
{
    struct fl_proxy_probe *probe = FL_OWNER(handle, struct fl_proxy_probe, tcp);
    /* Only now: until here the door may still meet our end of the connection. */
    if (probe->prev != NULL) {
        *probe->prev = probe->next;
        if (probe->next != NULL) probe->next->prev = probe->prev;
    }
    free(probe);
}

static void probe_say(struct fl_proxy_probe *probe, int rc)
{
    if (probe->closing) return;
    probe->closing = true;
    bool as_wanted = probe->wants_accepted ? rc == 0 : rc == UV_ECONNREFUSED;
    fl_proxy_door_fn fn = probe->fn;
    void *cx = probe->cx;
    uv_close((uv_handle_t *)&probe->tcp, probe_on_close);
    if (as_wanted)
        fn(cx, 0, NULL);
    else
        fn(cx, rc == 0 ? UV_EISCONN : rc, rc == 0 ? "the port still accepts" : uv_strerror(rc));
}

static void probe_on_connect(uv_connect_t *connect, int status)
{
    probe_say(FL_OWNER(connect, struct fl_proxy_probe, connect), status);
}

void fl_proxy_probe(struct fl_proxy_link *link, bool accepted, fl_proxy_door_fn fn, void *cx)
{
    struct fl_proxy_probe *probe = fl_new(struct fl_proxy_probe);
    *probe = (struct fl_proxy_probe){.link = link, .wants_accepted = accepted, .fn = fn, .cx = cx};
    int rc = uv_tcp_init(link->loop, &probe->tcp);
    FL_ASSERT(rc == 0);
    probe->prev = &link->probes;
    probe->next = link->probes;
    if (probe->next != NULL) probe->next->prev = &probe->next;
    link->probes = probe;

    /* Bound first, so that the port is known before the door can meet it. */
    struct sockaddr_in own = door_address(0);
    struct sockaddr_in door = door_address(link->port);
    int len = sizeof own;
    rc = uv_tcp_bind(&probe->tcp, (const struct sockaddr *)&own, 0);
    if (rc == 0) rc = uv_tcp_getsockname(&probe->tcp, (struct sockaddr *)&own, &len);
    probe->port = ntohs(own.sin_port);
    if (rc == 0)
        rc = uv_tcp_connect(&probe->connect, &probe->tcp, (const struct sockaddr *)&door,
                            probe_on_connect);
    if (rc != 0) probe_say(probe, rc);
}

void fl_proxy_probes_close(struct fl_proxy_link *link)
{
    struct fl_proxy_probe *next = NULL;
    for (struct fl_proxy_probe *probe = link->probes; probe != NULL; probe = next) {
        next = probe->next;
        probe_say(probe, UV_ECANCELED);
    }
}
