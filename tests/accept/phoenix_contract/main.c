/* main.c: phoenix_contract --port N: a site for the acceptance tests with the official clients.
 * The contract of each is at the top of tests/accept/phoenix/accept_*.mjs. */
#include <signal.h>

#include "runtime/base/units.h"
#include "tests/accept/phoenix_contract/contract.h"

static const struct fl_web_socket contract_sockets[] = {{"/socket", contract_channels}, {0}};

static const struct fl_web_site contract_site = {
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

static int main_port(int argc, char **argv, int *out)
{
    int64_t port = 0;
    if (argc == 1) return 0;
    if (argc != 3 || strcmp(argv[1], "--port") != 0) return FL_EPARSE;
    int rc = fl_parse_int(fl_str_of(argv[2]), 0, 65535, &port, NULL);
    *out = (int)port;
    return rc;
}

int main(int argc, char **argv)
{
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    uv_signal_t term, interrupt;
    int port = 0;
    if (main_port(argc, argv, &port) != 0) {
        fprintf(stderr, "usage: phoenix_contract [--port N]   (0: a free one)\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    const struct fl_node_opts opts = {.name = "phoenix_contract"};
    int rc = fl_node_new(&node, &opts, &err);
    if (rc == 0) rc = contract_rooms_start(node);
    if (rc == 0) rc = fl_web_serve(node, &contract_site, NULL, port, &port, NULL, &err);
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
