/* The picture says what was started anew, and stays small whatever a node has. */
#include "tests/support/testkit.h"

#include "services/look/picture.h"

static void put(struct fl_picture *picture, const char *name, pid_t os_pid, pid_t root,
                const char *tree_text, const char *processes_text)
{
    cJSON *tree = cJSON_Parse(tree_text), *processes = cJSON_Parse(processes_text);
    assert_non_null(tree);
    assert_non_null(processes);
    assert_true(fl_picture_put(picture, name, os_pid, root, tree, processes));
    cJSON_Delete(tree);
    cJSON_Delete(processes);
}

static cJSON *written(const struct fl_picture *picture)
{
    struct fl_buf out = {0};
    fl_picture_write(picture, &out);
    cJSON *json = cJSON_Parse(out.at);
    assert_non_null(json);
    fl_buf_fini(&out);
    return json;
}

static const cJSON *child(const cJSON *list, int at)
{
    const cJSON *one = cJSON_GetArrayItem(list, at);
    assert_non_null(one);
    return one;
}

static const cJSON *node_tree(const cJSON *picture, int at)
{
    return cJSON_GetObjectItem(child(cJSON_GetObjectItem(picture, "nodes"), at), "tree");
}

#define SUP(children)                                                                         \
    "[{\"pid\":\"<0.1.1>\",\"state\":\"running\",\"server\":\"supervisor\",\"name\":\"top\"," \
    "\"strategy\":\"one_for_one\",\"restarts\":0,\"restarts_max\":5,\"children\":[" children "]}]"
#define ONE(pid) "{\"state\":\"running\",\"id\":\"a\",\"server\":\"worker\",\"pid\":\"" pid "\"}"
#define NONE "{\"processes\":[],\"shards\":[],\"total\":0}"

static void another_pid_at_the_same_place_is_a_restart_and_is_counted(void **state)
{
    (void)state;
    struct fl_picture *picture = fl_picture_new();
    put(picture, "n", 10, 10, SUP(ONE("<0.2.1>")), NONE);
    put(picture, "n", 10, 10, SUP(ONE("<0.2.1>")), NONE);
    put(picture, "n", 10, 10, SUP(ONE("<0.3.1>")), NONE);
    put(picture, "n", 10, 10, SUP(ONE("<0.4.1>")), NONE);
    cJSON *json = written(picture);
    const cJSON *top = child(node_tree(json, 0), 0);
    const cJSON *a = child(cJSON_GetObjectItem(top, "children"), 0);
    assert_int_equal(fl_json_int(a, "restarts", -1), 2);
    assert_string_equal(fl_json_text(a, "pid", ""), "<0.4.1>");
    assert_int_equal(fl_json_int(top, "restarts", -1), 0);
    cJSON_Delete(json);
    struct fl_picture_sums sums;
    assert_int_equal(fl_picture_sums(picture, &sums, 1), 1);
    assert_int_equal(sums.restarts, 2);
    fl_picture_free(picture);
}

static void between_two_lives_the_old_pid_is_shown_and_the_next_one_counts(void **state)
{
    (void)state;
    struct fl_picture *picture = fl_picture_new();
    put(picture, "n", 10, 10, SUP(ONE("<0.2.1>")), NONE);
    put(picture, "n", 10, 10, SUP("{\"state\":\"restarting\",\"id\":\"a\",\"server\":\"worker\"}"),
        NONE);
    cJSON *json = written(picture);
    const cJSON *a = child(cJSON_GetObjectItem(child(node_tree(json, 0), 0), "children"), 0);
    assert_string_equal(fl_json_text(a, "state", ""), "restarting");
    assert_string_equal(fl_json_text(a, "pid", ""), "<0.2.1>");
    cJSON_Delete(json);
    put(picture, "n", 10, 10, SUP(ONE("<0.9.1>")), NONE);
    json = written(picture);
    a = child(cJSON_GetObjectItem(child(node_tree(json, 0), 0), "children"), 0);
    assert_int_equal(fl_json_int(a, "restarts", -1), 1);
    cJSON_Delete(json);
    fl_picture_free(picture);
}

static void names_and_mailboxes_come_from_the_list_and_the_rest_is_counted_by_kind(void **state)
{
    (void)state;
    struct fl_picture *picture = fl_picture_new();
    put(picture, "n", 10, 10, SUP(ONE("<0.2.1>")),
        "{\"total\":4,\"shards\":[{\"waiting\":7,\"memory\":100,\"handled\":5},{\"waiting\":1,"
        "\"memory\":11,\"handled\":6}],\"processes\":["
        "{\"pid\":\"<0.1.1>\",\"server\":\"supervisor\",\"mailbox\":0},"
        "{\"pid\":\"<0.2.1>\",\"server\":\"worker\",\"name\":\"anna\",\"mailbox\":7},"
        "{\"pid\":\"<0.5.1>\",\"server\":\"web.conn\",\"mailbox\":1},"
        "{\"pid\":\"<0.6.1>\",\"server\":\"web.conn\",\"mailbox\":0}]}");
    cJSON *json = written(picture);
    const cJSON *node = child(cJSON_GetObjectItem(json, "nodes"), 0);
    const cJSON *a = child(cJSON_GetObjectItem(child(node_tree(json, 0), 0), "children"), 0);
    assert_string_equal(fl_json_text(a, "name", ""), "anna");
    assert_true(fl_json_bool(a, "registered", false));
    assert_int_equal(fl_json_int(a, "mailbox", -1), 7);
    char *others = cJSON_PrintUnformatted(cJSON_GetObjectItem(node, "others"));
    assert_string_equal(others, "[[\"web.conn\",2]]");
    free(others);
    assert_int_equal(fl_json_int(node, "procs", 0), 4);
    assert_int_equal(fl_json_int(node, "waiting", 0), 8);
    cJSON_Delete(json);
    fl_picture_free(picture);
}

/** A supervisor with so many children without names; free() it. */
static char *crowd(int count, const char *strategy, int more)
{
    struct fl_buf out = {0};
    fl_buf_printf(&out, "[{\"pid\":\"<0.1.1>\",\"strategy\":\"%s\",\"more\":%d,\"children\":[",
                  strategy, more);
    for (int i = 0; i < count; i++)
        fl_buf_printf(&out, "%s{\"state\":\"running\",\"server\":\"room\",\"pid\":\"<0.%d.1>\"}",
                      i > 0 ? "," : "", i + 2);
    fl_buf_puts(&out, "]}]");
    return fl_buf_take(&out);
}

static void a_crowd_is_shown_in_part_and_the_rest_is_a_number(void **state)
{
    (void)state;
    struct fl_picture *picture = fl_picture_new();
    char *text = crowd(900, "simple_one_for_one", 56);
    put(picture, "n", 10, 10, text, NONE);
    free(text);
    cJSON *json = written(picture);
    const cJSON *top = child(node_tree(json, 0), 0);
    int shown = cJSON_GetArraySize(cJSON_GetObjectItem(top, "children"));
    assert_int_equal(shown, FL_PICTURE_CROWD);
    assert_int_equal(fl_json_int(top, "more", 0), 956 - shown);
    cJSON_Delete(json);

    text = crowd(900, "one_for_one", 0);
    put(picture, "n", 10, 10, text, NONE);
    free(text);
    json = written(picture);
    top = child(node_tree(json, 0), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(top, "children")), FL_PICTURE_CHILDREN);
    cJSON_Delete(json);
    fl_picture_free(picture);
}

static void nodes_are_in_order_and_gone_when_dropped(void **state)
{
    (void)state;
    struct fl_picture *picture = fl_picture_new();
    put(picture, "zoe", 30, 20, "[]", NONE);
    put(picture, "serve", 20, 20, "[]", NONE);
    put(picture, "ann", 40, 20, "[]", NONE);
    fl_picture_silent(picture, 40, true);
    cJSON *json = written(picture);
    const cJSON *nodes = cJSON_GetObjectItem(json, "nodes");
    assert_string_equal(fl_json_text(child(nodes, 0), "name", ""), "serve");
    assert_string_equal(fl_json_text(child(nodes, 1), "name", ""), "ann");
    assert_true(fl_json_bool(child(nodes, 1), "silent", false));
    cJSON_Delete(json);
    fl_picture_drop(picture, 40);
    fl_picture_drop(picture, 41); /* never was there */
    struct fl_picture_sums sums[4];
    assert_int_equal(fl_picture_sums(picture, sums, 4), 2);
    for (int i = 0; i < FL_PICTURE_NODES; i++) {
        cJSON *tree = cJSON_Parse("[]"), *processes = cJSON_Parse(NONE);
        assert_int_equal(fl_picture_put(picture, "n", 1000 + i, 1000, tree, processes),
                         i < FL_PICTURE_NODES - 2);
        cJSON_Delete(tree);
        cJSON_Delete(processes);
    }
    fl_picture_free(picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_pid_at_the_same_place_is_a_restart_and_is_counted),
        cmocka_unit_test(between_two_lives_the_old_pid_is_shown_and_the_next_one_counts),
        cmocka_unit_test(names_and_mailboxes_come_from_the_list_and_the_rest_is_counted_by_kind),
        cmocka_unit_test(a_crowd_is_shown_in_part_and_the_rest_is_a_number),
        cmocka_unit_test(nodes_are_in_order_and_gone_when_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
