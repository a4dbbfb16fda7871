/* serve.c: a site on a port: its listener, supervised, and what the connections share. */
#include "runtime/sup.h"
#include "services/web/inside.h"

struct web_boot *web_boot_retain(struct web_boot *boot)
{
    atomic_fetch_add(&boot->refs, 1);
    return boot;
}

void web_boot_release(struct web_boot *boot)
{
    if (atomic_fetch_sub(&boot->refs, 1) != 1) return;
    FL_ASSERT(boot->conns == NULL);
    pthread_mutex_destroy(&boot->lock);
    web_assets_free(boot->assets, boot->site.assets);
    free(boot->host);
    free(boot);
}

static void boot_release(void *ptr)
{
    web_boot_release(ptr);
}

static struct web_boot *serve_boot(const struct fl_web_site *site, const char *host, int port)
{
    struct web_boot *boot = fl_new(struct web_boot);
    atomic_init(&boot->refs, 1);
    boot->site = *site;
    if (boot->site.body_max == 0) boot->site.body_max = (size_t)1 << 20;
    if (boot->site.message_max == 0) boot->site.message_max = (size_t)2 << 20;
    if (boot->site.idle_ns == 0) boot->site.idle_ns = fl_s(60);
    if (boot->site.events_max == 0) boot->site.events_max = 10000;
    if (boot->site.out_max == 0) boot->site.out_max = (size_t)4 << 20;
    if (boot->site.drain_ns == 0) boot->site.drain_ns = fl_s(3);
    if (site->secret != NULL)
        boot->secret = *site->secret;
    else
        fl_web_secret_load(NULL, &boot->secret, NULL);
    boot->site.secret = &boot->secret;
    boot->host = fl_strdup(host != NULL ? host : "127.0.0.1");
    boot->port = port;
    boot->assets = web_assets_new(site->assets);
    pthread_mutex_init(&boot->lock, NULL);
    atomic_init(&boot->is_draining, false);
    return boot;
}

static const char listener_refusal[] =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 23\r\n"
    "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"overloaded\"}\n";

static int listener_on_init(struct fl_self *self, void *state, const void *args)
{
    /* args of a child are const for the supervisor; the port found is ours to keep */
    struct web_boot *boot = (struct web_boot *)(uintptr_t)args;
    fl_self_own(self, web_boot_retain(boot), boot_release);
    struct fl_listen_opts opts = {
        .host = boot->host,
        .port = boot->port,
        .server = &web_conn_server,
        .args = boot,
        .connections_max = boot->site.connections_max,
        .refusal = FL_STR(listener_refusal),
    };
    /* A free port is chosen once and kept: clients come back to where they were. */
    int rc = fl_listen(self, &opts, &boot->port, boot->err);
    if (rc != 0) return rc;
    /* Browsers share cookies between the ports of a host: each site has a name of its own. */
    if (boot->cookie[0] == '\0')
        snprintf(boot->cookie, sizeof boot->cookie, "fl_session_%d", boot->port);
    return 0;
}

static const struct fl_server web_listener_server = {
    .name = "web.listener",
    .on_init = listener_on_init,
};

/* Owns the boot for as long as the supervisor may start a listener with it: they are linked. */
struct keeper {
    struct web_boot *boot;
};

static int keeper_on_init(struct fl_self *self, void *state, const void *args)
{
    struct keeper *keeper = state;
    struct web_boot *const *boot_of = args;
    keeper->boot = web_boot_retain(*boot_of);
    fl_self_own(self, keeper->boot, boot_release);
    return 0;
}

static const struct fl_server web_keeper_server = {
    .name = "web.keeper",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
};

/* Without its listener this program is of no use; who supervises the program starts it again. */
static void serve_on_limit(void *cx, const char *child_id)
{
    (void)child_id;
    fl_node_stop(cx, 70);
}

static void serve_shutdown(struct fl_node *node, struct fl_pid pid)
{
    if (pid.bits != 0) fl_node_exit(node, pid, fl_reason_of(FL_EXIT_SHUTDOWN));
}

int fl_web_serve(struct fl_node *node, const struct fl_web_site *site, const char *host, int port,
                 int *out_port, struct fl_pid *out, struct fl_err *err)
{
    struct web_boot *boot = serve_boot(site, host, port);
    struct fl_pid keeper_pid = FL_NO_PID;
    struct fl_pid sup = FL_NO_PID;
    struct fl_err why = {0};
    boot->err = &why;

    struct fl_spawn_opts keeper_opts = {.args = &boot, .shard = -1};
    int rc = fl_node_spawn(node, &web_keeper_server, &keeper_opts, &keeper_pid);
    if (rc != 0) goto done;

    const struct fl_child children[] = {
        {
            .id = "drain",
            .server = &web_drain_server,
            .args = boot,
            .restart = FL_PERMANENT,
            .shutdown_ns = boot->site.drain_ns + fl_s(1),
        },
        {
            .id = "listener", /* ends before the one above: nobody new comes in then */
            .server = &web_listener_server,
            .args = boot,
            .restart = FL_PERMANENT,
            .shutdown_ns = fl_s(1),
        },
    };
    struct fl_sup_opts opts = {
        .max_restarts = 10,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .ends_first = true,
        .link_to = keeper_pid,
        .on_limit = serve_on_limit,
        .limit_cx = node,
    };
    rc = fl_sup_start(node, NULL, &opts, &sup);
    if (rc != 0) serve_shutdown(node, keeper_pid);

done:
    boot->err = NULL;
    if (rc == 0 && out_port != NULL) *out_port = boot->port;
    if (rc == 0 && out != NULL) *out = sup;
    web_boot_release(boot);
    if (rc == 0) return 0;
    const char *words = why.text[0] != '\0' ? why.text : fl_code_name(rc);
    return fl_err_set(err, rc, "the web server does not start: %s", words);
}
