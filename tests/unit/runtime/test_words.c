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
    struct fl_child spec = {.id = "room/a", .server = &server, .name = "a", .shutdown_ns = 5};
    struct fl_buf buf = {0};
    struct fl_child back;
    fl_sup_child_encode(&buf, &spec);
    assert_int_equal(fl_sup_child_decode(&back, buf.at, buf.len), 0);
    assert_string_equal(back.id, "room/a");
    assert_string_equal(back.name, "a");
    assert_int_equal(back.shutdown_ns, 5);
    for (size_t len = 0; len < buf.len; len++)
        assert_int_equal(fl_sup_child_decode(&back, buf.at, len), FL_EBADMSG);
    fl_buf_fini(&buf);
    spec.name = NULL;
    fl_sup_child_encode(&buf, &spec);
    assert_int_equal(fl_sup_child_decode(&back, buf.at, buf.len), 0);
    assert_null(back.name);
    fl_buf_fini(&buf);
}

static void children_are_found_by_id_and_by_pid(void **state)
{
    static const struct fl_server server = {.name = "any"};
    struct fl_sup_children children = {0};
    fl_list_init(&children.in_order);
    struct fl_sup_child *a = NULL, *b = NULL, *again = NULL;
    struct fl_child spec = {.id = "a", .server = &server};
    assert_int_equal(fl_sup_child_add(&children, &spec, &a), 0);
    assert_int_equal(fl_sup_child_add(&children, &spec, &again), FL_ETAKEN);
    spec.id = "b";
    assert_int_equal(fl_sup_child_add(&children, &spec, &b), 0);
    spec.shutdown_ns = -1;
    spec.id = "c";
    assert_int_equal(fl_sup_child_add(&children, &spec, &again), FL_ERANGE);
    struct fl_pid pid = {42};
    fl_sup_child_runs(a, pid);
    assert_ptr_equal(fl_sup_child_of(&children, pid), a);
    assert_ptr_equal(fl_sup_child_find(&children, "b"), b);
    assert_ptr_equal(fl_sup_child_last_alive(&children), a); /* b has no process, and is dropped */
    assert_null(fl_sup_child_find(&children, "b"));
    fl_sup_child_ended(a);
    assert_null(fl_sup_child_of(&children, pid));
    fl_sup_children_fini(&children);
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
        cmocka_unit_test(the_state_of_an_os_process_is_read_from_proc),
    };
    return cmocka_run_group_tests_name("words and small things", tests, NULL, NULL);
}
