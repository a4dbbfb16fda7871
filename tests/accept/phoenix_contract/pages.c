#include "tests/accept/phoenix_contract/pages.h"

#include "services/editor/page.h"
#include "services/live/assets.h"
#include "tests/accept/phoenix_contract/contract.h"
#include "tests/accept/phoenix_contract/dashboard.h"
#include "tests/accept/phoenix_contract/layout.live.h"
#include "tests/accept/phoenix_contract/tasks.h"
#include "tests/accept/phoenix_contract/zoo.h"

/* What the contract's dashboard wants of its hook. */
static const char probe_js[] =
    "window.Hooks = {Probe: {\n"
    "  mounted() {\n"
    "    window.probe = {hook: this, seen: [], life: ['mounted']};\n"
    "    this.handleEvent('toast', (toast) => window.probe.seen.push(toast));\n"
    "  },\n"
    "  disconnected() { window.probe.life.push('disconnected'); },\n"
    "  reconnected() { window.probe.life.push('reconnected'); },\n"
    "}};\n";
static const size_t probe_js_len = sizeof probe_js - 1;

static const struct fl_live_page pages[] = {
    {"/dashboard", &contract_dashboard},
    {"/tasks", &contract_tasks},
    {"/zoo", &contract_zoo},
    {"/editor/:doc", &fl_editor_page_view},
    {0},
};
static const char *const styles[] = {"/assets/look.css", "/assets/editor.css", NULL};
static const char *const scripts[] = {"/assets/probe.js", "/assets/editor-ot.js",
                                      "/assets/editor.js", NULL};

static const char js[] = "text/javascript; charset=utf-8", css[] = "text/css; charset=utf-8";

static const struct fl_web_asset assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/probe.js", js, probe_js, &probe_js_len},
    {"/assets/look.css", css, fl_asset_look_css, &fl_asset_look_css_len},
    {"/assets/editor.css", css, fl_asset_editor_css, &fl_asset_editor_css_len},
    {"/assets/editor-ot.js", js, fl_asset_editor_ot_js, &fl_asset_editor_ot_js_len},
    {"/assets/editor.js", js, fl_asset_editor_js, &fl_asset_editor_js_len},
    {0},
};

void contract_site_lay_out(struct contract_site *site, const struct fl_guests *guests)
{
    site->live = (struct fl_live_site){
        .pages = pages,
        .socket_path = "/live",
        .title_suffix = " · contract",
        .styles = styles,
        .scripts = scripts,
        .layout = &fl_template_layout,
        .cx = guests,
    };
    const struct fl_web_route routes[] = {FL_LIVE_ROUTE(&site->live), {0}};
    const struct fl_channel_server views[] = {FL_LIVE_CHANNEL(&site->live), {0}};
    const struct fl_web_socket sockets[] = {{.path = "/socket", .channels = contract_channels},
                                            {.path = "/live", .channels = site->views},
                                            {0}};
    memcpy(site->routes, routes, sizeof routes);
    memcpy(site->views, views, sizeof views);
    memcpy(site->sockets, sockets, sizeof sockets);
    site->web.routes = site->routes;
    site->web.assets = assets;
    site->web.sockets = site->sockets;
}
