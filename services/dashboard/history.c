#include "services/dashboard/history.h"

/** The index of the i-th oldest point. */
static int history_at(const struct fl_history *history, int i)
{
    int oldest = history->next - history->points_count + FL_HISTORY_POINTS;
    return (oldest + i) % FL_HISTORY_POINTS;
}

/** Writes down the loads' names; true when they are others than before. */
static bool history_rename(struct fl_history *history, const cJSON *loads)
{
    bool changed = false;
    int count = 0;
    const cJSON *load;
    cJSON_ArrayForEach(load, loads)
    {
        if (count == FL_HISTORY_LOADS) break;
        char name[FL_HISTORY_NAME_MAX];
        snprintf(name, sizeof name, "%s", fl_json_text(load, "name", "?"));
        if (count >= history->loads_count || strcmp(name, history->names[count]) != 0) {
            memcpy(history->names[count], name, sizeof name);
            changed = true;
        }
        count++;
    }
    changed = changed || count != history->loads_count;
    history->loads_count = count;
    return changed;
}

void fl_history_add(struct fl_history *history, const cJSON *figures, fl_ns t_ns)
{
    const cJSON *loads = cJSON_GetObjectItemCaseSensitive(figures, "loads"), *load;
    if (history_rename(history, loads)) history->points_count = 0;
    if (history->points_count > 0) {
        int last = history_at(history, history->points_count - 1);
        if (t_ns - history->points[last].t_ns < FL_HISTORY_EVERY_NS) return;
    }
    struct fl_history_point *point = &history->points[history->next];
    *point = (struct fl_history_point){.t_ns = t_ns};
    int i = 0;
    cJSON_ArrayForEach(load, loads)
    {
        if (i == history->loads_count) break;
        point->rate[i] = (float)fl_json_num(load, "rate", 0);
        point->errors[i] = (float)fl_json_num(load, "errors", 0);
        point->p99_ns[i] = (float)fl_json_num(load, "p99_ns", 0);
        i++;
    }
    history->next = (history->next + 1) % FL_HISTORY_POINTS;
    if (history->points_count < FL_HISTORY_POINTS) history->points_count++;
}

/** One line of a load: the float at this offset of each point, plus its index. */
static void history_put_line(struct fl_buf *out, const struct fl_history *history, const char *name,
                             size_t offset, int load)
{
    fl_buf_printf(out, ",\"%s\":[", name);
    for (int i = 0; i < history->points_count; i++) {
        const struct fl_history_point *point = &history->points[history_at(history, i)];
        const float *line = (const void *)((const char *)point + offset);
        fl_buf_printf(out, "%s%.10g", i > 0 ? "," : "", (double)line[load]);
    }
    fl_buf_putc(out, ']');
}

void fl_history_put(struct fl_buf *out, const struct fl_history *history)
{
    fl_buf_puts(out, "{\"t_ns\":[");
    for (int i = 0; i < history->points_count; i++)
        fl_buf_printf(out, "%s%lld", i > 0 ? "," : "",
                      (long long)history->points[history_at(history, i)].t_ns);
    fl_buf_puts(out, "],\"loads\":[");
    for (int load = 0; load < history->loads_count; load++) {
        fl_buf_puts(out, load > 0 ? ",{\"name\":" : "{\"name\":");
        fl_json_put_str(out, fl_str_of(history->names[load]));
        history_put_line(out, history, "rate", offsetof(struct fl_history_point, rate), load);
        history_put_line(out, history, "errors", offsetof(struct fl_history_point, errors), load);
        history_put_line(out, history, "p99_ns", offsetof(struct fl_history_point, p99_ns), load);
        fl_buf_putc(out, '}');
    }
    fl_buf_puts(out, "]}");
}
