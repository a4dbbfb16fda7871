/* source_run.c: the run itself: the figures that the engine replaces some times a second
 * (docs/figures.md). */
#include "runtime/file.h"
#include "services/dashboard/source.h"

#include "runtime/base/json.h"

enum { RUN_FIGURES_MAX = 1 << 20 };

struct run_source {
    const char *path;
    fl_ns seen_t_ns;
    fl_ns changed_ns;
};

static int run_open(struct fl_self *self, void *state, const char *what,
                    const struct fl_service_opts *opts, struct fl_err *err)
{
    (void)self, (void)what;
    struct run_source *run = state;
    run->path = opts->figures_path;
    if (run->path == NULL) return fl_err_set(err, FL_ENOTFOUND, "there is no run here");
    return 0;
}

static int run_look(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                    struct fl_err *err)
{
    struct run_source *run = state;
    void *text;
    size_t len;
    int code = fl_file_load(self, run->path, RUN_FIGURES_MAX, &text, &len, err);
    if (code != 0) return code;
    cJSON *figures = cJSON_ParseWithLength(text, len);
    fl_self_free(self, text);
    if (figures == NULL) return fl_err_set(err, FL_EBADMSG, "%s: is no JSON", run->path);

    fl_ns t_ns = fl_json_int(figures, "t", 0);
    if (t_ns != run->seen_t_ns) run->changed_ns = now_ns;
    run->seen_t_ns = t_ns;
    if (now_ns - run->changed_ns > fl_s(3)) {
        cJSON_Delete(figures);
        return fl_err_set(err, FL_ETIMEOUT, "the run says nothing any more: it has ended");
    }
    const cJSON *load;
    cJSON_ArrayForEach(load, cJSON_GetObjectItemCaseSensitive(figures, "loads"))
    {
        const char *name = fl_json_text(load, "name", "?");
        fl_sample_add(out, "operations", "/s", fl_json_num(load, "rate", 0), "%s", name);
        fl_sample_add(out, "errors", "/s", fl_json_num(load, "errors", 0), "%s", name);
        fl_sample_add(out, "p99", "ns", fl_json_num(load, "p99_ns", 0), "%s", name);
        fl_sample_add(out, "in flight", "", fl_json_num(load, "inflight", 0), "%s", name);
    }
    if (out->count > 0) /* services that are only hosted have no load, and their own charts */
        fl_sample_add(out, "restarts", "", fl_json_num(figures, "restarts", 0), "so far");
    cJSON_Delete(figures);
    return 0;
}

const struct fl_source fl_source_run = {
    .kind = "run",
    .what = "run",
    .help = "load, errors and latency of the run that this dashboard belongs to",
    .state_bytes = sizeof(struct run_source),
    .every_ns = 200 * FL_NS_PER_MS,
    .open = run_open,
    .look = run_look,
};
