#include "services/look/picture.h"

#include <inttypes.h>

enum { OTHERS_MAX = 8, PID_TEXT = 40 };

/* One child of a supervisor, or a supervisor that is nobody's child. */
struct item {
    char *key, *name, *server; /* key: id or registered name, NULL: it has neither */
    char pid[PID_TEXT], state[16], strategy[24];
    bool is_supervisor, is_registered;
    uint64_t mailbox, restarts, more;
    int recent, recent_max;
    struct item *children;
    size_t children_count;
};
struct other {
    char server[48];
    uint64_t count;
};
struct node {
    struct fl_picture_sums sums;
    pid_t root;
    struct item top; /* its children are the trees */
    struct other others[OTHERS_MAX];
    size_t others_count;
};
struct fl_picture {
    struct node *nodes[FL_PICTURE_NODES];
    size_t count;
};

/* What the list of processes says of one, to be found by pid. */
struct known {
    const char *pid, *name, *server;
    uint64_t mailbox;
    bool in_tree;
};
struct book {
    struct known *all;
    size_t count;
    size_t items_left;
    uint64_t restarts;
};

static void items_free(struct item *item)
{
    for (size_t i = 0; i < item->children_count; i++) {
        struct item *child = &item->children[i];
        items_free(child);
        free(child->key);
        free(child->name);
        free(child->server);
    }
    free(item->children);
    item->children = NULL;
    item->children_count = 0;
}

static void node_free(struct node *node)
{
    items_free(&node->top);
    free(node);
}

struct fl_picture *fl_picture_new(void)
{
    return fl_new(struct fl_picture);
}

void fl_picture_free(struct fl_picture *picture)
{
    if (picture == NULL) return;
    for (size_t i = 0; i < picture->count; i++)
        node_free(picture->nodes[i]);
    free(picture);
}

/* ---- reading what a node answered ---- */

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    return strcmp(x->pid, y->pid);
}

static void book_open(struct book *book, const cJSON *processes)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(processes, "processes"), *one;
    *book = (struct book){.items_left = FL_PICTURE_ITEMS};
    book->all = fl_new_array(struct known, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach(one, list)
    {
        book->all[book->count++] = (struct known){
            .pid = fl_json_text(one, "pid", ""),
            .name = fl_json_text(one, "name", NULL),
            .server = fl_json_text(one, "server", "process"),
            .mailbox = (uint64_t)fl_json_int(one, "mailbox", 0)};
    }
    if (book->count > 1) qsort(book->all, book->count, sizeof *book->all, compare_known);
}

static struct known *book_find(const struct book *book, const char *pid)
{
    struct known key = {.pid = pid};
    return book->count == 0
               ? NULL
               : bsearch(&key, book->all, book->count, sizeof *book->all, compare_known);
}

static const struct item *was_before(const struct item *before, const char *key)
{
    for (size_t i = 0; before != NULL && key != NULL && i < before->children_count; i++)
        if (before->children[i].key != NULL && strcmp(before->children[i].key, key) == 0)
            return &before->children[i];
    return NULL;
}

static void read_children(struct item *item, const struct item *before, const cJSON *list,
                          struct book *book, bool is_crowd);

static void read_item(struct item *item, const struct item *parent_before, const cJSON *json,
                      struct book *book)
{
    const char *pid = fl_json_text(json, "pid", "");
    struct known *known = book_find(book, pid);
    const char *id = fl_json_text(json, "id", NULL);
    const char *name = fl_json_text(json, "name", known != NULL ? known->name : NULL);
    *item = (struct item){.key = id != NULL     ? fl_strdup(id)
                                 : name != NULL ? fl_strdup(name)
                                                : NULL,
                          .name = fl_strdup(name != NULL ? name
                                            : id != NULL ? id
                                                         : ""),
                          .server = fl_strdup(fl_json_text(json, "server", "process")),
                          .is_supervisor = cJSON_HasObjectItem(json, "children"),
                          .is_registered = name != NULL,
                          .recent = (int)fl_json_int(json, "restarts", 0),
                          .recent_max = (int)fl_json_int(json, "restarts_max", 0),
                          .more = (uint64_t)fl_json_int(json, "more", 0)};
    snprintf(item->pid, sizeof item->pid, "%s", pid);
    snprintf(item->state, sizeof item->state, "%s", fl_json_text(json, "state", "running"));
    snprintf(item->strategy, sizeof item->strategy, "%s", fl_json_text(json, "strategy", ""));
    if (known != NULL) {
        known->in_tree = true;
        item->mailbox = known->mailbox;
    }
    const struct item *before = was_before(parent_before, item->key);
    if (before != NULL) {
        item->restarts = before->restarts;
        if (item->pid[0] == '\0') /* it is between two lives: the next pid is compared with this */
            snprintf(item->pid, sizeof item->pid, "%s", before->pid);
        else if (before->pid[0] != '\0' && strcmp(before->pid, item->pid) != 0)
            item->restarts++;
    }
    book->restarts += item->restarts;
    bool is_crowd = strcmp(item->strategy, "dynamic") == 0 ||
                    strcmp(item->strategy, "simple_one_for_one") == 0;
    read_children(item, before, cJSON_GetObjectItemCaseSensitive(json, "children"), book, is_crowd);
}

/* Children that are not shown are in the tree all the same. */
static void mark_hidden(const cJSON *json, struct book *book)
{
    struct known *known = book_find(book, fl_json_text(json, "pid", ""));
    if (known != NULL) known->in_tree = true;
    const cJSON *child;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(json, "children"))
    {
        mark_hidden(child, book);
    }
}

static void read_children(struct item *item, const struct item *before, const cJSON *list,
                          struct book *book, bool is_crowd)
{
    size_t count = (size_t)cJSON_GetArraySize(list);
    size_t most = is_crowd ? FL_PICTURE_CROWD : FL_PICTURE_CHILDREN;
    if (most > book->items_left) most = book->items_left;
    if (most > count) most = count;
    book->items_left -= most;
    item->children = most == 0 ? NULL : fl_new_array(struct item, most);
    const cJSON *child;
    cJSON_ArrayForEach(child, list)
    {
        if (item->children_count == most) {
            item->more++;
            mark_hidden(child, book);
        } else {
            read_item(&item->children[item->children_count++], before, child, book);
        }
    }
}

/* Processes that nobody supervises, by kind: connections, channels, clients. */
static void count_others(struct node *node, const struct book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct known *known = &book->all[i];
        if (known->in_tree) continue;
        size_t at = 0;
        while (at < node->others_count && strcmp(node->others[at].server, known->server) != 0)
            at++;
        if (at == OTHERS_MAX) continue;
        if (at == node->others_count)
            snprintf(node->others[node->others_count++].server, sizeof node->others[at].server,
                     "%s", known->server);
        node->others[at].count++;
    }
}

static int compare_others(const void *a, const void *b)
{
    return strcmp(((const struct other *)a)->server, ((const struct other *)b)->server);
}

static void read_sums(struct fl_picture_sums *sums, const cJSON *processes)
{
    sums->procs = (uint64_t)fl_json_int(processes, "total", 0);
    const cJSON *shard;
    cJSON_ArrayForEach(shard, cJSON_GetObjectItemCaseSensitive(processes, "shards"))
    {
        sums->waiting += (uint64_t)fl_json_int(shard, "waiting", 0);
        sums->memory += (uint64_t)fl_json_int(shard, "memory", 0);
        sums->handled += (uint64_t)fl_json_int(shard, "handled", 0);
        sums->sent += (uint64_t)fl_json_int(shard, "sent", 0);
        sums->dropped += (uint64_t)(fl_json_int(shard, "dropped_full", 0));
    }
}

static size_t node_at(const struct fl_picture *picture, pid_t os_pid)
{
    size_t i = 0;
    while (i < picture->count && picture->nodes[i]->sums.os_pid != os_pid)
        i++;
    return i;
}

bool fl_picture_put(struct fl_picture *picture, const char *name, pid_t os_pid, pid_t root,
                    const cJSON *tree, const cJSON *processes)
{
    size_t at = node_at(picture, os_pid);
    if (at == FL_PICTURE_NODES) return false;
    struct node *before = at < picture->count ? picture->nodes[at] : NULL;
    struct node *node = fl_new(struct node);
    node->root = root;
    node->sums.os_pid = os_pid;
    snprintf(node->sums.name, sizeof node->sums.name, "%s", name);
    read_sums(&node->sums, processes);
    struct book book;
    book_open(&book, processes);
    read_children(&node->top, before != NULL ? &before->top : NULL, tree, &book, false);
    count_others(node, &book);
    if (node->others_count > 1)
        qsort(node->others, node->others_count, sizeof node->others[0], compare_others);
    node->sums.restarts = book.restarts;
    free(book.all);
    if (before != NULL)
        node_free(before);
    else
        picture->count++;
    picture->nodes[at] = node;
    return true;
}

void fl_picture_silent(struct fl_picture *picture, pid_t os_pid, bool silent)
{
    size_t at = node_at(picture, os_pid);
    if (at < picture->count) picture->nodes[at]->sums.silent = silent;
}

void fl_picture_drop(struct fl_picture *picture, pid_t os_pid)
{
    size_t at = node_at(picture, os_pid);
    if (at == picture->count) return;
    node_free(picture->nodes[at]);
    picture->nodes[at] = picture->nodes[--picture->count];
}

/* ---- as JSON ---- */

static void put_text(struct fl_buf *out, const char *key, const char *text)
{
    fl_buf_printf(out, ",\"%s\":", key);
    fl_json_put_str(out, fl_str_of(text));
}

static void put_items(struct fl_buf *out, const struct item *parent);

static void put_item(struct fl_buf *out, const struct item *item)
{
    const char *kind = item->is_supervisor               ? "supervisor"
                       : strcmp(item->server, "os") == 0 ? "os"
                                                         : "worker";
    fl_buf_printf(out, "{\"kind\":\"%s\"", kind);
    put_text(out, "id", item->key != NULL ? item->key : "");
    put_text(out, "name", item->name);
    if (item->is_registered) fl_buf_puts(out, ",\"registered\":true");
    put_text(out, "server", item->server);
    put_text(out, "pid", item->pid);
    put_text(out, "state", item->state);
    fl_buf_printf(out, ",\"restarts\":%" PRIu64 ",\"mailbox\":%" PRIu64, item->restarts,
                  item->mailbox);
    if (item->is_supervisor) {
        put_text(out, "strategy", item->strategy);
        fl_buf_printf(out, ",\"recent\":%d,\"recent_max\":%d,\"children\":", item->recent,
                      item->recent_max);
        put_items(out, item);
        if (item->more > 0) fl_buf_printf(out, ",\"more\":%" PRIu64, item->more);
    }
    fl_buf_putc(out, '}');
}

static void put_items(struct fl_buf *out, const struct item *parent)
{
    fl_buf_putc(out, '[');
    for (size_t i = 0; i < parent->children_count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        put_item(out, &parent->children[i]);
    }
    fl_buf_putc(out, ']');
}

/* Roots first, then by name: the order in which they were found means nothing. */
static int compare_nodes(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    if (x->root != y->root) return x->root < y->root ? -1 : 1;
    bool x_is_root = x->sums.os_pid == x->root, y_is_root = y->sums.os_pid == y->root;
    if (x_is_root != y_is_root) return x_is_root ? -1 : 1;
    int names = strcmp(x->sums.name, y->sums.name);
    return names != 0 ? names : x->sums.os_pid < y->sums.os_pid ? -1 : 1;
}

void fl_picture_write(const struct fl_picture *picture, struct fl_buf *out)
{
    struct node *sorted[FL_PICTURE_NODES];
    memcpy(sorted, picture->nodes, sizeof sorted);
    if (picture->count > 1) qsort(sorted, picture->count, sizeof sorted[0], compare_nodes);
    fl_buf_puts(out, "{\"nodes\":[");
    for (size_t i = 0; i < picture->count; i++) {
        const struct node *node = sorted[i];
        fl_buf_printf(out, "%s{\"os_pid\":%d,\"root\":%d,\"silent\":%s", i > 0 ? "," : "",
                      (int)node->sums.os_pid, (int)node->root,
                      node->sums.silent ? "true" : "false");
        put_text(out, "name", node->sums.name);
        fl_buf_printf(out, ",\"procs\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"others\":[",
                      node->sums.procs, node->sums.waiting);
        for (size_t j = 0; j < node->others_count; j++) {
            fl_buf_puts(out, j > 0 ? ",[" : "[");
            fl_json_put_str(out, fl_str_of(node->others[j].server));
            fl_buf_printf(out, ",%" PRIu64 "]", node->others[j].count);
        }
        fl_buf_puts(out, "],\"tree\":");
        put_items(out, &node->top);
        fl_buf_putc(out, '}');
    }
    fl_buf_puts(out, "]}");
}

size_t fl_picture_sums(const struct fl_picture *picture, struct fl_picture_sums *out, size_t max)
{
    size_t count = picture->count < max ? picture->count : max;
    for (size_t i = 0; i < count; i++)
        out[i] = picture->nodes[i]->sums;
    return count;
}
