#include "services/chat/chat.h"

#include <fl_assets.h>

#include "runtime/sup.h"
#include "services/chat/room.h"
#include "services/chat/talk.h"
#include "services/web/web.h"

#define CHAT_SUP_NAME "chat"

static void chat_health(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

static const struct fl_web_route chat_routes[] = {
    {"GET", "/health", chat_health, NULL},
    {0},
};

static const char chat_js[] = "text/javascript; charset=utf-8";

static const struct fl_web_asset chat_assets[] = {
    {"/", "text/html; charset=utf-8", fl_asset_chat_html, &fl_asset_chat_html_len},
    {"/assets/chat.css", "text/css; charset=utf-8", fl_asset_chat_css, &fl_asset_chat_css_len},
    {"/assets/chat.js", chat_js, fl_asset_chat_js, &fl_asset_chat_js_len},
    {"/assets/phoenix.min.js", chat_js, fl_asset_phoenix_js, &fl_asset_phoenix_js_len},
    {0},
};

static const struct fl_channel_server chat_channels[] = {
    {
        .topic = "room:*",
        .state_bytes = FL_TALK_STATE_BYTES,
        .on_join = fl_talk_on_join,
        .on_event = fl_talk_on_event,
        .on_message = fl_talk_on_message,
        .on_down = fl_talk_on_down,
        .on_timer = fl_talk_on_timer,
    },
    {0},
};

static const struct fl_web_socket chat_sockets[] = {{.path = "/socket", .channels = chat_channels},
                                                    {0}};

static const struct fl_web_site chat_site = {
    .routes = chat_routes,
    .assets = chat_assets,
    .sockets = chat_sockets,
};

/* More restarts than a supervisor takes: this program is not well; who supervises it decides. */
static void chat_on_limit(void *cx, const char *child_id)
{
    (void)child_id;
    fl_node_stop(cx, 70);
}

/* Watches the two supervisors: without one of them rooms would no longer come back. */
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

static int chat_start_rooms(struct fl_node *node)
{
    struct fl_pid pid;
    struct fl_sup_opts rooms = {
        .max_restarts = 100,
        .within_ns = fl_s(10),
        .name = FL_ROOMS_NAME,
        .on_limit = chat_on_limit,
        .limit_cx = node,
    };
    int rc = fl_sup_start(node, NULL, &rooms, &pid);
    if (rc != 0) return rc;
    const struct fl_child door = {
        .id = FL_DOOR_NAME,
        .server = &fl_door_server,
        .name = FL_DOOR_NAME,
        .restart = FL_PERMANENT,
        .shutdown_ns = FL_SHUTDOWN_BRUTAL, /* it may be waiting for the rooms' supervisor */
    };
    struct fl_sup_opts chat = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = &door,
        .children_count = 1,
        .name = CHAT_SUP_NAME,
        .on_limit = chat_on_limit,
        .limit_cx = node,
    };
    rc = fl_sup_start(node, NULL, &chat, &pid);
    if (rc != 0) return rc;
    const struct fl_spawn_opts watch = {.shard = -1};
    return fl_node_spawn(node, &watch_server, &watch, &pid);
}

int fl_chat_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    int rc = chat_start_rooms(node);
    if (rc != 0) return fl_err_set(err, rc, "chat: %s", fl_code_name(rc));
    return fl_web_serve(node, &chat_site, opts->host, opts->port, NULL, NULL, err);
}
