#include "engine/observe.h"

#include <unistd.h>

#include "engine/exit_codes.h"
#include "engine/observe_link.h"
#include "engine/screen.h"
#include "engine/terminal.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/units.h"

enum { NODES_MAX = 64, ROWS_MAX = 300, EVERY_MS = 1000, ANSWER_MS = 2000, PLAIN_WIDTH = 132 };

/* A node that is looked at, and what it answered last. */
struct seen {
    struct fl_watched at;
    struct fl_observe_link *link;
    cJSON *now, *before, *tree;
};
struct observe {
    const struct fl_observe_opts *opts;
    struct fl_watched target; /* it, and all below it */
    struct seen nodes[NODES_MAX];
    size_t count;
    enum fl_view_sort sort;
    bool tree;
    int top;
};

static void seen_fini(struct seen *seen)
{
    fl_observe_close(seen->link);
    cJSON_Delete(seen->now);
    cJSON_Delete(seen->before);
    cJSON_Delete(seen->tree);
}

static void observe_fini(struct observe *observe)
{
    for (size_t i = 0; i < observe->count; i++)
        seen_fini(&observe->nodes[i]);
    observe->count = 0;
}

/* ---- which nodes: services come and go while one looks */

static void observe_add(struct observe *observe, const struct fl_watched *at)
{
    for (size_t i = 0; i < observe->count; i++)
        if (strcmp(observe->nodes[i].at.path, at->path) == 0) return;
    if (observe->count == NODES_MAX) return;
    struct seen seen = {.at = *at};
    if (fl_observe_connect(&seen.link, at->path, NULL) != 0) return;
    observe->nodes[observe->count++] = seen;
}

static void observe_look_for(struct observe *observe)
{
    struct fl_watched *all;
    size_t count = fl_watch_find(&all);
    observe_add(observe, &observe->target);
    for (size_t i = 0; i < count; i++)
        if (all[i].root == observe->target.pid) observe_add(observe, &all[i]);
    free(all);
}

static int compare_seen(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    bool x_is_root = x->at.pid == x->at.root, y_is_root = y->at.pid == y->at.root;
    if (x_is_root != y_is_root) return x_is_root ? -1 : 1;
    int names = strcmp(x->at.name, y->at.name);
    return names != 0 ? names : x->at.pid < y->at.pid ? -1 : x->at.pid > y->at.pid;
}

/* Asks all; those that are gone are forgotten. */
static void observe_ask(struct observe *observe)
{
    observe_look_for(observe);
    char fields[96];
    snprintf(fields, sizeof fields, "\"op\":\"processes\",\"order\":\"%s\",\"max\":%d",
             fl_view_sort_word(observe->sort), ROWS_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < observe->count; i++) {
        struct seen seen = observe->nodes[i];
        cJSON *now = fl_observe_ask(seen.link, fields, ANSWER_MS);
        cJSON *tree = now == NULL ? NULL : fl_observe_ask(seen.link, "\"op\":\"tree\"", ANSWER_MS);
        if (tree == NULL) {
            cJSON_Delete(now);
            seen_fini(&seen);
            continue;
        }
        cJSON_Delete(seen.before);
        cJSON_Delete(seen.tree);
        seen.before = seen.now;
        seen.now = now;
        seen.tree = tree;
        observe->nodes[kept++] = seen;
    }
    observe->count = kept;
    if (kept > 1) qsort(observe->nodes, kept, sizeof observe->nodes[0], compare_seen);
}

static void observe_render(struct observe *observe, struct fl_view *view, struct fl_buf *out)
{
    struct fl_view_node nodes[NODES_MAX];
    for (size_t i = 0; i < observe->count; i++) {
        const struct seen *seen = &observe->nodes[i];
        nodes[i] = (struct fl_view_node){.name = seen->at.name,
                                         .os_pid = (int)seen->at.pid,
                                         .now = seen->now,
                                         .before = seen->before,
                                         .tree = seen->tree};
    }
    view->nodes = nodes;
    view->count = observe->count;
    view->sort = observe->sort;
    view->tree = observe->tree;
    view->top = observe->top;
    fl_view_render(view, out);
    observe->top = view->top;
    view->nodes = NULL;
}

/* ---- once */

static void print_json(const struct observe *observe)
{
    cJSON *all = cJSON_CreateObject(), *nodes = cJSON_AddArrayToObject(all, "nodes");
    for (size_t i = 0; i < observe->count; i++) {
        const struct seen *seen = &observe->nodes[i];
        cJSON *node = cJSON_Duplicate(seen->now, true);
        cJSON_DeleteItemFromObject(node, "id");
        cJSON_DeleteItemFromObject(node, "ok");
        cJSON_AddStringToObject(node, "name", seen->at.name);
        cJSON_AddNumberToObject(node, "os_pid", seen->at.pid);
        cJSON_AddStringToObject(node, "socket", seen->at.path);
        cJSON_AddItemToObject(
            node, "tree",
            cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(seen->tree, "tree"), true));
        cJSON_AddItemToArray(nodes, node);
    }
    char *text = cJSON_Print(all);
    puts(text);
    free(text);
    cJSON_Delete(all);
}

static int observe_once(struct observe *observe)
{
    observe_ask(observe);
    if (observe->count == 0) {
        fprintf(stderr, "faultline: %s does not answer\n", observe->target.name);
        return FL_EX_NOT_STARTED;
    }
    if (observe->opts->json) {
        print_json(observe);
        return FL_EX_PASS;
    }
    struct fl_buf out = {0};
    struct fl_view view = {.width = PLAIN_WIDTH, .colour = fl_terminal_colour(stdout)};
    observe_render(observe, &view, &out);
    if (!observe->tree) {
        observe->tree = true;
        struct fl_buf trees = {0};
        struct fl_view second = view;
        second.width = PLAIN_WIDTH;
        second.only_body = true;
        observe_render(observe, &second, &trees);
        fl_buf_putc(&out, '\n');
        fl_buf_add(&out, trees.at, trees.len);
        fl_buf_fini(&trees);
    }
    fputs(out.at, stdout);
    fl_buf_fini(&out);
    return FL_EX_PASS;
}

/* ---- live */

static bool observe_on_key(struct observe *observe, const struct fl_screen *screen, enum fl_key key)
{
    int page = screen->height > 8 ? screen->height - 6 : 2;
    switch ((int)key) {
    case FL_KEY_QUIT:
        return false;
    case FL_KEY_UP:
        observe->top--;
        break;
    case FL_KEY_DOWN:
        observe->top++;
        break;
    case FL_KEY_PAGE_UP:
        observe->top -= page;
        break;
    case FL_KEY_PAGE_DOWN:
        observe->top += page;
        break;
    case FL_KEY_OTHER + 't':
        observe->tree = !observe->tree;
        observe->top = 0;
        break;
    case FL_KEY_OTHER + 's':
        observe->sort = (observe->sort + 1) % FL_VIEW_SORTS;
        observe->top = 0;
        break;
    default:
        break;
    }
    return true;
}

static int observe_live(struct fl_screen *screen, void *cx)
{
    struct observe *observe = cx;
    fl_ns next_ns = 0;
    for (;;) {
        if (fl_now() >= next_ns) {
            observe_ask(observe);
            next_ns = fl_now() + fl_ms(EVERY_MS);
        }
        struct fl_buf out = {0};
        struct fl_view view = {
            .width = screen->width, .height = screen->height, .colour = fl_terminal_colour(stdout)};
        char message[96];
        snprintf(message, sizeof message, "%.60s is gone   q quit", observe->target.name);
        if (observe->count == 0) view.message = message;
        observe_render(observe, &view, &out);
        fl_screen_draw(screen, (struct fl_str){out.at, out.len});
        fl_buf_fini(&out);
        fl_ns left_ns = next_ns - fl_now();
        enum fl_key key = fl_screen_key(screen,
                                        left_ns > 0 ? (int)(left_ns / FL_NS_PER_MS) + 1 : 0);
        enum fl_view_sort sort = observe->sort;
        if (!observe_on_key(observe, screen, key)) break;
        if (observe->sort != sort) next_ns = 0; /* others are the largest now */
    }
    observe_fini(observe);
    return FL_EX_PASS;
}

/* ---- whom to look at */

static int say_which(const struct fl_watched *all, size_t count, const char *why)
{
    fprintf(stderr, "faultline: %s:\n", why);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "  %s%-16s pid %-8d %s\n", all[i].pid == all[i].root ? "" : "  ",
                all[i].name, (int)all[i].pid, all[i].path);
    return FL_EX_USAGE;
}

static int observe_choose(struct observe *observe, const char *target)
{
    struct fl_watched *all;
    size_t count = fl_watch_find(&all), roots = 0;
    int64_t pid = 0;
    int code = FL_EX_PASS;
    struct fl_err err = {0};
    if (target != NULL && fl_parse_int(fl_str_of(target), 1, INT32_MAX, &pid, NULL) != 0) {
        if (fl_observed_at(&observe->target, target, &err) != 0) {
            fprintf(stderr, "faultline: %s\n", err.text);
            code = FL_EX_NOT_STARTED;
        }
        free(all);
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_wanted = pid != 0 ? all[i].pid == pid : all[i].pid == all[i].root;
        if (is_wanted) observe->target = all[i];
        roots += is_wanted;
    }
    if (roots == 0 && pid != 0)
        code = say_which(all, count, "no node has this pid; these run");
    else if (roots > 1)
        code = say_which(all, count, "several nodes run; say which one, by pid");
    if (roots == 0 && pid == 0) {
        fprintf(stderr, "faultline: no node runs; start one: faultline serve chat\n");
        code = FL_EX_NOT_STARTED;
    }
    free(all);
    return code;
}

int fl_observe(const struct fl_observe_opts *opts)
{
    struct observe *observe = fl_new(struct observe);
    observe->opts = opts;
    observe->sort = opts->sort;
    observe->tree = opts->tree;
    int code = observe_choose(observe, opts->target);
    bool is_live = !opts->once && !opts->json && isatty(STDIN_FILENO) == 1 &&
                   isatty(STDOUT_FILENO) == 1;
    if (code == FL_EX_PASS)
        code = is_live ? fl_screen_run(observe_live, observe) : observe_once(observe);
    observe_fini(observe);
    free(observe);
    return code;
}
