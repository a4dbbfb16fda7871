#include "services/chat/chat.h"

#include "runtime/base/json.h"
#include "runtime/sup.h"
#include "services/chat/page.h"
#include "services/chat/room.h"
#include "services/chat/talk.h"
#include "services/chat/writer.h"
#include "services/live/assets.h"
#include "services/web/presence.h"
#include "services/web/token.h"

#define CHAT_SUP_NAME "chat"

static void chat_health(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    bool is_up = fl_whereis(fl_self_node(self), FL_WRITER_NAME).bits != 0;
    if (is_up)
        fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
    else
        fl_web_fail(self, web, 503, "the writer is starting");
}

static const struct fl_live_page chat_pages[] = {
    {"/", &fl_lobby_page},
    {"/rooms/:room", &fl_room_page},
    {0},
};
static const char *const chat_styles[] = {"/assets/chat.css", NULL};
static const char *const chat_scripts[] = {"/assets/chat.js", NULL};
static const struct fl_live_site chat_live = {
    .pages = chat_pages,
    .socket_path = "/live",
    .title_suffix = " · chat",
    .styles = chat_styles,
    .scripts = chat_scripts,
};

static const struct fl_web_route chat_routes[] = {
    {"GET", "/health", chat_health, NULL},
    FL_LIVE_ROUTE(&chat_live),
    {0},
};

static const struct fl_web_asset chat_assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/chat.css", "text/css; charset=utf-8", fl_asset_chat_css, &fl_asset_chat_css_len},
    {"/assets/chat.js", "text/javascript; charset=utf-8", fl_asset_chat_js, &fl_asset_chat_js_len},
    {0},
};

static const struct fl_channel_server chat_live_channels[] = {FL_LIVE_CHANNEL(&chat_live), {0}};

static const struct fl_web_socket chat_sockets[] = {
    {.path = "/socket", .channels = fl_talk_channels},
    {.path = "/live", .channels = chat_live_channels},
    {0},
};

/* More restarts than a supervisor takes: this program is not well; who supervises it decides. */
static void chat_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "chat: %s failed too often; giving up\n", child_id != NULL ? child_id : "it");
    fl_node_stop(cx, 70);
}

/* Watches the two supervisors: without one of them nothing would come back any more. */
static int watch_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_monitor(self, fl_whereis(fl_self_node(self), FL_ROOMS_NAME));
    fl_monitor(self, fl_whereis(fl_self_node(self), CHAT_SUP_NAME));
    return 0;
}

static void watch_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    bool asked = reason->kind == FL_EXIT_SHUTDOWN || reason->kind == FL_EXIT_NORMAL;
    if (!asked) chat_on_limit(fl_self_node(self), NULL);
}

static const struct fl_server watch_server = {
    .name = "chat.watch",
    .on_init = watch_on_init,
    .on_down = watch_on_down,
};

static int chat_start_tree(struct fl_node *node, struct fl_chat *chat)
{
    struct fl_pid pid;
    const struct fl_sup_opts rooms = {
        .max_restarts = 100,
        .within_ns = fl_s(10),
        .name = FL_ROOMS_NAME,
        .on_limit = chat_on_limit,
        .limit_cx = node,
    };
    const struct fl_child children[] = {
        {.id = "pubsub",
         .name = "pubsub",
         .server = &fl_pubsub_server,
         .args = chat->pubsub,
         .shutdown_ns = fl_s(1)},
        {.id = "presence",
         .name = "presence",
         .server = &fl_presence_server,
         .args = chat->presence,
         .shutdown_ns = fl_s(1)},
        {.id = FL_WRITER_NAME,
         .name = FL_WRITER_NAME,
         .server = &fl_chat_writer_server,
         .args = &chat->archive,
         .shutdown_ns = fl_s(5)},
        {.id = FL_LOBBY_NAME,
         .name = FL_LOBBY_NAME,
         .server = &fl_lobby_server,
         .args = chat,
         .shutdown_ns = fl_s(1)},
        {.id = FL_DOOR_NAME,
         .name = FL_DOOR_NAME,
         .server = &fl_door_server,
         .args = chat,
         .shutdown_ns = fl_s(1)},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 60,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .name = CHAT_SUP_NAME,
        .on_limit = chat_on_limit,
        .limit_cx = node,
    };
    int rc = fl_sup_start(node, NULL, &sup, &pid);
    if (rc == 0) rc = fl_sup_start(node, NULL, &rooms, &pid);
    const struct fl_spawn_opts watch = {.shard = -1};
    return rc == 0 ? fl_node_spawn(node, &watch_server, &watch, &pid) : rc;
}

static void chat_free(void *ptr)
{
    struct fl_chat *chat = ptr;
    fl_presence_free(chat->presence);
    fl_pubsub_free(chat->pubsub);
    free((char *)chat->archive.path);
    free(chat);
}

/* Opens and closes the archive once, so that a file that cannot work is an error at the start, with
 * its reason, and not a row of restarts. */
static int chat_try_archive(struct fl_chat *chat, const char *folder, struct fl_err *err)
{
    struct fl_archive *archive = NULL;
    if (folder == NULL) return fl_err_set(err, FL_EIO, "chat needs a folder for its messages");
    int rc = fl_make_dirs(folder, err);
    if (rc != 0) return rc;
    const char *relaxed = getenv("FAULTLINE_CHAT_RELAXED");
    chat->archive.path = fl_format("%s/chat.db", folder);
    chat->archive.relaxed = relaxed != NULL && strcmp(relaxed, "1") == 0;
    rc = fl_archive_open(&archive, &chat->archive, err);
    fl_archive_close(archive);
    return rc;
}

int fl_chat_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    struct fl_chat *chat = fl_new(struct fl_chat);
    fl_node_own(node, chat, chat_free);
    int rc = chat_try_archive(chat, opts->folder, err);
    if (rc != 0) return rc;
    chat->pubsub = fl_pubsub_new(node);
    const struct fl_presence_opts presence = fl_web_presence_opts(chat->pubsub);
    chat->presence = fl_presence_new(node, &presence);
    rc = chat_start_tree(node, chat);
    if (rc != 0) return fl_err_set(err, rc, "chat: %s", fl_code_name(rc));
    struct fl_web_secret secret;
    rc = fl_web_secret_load(opts->folder, &secret, err);
    if (rc != 0) return rc;
    const struct fl_web_site site = {
        .secret = &secret,
        .routes = chat_routes,
        .assets = chat_assets,
        .sockets = chat_sockets,
        .args = chat,
    };
    return fl_web_serve(node, &site, opts->host, opts->port, NULL, NULL, err);
}
