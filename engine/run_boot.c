/* Bringing up the harness around a fleet that is ready: links first, because load and peers go
 * through them, then the load worker, told where everything is. */
#include "engine/run_state.h"

#include "engine/run_folder.h"
#include "runtime/base/json.h"

static const struct fl_scenario_link *link_at(const struct fl_run *run, size_t i)
{
    return &run->scenario->links[i];
}

/* Does a link (or a load without one) that goes to `service`, `only` one instance or -1, reach it?
 */
static bool reaches(const struct fl_scenario_service *service, int only, const char *instance)
{
    for (int n = 0; n < service->instances_count; n++)
        if ((only < 0 || only == n) && strcmp(service->instances[n], instance) == 0) return true;
    return false;
}

void fl_run_on_up(void *cx, const char *service, const char *instance, int port, bool up)
{
    struct fl_run *run = cx;
    for (size_t i = 0; run->links != NULL && i < run->scenario->links_count; i++) {
        const struct fl_scenario_link *link = link_at(run, i);
        if (reaches(link->service, link->instance, instance))
            fl_links_upstream(run->links, link->name, instance, "127.0.0.1", port, up);
    }
    if (run->load == NULL) return;
    char *line = fl_format("{\"op\":\"up\",\"instance\":\"%s\",\"up\":%s}", instance,
                           up ? "true" : "false");
    fl_load_client_send(run->load, line);
    free(line);
}

/* ---- the load worker ---- */

static void put_endpoint(struct fl_buf *buf, const char *instance, int port, bool first)
{
    fl_buf_printf(buf, "%s{\"instance\":\"%s\",\"host\":\"127.0.0.1\",\"port\":%d}",
                  first ? "" : ",", instance, port);
}

/* Where each `via` of a load leads: a link's own port, or the ports of the instances. */
static void put_endpoints(const struct fl_run *run, struct fl_buf *buf)
{
    const struct fl_scenario *scenario = run->scenario;
    for (size_t i = 0; i < scenario->loads_count; i++) {
        const struct fl_scenario_load *load = &scenario->loads[i];
        fl_buf_printf(buf, "%s\"%s\":[", i == 0 ? "" : ",", load->via);
        if (load->link != NULL) {
            put_endpoint(buf, load->link->name, run->link_ports[load->link - scenario->links],
                         true);
        } else {
            bool first = true;
            for (int n = 0; n < load->service->instances_count; n++) {
                if (load->instance >= 0 && load->instance != n) continue;
                const char *name = load->service->instances[n];
                put_endpoint(buf, name, fl_fleet_port_of(run->fleet, name), first);
                first = false;
            }
        }
        fl_buf_putc(buf, ']');
    }
}

static void on_load_ready(void *cx)
{
    struct fl_run *run = cx;
    if (run->ending) return;
    fl_run_warm(run);
    fl_ns until_ns = run->t0_ns + run->scenario->warmup_ns + run->scenario->duration_ns +
                     run->scenario->calm_ns;
    struct fl_buf line = {0};
    fl_buf_printf(&line,
                  "{\"op\":\"start\",\"t0_ns\":%lld,\"until_ns\":%lld,\"drain_ns\":%lld,"
                  "\"endpoints\":{",
                  (long long)run->t0_ns, (long long)until_ns, (long long)fl_s(10));
    put_endpoints(run, &line);
    fl_buf_puts(&line, "}}");
    fl_load_client_send(run->load, line.at);
    fl_buf_fini(&line);
}

static void on_load_figures(void *cx, const cJSON *figures)
{
    struct fl_run *run = cx;
    fl_live_figures(run->live, figures);
}

static void on_load_trouble(void *cx, const char *what)
{
    fl_run_trouble(cx, "load worker: %s", what);
}

static void on_load_lost(void *cx)
{
    struct fl_run *run = cx;
    run->load = NULL;
    if (!run->load_done) fl_run_trouble(run, "the load worker is gone");
}

static void on_load_channel(void *cx, int fd)
{
    struct fl_run *run = cx;
    struct fl_load_events events = {.cx = run,
                                    .on_ready = on_load_ready,
                                    .on_figures = on_load_figures,
                                    .on_done = fl_run_on_load_done,
                                    .on_trouble = on_load_trouble,
                                    .on_lost = on_load_lost};
    struct fl_err err = {0};
    if (fl_load_client_open(&run->load, run->loop, fd, &events, &err) != 0)
        fl_run_trouble(run, "%s", err.text);
}

static void on_load_exit(void *cx, const char *how, bool clean)
{
    struct fl_run *run = cx;
    /* After a clean end its last words may still be on the way: on_load_lost comes after them. */
    if (!run->load_done && !clean) fl_run_trouble(run, "the load worker %s", how);
}

static void start_load(struct fl_run *run)
{
    const char *const argv[] = {"worker", "load", run->folder, NULL};
    struct fl_worker_opts opts = {.name = "load",
                                  .argv = argv,
                                  .program = run->opts->program,
                                  .run_folder = run->folder,
                                  .guardian = run->guardian,
                                  .cx = run,
                                  .on_channel = on_load_channel,
                                  .on_exit = on_load_exit};
    struct fl_err err = {0};
    if (fl_worker_start(&run->load_worker, run->node, &opts, &err) != 0)
        fl_run_trouble(run, "%s", err.text);
}

/* ---- the link worker ---- */

static void on_link_listens(void *cx, bool ok, const cJSON *answer, const char *why)
{
    struct fl_run *run = cx;
    if (!ok) {
        fl_run_trouble(run, "a link cannot listen: %s", why);
        return;
    }
    if (--run->links_waiting == 0 && !run->ending) start_load(run);
}

static void on_links_lost(void *cx)
{
    struct fl_run *run = cx;
    if (run->phase < FL_STOP) fl_run_trouble(run, "the link worker is gone");
}

static void on_links_channel(void *cx, int fd)
{
    struct fl_run *run = cx;
    struct fl_err err = {0};
    if (fl_links_open(&run->links, run->loop, fd, on_links_lost, run, &err) != 0) {
        fl_run_trouble(run, "%s", err.text);
        return;
    }
    const struct fl_scenario *scenario = run->scenario;
    run->links_waiting = scenario->links_count;
    for (size_t i = 0; i < scenario->links_count; i++) {
        const struct fl_scenario_link *link = link_at(run, i);
        if (fl_port_draw(&run->link_ports[i], &err) != 0) {
            fl_run_trouble(run, "%s", err.text);
            return;
        }
        fl_links_listen(run->links, link->name, run->link_ports[i], on_link_listens, run);
        for (int n = 0; n < link->service->instances_count; n++) {
            const char *name = link->service->instances[n];
            if (link->instance < 0 || link->instance == n)
                fl_links_upstream(run->links, link->name, name, "127.0.0.1",
                                  fl_fleet_port_of(run->fleet, name), true);
        }
    }
}

static void on_links_exit(void *cx, const char *how, bool clean)
{
    struct fl_run *run = cx;
    if (run->phase < FL_STOP) fl_run_trouble(run, "the link worker %s", how);
}

static void start_links(struct fl_run *run)
{
    static const char *const argv[] = {"worker", "links", NULL};
    struct fl_worker_opts opts = {.name = "links",
                                  .argv = argv,
                                  .program = run->opts->program,
                                  .run_folder = run->folder,
                                  .guardian = run->guardian,
                                  .cx = run,
                                  .on_channel = on_links_channel,
                                  .on_exit = on_links_exit};
    struct fl_err err = {0};
    if (fl_worker_start(&run->links_worker, run->node, &opts, &err) != 0)
        fl_run_trouble(run, "%s", err.text);
}

void fl_run_on_all_ready(void *cx)
{
    struct fl_run *run = cx;
    if (run->ending) return;
    if (run->scenario->links_count > 0)
        start_links(run);
    else
        start_load(run);
}
