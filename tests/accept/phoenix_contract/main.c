/* main.c: phoenix_contract [--port N] [--folder DIR]: a site for the acceptance tests with the
 * official clients. The contract of each is at the top of tests/accept/phoenix/accept_*.mjs. */
#include <signal.h>

#include "runtime/base/units.h"
#include "tests/accept/phoenix_contract/contract.h"
#include "tests/accept/phoenix_contract/pages.h"
#include "tests/accept/phoenix_contract/tasks.h"

static const struct fl_web_socket contract_sockets[] = {
    {"/socket", contract_channels},
    {"/live", contract_live_channels},
    {0},
};

static const struct fl_web_site contract_site = {
    .routes = contract_routes,
    .assets = contract_assets,
    .sockets = contract_sockets,
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

/* --port N and --folder DIR, in any order. */
static int main_options(int argc, char **argv, int *out_port, const char **out_folder)
{
    int rc = 0;
    for (int i = 1; rc == 0 && i < argc; i += 2) {
        int64_t port = 0;
        if (i + 1 == argc) return FL_EPARSE;
        if (strcmp(argv[i], "--folder") == 0)
            *out_folder = argv[i + 1];
        else if (strcmp(argv[i], "--port") == 0)
            rc = fl_parse_int(fl_str_of(argv[i + 1]), 0, 65535, &port, NULL);
        else
            rc = FL_EPARSE;
        if (strcmp(argv[i], "--port") == 0) *out_port = (int)port;
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    uv_signal_t term, interrupt;
    int port = 0;
    const char *folder = NULL; /* its secret: without one, pages do not outlive the program */
    struct fl_web_secret secret;
    struct fl_web_site site = contract_site;
    if (main_options(argc, argv, &port, &folder) != 0) {
        fprintf(stderr, "usage: phoenix_contract [--port N] [--folder DIR]   (0: a free one)\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    const struct fl_node_opts opts = {.name = "phoenix_contract"};
    int rc = fl_web_secret_load(folder, &secret, &err);
    site.secret = &secret;
    if (rc == 0) rc = fl_node_new(&node, &opts, &err);
    if (rc == 0) rc = contract_rooms_start(node);
    if (rc == 0) rc = contract_tasks_start(node);
    if (rc == 0) rc = fl_web_serve(node, &site, NULL, port, &port, NULL, &err);
    if (rc != 0) {
        fprintf(stderr, "phoenix_contract: %s\n",
                err.text[0] != '\0' ? err.text : fl_code_name(rc));
        fl_node_free(node);
        return 69;
    }
    main_watch(node, &term, SIGTERM);
    main_watch(node, &interrupt, SIGINT);
    printf("listening on http://127.0.0.1:%d\n", port);
    fflush(stdout);
    rc = fl_node_run(node);
    uv_close((uv_handle_t *)&term, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
    uv_run(fl_node_loop(node), UV_RUN_NOWAIT); /* lets libuv let go of them */
    fl_node_free(node);
    return rc;
}
