#include "services/landing/list.h"

#include "runtime/base/rng.h"
#include "runtime/file.h"
#include "services/services.h"

#define LIST_EVERY_NS fl_ms(100)
enum { LIST_WATCHERS_MAX = 1000, LIST_ROWS_MAX = 64 };

struct list {
    const struct fl_service_opts *opts;
    uint64_t seen; /* a hash of the rows; 0: none yet */
    struct fl_pid watchers[LIST_WATCHERS_MAX];
    size_t watchers_count;
};

cJSON *fl_list_read(struct fl_self *self, const char *figures_path)
{
    void *text;
    size_t len;
    if (figures_path == NULL) return NULL;
    if (fl_file_load(self, figures_path, FL_LIST_FIGURES_MAX, &text, &len, NULL) != 0) return NULL;
    cJSON *figures = cJSON_ParseWithLength(text, len);
    fl_self_free(self, text);
    return figures;
}

static void row_read(struct fl_list_row *row, const cJSON *json)
{
    memset(row, 0, sizeof *row); /* all of it is hashed */
    snprintf(row->instance, sizeof row->instance, "%s", fl_json_text(json, "instance", ""));
    snprintf(row->help, sizeof row->help, "%s", fl_json_text(json, "help", ""));
    snprintf(row->state, sizeof row->state, "%s", fl_json_text(json, "state", "down"));
    row->pid = (int)fl_json_int(json, "pid", 0);
    row->port = (int)fl_json_int(json, "port", 0);
    row->restarts = (int)fl_json_int(json, "restarts", 0);
}

bool fl_list_find(const cJSON *figures, const char *instance, struct fl_list_row *out)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        if (strcmp(fl_json_text(one, "instance", ""), instance) != 0) continue;
        row_read(out, one);
        return true;
    }
    return false;
}

size_t fl_list_rows(const cJSON *figures, struct fl_list_row *out, size_t max)
{
    size_t count = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        bool is_ours = strcmp(fl_json_text(one, "service", ""), "landing") == 0;
        if (!is_ours && count < max) row_read(&out[count++], one);
    }
    return count;
}

/* ---- the process ---- */

static int list_on_init(struct fl_self *self, void *state, const void *args)
{
    struct list *list = state;
    list->opts = args;
    fl_timer_start(self, 0, 0);
    return 0;
}

static void list_tell(struct fl_self *self, struct list *list)
{
    for (size_t i = 0; i < list->watchers_count; i++) /* the dead hear nothing */
        fl_send(self, list->watchers[i], FL_LIST_CHANGED, NULL, 0);
    list->watchers_count = 0;
}

static void list_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct list *list = state;
    cJSON *figures = fl_list_read(self, list->opts->figures_path);
    if (figures != NULL) {
        struct fl_list_row rows[LIST_ROWS_MAX];
        size_t count = fl_list_rows(figures, rows, LIST_ROWS_MAX);
        uint64_t now = fl_hash_bytes(rows, count * sizeof rows[0]);
        cJSON_Delete(figures);
        if (now != list->seen) list_tell(self, list);
        list->seen = now;
    }
    fl_timer_start(self, LIST_EVERY_NS, 0);
}

static void list_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct list *list = state;
    if (msg->tag != FL_LIST_WATCH) return;
    if (list->watchers_count == LIST_WATCHERS_MAX) list_tell(self, list); /* the living ask again */
    list->watchers[list->watchers_count++] = msg->from;
}

const struct fl_server fl_list_server = {
    .name = "list",
    .state_bytes = sizeof(struct list),
    .on_init = list_on_init,
    .on_timer = list_on_timer,
    .on_cast = list_on_cast,
};
