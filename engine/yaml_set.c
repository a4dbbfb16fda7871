/* yaml_set.c: `--set key.path=value`, applied on the tree before anything is read from it. */
#include "engine/yaml.h"
#include "runtime/base/units.h"

static void set_mark(struct fl_yaml *node, const char *assignment)
{
    free(node->set);
    node->set = fl_strdup(assignment);
    for (struct fl_yaml *child = node->first; child != NULL; child = child->next)
        set_mark(child, assignment);
}

/* Where the child hangs that this step names, or where it would hang: NULL when it cannot. */
static struct fl_yaml **set_place(struct fl_yaml *node, struct fl_str step, struct fl_err *err)
{
    struct fl_yaml **place = &node->first;
    if (node->kind == FL_YAML_MAP) {
        while (*place != NULL && !fl_str_is(step, (*place)->key))
            place = &(*place)->next;
        return place;
    }
    int64_t index = 0;
    if (fl_parse_int(step, 0, (int64_t)node->count, &index, NULL) != 0) {
        fl_err_set(err, FL_EPARSE, "\"%.*s\" is no place in a list of %zu; the first is 0",
                   FL_ARG(step), node->count);
        return NULL;
    }
    while (index-- > 0) {
        FL_ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    return place;
}

/* Puts node where old hangs (NULL: at the end); takes node. */
static void set_replace(struct fl_yaml *parent, struct fl_yaml **place, struct fl_str step,
                        struct fl_yaml *node_take)
{
    if (parent->kind == FL_YAML_MAP) {
        free(node_take->key);
        node_take->key = fl_str_dup(step);
    }
    struct fl_yaml *old = *place;
    if (old == NULL) {
        fl_yaml_append(parent, node_take);
        return;
    }
    node_take->key_line = old->key_line;
    node_take->key_column = old->key_column;
    node_take->next = old->next;
    *place = node_take;
    if (parent->last == old) parent->last = node_take;
    fl_yaml_free(old);
}

static int set_walk(struct fl_yaml *root, struct fl_str path, const char *assignment,
                    struct fl_yaml *value_take, struct fl_err *err)
{
    struct fl_yaml *node = root;
    for (int depth = 1;; depth++) {
        struct fl_str step = fl_str_cut(&path, '.');
        int rc = 0;
        struct fl_yaml **place = NULL;
        if (step.len == 0)
            rc = fl_err_set(err, FL_EPARSE, "a part of the path is empty");
        else if (depth >= FL_YAML_DEPTH_MAX / 2)
            rc = fl_err_set(err, FL_EPARSE, "the path is too long");
        else if (node->kind == FL_YAML_TEXT)
            rc = fl_err_set(err, FL_EPARSE, "\"%.*s\" cannot be set inside the text \"%.60s\"",
                            FL_ARG(step), node->text);
        else if ((place = set_place(node, step, err)) == NULL)
            rc = FL_EPARSE;
        if (rc != 0) {
            fl_yaml_free(value_take);
            return rc;
        }
        FL_ASSERT(place != NULL);
        if (path.len == 0) {
            set_replace(node, place, step, value_take);
            return 0;
        }
        if (*place == NULL || fl_yaml_is_null(*place)) {
            struct fl_yaml *map = fl_new(struct fl_yaml);
            map->kind = FL_YAML_MAP;
            map->set = fl_strdup(assignment);
            set_replace(node, place, step, map);
            node = map;
        } else {
            node = *place;
        }
    }
}

static int set_depth(const struct fl_yaml *node)
{
    int deepest = 0;
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next) {
        int depth = set_depth(child);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

int fl_yaml_set(struct fl_yaml *root, const char *assignment, struct fl_err *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment)
        return fl_err_set(err, FL_EPARSE, "expected key.path=value, such as duration=10s");
    struct fl_str path = {assignment, (size_t)(equals - assignment)};
    if (path.at[path.len - 1] == '.')
        return fl_err_set(err, FL_EPARSE, "a part of the path is empty");

    struct fl_yaml *value = NULL;
    int line = 0, column = 0;
    const char *text = equals[1] != '\0' ? equals + 1 : "~";
    int rc = fl_yaml_parse(&value, fl_str_of(text), &line, &column, err);
    if (rc != 0) return fl_err_prefix(err, "the value is not YAML: ");
    if (set_depth(value) > FL_YAML_DEPTH_MAX / 2) {
        fl_yaml_free(value);
        return fl_err_set(err, FL_EPARSE, "the value is nested too deeply");
    }
    set_mark(value, assignment);
    return set_walk(root, path, assignment, value, err);
}
