/* serve.c: a site on a port: its listener, supervised, and what the connections share. */
#include "runtime/base/rng.h"
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
    free(boot->host);
    free(boot->etags);
    free(boot);
}

static void boot_release(void *ptr)
{
    web_boot_release(ptr);
}

static void serve_tag_assets(struct web_boot *boot)
{
    const struct fl_web_asset *assets = boot->site.assets;
    size_t count = 0;
    while (assets != NULL && assets[count].path != NULL)
        count++;
    boot->etags = fl_alloc_array(sizeof *boot->etags, count + 1);
    for (size_t i = 0; i < count; i++)
        snprintf(boot->etags[i], sizeof boot->etags[i], "\"%016llx\"",
                 (unsigned long long)fl_hash_bytes(assets[i].bytes, *assets[i].len));
}

static struct web_boot *serve_boot(const struct fl_web_site *site, const char *host, int port)
{
    struct web_boot *boot = fl_new(struct web_boot);
    atomic_init(&boot->refs, 1);
    boot->site = *site;
    if (boot->site.body_max == 0) boot->site.body_max = (size_t)1 << 20;
    if (boot->site.message_max == 0) boot->site.message_max = (size_t)2 << 20;
    if (boot->site.idle_ns == 0) boot->site.idle_ns = fl_s(60);
    if (site->secret != NULL)
        boot->secret = *site->secret;
    else
        fl_web_secret_load(NULL, &boot->secret, NULL);
    boot->site.secret = &boot->secret;
    boot->host = fl_strdup(host != NULL ? host : "127.0.0.1");
    boot->port = port;
    serve_tag_assets(boot);
    return boot;
}

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
    };
    /* A free port is chosen once and kept: clients come back to where they were. */
    return fl_listen(self, &opts, &boot->port, boot->err);
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

    struct fl_child listener = {
        .id = "listener",
        .server = &web_listener_server,
        .args = boot,
        .restart = FL_PERMANENT,
        .shutdown_ns = fl_s(1),
    };
    struct fl_sup_opts opts = {
        .max_restarts = 10,
        .within_ns = fl_s(10),
        .children = &listener,
        .children_count = 1,
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
