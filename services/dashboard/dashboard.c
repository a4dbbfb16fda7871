#include "services/dashboard/dashboard.h"

#include <curl/curl.h>

#include "runtime/base/units.h"
#include "runtime/request.h"
#include "runtime/sup.h"
#include "services/dashboard/page.h"
#include "services/dashboard/sampler.h"
#include "services/dashboard/ticker.h"
#include "services/live/assets.h"
#include "services/live/live.h"
#include "services/look/look.h"
#include "services/web/web.h"

#define DASHBOARD_ASK_WITHIN_NS fl_s(2)

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

/* ---- a viewer: one joined channel, which also asks for the past ---- */

/** Answers with the JSON text that the ticker gives for this. */
static void viewer_pass(struct fl_channel *ch, struct fl_str ref, uint32_t tag, const void *data,
                        size_t len)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_response got;
    struct fl_pid ticker = fl_whereis(fl_self_node(self), FL_TICKER_NAME);
    char *kept = fl_self_alloc(self, ref.len + 1);
    memcpy(kept, ref.at, ref.len);
    int code = fl_call_view(self, ticker, tag, data, len, DASHBOARD_ASK_WITHIN_NS, &got);
    struct fl_str own_ref = {kept, ref.len};
    if (code == 0)
        fl_channel_reply(ch, own_ref, "ok", (struct fl_str){got.data, got.len});
    else
        fl_channel_reply(ch, own_ref, "error", FL_STR("{\"reason\":\"the ticker is starting\"}"));
    fl_self_free(self, kept);
}

static void viewer_on_event(struct fl_channel *ch, void *state,
                            const struct fl_channel_event *event)
{
    (void)state;
    if (event->ref.at == NULL) return;
    cJSON *payload = cJSON_ParseWithLength(event->payload.at, event->payload.len);
    int ring = fl_store_ring_find(fl_str_of(fl_json_text(payload, "span", "1m")));
    cJSON_Delete(payload);
    if (fl_str_is(event->event, "series"))
        viewer_pass(ch, event->ref, FL_TICKER_SERIES, NULL, 0);
    else if (fl_str_is(event->event, "points") && ring >= 0)
        viewer_pass(ch, event->ref, FL_TICKER_POINTS, &ring, sizeof ring);
    else
        fl_channel_reply(ch, event->ref, "error",
                         FL_STR("{\"reason\":\"series, or points with a span: 1m, 15m, 3h\"}"));
}

/* ---- the site ---- */

static const struct fl_live_page dashboard_pages[] = {{"/", &fl_dashboard_view}, {0}};
static const char *const dashboard_styles[] = {"/assets/uplot.css", "/assets/look.css",
                                               "/assets/dashboard.css", NULL};
static const char *const dashboard_scripts[] = {"/assets/uplot.js", "/assets/look.js",
                                                "/assets/charts.js", "/assets/dashboard.js", NULL};

static const struct fl_live_site dashboard_live = {
    .pages = dashboard_pages,
    .socket_path = "/live",
    .title_suffix = " · Faultline",
    .styles = dashboard_styles,
    .scripts = dashboard_scripts,
};

static const struct fl_web_route dashboard_routes[] = {
    {"GET", "/figures.json", dashboard_json, NULL},
    {"GET", "/health", dashboard_health, NULL},
    FL_LIVE_ROUTE(&dashboard_live),
    {0},
};

static const struct fl_web_asset dashboard_assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/dashboard.js", "text/javascript; charset=utf-8", fl_asset_dashboard_js,
     &fl_asset_dashboard_js_len},
    {"/assets/charts.js", "text/javascript; charset=utf-8", fl_asset_charts_js,
     &fl_asset_charts_js_len},
    {"/assets/look.js", "text/javascript; charset=utf-8", fl_asset_look_js, &fl_asset_look_js_len},
    {"/assets/look.css", "text/css; charset=utf-8", fl_asset_look_css, &fl_asset_look_css_len},
    {"/assets/dashboard.css", "text/css; charset=utf-8", fl_asset_dashboard_css,
     &fl_asset_dashboard_css_len},
    {"/assets/uplot.js", "text/javascript; charset=utf-8", fl_asset_uplot_js,
     &fl_asset_uplot_js_len},
    {"/assets/uplot.css", "text/css; charset=utf-8", fl_asset_uplot_css, &fl_asset_uplot_css_len},
    {0},
};

static const struct fl_channel_server dashboard_channels[] = {
    {
        .topic = FL_TICKER_TOPIC,
        .cx = FL_TICKER_NAME,
        .on_join = fl_feed_on_join,
        .on_event = viewer_on_event,
        .on_message = fl_feed_on_message,
        .on_down = fl_feed_on_down,
        .on_timer = fl_feed_on_timer,
    },
    FL_LOOK_CHANNEL,
    {0},
};

static const struct fl_channel_server dashboard_views[] = {FL_LIVE_CHANNEL(&dashboard_live), {0}};

static const struct fl_web_socket dashboard_sockets[] = {
    {.path = "/socket", .channels = dashboard_channels},
    {.path = "/live", .channels = dashboard_views},
    {0},
};

static void dashboard_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "dashboard: %s failed too often; giving up\n", child_id);
    fl_node_stop(cx, 1);
}

/* ---- its processes ---- */

/* What is watched: as the environment says, or what there is around us. */
static int dashboard_read_sources(const struct fl_service_opts *opts,
                                  struct fl_source_spec specs[FL_SOURCES_MAX], size_t *count,
                                  struct fl_err *err)
{
    const char *text = getenv(FL_SOURCES_ENV);
    if (text == NULL || text[0] == '\0')
        text = opts->figures_path != NULL ? "run node proc" : "node proc";
    int code = fl_source_parse(fl_str_of(text), specs, count, err);
    return code == 0 ? 0 : fl_err_prefix(err, FL_SOURCES_ENV ": ");
}

/* Whose nodes `look` asks: what the source of nodes says. */
static struct fl_look_opts dashboard_look(const struct fl_source_spec *specs, size_t count)
{
    struct fl_look_opts look = {.root = FL_LOOK_FAMILY};
    for (size_t i = 0; i < count; i++) {
        int64_t pid;
        if (specs[i].source != &fl_source_node) continue;
        if (strcmp(specs[i].what, "all") == 0)
            look.root = FL_LOOK_ALL;
        else if (fl_parse_int(fl_str_of(specs[i].what), 1, INT32_MAX, &pid, NULL) == 0)
            look.root = (pid_t)pid;
    }
    return look;
}

static int dashboard_start_samplers(struct fl_node *node, const struct fl_service_opts *opts,
                                    const struct fl_source_spec *specs, size_t count)
{
    struct fl_sampler_args args[FL_SOURCES_MAX] = {0};
    struct fl_child children[FL_SOURCES_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        args[i] = (struct fl_sampler_args){.spec = specs[i], .opts = opts};
        children[i] = (struct fl_child){.id = args[i].spec.label,
                                        .server = &fl_sampler_server,
                                        .args = &args[i],
                                        .args_bytes = sizeof args[i],
                                        .shutdown_ns = FL_SHUTDOWN_BRUTAL};
    }
    const struct fl_sup_opts sup = {
        .max_restarts = 100,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = count,
        .name = "samplers",
        .on_limit = dashboard_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    return fl_sup_start(node, NULL, &sup, &pid);
}

int fl_dashboard_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    struct fl_source_spec specs[FL_SOURCES_MAX];
    size_t count;
    int code = dashboard_read_sources(opts, specs, &count, err);
    if (code != 0) return code;
    curl_global_init(CURL_GLOBAL_DEFAULT); /* before its threads */
    const struct fl_look_opts look = dashboard_look(specs, count);
    const struct fl_child children[] = {
        {.id = FL_TICKER_NAME,
         .server = &fl_ticker_server,
         .args = opts,
         .name = FL_TICKER_NAME,
         .shutdown_ns = fl_s(1)},
        {.id = FL_LOOK_NAME,
         .server = &fl_look_server,
         .args = &look,
         .args_bytes = sizeof look,
         .name = FL_LOOK_NAME,
         .shutdown_ns = fl_s(1)},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .name = "dashboard_sup",
        .on_limit = dashboard_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    code = fl_sup_start(node, NULL, &sup, &pid);
    if (code == 0) code = dashboard_start_samplers(node, opts, specs, count);
    if (code != 0) return fl_err_set(err, code, "dashboard: %s", fl_code_name(code));

    struct fl_web_secret secret = {0};
    code = fl_web_secret_load(opts->folder, &secret, err); /* pages outlive a crash of ours */
    if (code != 0) return code;
    const struct fl_web_site site = {
        .routes = dashboard_routes,
        .assets = dashboard_assets,
        .sockets = dashboard_sockets,
        .secret = &secret,
    };
    return fl_web_serve(node, &site, opts->host, opts->port, NULL, NULL, err);
}
