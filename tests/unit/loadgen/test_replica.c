/* A client's copy of a document: what others do to it, and what it does itself, by the same rules.
 */
#include "tests/support/testkit.h"

#include "loadgen/replica.h"

static int apply(struct fl_replica *replica, const char *op)
{
    cJSON *tree = cJSON_Parse(op);
    int rc = fl_replica_apply(replica, tree);
    cJSON_Delete(tree);
    return rc;
}

static void expect_text(const struct fl_replica *replica, const char *text)
{
    assert_true(fl_str_is((struct fl_str){replica->text.at, replica->text.len}, text));
}

static void an_operation_walks_the_whole_text_once(void **state)
{
    (void)state;
    struct fl_replica replica = {0};
    fl_replica_load(&replica, 7, "a b ");
    assert_int_equal(apply(&replica, "[2,\"cc \",2]"), 0);
    expect_text(&replica, "a cc b ");
    assert_int_equal(apply(&replica, "[\"d \",-2,5]"), 0);
    expect_text(&replica, "d cc b ");
    assert_int_equal(apply(&replica, "[-7]"), 0);
    expect_text(&replica, "");
    assert_int_equal(apply(&replica, "[\"e \"]"), 0);
    expect_text(&replica, "e ");
    assert_int_equal(replica.rev, 11);
    fl_replica_fini(&replica);
}

static void one_that_is_for_another_text_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[4]",   "[2]", "[3,1]",       "[-4]", "[\"x\"]",
                                        "[0,3]", "{}",  "[3,[\"x\"]]", "[]",   "null"};
    struct fl_replica replica = {0};
    assert_int_equal(apply(&replica, "[\"x\"]"), FL_EBADMSG); /* nothing is known yet */
    fl_replica_load(&replica, 7, "abc");
    for (size_t i = 0; i < FL_COUNT(wrong); i++) {
        if (apply(&replica, wrong[i]) != FL_EBADMSG) fail_msg("%s", wrong[i]);
        expect_text(&replica, "abc");
        assert_int_equal(replica.rev, 7);
    }
    fl_replica_fini(&replica);
}

static void a_token_is_found_only_whole(void **state)
{
    (void)state;
    struct fl_replica replica = {0};
    size_t at = 0, len = 0;
    fl_replica_load(&replica, 1, "1ab ab2 ab 7 ");
    assert_true(fl_replica_find(&replica, 0xab, &at, &len));
    assert_int_equal(at, 8);
    assert_int_equal(len, 3);
    assert_true(fl_replica_find(&replica, 0x1ab, &at, &len));
    assert_int_equal(at, 0);
    assert_false(fl_replica_find(&replica, 0xa, &at, &len));
    assert_false(fl_replica_find(&replica, 0xb, &at, &len));
    fl_replica_fini(&replica);
}

/* After any number of edits it is a row of whole tokens: what was put in and not taken out. */
static void own_edits_can_be_done_and_leave_whole_tokens(void **state)
{
    (void)state;
    struct fl_replica replica = {0};
    struct fl_rng rng;
    fl_rng_init(&rng, 5);
    fl_replica_load(&replica, 0, "");
    for (uint64_t key = 1; key <= 400; key++) {
        struct fl_buf op = {0};
        uint64_t out_key = key > 10 ? key - 10 : 0;
        size_t at, len;
        fl_replica_put_edit(&replica, &rng, key, out_key, &op);
        if (apply(&replica, op.at) != 0) fail_msg("%llu: %s", (unsigned long long)key, op.at);
        assert_true(fl_replica_find(&replica, key, &at, &len));
        assert_false(out_key != 0 && fl_replica_find(&replica, out_key, &at, &len));
        fl_buf_fini(&op);
    }
    struct fl_str rest = {replica.text.at, replica.text.len};
    uint64_t key;
    int tokens = 0;
    while (fl_token_take(&rest, &key)) {
        assert_in_range(key, 391, 400);
        tokens++;
    }
    assert_int_equal(tokens, 10);
    fl_replica_fini(&replica);
}

static void what_is_no_token_has_no_key(void **state)
{
    (void)state;
    struct fl_str rest = FL_STR("1f  xyz 12345678123456781 0 2");
    static const uint64_t keys[] = {0x1f, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < FL_COUNT(keys); i++) {
        uint64_t key = 99;
        assert_true(fl_token_take(&rest, &key));
        assert_int_equal(key, keys[i]);
    }
    uint64_t key;
    assert_false(fl_token_take(&rest, &key));
}

static void texts_are_told_apart_by_a_letter_or_a_revision(void **state)
{
    (void)state;
    struct fl_replica one = {0}, two = {0};
    fl_replica_load(&one, 3, "a b ");
    fl_replica_load(&two, 3, "a b ");
    assert_true(fl_replica_hash(&one) == fl_replica_hash(&two));
    fl_replica_load(&two, 4, "a b ");
    assert_false(fl_replica_hash(&one) == fl_replica_hash(&two));
    fl_replica_load(&two, 3, "a c ");
    assert_false(fl_replica_hash(&one) == fl_replica_hash(&two));
    fl_replica_fini(&one);
    fl_replica_fini(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_walks_the_whole_text_once),
        cmocka_unit_test(one_that_is_for_another_text_changes_nothing),
        cmocka_unit_test(a_token_is_found_only_whole),
        cmocka_unit_test(own_edits_can_be_done_and_leave_whole_tokens),
        cmocka_unit_test(what_is_no_token_has_no_key),
        cmocka_unit_test(texts_are_told_apart_by_a_letter_or_a_revision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
