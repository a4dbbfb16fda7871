#include "services/landing/landing.h"

#include "runtime/sup.h"
#include "services/landing/list.h"
#include "services/landing/page.h"
#include "services/live/assets.h"
#include "services/live/live.h"
#include "services/look/look.h"
#include "services/web/web.h"

/* ---- the page ---- */

/** Is this a name that only this machine has? Another one may have been pointed here. */
static bool is_loopback(struct fl_str host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        size_t len = strlen(names[i]);
        if (host.len < len || memcmp(host.at, names[i], len) != 0) continue;
        if (host.len == len || host.at[len] == ':') return true;
    }
    return false;
}

static const struct fl_live_page landing_pages[] = {{"/", &fl_page_view}, {0}};
static const char *const landing_styles[] = {"/assets/look.css", "/assets/landing.css", NULL};
static const char *const landing_scripts[] = {"/assets/look.js", "/assets/landing.js", NULL};

static const struct fl_live_site landing_live = {
    .pages = landing_pages,
    .socket_path = "/live",
    .title_suffix = " · Faultline",
    .styles = landing_styles,
    .scripts = landing_scripts,
};

static void landing_page(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    if (is_loopback(fl_web_header(req, "host")))
        fl_live_page_handle(self, web, req);
    else
        fl_web_fail(self, web, 403, "this page is for this machine: use http://127.0.0.1");
}

static void landing_health(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    (void)req;
    fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

static const struct fl_web_route landing_routes[] = {
    {"GET", "/", landing_page, &landing_live},
    {"GET", "/health", landing_health, NULL},
    {0},
};

static const struct fl_web_asset landing_assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/landing.js", "text/javascript; charset=utf-8", fl_asset_landing_js,
     &fl_asset_landing_js_len},
    {"/assets/look.js", "text/javascript; charset=utf-8", fl_asset_look_js, &fl_asset_look_js_len},
    {"/assets/landing.css", "text/css; charset=utf-8", fl_asset_landing_css,
     &fl_asset_landing_css_len},
    {"/assets/look.css", "text/css; charset=utf-8", fl_asset_look_css, &fl_asset_look_css_len},
    {0},
};

/* ---- the site ---- */

static const struct fl_channel_server landing_channels[] = {
    FL_LOOK_CHANNEL,
    {0},
};
static const struct fl_channel_server landing_views[] = {FL_LIVE_CHANNEL(&landing_live), {0}};

static const struct fl_web_socket landing_sockets[] = {
    {.path = "/socket", .channels = landing_channels},
    {.path = "/live", .channels = landing_views},
    {0},
};

static void landing_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "landing: %s failed too often; giving up\n", child_id);
    fl_node_stop(cx, 1);
}

int fl_landing_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    static const struct fl_look_opts family = {.root = FL_LOOK_FAMILY};
    const struct fl_child children[] = {
        {.id = FL_LOOK_NAME,
         .server = &fl_look_server,
         .args = &family,
         .name = FL_LOOK_NAME,
         .shutdown_ns = fl_s(1)},
        {.id = FL_LIST_NAME,
         .server = &fl_list_server,
         .args = opts,
         .name = FL_LIST_NAME,
         .shutdown_ns = fl_s(1)},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .name = "landing_sup",
        .on_limit = landing_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    int code = fl_sup_start(node, NULL, &sup, &pid);
    if (code != 0) return fl_err_set(err, code, "landing: %s", fl_code_name(code));
    struct fl_web_secret secret = {0};
    code = fl_web_secret_load(opts->folder, &secret, err); /* pages outlive a crash of ours */
    if (code != 0) return code;
    const struct fl_web_site site = {
        .routes = landing_routes,
        .assets = landing_assets,
        .sockets = landing_sockets,
        .args = opts,
        .secret = &secret,
    };
    return fl_web_serve(node, &site, opts->host, opts->port, NULL, NULL, err);
}
