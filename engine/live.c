#include "engine/live.h"

#include <limits.h>
#include <unistd.h>

#include "engine/live_events.h"
#include "engine/terminal.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/units.h"

struct fl_live {
    struct fl_live_opts opts;
    bool terminal, colour, line_is_open;
    fl_ns began_ns, t0_ns, total_ns;
    cJSON *figures; /* the last ones */
    char *figures_path, *report_path;
    struct fl_live_events events;
};

struct fl_live *fl_live_new(const struct fl_live_opts *opts)
{
    struct fl_live *live = fl_new(struct fl_live);
    live->opts = *opts;
    live->terminal = isatty(STDOUT_FILENO) == 1 && !opts->quiet;
    live->colour = live->terminal && fl_terminal_colour(stdout);
    live->began_ns = fl_now();
    live->total_ns = opts->scenario->warmup_ns + opts->scenario->duration_ns +
                     opts->scenario->calm_ns;
    live->figures_path = fl_format("%s/figures.json", opts->run_folder);
    char real[PATH_MAX];
    live->report_path = fl_format(
        "%s/report.html", realpath(opts->run_folder, real) != NULL ? real : opts->run_folder);
    return live;
}

static void close_line(struct fl_live *live)
{
    if (live->line_is_open) fputs("\r\x1b[K", stdout);
    live->line_is_open = false;
}

/* ---- events ---- */

static const char *fault_name(const struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(live->opts.plan, "faults");
    const cJSON *fault = cJSON_GetArrayItem(faults, (int)fl_json_int(fact, "fault", -1));
    snprintf(out, len, "%s %s", fl_json_text(fault, "kind", "fault"),
             fl_json_text(fault, "target", ""));
    return out;
}

static void say_phase(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    static const struct {
        const char *phase, *words;
    } rows[] = {{"boot", "starting what is under test"},
                {"warm", "load without faults: the baseline"},
                {"storm", "faults"},
                {"calm", "load goes on, no new faults"},
                {"drain", "waiting for what is in flight"},
                {"stop", "stopping everything"}};
    const char *phase = fl_json_text(fact, "phase", "");
    for (size_t i = 0; i < FL_COUNT(rows); i++)
        if (strcmp(rows[i].phase, phase) == 0) snprintf(out, len, "%-5s  %s", phase, rows[i].words);
}

static void say_exit(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    if (cJSON_HasObjectItem(fact, "signal"))
        snprintf(out, len, "%s  ended by signal %d", fl_json_text(fact, "instance", ""),
                 (int)fl_json_int(fact, "signal", 0));
    else
        snprintf(out, len, "%s  exited with %d", fl_json_text(fact, "instance", ""),
                 (int)fl_json_int(fact, "code", 0));
}

static void say_ready(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    char place[64] = "";
    int port = (int)fl_json_int(fact, "port", 0);
    if (port > 0) snprintf(place, sizeof place, ", 127.0.0.1:%d", port);
    snprintf(out, len, "%s  ready, pid %d%s", fl_json_text(fact, "instance", ""),
             (int)fl_json_int(fact, "pid", 0), place);
}

static void say_restart(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    snprintf(out, len, "%s  restarting, %d of %d", fl_json_text(fact, "instance", ""),
             (int)fl_json_int(fact, "restarts", 0), (int)fl_json_int(fact, "max_restarts", 0));
}

static void say_failed(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    snprintf(out, len, "%s  %s", fl_json_text(fact, "instance", ""), fl_json_text(fact, "why", ""));
}

static void say_limit(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    snprintf(out, len, "%s  passed the restart limit of %d: the run ends",
             fl_json_text(fact, "instance", ""), (int)fl_json_int(fact, "restarts", 0));
}

static void say_effect(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    char name[128];
    snprintf(out, len, "%s  in effect: %s", fault_name(live, fact, name, sizeof name),
             fl_json_text(fact, "evidence", ""));
}

static void say_missed(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    char name[128];
    snprintf(out, len, "%s  hit nothing: %s", fault_name(live, fact, name, sizeof name),
             fl_json_text(fact, "why", ""));
}

static void say_healed(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    char name[128];
    snprintf(out, len, "%s  healed: %s", fault_name(live, fact, name, sizeof name),
             fl_json_text(fact, "evidence", ""));
}

static void say_trouble(struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    snprintf(out, len, "the harness is in trouble: %s", fl_json_text(fact, "what", ""));
}

static const struct {
    const char *fact;
    void (*say)(struct fl_live *live, const cJSON *fact, char *out, size_t len);
} events[] = {
    {"phase", say_phase},          {"proc.exit", say_exit},      {"proc.ready", say_ready},
    {"proc.restart", say_restart}, {"sup.limit", say_limit},     {"fault.effect", say_effect},
    {"fault.missed", say_missed},  {"fault.healed", say_healed}, {"harness.trouble", say_trouble},
    {"proc.failed", say_failed},
};

void fl_live_say(struct fl_live *live, const char *words)
{
    if (live->opts.quiet) return;
    close_line(live);
    printf("%s[       ]%s %s\n", live->colour ? "\x1b[2m" : "", live->colour ? "\x1b[0m" : "",
           words);
    fflush(stdout);
}

/* The few words beside a line in a chart. */
static void event_mark(const struct fl_live *live, const cJSON *fact, char *out, size_t len)
{
    out[0] = '\0';
    if (cJSON_HasObjectItem(fact, "fault"))
        fault_name(live, fact, out, len);
    else
        snprintf(out, len, "%s", fl_json_text(fact, "phase", ""));
}

void fl_live_on_fact(void *cx, const char *line)
{
    struct fl_live *live = cx;
    cJSON *fact = cJSON_Parse(line);
    const char *name = fl_json_text(fact, "fact", "");
    char words[512] = "";
    for (size_t i = 0; i < FL_COUNT(events); i++)
        if (strcmp(events[i].fact, name) == 0) events[i].say(live, fact, words, sizeof words);
    if (words[0] != '\0') {
        char mark[128];
        event_mark(live, fact, mark, sizeof mark);
        fl_live_events_add(&live->events, fact, words, mark);
    }
    if (words[0] != '\0' && !live->opts.quiet) {
        fl_ns zero = live->t0_ns != 0 ? live->t0_ns : live->began_ns;
        /* load is told to begin a moment before its first operation is due */
        double at = (double)fl_ns_max(0, fl_json_int(fact, "t", 0) - zero) / 1e9;
        close_line(live);
        if (live->t0_ns == 0)
            printf("%s[       ]%s %s\n", live->colour ? "\x1b[2m" : "",
                   live->colour ? "\x1b[0m" : "", words);
        else
            printf("%s[%7.3f]%s %s\n", live->colour ? "\x1b[2m" : "", at,
                   live->colour ? "\x1b[0m" : "", words);
        fflush(stdout);
    }
    cJSON_Delete(fact);
}

void fl_live_zero(struct fl_live *live, fl_ns t0_ns)
{
    live->t0_ns = t0_ns;
}

/* ---- figures ---- */

void fl_live_figures(struct fl_live *live, const cJSON *figures)
{
    cJSON_Delete(live->figures);
    live->figures = cJSON_Duplicate(figures, 1);
}

static void write_figures(struct fl_live *live, const struct fl_fleet *fleet, const char *phase,
                          const char *faults_active)
{
    const cJSON *loads = cJSON_GetObjectItemCaseSensitive(live->figures, "loads");
    char *loads_text = loads == NULL ? fl_strdup("[]") : cJSON_PrintUnformatted(loads);
    fl_ns now = fl_now();
    struct fl_buf out = {0};
    fl_buf_printf(&out,
                  "{\"t\":%lld,\"phase\":\"%s\",\"elapsed_ns\":%lld,\"total_ns\":%lld,\"loads\":%s,"
                  "\"processes\":",
                  (long long)now, phase, (long long)(live->t0_ns == 0 ? 0 : now - live->t0_ns),
                  (long long)live->total_ns, loads_text);
    cJSON_free(loads_text);
    int restarts = fl_fleet_put_json(fleet, &out);
    fl_buf_printf(&out, ",\"restarts\":%d,\"faults\":[", restarts);
    struct fl_str rest = fl_str_of(faults_active);
    for (bool first = true; rest.len > 0; first = false) {
        struct fl_str one = fl_str_trim(fl_str_cut(&rest, ','));
        if (!first) fl_buf_putc(&out, ',');
        fl_json_put_str(&out, one);
    }
    fl_buf_puts(&out, "],\"events\":");
    fl_live_events_put(&live->events, live->t0_ns != 0 ? live->t0_ns : live->began_ns, &out);
    fl_buf_puts(&out, ",\"scenario\":");
    fl_json_put_str(&out, fl_str_of(live->opts.scenario->name));
    fl_buf_puts(&out, ",\"report\":");
    fl_json_put_str(&out, fl_str_of(live->report_path));
    fl_buf_puts(&out, "}\n");
    /* a full disk shows in the journal; here it only means an older picture */
    fl_file_write(live->figures_path, out.at, out.len, NULL);
    fl_buf_fini(&out);
}

static void write_line(struct fl_live *live, const char *phase, const char *faults_active)
{
    double rate = 0, errors = 0, p99_ns = 0;
    const cJSON *load;
    cJSON_ArrayForEach(load, cJSON_GetObjectItemCaseSensitive(live->figures, "loads"))
    {
        rate += fl_json_num(load, "rate", 0);
        errors += fl_json_num(load, "errors", 0);
        double own = fl_json_num(load, "p99_ns", 0);
        if (own > p99_ns) p99_ns = own;
    }
    double at = live->t0_ns == 0 ? 0 : (double)(fl_now() - live->t0_ns) / 1e9;
    const char *bold = live->colour ? "\x1b[1m" : "", *plain = live->colour ? "\x1b[0m" : "";
    const char *red = live->colour && errors > 0 ? "\x1b[31m" : "";
    printf("\r\x1b[K%s%-5s%s %5.1f / %.0f s   %6.0f/s   %serrors %.0f/s%s   p99 %s   %s%s%s", bold,
           phase, plain, at, (double)live->total_ns / 1e9, rate, red, errors, plain,
           FL_SHOW_NS((fl_ns)p99_ns), live->colour ? "\x1b[33m" : "", faults_active, plain);
    fflush(stdout);
    live->line_is_open = true;
}

void fl_live_tick(struct fl_live *live, const struct fl_fleet *fleet, const char *phase,
                  const char *faults_active)
{
    write_figures(live, fleet, phase, faults_active);
    if (live->terminal) write_line(live, phase, faults_active);
}

void fl_live_free(struct fl_live *live)
{
    if (live == NULL) return;
    close_line(live);
    fflush(stdout);
    cJSON_Delete(live->figures);
    free(live->figures_path);
    free(live->report_path);
    free(live);
}
