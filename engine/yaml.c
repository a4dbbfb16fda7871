/* yaml.c: libyaml's event stream into a tree, iteratively, with a stack as deep as is allowed. */
#include "engine/yaml.h"

#include <yaml.h>

struct anchor {
    char *name;
    const struct fl_yaml *node;
    bool open; /* still being read: an alias to it would contain itself */
};

struct builder {
    yaml_parser_t parser;
    struct fl_yaml *root;
    struct fl_yaml *stack[FL_YAML_DEPTH_MAX];
    char
        *pending_key[FL_YAML_DEPTH_MAX]; /* of a map on the stack: its key that waits for a value */
    int pending_line[FL_YAML_DEPTH_MAX], pending_column[FL_YAML_DEPTH_MAX];
    int depth;
    size_t nodes;
    struct anchor *anchors;
    size_t anchors_count;
    int line, column;
    struct fl_err *err;
};

void fl_yaml_free(struct fl_yaml *node)
{
    if (node == NULL) return;
    struct fl_yaml *child = node->first;
    while (child != NULL) {
        struct fl_yaml *next = child->next;
        fl_yaml_free(child); /* as deep as FL_YAML_DEPTH_MAX, aliases included */
        child = next;
    }
    free(node->text);
    free(node->key);
    free(node->set);
    free(node);
}

const struct fl_yaml *fl_yaml_find(const struct fl_yaml *node, const char *key)
{
    if (node == NULL || node->kind != FL_YAML_MAP) return NULL;
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0) return child;
    return NULL;
}

bool fl_yaml_is_null(const struct fl_yaml *node)
{
    if (node == NULL) return true;
    if (node->kind != FL_YAML_TEXT || node->quoted) return false;
    return node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

const char *fl_yaml_kind_name(const struct fl_yaml *node)
{
    if (fl_yaml_is_null(node)) return "nothing";
    static const char *const names[] = {"?", "text", "a list", "a map"};
    return names[node->kind];
}

void fl_yaml_append(struct fl_yaml *parent, struct fl_yaml *child_take)
{
    FL_ASSERT(parent->kind != FL_YAML_TEXT);
    if (parent->last != NULL)
        parent->last->next = child_take;
    else
        parent->first = child_take;
    parent->last = child_take;
    parent->count++;
}

static int builder_fail(struct builder *b, const yaml_mark_t *mark, const char *what)
{
    b->line = (int)mark->line + 1;
    b->column = (int)mark->column + 1;
    return fl_err_set(b->err, FL_EPARSE, "%s", what);
}

static struct fl_yaml *builder_node(struct builder *b, enum fl_yaml_kind kind,
                                    const yaml_mark_t *mark)
{
    struct fl_yaml *node = fl_new(struct fl_yaml);
    node->kind = kind;
    node->line = (int)mark->line + 1;
    node->column = (int)mark->column + 1;
    b->nodes++;
    return node;
}

/* An alias becomes a copy that stands where the alias stands in its parent, but keeps the places of
 * what was written: that is where a mistake inside it must be mended. */
static struct fl_yaml *builder_copy(struct builder *b, const struct fl_yaml *from)
{
    struct fl_yaml *copy = fl_new(struct fl_yaml);
    b->nodes++;
    copy->kind = from->kind;
    copy->line = from->line;
    copy->column = from->column;
    copy->quoted = from->quoted;
    if (from->text != NULL) copy->text = fl_strdup(from->text);
    for (const struct fl_yaml *child = from->first; child != NULL; child = child->next) {
        if (b->nodes > FL_YAML_NODES_MAX) break;
        struct fl_yaml *twin = builder_copy(b, child);
        if (child->key != NULL) twin->key = fl_strdup(child->key);
        twin->key_line = child->key_line;
        twin->key_column = child->key_column;
        fl_yaml_append(copy, twin);
    }
    return copy;
}

static int depth_of(const struct fl_yaml *node)
{
    int deepest = 0;
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next) {
        int depth = depth_of(child);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

/* Puts a finished or just opened node where it belongs; takes node in every case. */
static int builder_place(struct builder *b, struct fl_yaml *node_take, const yaml_mark_t *mark)
{
    if (b->nodes > FL_YAML_NODES_MAX) {
        fl_yaml_free(node_take);
        return builder_fail(b, mark, "too many values (more than 50,000)");
    }
    if (b->depth == 0) {
        FL_ASSERT(b->root == NULL);
        b->root = node_take;
        return 0;
    }
    int top = b->depth - 1;
    struct fl_yaml *parent = b->stack[top];
    if (parent->kind == FL_YAML_LIST) {
        fl_yaml_append(parent, node_take);
        return 0;
    }
    if (b->pending_key[top] != NULL) {
        node_take->key = b->pending_key[top];
        node_take->key_line = b->pending_line[top];
        node_take->key_column = b->pending_column[top];
        b->pending_key[top] = NULL;
        fl_yaml_append(parent, node_take);
        return 0;
    }

    int rc = 0;
    if (node_take->kind != FL_YAML_TEXT) {
        rc = builder_fail(b, mark, "a key must be plain text");
    } else {
        const struct fl_yaml *twin = fl_yaml_find(parent, node_take->text);
        if (twin != NULL) {
            char *what = fl_format("the key \"%.100s\" stands here twice, first in line %d",
                                   node_take->text, twin->key_line);
            rc = builder_fail(b, mark, what);
            free(what);
        } else {
            b->pending_key[top] = node_take->text;
            b->pending_line[top] = node_take->line;
            b->pending_column[top] = node_take->column;
            node_take->text = NULL;
        }
    }
    fl_yaml_free(node_take);
    return rc;
}

static void builder_anchor(struct builder *b, const yaml_char_t *name, const struct fl_yaml *node,
                           bool open)
{
    if (name == NULL) return;
    b->anchors = fl_realloc(b->anchors, (b->anchors_count + 1) * sizeof *b->anchors);
    b->anchors[b->anchors_count++] = (struct anchor){
        .name = fl_strdup((const char *)name), .node = node, .open = open};
}

static int builder_on_alias(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *found = NULL;
    for (size_t i = 0; i < b->anchors_count; i++)
        if (strcmp(b->anchors[i].name, name) == 0) found = &b->anchors[i]; /* the last one counts */
    if (found == NULL || found->node == NULL)
        return builder_fail(b, &event->start_mark, "an alias to an anchor that is not there");
    if (found->open) return builder_fail(b, &event->start_mark, "an alias inside its own anchor");
    if (b->depth + depth_of(found->node) > FL_YAML_DEPTH_MAX)
        return builder_fail(b, &event->start_mark, "nested too deeply");
    return builder_place(b, builder_copy(b, found->node), &event->start_mark);
}

static int builder_on_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(value, '\0', len) != NULL)
        return builder_fail(b, &event->start_mark, "text must not hold a zero byte");
    struct fl_yaml *node = builder_node(b, FL_YAML_TEXT, &event->start_mark);
    node->text = fl_str_dup((struct fl_str){value, len});
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;

    /* A key's node does not outlive builder_place, so that an anchor on a key is remembered as
     * one without a node; nobody needs those. */
    bool is_key = b->depth > 0 && b->stack[b->depth - 1]->kind == FL_YAML_MAP &&
                  b->pending_key[b->depth - 1] == NULL;
    builder_anchor(b, event->data.scalar.anchor, is_key ? NULL : node, false);
    return builder_place(b, node, &event->start_mark);
}

static int builder_on_open(struct builder *b, const yaml_event_t *event, enum fl_yaml_kind kind)
{
    if (b->depth == FL_YAML_DEPTH_MAX)
        return builder_fail(b, &event->start_mark, "nested too deeply");
    struct fl_yaml *node = builder_node(b, kind, &event->start_mark);
    int rc = builder_place(b, node, &event->start_mark);
    if (rc != 0) return rc;
    builder_anchor(b,
                   kind == FL_YAML_MAP ? event->data.mapping_start.anchor
                                       : event->data.sequence_start.anchor,
                   node, true);
    b->pending_key[b->depth] = NULL;
    b->stack[b->depth++] = node;
    return 0;
}

static void builder_on_close(struct builder *b)
{
    FL_ASSERT(b->depth > 0);
    const struct fl_yaml *node = b->stack[--b->depth];
    for (size_t i = 0; i < b->anchors_count; i++)
        if (b->anchors[i].node == node) b->anchors[i].open = false;
}

static int builder_on_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return builder_on_alias(b, event);
    case YAML_SCALAR_EVENT:
        return builder_on_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return builder_on_open(b, event, FL_YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return builder_on_open(b, event, FL_YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder_on_close(b);
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root == NULL) return 0;
        return builder_fail(b, &event->start_mark, "a second document; one file is one scenario");
    default:
        return 0;
    }
}

static int builder_on_trouble(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    char *what = p->context != NULL ? fl_format("%s %s", p->problem, p->context)
                                    : fl_format("%s", p->problem != NULL ? p->problem : "no YAML");
    int rc = builder_fail(b, &p->problem_mark, what);
    free(what);
    return rc;
}

static void builder_fini(struct builder *b)
{
    yaml_parser_delete(&b->parser);
    for (int i = 0; i < b->depth; i++)
        free(b->pending_key[i]);
    for (size_t i = 0; i < b->anchors_count; i++)
        free(b->anchors[i].name);
    free(b->anchors);
    fl_yaml_free(b->root);
}

static int builder_run(struct builder *b)
{
    bool done = false;
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) return builder_on_trouble(b);
        done = event.type == YAML_STREAM_END_EVENT;
        int rc = builder_on_event(b, &event);
        yaml_event_delete(&event);
        if (rc != 0) return rc;
    }
    return 0;
}

int fl_yaml_parse(struct fl_yaml **out, struct fl_str text, int *out_line, int *out_column,
                  struct fl_err *err)
{
    *out_line = *out_column = 0;
    if (text.len > FL_YAML_BYTES_MAX)
        return fl_err_set(err, FL_EFULL, "larger than 1 MiB: not a scenario");
    if (!fl_utf8_ok(text.at, text.len)) return fl_err_set(err, FL_EPARSE, "is not UTF-8 text");
    struct builder b = {.err = err};
    if (!yaml_parser_initialize(&b.parser)) return fl_err_set(err, FL_EIO, "out of memory");
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.at, text.len);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);

    int rc = builder_run(&b);
    *out_line = b.line;
    *out_column = b.column;
    if (rc == 0 && b.root == NULL) rc = fl_err_set(err, FL_EPARSE, "is empty");
    if (rc == 0) {
        *out = b.root;
        b.root = NULL;
    }
    builder_fini(&b);
    return rc;
}
