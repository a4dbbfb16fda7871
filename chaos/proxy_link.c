#include "chaos/proxy.h"

#include "runtime/base/clock.h"

struct fl_proxy_link *fl_proxy_link_new(uv_loop_t *loop, struct fl_alarms *alarms, char *read_buf,
                                        const char *name)
{
    struct fl_proxy_link *link = fl_new(struct fl_proxy_link);
    link->name = fl_strdup(name);
    link->loop = loop;
    link->alarms = alarms;
    link->read_buf = read_buf;
    return link;
}

static int64_t link_reset_all(struct fl_proxy_link *link)
{
    int64_t count = link->conns_open;
    while (link->conns != NULL)
        fl_proxy_conn_reset(link->conns);
    FL_ASSERT(link->conns_open == 0);
    return count;
}

static void link_toxic_free(struct fl_proxy_toxic *toxic)
{
    /* Whoever waits for a first touch that did not come is told so. */
    if (toxic->on_seen != NULL) toxic->on_seen(toxic->seen_cx, fl_now(), toxic->seen);
    free(toxic->name);
    free(toxic->settings);
    free(toxic);
}

void fl_proxy_link_close(struct fl_proxy_link *link)
{
    fl_proxy_door_close(link);
    link_reset_all(link);
    fl_proxy_probes_close(link);
}

void fl_proxy_link_free(struct fl_proxy_link *link)
{
    FL_ASSERT(link->conns == NULL);
    FL_ASSERT(link->door == NULL);
    for (size_t i = 0; i < link->chain_count; i++)
        link_toxic_free(link->toxics[link->chain[i]]);
    for (size_t i = 0; i < link->upstreams_count; i++)
        free(link->upstreams[i].instance);
    free(link->upstreams);
    free(link->name);
    free(link);
}

static bool link_address(struct sockaddr_storage *out, const char *host, int port)
{
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (port < 1 || port > 65535) return false;
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
}

void fl_proxy_link_upstream(struct fl_proxy_link *link, const char *instance, const char *host,
                            int port, bool up)
{
    struct fl_proxy_upstream *upstream = NULL;
    for (size_t i = 0; i < link->upstreams_count; i++)
        if (strcmp(link->upstreams[i].instance, instance) == 0) upstream = &link->upstreams[i];
    if (upstream == NULL) {
        size_t count = link->upstreams_count + 1;
        link->upstreams = fl_realloc(link->upstreams, count * sizeof *link->upstreams);
        link->upstreams_count = count;
        upstream = &link->upstreams[count - 1];
        *upstream = (struct fl_proxy_upstream){.instance = fl_strdup(instance)};
    }
    upstream->known = link_address(&upstream->addr, host, port);
    upstream->up = up;
}

const struct fl_proxy_upstream *fl_proxy_link_choose(struct fl_proxy_link *link)
{
    const struct fl_proxy_upstream *down = NULL;
    for (size_t i = 0; i < link->upstreams_count; i++) {
        size_t at = (link->upstreams_turn + i) % link->upstreams_count;
        const struct fl_proxy_upstream *upstream = &link->upstreams[at];
        if (!upstream->known) continue;
        if (upstream->up) {
            link->upstreams_turn = at + 1;
            return upstream;
        }
        if (down == NULL) down = upstream;
    }
    if (down != NULL) link->upstreams_turn = (size_t)(down - link->upstreams) + 1;
    return down;
}

static void link_rechain(struct fl_proxy_link *link)
{
    struct fl_proxy_conn *next = NULL;
    for (struct fl_proxy_conn *conn = link->conns; conn != NULL; conn = next) {
        next = conn->next;
        fl_proxy_flow_rechain(&conn->up);
        if (!conn->closing) fl_proxy_flow_rechain(&conn->down);
    }
}

struct fl_proxy_toxic *fl_proxy_link_toxic(struct fl_proxy_link *link, const char *name)
{
    for (size_t i = 0; i < link->chain_count; i++)
        if (strcmp(link->toxics[link->chain[i]]->name, name) == 0)
            return link->toxics[link->chain[i]];
    return NULL;
}

static struct fl_proxy_toxic *link_toxic_new(const char *name, const struct fl_toxic_type *type,
                                             const cJSON *settings, uint64_t seed)
{
    struct fl_proxy_toxic *toxic = fl_new(struct fl_proxy_toxic);
    toxic->name = fl_strdup(name);
    toxic->type = type;
    toxic->streams = fl_toxic_stream(settings);
    toxic->seed = seed;
    toxic->settings = fl_alloc(type->settings_bytes + 1);
    if (type->read != NULL) type->read(toxic->settings, settings);
    return toxic;
}

struct fl_proxy_toxic *fl_proxy_link_add(struct fl_proxy_link *link, const char *name,
                                         const struct fl_toxic_type *type, const cJSON *settings,
                                         uint64_t seed, struct fl_err *err)
{
    if (fl_proxy_link_toxic(link, name) != NULL) {
        fl_err_set(err, FL_ETAKEN, "toxic %s is there already", name);
        return NULL;
    }
    if (fl_toxic_stream(settings) == 0) {
        fl_err_set(err, FL_EBADMSG, "stream is upstream, downstream or both");
        return NULL;
    }
    size_t slot = 0;
    while (slot < FL_PROXY_TOXICS_MAX && link->toxics[slot] != NULL)
        slot++;
    if (slot == FL_PROXY_TOXICS_MAX) {
        fl_err_set(err, FL_EFULL, "a link has room for %d toxics", FL_PROXY_TOXICS_MAX);
        return NULL;
    }
    struct fl_proxy_toxic *toxic = link_toxic_new(name, type, settings, seed);
    toxic->number = ++link->toxics_made;
    link->toxics[slot] = toxic;
    link->chain[link->chain_count++] = slot;
    if (type->cuts) {
        if (link->cuts++ == 0) fl_proxy_door_shut(link);
        fl_proxy_toxic_touch(toxic, link_reset_all(link));
    }
    return toxic;
}

int64_t fl_proxy_link_remove(struct fl_proxy_link *link, struct fl_proxy_toxic *toxic)
{
    size_t at = 0;
    while (at < link->chain_count && link->toxics[link->chain[at]] != toxic)
        at++;
    FL_ASSERT(at < link->chain_count);
    link->toxics[link->chain[at]] = NULL;
    link->chain_count--;
    for (; at < link->chain_count; at++)
        link->chain[at] = link->chain[at + 1];

    int64_t seen = toxic->seen;
    if (toxic->type->cuts) link->cuts--;
    link_toxic_free(toxic);
    link_rechain(link);
    return seen;
}

void fl_proxy_toxic_touch(struct fl_proxy_toxic *toxic, int64_t times)
{
    if (times <= 0) return;
    bool first = toxic->seen == 0;
    toxic->seen += times;
    if (!first || toxic->on_seen == NULL) return;
    void (*fn)(void *cx, fl_ns at_ns, int64_t seen) = toxic->on_seen;
    toxic->on_seen = NULL;
    fn(toxic->seen_cx, fl_now(), toxic->seen);
}
