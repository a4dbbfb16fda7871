#include "tests/support/testkit.h"

#include <unistd.h>

#include "runtime/base/proc_state.h"
#include "runtime/sup_child.h"

static const char *show(struct fl_reason reason)
{
    static char text[96];
    return fl_reason_show(&reason, text, sizeof text);
}

static void reasons_read_well(void **state)
{
    assert_string_equal(show(fl_reason_of(FL_EXIT_NORMAL)), "normal");
    assert_string_equal(show(fl_reason_of(FL_EXIT_KILLED)), "killed");
    assert_string_equal(show((struct fl_reason){.kind = FL_EXIT_OS, .signal = 9}), "signal 9");
    assert_string_equal(show((struct fl_reason){.kind = FL_EXIT_OS, .code = 3}), "exit status 3");
    assert_string_equal(show((struct fl_reason){.kind = FL_EXIT_ERROR, .code = FL_EFULL}),
                        "error: full");
    assert_string_equal(show((struct fl_reason){.kind = FL_EXIT_ERROR, .detail = "no such job"}),
                        "error: no such job");
}

static void a_shared_block_is_a_copy_that_lives_until_its_last_release(void **state)
{
    char bytes[] = "shared";
    struct fl_shared *shared = fl_shared_new(bytes, sizeof bytes);
    bytes[0] = 'x';
    assert_ptr_equal(fl_shared_retain(shared), shared);
    fl_shared_release(shared);
    assert_int_equal(fl_shared_len(shared), sizeof bytes);
    assert_string_equal(fl_shared_data(shared), "shared");
    fl_shared_release(shared);
    fl_shared_release(NULL);
}

static void a_child_spec_crosses_a_message_and_a_cut_one_is_refused(void **state)
{
    static const struct fl_server server = {.name = "any"};
    struct fl_child spec = {.id = "room/a",
                            .server = &server,
                            .name = "a",
                            .args = "args",
                            .args_bytes = 3,
                            .shutdown_ns = 5};
    struct fl_child back;
    size_t len = fl_sup_spec_bytes(&spec);
    void *bytes = fl_alloc(len);
    fl_sup_spec_encode(bytes, &spec);
    assert_int_equal(fl_sup_spec_decode(&back, bytes, len), 0);
    assert_string_equal(back.id, "room/a");
    assert_string_equal(back.name, "a");
    assert_memory_equal(back.args, "arg", 3);
    assert_int_equal(back.shutdown_ns, 5);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(fl_sup_spec_decode(&back, bytes, cut), FL_EBADMSG);
    spec.name = spec.id = NULL;
    fl_sup_spec_encode(bytes, &spec);
    assert_int_equal(fl_sup_spec_decode(&back, bytes, fl_sup_spec_bytes(&spec)), 0);
    assert_null(back.name);
    assert_null(back.id);
    free(bytes);
}

static void children_are_found_by_id_and_by_pid(void **state)
{
    static const struct fl_server server = {.name = "any"};
    struct fl_sup_children children;
    fl_sup_children_init(&children);
    struct fl_sup_child *a = NULL, *b = NULL, *again = NULL;
    struct fl_child spec = {.id = "a", .server = &server};
    assert_int_equal(fl_sup_child_add(&children, &spec, &a), 0);
    assert_int_equal(fl_sup_child_add(&children, &spec, &again), FL_EDUPLICATE);
    spec.id = "b";
    assert_int_equal(fl_sup_child_add(&children, &spec, &b), 0);
    struct fl_pid pid = {42};
    fl_sup_child_runs(&children, a, pid);
    assert_int_equal(children.active, 1);
    assert_ptr_equal(fl_sup_child_of(&children, pid), a);
    assert_ptr_equal(fl_sup_child_find(&children, "b"), b);
    fl_sup_child_remove(&children, b);
    assert_null(fl_sup_child_find(&children, "b"));
    fl_sup_child_set(&children, a, FL_CHILD_UNDEFINED);
    assert_int_equal(children.active, 0);
    assert_null(fl_sup_child_of(&children, pid));
    fl_sup_children_fini(&children);
}

struct record {
    struct fl_sup_node in_order;
    uint64_t key;
    uint32_t link, spare;
};

static void a_table_of_records_keeps_its_order_and_its_index(void **state)
{
    enum { COUNT = 5000 };
    struct fl_sup_table table;
    struct fl_sup_index index;
    fl_sup_table_init(&table, sizeof(struct record));
    fl_sup_index_init(&index, offsetof(struct record, key), offsetof(struct record, link));
    for (uint32_t i = 1; i <= COUNT; i++) {
        uint32_t number = fl_sup_table_add(&table);
        assert_int_equal(number, i);
        ((struct record *)fl_sup_table_at(&table, number))->key = i / 2 * UINT64_C(77);
        fl_sup_index_add(&index, &table, number);
    }
    for (uint32_t i = 3; i <= COUNT; i += 3) {
        fl_sup_index_remove(&index, &table, i);
        fl_sup_table_remove(&table, i);
    }
    uint32_t seen = 0;
    for (uint32_t n = table.first, last = 0; n != 0; n = fl_sup_table_next(&table, n)) {
        assert_true(n > last && n % 3 != 0);
        assert_int_equal(fl_sup_table_prev(&table, n), last);
        last = n;
        bool is_found = false;
        uint64_t key = n / 2 * UINT64_C(77);
        for (uint32_t at = fl_sup_index_find(&index, &table, key); at != 0;
             at = fl_sup_index_next(&index, &table, at))
            is_found = is_found || at == n;
        assert_true(is_found);
        seen++;
    }
    assert_int_equal(seen, table.count);
    assert_int_equal(fl_sup_index_find(&index, &table, 78), 0);
    uint32_t again = fl_sup_table_add(&table);
    assert_int_equal(again % 3, 0); /* a free number, now the last in the order */
    assert_int_equal(table.last, again);
    assert_int_equal(table.high, COUNT);
    fl_sup_index_fini(&index);
    fl_sup_table_fini(&table);
}

static void the_state_of_an_os_process_is_read_from_proc(void **state)
{
    assert_int_equal(fl_proc_state(getpid()), 'R');
    assert_int_equal(fl_proc_state(0x7ffffff0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_read_well),
        cmocka_unit_test(a_shared_block_is_a_copy_that_lives_until_its_last_release),
        cmocka_unit_test(a_child_spec_crosses_a_message_and_a_cut_one_is_refused),
        cmocka_unit_test(children_are_found_by_id_and_by_pid),
        cmocka_unit_test(a_table_of_records_keeps_its_order_and_its_index),
        cmocka_unit_test(the_state_of_an_os_process_is_read_from_proc),
    };
    return cmocka_run_group_tests_name("words and small things", tests, NULL, NULL);
}
