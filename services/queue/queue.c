#include "services/queue/queue.h"

#include "runtime/base/json.h"
#include "runtime/sup.h"
#include "services/live/assets.h"
#include "services/queue/board.h"
#include "services/queue/channel.h"
#include "services/queue/http.h"
#include "services/queue/keeper.h"
#include "services/queue/notices.h"
#include "services/queue/pool.h"
#include "services/web/web.h"

static const struct fl_channel_server queue_live_channels[] = {FL_LIVE_CHANNEL(&fl_board_site),
                                                               {0}};
static const struct fl_web_socket queue_sockets[] = {
    {.path = "/socket", .channels = fl_queue_channels},
    {.path = "/live", .channels = queue_live_channels},
    {0},
};
static const struct fl_web_asset queue_assets[] = {
    {"/assets/queue.css", "text/css; charset=utf-8", fl_asset_queue_css, &fl_asset_queue_css_len},
    FL_LIVE_ASSETS,
    {0},
};

/** The store cannot be kept running (its disk, its file): let the OS process end, so that who
 * supervises that one decides. */
static void queue_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "queue: %s failed too often; giving up\n", child_id);
    fl_node_stop(cx, 1);
}

/** Opens and closes the store once, so that a file that cannot work is an error at the start, with
 * its reason, and not a row of restarts. */
static int queue_try_store(const char *folder, struct fl_err *err)
{
    int code = fl_make_dirs(folder, err);
    if (code != 0) return code;
    char *path = fl_format("%s/queue.db", folder);
    struct fl_store *store = NULL;
    struct fl_store_opts opts = {.path = path};
    code = fl_store_open(&store, &opts, err);
    fl_store_close(store);
    free(path);
    return code;
}

int fl_queue_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    if (opts->folder == NULL)
        return fl_err_set(err, FL_EIO, "the queue needs a folder for its jobs");
    int code = queue_try_store(opts->folder, err);
    if (code != 0) return code;

    const struct fl_child children[] = {
        {
            .id = FL_NOTICES_NAME,
            .server = &fl_notices_server,
            .name = FL_NOTICES_NAME,
            .restart = FL_PERMANENT,
            .shutdown_ns = fl_s(1),
        },
        {
            .id = FL_KEEPER_NAME,
            .server = &fl_keeper_server,
            .args = opts,
            .name = FL_KEEPER_NAME,
            .restart = FL_PERMANENT,
            .shutdown_ns = fl_s(5),
        },
        {
            .id = FL_POOLS_NAME,
            .server = &fl_pools_server,
            .name = FL_POOLS_NAME,
            .restart = FL_PERMANENT,
            .shutdown_ns = fl_s(5),
        },
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .name = "queue_sup",
        .on_limit = queue_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    code = fl_sup_start(node, NULL, &sup, &pid);
    if (code != 0) return fl_err_set(err, code, "queue: %s", fl_code_name(code));

    struct fl_web_secret secret;
    code = fl_web_secret_load(opts->folder, &secret, err);
    if (code != 0) return code;
    const struct fl_web_site site = {
        .routes = fl_queue_routes,
        .assets = queue_assets,
        .sockets = queue_sockets,
        .secret = &secret,
        .body_max = 1 << 20,
    };
    int port = 0;
    return fl_web_serve(node, &site, opts->host, opts->port, &port, NULL, err);
}
