#include "services/landing/list.h"

#include "runtime/file.h"
#include "services/look/feed.h"
#include "services/services.h"

#define LIST_EVERY_NS fl_ms(100)

struct list {
    const struct fl_service_opts *opts;
    struct fl_feed feed;
    struct fl_buf said;
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

bool fl_list_find(const cJSON *figures, const char *instance, struct fl_list_entry *out)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        if (strcmp(fl_json_text(one, "instance", ""), instance) != 0) continue;
        *out = (struct fl_list_entry){.pid = (pid_t)fl_json_int(one, "pid", 0),
                                      .port = (int)fl_json_int(one, "port", 0),
                                      .restarts = (int)fl_json_int(one, "restarts", 0),
                                      .is_ready = strcmp(fl_json_text(one, "state", ""), "ready") ==
                                                  0};
        return true;
    }
    return false;
}

void fl_list_put(struct fl_buf *out, const cJSON *figures)
{
    static const char *const texts[] = {"instance", "service", "help", "state"};
    static const char *const numbers[] = {"pid", "port", "restarts"};
    fl_buf_puts(out, "{\"services\":[");
    bool is_first = true;
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        if (strcmp(fl_json_text(one, "service", ""), "landing") == 0) continue;
        fl_buf_puts(out, is_first ? "{" : ",{");
        for (size_t i = 0; i < FL_COUNT(texts); i++) {
            fl_buf_printf(out, "%s\"%s\":", i > 0 ? "," : "", texts[i]);
            fl_json_put_str(out, fl_str_of(fl_json_text(one, texts[i], "")));
        }
        for (size_t i = 0; i < FL_COUNT(numbers); i++)
            fl_buf_printf(out, ",\"%s\":%lld", numbers[i],
                          (long long)fl_json_int(one, numbers[i], 0));
        fl_buf_putc(out, '}');
        is_first = false;
    }
    fl_buf_puts(out, "]}");
}

/* ---- the process ---- */

static void list_fini(void *state)
{
    struct list *list = state;
    fl_buf_fini(&list->said);
}

static int list_on_init(struct fl_self *self, void *state, const void *args)
{
    struct list *list = state;
    list->opts = args;
    fl_self_own(self, list, list_fini);
    fl_timer_start(self, 0, 0);
    return 0;
}

static void list_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct list *list = state;
    cJSON *figures = fl_list_read(self, list->opts->figures_path);
    struct fl_buf text = {0};
    if (figures != NULL) fl_list_put(&text, figures);
    cJSON_Delete(figures);
    bool is_news = text.len > 0 &&
                   (text.len != list->said.len || memcmp(text.at, list->said.at, text.len) != 0);
    if (is_news) {
        fl_buf_fini(&list->said);
        list->said = text;
        fl_feed_send(
            self, &list->feed,
            fl_web_frame(FL_STR(FL_LIST_TOPIC), "list", (struct fl_str){text.at, text.len}));
    } else {
        fl_buf_fini(&text);
    }
    fl_timer_start(self, LIST_EVERY_NS, 0);
}

static void list_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct list *list = state;
    fl_feed_on_cast(self, &list->feed, msg);
}

const struct fl_server fl_list_server = {
    .name = "list",
    .state_bytes = sizeof(struct list),
    .on_init = list_on_init,
    .on_timer = list_on_timer,
    .on_cast = list_on_cast,
};
