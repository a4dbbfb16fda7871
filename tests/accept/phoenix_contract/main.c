/* main.c: phoenix_contract [--port N] [--folder DIR] [--deflate]: a site for the acceptance tests
 * with the official clients. The contract of each is at the top of
 * tests/accept/phoenix/accept_*.mjs. */
#include <ftw.h>
#include <signal.h>

#include "runtime/base/units.h"
#include "services/editor/editor.h"
#include "tests/accept/phoenix_contract/contract.h"
#include "tests/accept/phoenix_contract/pages.h"
#include "tests/accept/phoenix_contract/tasks.h"

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
    const char *folder; /* of its secret and documents; without one they go with the program */
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

/* ---- a folder for those who name none */

static int main_remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    return remove(path);
}

static void main_remove(const char *folder)
{
    nftw(folder, main_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int main_start(struct fl_node *node, struct contract *contract, struct contract_site *site,
                      struct options *options, struct fl_err *err)
{
    int rc = fl_pubsub_start(node, NULL, &contract->pubsub);
    if (rc != 0) return fl_err_set(err, rc, "pubsub: %s", fl_code_name(rc));
    struct fl_presence_opts presence = fl_web_presence_opts(contract->pubsub);
    rc = fl_presence_start(node, NULL, &presence, &contract->presence);
    if (rc == 0) rc = contract_tasks_start(node);
    if (rc != 0) return fl_err_set(err, rc, "processes: %s", fl_code_name(rc));

    const struct fl_guests *guests = NULL;
    const struct fl_service_opts *editor = &contract->editor;
    rc = fl_editor_open(node, editor, &guests, err);
    if (rc != 0) return rc;
    contract_site_lay_out(site, guests);
    return fl_web_serve(node, &site->web, NULL, options->port, &options->port, NULL, err);
}

/* Runs until it is told to stop; the exit code. */
static int main_run(struct fl_node *node, struct contract *contract, struct options *options)
{
    struct fl_err err = {0};
    struct fl_web_secret secret;
    struct contract_site site = {
        .web = {.args = contract, .secret = &secret, .deflate = options->deflate}};
    uv_signal_t term, interrupt;
    int rc = fl_web_secret_load(options->folder, &secret, &err);
    if (rc == 0) rc = main_start(node, contract, &site, options, &err);
    if (rc != 0) {
        fprintf(stderr, "phoenix_contract: %s\n", err.text);
        return 69;
    }
    main_watch(node, &term, SIGTERM);
    main_watch(node, &interrupt, SIGINT);
    printf("listening on http://127.0.0.1:%d\n", options->port);
    fflush(stdout);
    rc = fl_node_run(node);
    uv_close((uv_handle_t *)&term, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
    uv_run(fl_node_loop(node), UV_RUN_NOWAIT); /* lets libuv let go of them */
    return rc;
}

int main(int argc, char **argv)
{
    struct fl_node *node = NULL;
    struct contract contract = {0};
    struct options options = {0};
    char own[] = "/tmp/phoenix_contract.XXXXXX";
    if (main_options(argc, argv, &options) != 0) {
        fprintf(
            stderr,
            "usage: phoenix_contract [--port N] [--folder DIR] [--deflate]   (0: a free port)\n");
        return 64;
    }
    bool is_own = options.folder == NULL;
    if (is_own) options.folder = mkdtemp(own);
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    contract.editor = (struct fl_service_opts){
        .service = "editor", .instance = "editor", .folder = options.folder, .control_fd = -1};
    const struct fl_node_opts opts = {.name = "phoenix_contract"};
    int rc = options.folder == NULL ? 69 : fl_node_new(&node, &opts, NULL);
    rc = rc == 0 ? main_run(node, &contract, &options) : 69;
    fl_presence_free(contract.presence);
    fl_pubsub_free(contract.pubsub);
    if (node != NULL) fl_node_free(node);
    if (is_own && options.folder != NULL) main_remove(own);
    return rc;
}
