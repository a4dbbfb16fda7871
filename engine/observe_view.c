#include "engine/observe_view.h"

#include <inttypes.h>

#include "runtime/base/json.h"

enum { WHAT_WIDTH_MIN = 16, WHAT_WIDTH_MAX = 48, NODE_WIDTH_MAX = 14, PID_WIDTH = 12, DEEP = 32 };
enum { NARROW = 100 }; /* columns of a screen on which some things are left out */
#define MAILBOX_IS_LONG 1000

static const char *const sort_words[] = {
    [FL_VIEW_MEMORY] = "memory", [FL_VIEW_MAILBOX] = "mailbox", [FL_VIEW_HANDLED] = "handled"};

const char *fl_view_sort_word(enum fl_view_sort sort)
{
    return sort_words[sort];
}

bool fl_view_sort_find(const char *word, enum fl_view_sort *out)
{
    for (size_t i = 0; i < FL_COUNT(sort_words); i++) {
        if (strcmp(sort_words[i], word) != 0) continue;
        *out = (enum fl_view_sort)i;
        return true;
    }
    return false;
}

/* ---- lines: cut to the width, harmless for a terminal */

static size_t char_len(const char *at)
{
    size_t len = 1;
    while ((at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

static bool is_control(const char *at)
{
    unsigned char c = (unsigned char)at[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* Appends at most `width` characters of text, and spaces up to there when it is a column. */
static void put_cut(struct fl_buf *out, const char *text, int width, bool pad)
{
    int at = 0;
    for (; *text != '\0' && at < width; at++) {
        size_t len = char_len(text);
        if (is_control(text))
            fl_buf_putc(out, '?');
        else
            fl_buf_add(out, text, len);
        text += len;
    }
    for (; pad && at < width; at++)
        fl_buf_putc(out, ' ');
}

enum tone { TONE_PLAIN, TONE_TITLE, TONE_DIM, TONE_WARN, TONE_BAD };

static void put_line(const struct fl_view *view, struct fl_buf *out, enum tone tone,
                     const char *text)
{
    static const char *const codes[] = {[TONE_PLAIN] = "",
                                        [TONE_TITLE] = "\x1b[7m",
                                        [TONE_DIM] = "\x1b[2m",
                                        [TONE_WARN] = "\x1b[33m",
                                        [TONE_BAD] = "\x1b[31m"};
    bool is_toned = view->colour && tone != TONE_PLAIN;
    if (is_toned) fl_buf_puts(out, codes[tone]);
    put_cut(out, text, view->width, is_toned && tone == TONE_TITLE);
    if (is_toned) fl_buf_puts(out, "\x1b[0m");
    fl_buf_putc(out, '\n');
}

static const char *show_bytes(double bytes, char *out, size_t out_len)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    for (; bytes >= 1000 && unit + 1 < FL_COUNT(units); unit++)
        bytes /= 1024;
    snprintf(out, out_len, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

/* ---- the list of processes */

struct row {
    const struct fl_view_node *node;
    const cJSON *proc;
    double key;
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? 1 : -1;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    return x->proc < y->proc ? -1 : x->proc > y->proc;
}

static size_t rows_collect(const struct fl_view *view, struct row **out)
{
    size_t count = 0;
    for (size_t i = 0; i < view->count; i++)
        count += (size_t)cJSON_GetArraySize(
            cJSON_GetObjectItemCaseSensitive(view->nodes[i].now, "processes"));
    struct row *rows = fl_new_array(struct row, count);
    count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const cJSON *proc;
        cJSON_ArrayForEach(proc, cJSON_GetObjectItemCaseSensitive(view->nodes[i].now, "processes"))
        {
            rows[count++] = (struct row){
                .node = &view->nodes[i],
                .proc = proc,
                .key = fl_json_num(proc, sort_words[view->sort], 0),
            };
        }
    }
    if (count > 1) qsort(rows, count, sizeof *rows, compare_rows);
    *out = rows;
    return count;
}

/* Messages a second since the answer before; negative: not known. */
static double row_rate(const struct row *row)
{
    const struct fl_view_node *node = row->node;
    double span_s = (fl_json_num(node->now, "at_ns", 0) - fl_json_num(node->before, "at_ns", 0)) /
                    (double)FL_NS_PER_S;
    if (node->before == NULL || span_s <= 0) return -1;
    const char *pid = fl_json_text(row->proc, "pid", "");
    const cJSON *was;
    cJSON_ArrayForEach(was, cJSON_GetObjectItemCaseSensitive(node->before, "processes"))
    {
        if (strcmp(fl_json_text(was, "pid", ""), pid) != 0) continue;
        return (fl_json_num(row->proc, "handled", 0) - fl_json_num(was, "handled", 0)) / span_s;
    }
    return -1;
}

static int node_width(const struct fl_view *view)
{
    size_t width = 4;
    for (size_t i = 0; i < view->count; i++)
        if (strlen(view->nodes[i].name) > width) width = strlen(view->nodes[i].name);
    if (view->count < 2) return 0;
    return width > NODE_WIDTH_MAX ? NODE_WIDTH_MAX : (int)width;
}

static int state_width(const struct fl_view *view)
{
    return view->width < NARROW ? 10 : 19;
}

static int what_width(const struct fl_view *view)
{
    int node = node_width(view), numbers = view->width < NARROW ? 27 : 39;
    int width = view->width - (node > 0 ? node + 1 : 0) - PID_WIDTH - 1 - 1 - state_width(view) -
                numbers;
    return width < WHAT_WIDTH_MIN   ? WHAT_WIDTH_MIN
           : width > WHAT_WIDTH_MAX ? WHAT_WIDTH_MAX
                                    : width;
}

static void put_numbers(const struct fl_view *view, struct fl_buf *line, const char *mailbox,
                        const char *memory, const char *handled, const char *rate)
{
    fl_buf_printf(line, " %7s %9s", mailbox, memory);
    if (view->width >= NARROW) fl_buf_printf(line, " %11s", handled);
    fl_buf_printf(line, " %8s", rate);
}

static void put_row(const struct fl_view *view, struct fl_buf *out, const struct row *row)
{
    const cJSON *proc = row->proc;
    const char *name = fl_json_text(proc, "name", NULL);
    const char *server = fl_json_text(proc, "server", "");
    const char *state = fl_json_text(proc, "state", "");
    const char *waits_for = fl_json_text(proc, "waits_for", "");
    double mailbox = fl_json_num(proc, "mailbox", 0), rate = row_rate(row);
    char what[128], words[64], bytes[32], speed[32] = "";
    if (name == NULL || strcmp(name, server) == 0)
        snprintf(what, sizeof what, "%s", server);
    else
        snprintf(what, sizeof what, "%s (%s)", name, server);
    snprintf(words, sizeof words, "%s %s", state, waits_for);
    if (rate >= 0) snprintf(speed, sizeof speed, "%.0f", rate);
    struct fl_buf line = {0};
    int width = node_width(view);
    if (width > 0) {
        put_cut(&line, row->node->name, width, true);
        fl_buf_putc(&line, ' ');
    }
    put_cut(&line, fl_json_text(proc, "pid", ""), PID_WIDTH, true);
    fl_buf_putc(&line, ' ');
    put_cut(&line, what, what_width(view), true);
    fl_buf_putc(&line, ' ');
    put_cut(&line, words, state_width(view), true);
    char counts[2][24];
    snprintf(counts[0], sizeof counts[0], "%.0f", mailbox);
    snprintf(counts[1], sizeof counts[1], "%.0f", fl_json_num(proc, "handled", 0));
    show_bytes(fl_json_num(proc, "memory", 0), bytes, sizeof bytes);
    put_numbers(view, &line, counts[0], bytes, counts[1], speed);
    enum tone tone = strcmp(state, "ending") == 0      ? TONE_BAD
                     : strcmp(state, "suspended") == 0 ? TONE_WARN
                     : mailbox >= MAILBOX_IS_LONG      ? TONE_WARN
                                                       : TONE_PLAIN;
    put_line(view, out, tone, line.at);
    fl_buf_fini(&line);
}

static void put_titles(const struct fl_view *view, struct fl_buf *out)
{
    struct fl_buf line = {0};
    int width = node_width(view);
    if (view->tree) return;
    if (width > 0) {
        put_cut(&line, "NODE", width, true);
        fl_buf_putc(&line, ' ');
    }
    put_cut(&line, "PID", PID_WIDTH, true);
    fl_buf_putc(&line, ' ');
    put_cut(&line, "PROCESS", what_width(view), true);
    fl_buf_putc(&line, ' ');
    put_cut(&line, "STATE", state_width(view), true);
    put_numbers(view, &line, "MAILBOX", "MEMORY", "HANDLED", "MSG/S");
    put_line(view, out, TONE_TITLE, line.at);
    fl_buf_fini(&line);
}

static void put_list(const struct fl_view *view, struct fl_buf *out)
{
    struct row *rows;
    size_t count = rows_collect(view, &rows);
    for (size_t i = 0; i < count; i++)
        put_row(view, out, &rows[i]);
    for (size_t i = 0; i < view->count; i++) {
        const cJSON *now = view->nodes[i].now;
        int shown = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(now, "processes"));
        double more = fl_json_num(now, "total", 0) - shown;
        char line[96];
        snprintf(line, sizeof line, "and %.0f more on %s", more, view->nodes[i].name);
        if (more > 0) put_line(view, out, TONE_DIM, line);
    }
    free(rows);
}

/* ---- the trees */

/* Which of the levels above have more to come: for the lines down the left. */
struct branch {
    bool more[DEEP];
    int depth;
};

static void put_below(const struct fl_view *view, struct fl_buf *out, const cJSON *sup,
                      struct branch *branch);

static void put_branch(struct fl_buf *line, const struct branch *branch)
{
    for (int i = 0; i < branch->depth; i++) {
        bool is_last = i + 1 == branch->depth;
        if (is_last)
            fl_buf_puts(line, branch->more[i] ? "├─ " : "└─ ");
        else
            fl_buf_puts(line, branch->more[i] ? "│  " : "   ");
    }
}

static void put_one(const struct fl_view *view, struct fl_buf *out, const cJSON *child,
                    struct branch *branch)
{
    const char *state = fl_json_text(child, "state", "running");
    const char *id = fl_json_text(child, "id", fl_json_text(child, "name", NULL));
    const char *server = fl_json_text(child, "server", "");
    const char *strategy = fl_json_text(child, "strategy", NULL);
    struct fl_buf line = {0};
    put_branch(&line, branch);
    const char *kind = strategy != NULL ? strategy : server;
    if (id != NULL && strcmp(id, kind) != 0)
        fl_buf_printf(&line, "%s (%s)", id, kind);
    else
        fl_buf_puts(&line, kind);
    fl_buf_printf(&line, "  %s", fl_json_text(child, "pid", ""));
    if (strcmp(state, "running") != 0) fl_buf_printf(&line, "  %s", state);
    int most = (int)fl_json_int(child, "restarts_max", -1);
    int restarts = (int)fl_json_int(child, "restarts", 0);
    if (most >= 0)
        fl_buf_printf(&line, "  restarts %d of %d in %.3g s", restarts, most,
                      fl_json_num(child, "within_ns", 0) / (double)FL_NS_PER_S);
    enum tone tone = restarts > 0 && restarts == most ? TONE_BAD
                     : restarts > 0                   ? TONE_WARN
                     : strcmp(state, "running") != 0  ? TONE_WARN
                                                      : TONE_PLAIN;
    put_line(view, out, tone, line.at);
    fl_buf_fini(&line);
    put_below(view, out, child, branch);
}

static void put_below(const struct fl_view *view, struct fl_buf *out, const cJSON *sup,
                      struct branch *branch)
{
    const cJSON *child;
    int64_t more = fl_json_int(sup, "more", 0);
    if (branch->depth == DEEP) return;
    int at = branch->depth++;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(sup, "children"))
    {
        branch->more[at] = child->next != NULL || more > 0;
        put_one(view, out, child, branch);
    }
    if (more > 0) {
        struct fl_buf line = {0};
        branch->more[at] = false;
        put_branch(&line, branch);
        fl_buf_printf(&line, "and %" PRId64 " more", more);
        put_line(view, out, TONE_DIM, line.at);
        fl_buf_fini(&line);
    }
    branch->depth--;
}

static void put_trees(const struct fl_view *view, struct fl_buf *out)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct fl_view_node *node = &view->nodes[i];
        char title[128];
        snprintf(title, sizeof title, "%s, pid %d", node->name, node->os_pid);
        put_line(view, out, TONE_TITLE, title);
        const cJSON *root, *roots = cJSON_GetObjectItemCaseSensitive(node->tree, "tree");
        cJSON_ArrayForEach(root, roots)
        {
            struct branch branch = {0};
            put_one(view, out, root, &branch);
        }
        if (cJSON_GetArraySize(roots) == 0) put_line(view, out, TONE_DIM, "no supervisor");
    }
}

/* ---- the head */

static int64_t restarts_below(const cJSON *sups)
{
    int64_t sum = 0;
    const cJSON *sup;
    cJSON_ArrayForEach(sup, sups)
        sum += fl_json_int(sup, "restarts", 0) +
               restarts_below(cJSON_GetObjectItemCaseSensitive(sup, "children"));
    return sum;
}

static void put_shard(const struct fl_view *view, struct fl_buf *out,
                      const struct fl_view_node *node, const cJSON *shard, const cJSON *before)
{
    char bytes[32], line[256], speed[48] = "", dropped[64] = "", more[48] = "";
    double span_s = (fl_json_num(node->now, "at_ns", 0) - fl_json_num(node->before, "at_ns", 0)) /
                    (double)FL_NS_PER_S;
    if (before != NULL && span_s > 0)
        snprintf(speed, sizeof speed, ", %.0f messages/s",
                 (fl_json_num(shard, "handled", 0) - fl_json_num(before, "handled", 0)) / span_s);
    double lost = fl_json_num(shard, "dropped_full", 0);
    if (lost > 0) snprintf(dropped, sizeof dropped, ", %.0f dropped", lost);
    int64_t restarts = restarts_below(cJSON_GetObjectItemCaseSensitive(node->tree, "tree"));
    if (restarts > 0 && fl_json_int(shard, "id", 0) == 0)
        snprintf(more, sizeof more, ", restarts lately: %" PRId64, restarts);
    snprintf(line, sizeof line, "%-*s shard %d  %.0f processes, %s, %.0f waiting%s%s%s",
             node_width(view) > 0 ? node_width(view) : (int)strlen(node->name), node->name,
             (int)fl_json_int(shard, "id", 0), fl_json_num(shard, "procs", 0),
             show_bytes(fl_json_num(shard, "memory", 0), bytes, sizeof bytes),
             fl_json_num(shard, "waiting", 0), speed, dropped, more);
    put_line(view, out, lost > 0 || more[0] != '\0' ? TONE_WARN : TONE_PLAIN, line);
}

static void put_head(const struct fl_view *view, struct fl_buf *out)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct fl_view_node *node = &view->nodes[i];
        const cJSON *before = cJSON_GetObjectItemCaseSensitive(node->before, "shards");
        const cJSON *shard;
        int at = 0;
        cJSON_ArrayForEach(shard, cJSON_GetObjectItemCaseSensitive(node->now, "shards"))
            put_shard(view, out, node, shard, cJSON_GetArrayItem(before, at++));
    }
}

static int count_lines(struct fl_str text)
{
    int count = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\n') count++;
    return count;
}

void fl_view_render(struct fl_view *view, struct fl_buf *out)
{
    struct fl_buf head = {0}, body = {0};
    if (!view->only_body) {
        put_head(view, &head);
        put_titles(view, &head);
    }
    if (view->tree)
        put_trees(view, &body);
    else
        put_list(view, &body);
    struct fl_str rest = {body.at, body.len};
    view->body_lines = count_lines(rest);
    int left = view->body_lines;
    if (view->height > 0) {
        left = view->height - 1 - count_lines((struct fl_str){head.at, head.len});
        int most = view->body_lines - left;
        if (view->top > most) view->top = most;
        if (view->top < 0) view->top = 0;
        for (int i = 0; i < view->top; i++)
            fl_str_cut(&rest, '\n');
    }
    if (head.len > 0) fl_buf_add(out, head.at, head.len);
    for (; left > 0; left--) {
        struct fl_str line = fl_str_cut(&rest, '\n');
        fl_buf_add(out, line.at, line.len);
        fl_buf_putc(out, '\n');
    }
    if (view->height > 0) {
        char keys[96];
        snprintf(keys, sizeof keys, "q quit   t %s   s sort: %s   arrows: line %d of %d",
                 view->tree ? "list" : "tree", sort_words[view->sort], view->top + 1,
                 view->body_lines);
        put_line(view, out, TONE_DIM, view->message != NULL ? view->message : keys);
    }
    fl_buf_fini(&head);
    fl_buf_fini(&body);
}
