/* plan_table.c: the plan for a person: what happens when, and a picture of it. */
#include "engine/plan.h"
#include "engine/scenario_value.h"
#include "runtime/base/json.h"

enum { PICTURE_WIDTH = 60, PICTURE_ROWS_MAX = 40, LABEL_WIDTH = 24 };

/* 12.5s: a person needs no more than hundredths of a second. */
static const char *show_time(fl_ns ns, char *out, size_t out_len)
{
    if (ns < fl_s(1)) return scn_show_duration(ns / fl_ms(1) * fl_ms(1), out, out_len);
    snprintf(out, out_len, "%.2f", (double)ns / 1e9);
    size_t len = strlen(out);
    while (out[len - 1] == '0')
        len--;
    if (out[len - 1] == '.') len--;
    snprintf(out + len, out_len - len, "s");
    return out;
}

static char *path_of(const cJSON *fault)
{
    struct fl_buf out = {0};
    const cJSON *path = cJSON_GetObjectItemCaseSensitive(fault, "path");
    for (const cJSON *load = path != NULL ? path->child : NULL; load != NULL; load = load->next)
        fl_buf_printf(&out, "%s%s", load == path->child ? "" : ", ", load->valuestring);
    if (out.len == 0) fl_buf_puts(&out, "no load: it cannot be judged");
    return fl_buf_take(&out);
}

static void put_row(struct fl_buf *out, const cJSON *fault)
{
    char at[32], window[32];
    int64_t for_ns = fl_json_int(fault, "for_ns", 0);
    show_time(fl_json_int(fault, "at_ns", 0), at, sizeof at);
    show_time(for_ns, window, sizeof window);
    char *path = path_of(fault);
    fl_buf_printf(out, "  %10s  %8s  %-10s %-20s %s\n", at, for_ns > 0 ? window : "-",
                  fl_json_text(fault, "kind", "?"), fl_json_text(fault, "target", "?"), path);
    free(path);
}

static void put_picture_row(struct fl_buf *out, const cJSON *faults, const char *label,
                            fl_ns storm_ns)
{
    char cells[PICTURE_WIDTH + 1], other[256];
    memset(cells, '.', PICTURE_WIDTH);
    cells[PICTURE_WIDTH] = '\0';
    for (const cJSON *fault = faults->child; fault != NULL; fault = fault->next) {
        snprintf(other, sizeof other, "%s %s", fl_json_text(fault, "kind", "?"),
                 fl_json_text(fault, "target", "?"));
        if (strcmp(other, label) != 0) continue;
        int64_t at_ns = fl_json_int(fault, "at_ns", 0), for_ns = fl_json_int(fault, "for_ns", 0);
        int from = (int)((double)at_ns / (double)storm_ns * PICTURE_WIDTH);
        int to = (int)((double)(at_ns + for_ns) / (double)storm_ns * PICTURE_WIDTH);
        for (int i = from; i <= to && i < PICTURE_WIDTH; i++)
            cells[i] = for_ns > 0 ? '=' : 'x';
    }
    fl_buf_printf(out, "  %-*.*s |%s|\n", LABEL_WIDTH, LABEL_WIDTH, label, cells);
}

static void put_picture(struct fl_buf *out, const cJSON *faults, fl_ns storm_ns)
{
    char labels[PICTURE_ROWS_MAX][256], end[32];
    int rows = 0;
    show_time(storm_ns, end, sizeof end);
    fl_buf_printf(out, "\n  %-*s 0%*s\n", LABEL_WIDTH, "storm  x at once  = lasts",
                  PICTURE_WIDTH + 1, end);
    for (const cJSON *fault = faults->child; fault != NULL; fault = fault->next) {
        char label[256];
        snprintf(label, sizeof label, "%s %s", fl_json_text(fault, "kind", "?"),
                 fl_json_text(fault, "target", "?"));
        bool known = false;
        for (int i = 0; i < rows && !known; i++)
            known = strcmp(labels[i], label) == 0;
        if (known || rows == PICTURE_ROWS_MAX) continue;
        memcpy(labels[rows++], label, sizeof label);
        put_picture_row(out, faults, label, storm_ns);
    }
}

char *fl_plan_table(const cJSON *plan)
{
    struct fl_buf out = {0};
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(plan, "phases");
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(plan, "faults");
    char warmup[32], storm[32], calm[32];
    fl_ns storm_ns = fl_json_int(phases, "storm_ns", 0);
    show_time(fl_json_int(phases, "warmup_ns", 0), warmup, sizeof warmup);
    show_time(storm_ns, storm, sizeof storm);
    show_time(fl_json_int(phases, "calm_ns", 0), calm, sizeof calm);
    fl_buf_printf(&out, "%s, seed %s: warm-up %s, storm %s, calm %s\n\n",
                  fl_json_text(plan, "scenario", "?"), fl_json_text(plan, "seed", "?"), warmup,
                  storm, calm);
    if (cJSON_GetArraySize(faults) == 0) {
        fl_buf_puts(&out, "  no faults\n");
        return fl_buf_take(&out);
    }
    fl_buf_printf(&out, "  %10s  %8s  %-10s %-20s %s\n", "at", "for", "fault", "target",
                  "on the path of");
    for (const cJSON *fault = faults->child; fault != NULL; fault = fault->next)
        put_row(&out, fault);
    put_picture(&out, faults, storm_ns);
    fl_buf_printf(
        &out,
        "\n  at: since the storm began; a run and its report count from the start of load, "
        "%s earlier\n",
        warmup);
    return fl_buf_take(&out);
}
