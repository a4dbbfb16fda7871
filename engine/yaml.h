/* yaml.h: a YAML file as a small tree in which every node knows where it stands.
 *
 * Knows: libyaml's events. Does not know: what a scenario is. Bounded on purpose (size, depth,
 * nodes, so that aliases cannot explode). A key that stands twice in one map is an error. */
#ifndef FL_ENGINE_YAML_H
#define FL_ENGINE_YAML_H

#include "runtime/base/str.h"

enum {
    FL_YAML_BYTES_MAX = 1 << 20,
    FL_YAML_DEPTH_MAX = 24,
    FL_YAML_NODES_MAX = 50000,
};

enum fl_yaml_kind { FL_YAML_TEXT = 1, FL_YAML_LIST, FL_YAML_MAP };

/** A node. Lists and maps hold their children in order, from first by next. */
struct fl_yaml {
    enum fl_yaml_kind kind;
    int line, column; /* from 1, as people read them; of the opening quote for quoted text */
    bool quoted;      /* text written in quotes: never null, never a number by accident */
    char *text;       /* FL_YAML_TEXT; NUL-terminated, holds no other NUL */
    char *key;        /* of a map's child, else NULL */
    int key_line, key_column;
    char *set; /* the `key.path=value` of --set that it came from; NULL: from the file */
    size_t count;
    struct fl_yaml *first, *last, *next;
};

/** Reads one document. On error err is `line:column: what`, line and column also in the outs (0
 * where there is no place). Free with fl_yaml_free. */
int fl_yaml_parse(struct fl_yaml **out, struct fl_str text, int *out_line, int *out_column,
                  struct fl_err *err);
/** Frees the tree. NULL is fine. */
void fl_yaml_free(struct fl_yaml *node);
/** The child of this key in a map, or NULL (also when node is no map). */
const struct fl_yaml *fl_yaml_find(const struct fl_yaml *node, const char *key);
/** Is it absent, empty, `~` or `null`? */
bool fl_yaml_is_null(const struct fl_yaml *node);
/** `text`, `a list`, `a map`, `nothing`: for messages. */
const char *fl_yaml_kind_name(const struct fl_yaml *node);

/** Applies one `key.path=value` of --set; the value is read as YAML. A list's items are reached by
 * their number from 0, and the number one past its end appends. Maps on the way are made. */
int fl_yaml_set(struct fl_yaml *root, const char *assignment, struct fl_err *err);

/** Appends a child; key is for maps and may be NULL. Takes child. */
void fl_yaml_append(struct fl_yaml *parent, struct fl_yaml *child_take);

#endif
