#include "tests/accept/phoenix_contract/pages.h"

#include "services/live/assets.h"
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
    {0},
};
static const char *const scripts[] = {"/assets/probe.js", NULL};

const struct fl_live_site contract_pages = {
    .pages = pages,
    .socket_path = "/live",
    .title_suffix = " · contract",
    .scripts = scripts,
    .layout = &fl_template_layout,
};

const struct fl_web_route contract_routes[] = {FL_LIVE_ROUTE(&contract_pages), {0}};

const struct fl_web_asset contract_assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/probe.js", "text/javascript; charset=utf-8", probe_js, &probe_js_len},
    {0},
};

const struct fl_channel_server contract_live_channels[] = {FL_LIVE_CHANNEL(&contract_pages), {0}};
