/* main.c: phoenix_contract [--port N] [--folder DIR] [--deflate]: a site for the acceptance tests
 * with the official clients. The contract of each is at the top of
 * tests/accept/phoenix/accept_*.mjs. */
#include <signal.h>

#include "runtime/base/units.h"
#include "tests/accept/phoenix_contract/contract.h"
#include "tests/accept/phoenix_contract/pages.h"
#include "tests/accept/phoenix_contract/tasks.h"

static const struct fl_web_socket contract_sockets[] = {
    {.path = "/socket", .channels = contract_channels},
    {.path = "/live", .channels = contract_live_channels},
    {0},
};

static void main_on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    fl_node_stop(handle->data, 0);
}

/* Handles that watch the node and do not keep it running; they live until it is freed. */
static void main_watch(struct fl_node *node, uv_signal_t *handle, int number)
{
    int rc = uv_signal_init(fl_node_loop(node), handle);
    if (rc == 0) rc = uv_signal_start(handle, main_on_signal, number);
    FL_ASSERT(rc == 0);
    handle->data = node;
    uv_unref((uv_handle_t *)handle);
}

struct options {
    int port;
    const char *folder; /* its secret: without one, pages do not outlive the program */
    bool deflate;
};

static int main_options(int argc, char **argv, struct options *out)
{
    for (int i = 1; i < argc; i++) {
        int64_t number = 0;
        if (strcmp(argv[i], "--deflate") == 0) {
            out->deflate = true;
            continue;
        }
        const char *name = argv[i];
        if (++i == argc) return FL_EPARSE;
        if (strcmp(name, "--folder") == 0) {
            out->folder = argv[i];
            continue;
        }
        if (strcmp(name, "--port") != 0) return FL_EPARSE;
        int rc = fl_parse_int(fl_str_of(argv[i]), 0, 65535, &number, NULL);
        if (rc != 0) return rc;
        out->port = (int)number;
    }
    return 0;
}

static int main_start(struct fl_node *node, struct contract *contract, struct fl_web_site *site,
                      int *port, struct fl_err *err)
{
    int rc = fl_pubsub_start(node, NULL, &contract->pubsub);
    if (rc != 0) return fl_err_set(err, rc, "pubsub: %s", fl_code_name(rc));
    struct fl_presence_opts presence = fl_web_presence_opts(contract->pubsub);
    rc = fl_presence_start(node, NULL, &presence, &contract->presence);
    if (rc == 0) rc = contract_tasks_start(node);
    if (rc != 0) return fl_err_set(err, rc, "processes: %s", fl_code_name(rc));
    return fl_web_serve(node, site, NULL, *port, port, NULL, err);
}

int main(int argc, char **argv)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    struct contract contract = {0};
    struct fl_web_site site = {.routes = contract_routes,
                               .assets = contract_assets,
                               .sockets = contract_sockets,
                               .args = &contract};
    uv_signal_t term, interrupt;
    int port = 0;
    struct options options = {0};
    struct fl_web_secret secret;
    if (main_options(argc, argv, &options) != 0) {
        fprintf(
            stderr,
            "usage: phoenix_contract [--port N] [--folder DIR] [--deflate]   (0: a free port)\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    const struct fl_node_opts opts = {.name = "phoenix_contract"};
    port = options.port;
    site.deflate = options.deflate;
    site.secret = &secret;
    int rc = fl_web_secret_load(options.folder, &secret, &err);
    if (rc == 0) rc = fl_node_new(&node, &opts, &err);
    if (rc == 0) rc = main_start(node, &contract, &site, &port, &err);
    if (rc == 0) {
        main_watch(node, &term, SIGTERM);
        main_watch(node, &interrupt, SIGINT);
        printf("listening on http://127.0.0.1:%d\n", port);
        fflush(stdout);
        rc = fl_node_run(node);
        uv_close((uv_handle_t *)&term, NULL);
        uv_close((uv_handle_t *)&interrupt, NULL);
        uv_run(fl_node_loop(node), UV_RUN_NOWAIT); /* lets libuv let go of them */
    } else {
        fprintf(stderr, "phoenix_contract: %s\n", err.text);
        rc = 69;
    }
    fl_presence_free(contract.presence);
    fl_pubsub_free(contract.pubsub);
    if (node != NULL) fl_node_free(node);
    return rc;
}
