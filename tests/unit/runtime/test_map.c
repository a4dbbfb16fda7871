#include "tests/support/testkit.h"

#include "runtime/core.h"

struct item {
    struct fl_map_node by_key;
    struct fl_list in_list;
    uint64_t value;
};

static struct item *item_of(struct fl_map_node *node)
{
    return node == NULL ? NULL : FL_OWNER(node, struct item, by_key);
}

static void what_is_added_is_found_until_it_is_removed(void **state)
{
    struct fl_map map = {0};
    struct item *items = fl_new_array(struct item, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        items[i].value = i;
        fl_map_add(&map, &items[i].by_key, i * 3);
    }
    for (uint64_t i = 0; i < 1000; i += 2)
        fl_map_remove(&map, &items[i].by_key);
    assert_int_equal(map.count, 500);
    for (uint64_t i = 0; i < 1000; i++) {
        struct item *found = item_of(fl_map_find(&map, i * 3));
        assert_ptr_equal(found, i % 2 == 0 ? NULL : &items[i]);
        assert_null(fl_map_find(&map, i * 3 + 1));
    }
    fl_map_fini(&map);
    free(items);
}

static void several_nodes_may_have_one_key(void **state)
{
    struct fl_map map = {0};
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 4}};
    for (int i = 0; i < 3; i++)
        fl_map_add(&map, &items[i].by_key, 7);
    uint64_t sum = 0;
    for (struct fl_map_node *at = fl_map_find(&map, 7); at != NULL; at = fl_map_next(at))
        sum += item_of(at)->value;
    assert_int_equal(sum, 7);
    fl_map_remove(&map, &items[1].by_key);
    sum = 0;
    for (struct fl_map_node *at = fl_map_find(&map, 7); at != NULL; at = fl_map_next(at))
        sum += item_of(at)->value;
    assert_int_equal(sum, 5);
    fl_map_fini(&map);
}

static void an_empty_map_finds_nothing(void **state)
{
    struct fl_map map = {0};
    assert_null(fl_map_find(&map, 0));
    fl_map_fini(&map);
}

static void a_list_keeps_order_and_forgets_twice_removed_nodes(void **state)
{
    struct fl_list list;
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    fl_list_init(&list);
    assert_true(fl_list_is_empty(&list));
    for (int i = 0; i < 3; i++)
        fl_list_push(&list, &items[i].in_list);
    fl_list_remove(&items[1].in_list);
    fl_list_remove(&items[1].in_list);
    assert_ptr_equal(list.next, &items[0].in_list);
    assert_ptr_equal(list.next->next, &items[2].in_list);
    assert_ptr_equal(list.prev, &items[2].in_list);
    fl_list_push(&list, &items[1].in_list);
    assert_ptr_equal(list.prev, &items[1].in_list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_until_it_is_removed),
        cmocka_unit_test(several_nodes_may_have_one_key),
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(a_list_keeps_order_and_forgets_twice_removed_nodes),
    };
    return cmocka_run_group_tests_name("maps and lists", tests, NULL, NULL);
}
