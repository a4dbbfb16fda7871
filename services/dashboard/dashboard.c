#include "services/dashboard/dashboard.h"

#include <fl_assets.h>

#include "runtime/sup.h"
#include "services/dashboard/page.h"
#include "services/dashboard/ticker.h"
#include "services/web/web.h"

#define DASHBOARD_ASK_WITHIN_NS fl_s(2)
#define DASHBOARD_RETRY_NS fl_ms(50)

/* ---- HTTP ---- */

/** The latest figures, or an empty buffer while there is no ticker. */
static struct fl_buf dashboard_figures(struct fl_self *self)
{
    struct fl_buf figures = {0};
    struct fl_pid ticker = fl_whereis(fl_self_node(self), FL_TICKER_NAME);
    if (fl_pid_eq(ticker, FL_NO_PID)) return figures;

    fl_buf_reserve(&figures, FL_TICKER_JSON_MAX);
    fl_self_own(self, figures.at, free); /* should I be killed while I wait */
    int code = fl_call(self, ticker, FL_TICKER_LATEST, NULL, 0, figures.at, FL_TICKER_JSON_MAX,
                       &figures.len, DASHBOARD_ASK_WITHIN_NS);
    fl_self_disown(self, figures.at);
    if (code != 0) fl_buf_fini(&figures);
    return figures;
}

static void dashboard_page(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    (void)req;
    struct fl_buf figures = dashboard_figures(self), page = {0};
    cJSON *tree = cJSON_ParseWithLength(figures.at, figures.len);
    fl_page_put(&page, (struct fl_str){fl_asset_dashboard_html, fl_asset_dashboard_html_len}, tree);
    cJSON_Delete(tree);
    fl_web_set_header(web, "cache-control", "no-store");
    fl_web_set_header(web, "content-security-policy", "default-src 'self'; img-src 'self' data:");
    fl_web_respond(self, web, 200, "text/html; charset=utf-8", page.at, page.len);
    fl_buf_fini(&page);
    fl_buf_fini(&figures);
}

static void dashboard_json(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req)
{
    (void)req;
    struct fl_buf figures = dashboard_figures(self);
    fl_web_set_header(web, "cache-control", "no-store");
    if (figures.len > 0)
        fl_web_respond_json(self, web, 200, (struct fl_str){figures.at, figures.len});
    else
        fl_web_fail(self, web, 503, "the ticker is starting");
    fl_buf_fini(&figures);
}

static void dashboard_health(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req)
{
    (void)req;
    if (fl_pid_eq(fl_whereis(fl_self_node(self), FL_TICKER_NAME), FL_NO_PID))
        fl_web_fail(self, web, 503, "the ticker is starting");
    else
        fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

/* ---- a viewer: one joined channel ---- */

/** Asks the ticker that is there now, or tries again soon. */
static void viewer_ask_first(struct fl_channel *ch)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_pid ticker = fl_whereis(fl_self_node(self), FL_TICKER_NAME);
    if (fl_pid_eq(ticker, FL_NO_PID) || fl_send(self, ticker, FL_TICKER_FIRST, NULL, 0) != 0)
        fl_timer_start(self, DASHBOARD_RETRY_NS, 0);
    else
        fl_monitor(self, ticker);
}

static int viewer_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    (void)state;
    fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
    viewer_ask_first(ch);
    return 0;
}

static void viewer_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    (void)state;
    if (msg->shared == NULL) return;
    fl_channel_push_frame(ch, msg->shared);
    if (msg->tag == FL_TICKER_NEXT)
        fl_send(fl_channel_self(ch), msg->from, FL_TICKER_NEXT, NULL, 0);
}

static void viewer_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                           const struct fl_reason *reason)
{
    (void)state, (void)ref, (void)who, (void)reason;
    viewer_ask_first(ch);
}

static void viewer_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    (void)state, (void)ref, (void)tag;
    viewer_ask_first(ch);
}

/* ---- the site ---- */

static const struct fl_web_route dashboard_routes[] = {
    {"GET", "/", dashboard_page, NULL},
    {"GET", "/figures.json", dashboard_json, NULL},
    {"GET", "/health", dashboard_health, NULL},
    {0},
};

static const struct fl_web_asset dashboard_assets[] = {
    {"/assets/dashboard.js", "text/javascript; charset=utf-8", fl_asset_dashboard_js,
     &fl_asset_dashboard_js_len},
    {"/assets/dashboard.css", "text/css; charset=utf-8", fl_asset_dashboard_css,
     &fl_asset_dashboard_css_len},
    {"/assets/phoenix.min.js", "text/javascript; charset=utf-8", fl_asset_phoenix_js,
     &fl_asset_phoenix_js_len},
    {"/assets/uplot.js", "text/javascript; charset=utf-8", fl_asset_uplot_js,
     &fl_asset_uplot_js_len},
    {"/assets/uplot.css", "text/css; charset=utf-8", fl_asset_uplot_css, &fl_asset_uplot_css_len},
    {0},
};

static const struct fl_channel_server dashboard_channels[] = {
    {
        .topic = FL_TICKER_TOPIC,
        .on_join = viewer_on_join,
        .on_message = viewer_on_message,
        .on_down = viewer_on_down,
        .on_timer = viewer_on_timer,
    },
    {0},
};

static const struct fl_web_socket dashboard_sockets[] = {
    {.path = "/socket", .channels = dashboard_channels},
    {0},
};

static const struct fl_web_site dashboard_site = {
    .routes = dashboard_routes,
    .assets = dashboard_assets,
    .sockets = dashboard_sockets,
};

static void dashboard_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "dashboard: %s failed too often; giving up\n", child_id);
    fl_node_stop(cx, 1);
}

int fl_dashboard_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    const struct fl_child ticker = {
        .id = FL_TICKER_NAME,
        .server = &fl_ticker_server,
        .args = opts,
        .name = FL_TICKER_NAME,
        .restart = FL_PERMANENT,
        .shutdown_ns = fl_s(1),
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = &ticker,
        .children_count = 1,
        .name = "dashboard_sup",
        .on_limit = dashboard_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    int code = fl_sup_start(node, NULL, &sup, &pid);
    if (code != 0) return fl_err_set(err, code, "dashboard: %s", fl_code_name(code));

    int port = 0;
    return fl_web_serve(node, &dashboard_site, opts->host, opts->port, &port, NULL, err);
}
