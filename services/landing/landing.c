#include "services/landing/landing.h"

#include <fl_assets.h>

#include "runtime/base/html.h"
#include "runtime/sup.h"
#include "services/landing/crash.h"
#include "services/landing/list.h"
#include "services/look/feed.h"
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

/** The template with this text in the place of {{token}}. */
static void put_page(struct fl_buf *out, const char *token)
{
    static const char mark[] = "{{token}}";
    const char *page = fl_asset_landing_html;
    const char *at = memmem(page, fl_asset_landing_html_len, mark, sizeof mark - 1);
    FL_ASSERT(at != NULL);
    fl_buf_add(out, page, (size_t)(at - page));
    fl_html_text(out, token);
    at += sizeof mark - 1;
    fl_buf_add(out, at, fl_asset_landing_html_len - (size_t)(at - page));
}

static void landing_page(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    if (!is_loopback(fl_web_header(req, "host"))) {
        fl_web_fail(self, web, 403, "this page is for this machine: use http://127.0.0.1");
        return;
    }
    struct fl_buf page = {0}, token = {0};
    fl_web_sign(fl_web_secret(web), FL_CRASH_PURPOSE, FL_STR("page"), &token);
    put_page(&page, token.at);
    fl_buf_fini(&token);
    fl_web_set_header(web, "cache-control", "no-store");
    fl_web_respond(self, web, 200, "text/html; charset=utf-8", page.at, page.len);
    fl_buf_fini(&page);
}

static void landing_health(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    (void)req;
    fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

static const struct fl_web_route landing_routes[] = {
    {"GET", "/", landing_page, NULL},
    {"GET", "/health", landing_health, NULL},
    {0},
};

static const struct fl_web_asset landing_assets[] = {
    {"/assets/landing.js", "text/javascript; charset=utf-8", fl_asset_landing_js,
     &fl_asset_landing_js_len},
    {"/assets/look.js", "text/javascript; charset=utf-8", fl_asset_look_js, &fl_asset_look_js_len},
    {"/assets/landing.css", "text/css; charset=utf-8", fl_asset_landing_css,
     &fl_asset_landing_css_len},
    {"/assets/look.css", "text/css; charset=utf-8", fl_asset_look_css, &fl_asset_look_css_len},
    {"/assets/phoenix.min.js", "text/javascript; charset=utf-8", fl_asset_phoenix_js,
     &fl_asset_phoenix_js_len},
    {0},
};

/* ---- the site ---- */

static const struct fl_channel_server landing_channels[] = {
    FL_LOOK_CHANNEL,
    FL_FEED_CHANNEL(FL_LIST_TOPIC, FL_LIST_NAME),
    {.topic = FL_CRASH_TOPIC, .on_join = fl_crash_on_join, .on_event = fl_crash_on_event},
    {0},
};

static const struct fl_web_socket landing_sockets[] = {{"/socket", landing_channels}, {0}};

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
    struct fl_web_secret secret;
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
