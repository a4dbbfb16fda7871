#include "tests/conformance/otp/sup_world.h"

#include "runtime/partition.h"

/* Group G, third part: PartitionSupervisor. */

struct parts {
    struct kid *kids[4];
};

static const void *args_of(void *cx, size_t i)
{
    return ((struct parts *)cx)->kids[i];
}

static int start_parts(struct fl_self *self, struct world *w, struct parts *parts)
{
    static const char *const names[] = {"k0", "k1", "k2", "k3"};
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        struct fl_child child = child_of(w, (struct kid){.name = names[i]});
        parts->kids[i] = KID_OF(child);
    }
    const struct fl_child child = {.server = &kid_server};
    const struct fl_sup_opts opts = {
        .name = "parts",
        .max_restarts = 3,
        .partitions = 4,
        .children = &child,
        .children_count = 1,
        .partition_args = args_of,
        .partition_cx = parts,
    };
    int rc = fl_partition_start(w->node, self, &opts, &w->sup);
    w->diary[0] = '\0';
    return rc;
}

/* Numbers by modulo of the absolute value, texts by a stable hash. */
CASE(case_176_partition_routing)
{
    struct parts parts;
    CHECK_CODE(w, start_parts(self, w, &parts), 0);
    CHECK(w, fl_partition_count(w->node, "parts") == 4);
    /* integers by modulo of the absolute value */
    for (int64_t key = -9; key <= 9; key++) {
        char name[16];
        snprintf(name, sizeof name, "parts/%d", (int)((key < 0 ? -key : key) % 4));
        struct fl_pid pid = fl_partition_of(w->node, "parts", key);
        CHECK(w, pid.bits != 0 && fl_pid_eq(pid, fl_whereis(w->node, name)));
    }
    CHECK(w, fl_partition_index(INT64_MIN, 4) == 0 && fl_partition_index(INT64_MIN, 3) == 2);
    /* others by a stable hash: the same key, the same partition, and all of them are used */
    unsigned used = 0;
    for (int i = 0; i < 64; i++) {
        char key[16];
        snprintf(key, sizeof key, "user/%d", i);
        struct fl_pid pid = fl_partition_of_text(w->node, "parts", key);
        CHECK(w, fl_pid_eq(pid, fl_partition_of_text(w->node, "parts", key)));
        uint32_t index = fl_partition_index_text(key, 4);
        CHECK(w, fl_pid_eq(pid, fl_partition_of(w->node, "parts", index)));
        used |= 1u << index;
    }
    CHECK(w, used == 15);
    CHECK(w, fl_partition_of(w->node, "nobody", 1).bits == 0);
}

/* With its own args. */
CASE(case_176_a_dead_partition_is_restarted_and_its_key_works_again)
{
    struct parts parts;
    CHECK_CODE(w, start_parts(self, w, &parts), 0);
    struct fl_pid before = fl_partition_of(w->node, "parts", 6);
    fl_exit(self, before, fl_reason_of(FL_EXIT_KILL));
    EXPECT(self, w, "gone k2\nstart k2\n"); /* with its own args */
    struct fl_pid after = fl_partition_of(w->node, "parts", 6);
    CHECK(w, after.bits != 0 && !fl_pid_eq(before, after));
    CHECK(w, fl_partition_of(w->node, "parts", 1).bits != 0);
}

/* It answers as any supervisor; its name stands for nobody when it is gone. */
CASE(case_176_counts_and_children_are_a_supervisors)
{
    struct parts parts;
    CHECK_CODE(w, start_parts(self, w, &parts), 0);
    CHECK_WHICH(self, w, "3 running, 2 running, 1 running, 0 running");
    CHECK_COUNTS(self, w, 4, 4, 0, 4);
    CHECK_CODE(w, fl_sup_stop(self, w->sup, fl_reason_of(FL_EXIT_NORMAL), FL_NEVER), 0);
    EXPECT(self, w, "gone k3\ngone k2\ngone k1\ngone k0\n");
    CHECK(w, fl_partition_count(w->node, "parts") == 0);
    CHECK(w, fl_partition_of(w->node, "parts", 1).bits == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_176_partition_routing),
        cmocka_unit_test(case_176_a_dead_partition_is_restarted_and_its_key_works_again),
        cmocka_unit_test(case_176_counts_and_children_are_a_supervisors),
    };
    return cmocka_run_group_tests_name("OTP supervisors: partitions", tests, NULL, NULL);
}
