#include "services/dashboard/page.h"

#include "runtime/base/html.h"

int fl_page_put_update(struct fl_buf *out, struct fl_str figures, uint64_t seq, fl_ns t_ns)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(figures.at, figures.len, &end, false);
    bool object = cJSON_IsObject(tree), empty = object && tree->child == NULL;
    cJSON_Delete(tree);
    struct fl_str rest = fl_str_trim(figures);
    if (!object || end == NULL || end != rest.at + rest.len) return FL_EBADMSG;

    fl_buf_printf(out, "{\"seq\":%llu,\"t_ns\":%lld%s", (unsigned long long)seq, (long long)t_ns,
                  empty ? "" : ",");
    fl_buf_add(out, rest.at + 1, rest.len - 1);
    return 0;
}

/** As the script shows it: 199.5, 12,345 would be one string more than this needs. */
static void page_put_rate(struct fl_buf *out, double rate)
{
    fl_buf_printf(out, rate < 100 ? "%.1f" : "%.0f", rate);
}

/** Milliseconds for spans below a second, else seconds. */
static void page_put_span(struct fl_buf *out, double ns)
{
    if (ns < 1e9)
        fl_buf_printf(out, ns < 1e7 ? "%.1f ms" : "%.0f ms", ns / 1e6);
    else
        fl_buf_printf(out, "%.1f s", ns / 1e9);
}

static void page_phase(struct fl_buf *out, const cJSON *figures)
{
    fl_html_text(out, fl_json_text(figures, "phase", "waiting"));
}

static void page_elapsed(struct fl_buf *out, const cJSON *figures)
{
    fl_buf_printf(out, "%.0f", fl_json_num(figures, "elapsed_ns", 0) / 1e9);
}

static void page_total(struct fl_buf *out, const cJSON *figures)
{
    double total_s = fl_json_num(figures, "total_ns", 0) / 1e9;
    fl_buf_printf(out, "%.0f", total_s > 0 ? total_s : 1);
}

static void page_clock(struct fl_buf *out, const cJSON *figures)
{
    page_elapsed(out, figures);
    double total_s = fl_json_num(figures, "total_ns", 0) / 1e9;
    if (total_s > 0)
        fl_buf_printf(out, " of %.0f s", total_s);
    else
        fl_buf_puts(out, " s");
}

/** The sum over the loads of one of their figures. */
static double page_sum(const cJSON *figures, const char *key)
{
    double sum = 0;
    const cJSON *load;
    cJSON_ArrayForEach(load, cJSON_GetObjectItemCaseSensitive(figures, "loads"))
    {
        sum += fl_json_num(load, key, 0);
    }
    return sum;
}

static void page_rate(struct fl_buf *out, const cJSON *figures)
{
    page_put_rate(out, page_sum(figures, "rate"));
}

static void page_errors(struct fl_buf *out, const cJSON *figures)
{
    page_put_rate(out, page_sum(figures, "errors"));
}

static void page_p99(struct fl_buf *out, const cJSON *figures)
{
    double worst = 0;
    const cJSON *load;
    cJSON_ArrayForEach(load, cJSON_GetObjectItemCaseSensitive(figures, "loads"))
    {
        double p99 = fl_json_num(load, "p99_ns", 0);
        if (p99 > worst) worst = p99;
    }
    page_put_span(out, worst);
}

static void page_restarts(struct fl_buf *out, const cJSON *figures)
{
    fl_buf_printf(out, "%lld", (long long)fl_json_int(figures, "restarts", 0));
}

static void page_faults(struct fl_buf *out, const cJSON *figures)
{
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(figures, "faults"), *fault;
    if (cJSON_GetArraySize(faults) == 0) fl_buf_puts(out, "<li class=\"none\">none</li>");
    cJSON_ArrayForEach(fault, faults)
    {
        fl_buf_puts(out, "<li>");
        fl_html_text(out, cJSON_IsString(fault) ? fault->valuestring : "?");
        fl_buf_puts(out, "</li>");
    }
}

static void page_loads(struct fl_buf *out, const cJSON *figures)
{
    const cJSON *load;
    int colour = 0;
    cJSON_ArrayForEach(load, cJSON_GetObjectItemCaseSensitive(figures, "loads"))
    {
        double errors = fl_json_num(load, "errors", 0);
        fl_buf_printf(out, "<tr><th scope=\"row\"><i class=\"c%d\"></i>", colour++ % 6);
        fl_html_text(out, fl_json_text(load, "name", "?"));
        fl_buf_puts(out, "</th><td>");
        page_put_rate(out, fl_json_num(load, "rate", 0));
        fl_buf_printf(out, "</td><td%s>", errors > 0 ? " class=\"bad\"" : "");
        page_put_rate(out, errors);
        fl_buf_puts(out, "</td><td>");
        page_put_span(out, fl_json_num(load, "p50_ns", 0));
        fl_buf_puts(out, "</td><td>");
        page_put_span(out, fl_json_num(load, "p99_ns", 0));
        fl_buf_printf(out, "</td><td>%lld</td></tr>", (long long)fl_json_int(load, "inflight", 0));
    }
}

static void page_processes(struct fl_buf *out, const cJSON *figures)
{
    const cJSON *process;
    cJSON_ArrayForEach(process, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        long long pid = (long long)fl_json_int(process, "pid", 0);
        long long restarts = (long long)fl_json_int(process, "restarts", 0);
        fl_buf_puts(out, "<li data-state=\"");
        fl_html_text(out, fl_json_text(process, "state", "down"));
        fl_buf_puts(out, "\"><b>");
        fl_html_text(out, fl_json_text(process, "instance", "?"));
        fl_buf_puts(out, "</b><span>");
        fl_html_text(out, fl_json_text(process, "state", "down"));
        if (pid > 0) fl_buf_printf(out, " · pid %lld", pid);
        fl_buf_printf(out, "</span><em%s>%lld restart%s</em></li>",
                      restarts == 0 ? " class=\"none\"" : "", restarts, restarts == 1 ? "" : "s");
    }
}

static const struct {
    const char *name;
    void (*put)(struct fl_buf *out, const cJSON *figures);
} page_fields[] = {
    {"phase", page_phase}, {"elapsed", page_elapsed},     {"total", page_total},
    {"clock", page_clock}, {"rate", page_rate},           {"errors", page_errors},
    {"p99", page_p99},     {"restarts", page_restarts},   {"faults", page_faults},
    {"loads", page_loads}, {"processes", page_processes},
};

static void page_put_field(struct fl_buf *out, struct fl_str name, const cJSON *figures)
{
    bool known = false; /* the template is ours, so it names nothing else */
    for (size_t i = 0; i < FL_COUNT(page_fields) && !known; i++) {
        known = fl_str_is(name, page_fields[i].name);
        if (known) page_fields[i].put(out, figures);
    }
    FL_ASSERT(known);
}

void fl_page_put(struct fl_buf *out, struct fl_str template, const cJSON *figures)
{
    struct fl_str rest = template;
    for (;;) {
        const char *open = rest.len > 0 ? memmem(rest.at, rest.len, "{{", 2) : NULL;
        const char *close = open == NULL
                                ? NULL
                                : memmem(open, (size_t)(rest.at + rest.len - open), "}}", 2);
        if (close == NULL) break;
        fl_buf_add(out, rest.at, (size_t)(open - rest.at));
        page_put_field(out, (struct fl_str){open + 2, (size_t)(close - open - 2)}, figures);
        rest = (struct fl_str){close + 2, (size_t)(rest.at + rest.len - close - 2)};
    }
    fl_buf_add(out, rest.at, rest.len);
}
