/* tree.c: supervisors as tables: a strategy, a dynamic one, partitions. */
#include "guide.h"
#include "runtime/partition.h"
#include "runtime/sup.h"

enum { STARTED = 1 };

static int part_on_init(struct fl_self *self, void *state, const void *args)
{
    printf("  %s starts\n", (const char *)args);
    fl_send_name(self, "guide", STARTED, NULL, 0);
    return 0;
}

static const struct fl_server part_server = {.name = "part", .on_init = part_on_init};

/* ---- one supervisor under another ---- */

static const struct fl_child shop[] = {
    {.id = "store", .name = "store", .server = &part_server, .args = "store"},
    {.id = "cache", .name = "cache", .server = &part_server, .args = "cache"}, /* reads the store */
    {.id = "pages", .name = "pages", .server = &part_server, .args = "pages"}, /* uses the cache */
};
static const struct fl_sup_opts shop_sup = {
    .strategy = FL_REST_FOR_ONE, /* who started later depends on who started before */
    .max_restarts = 3,
    .within_ns = 10 * FL_NS_PER_S,
    .children = shop,
    .children_count = FL_COUNT(shop),
};
static const struct fl_child top[] = {
    {.id = "shop", .name = "shop", .server = &fl_sup_server, .args = &shop_sup},
    {.id = "clock", .server = &part_server, .args = "clock", .restart = FL_TRANSIENT},
};
static const struct fl_sup_opts top_sup = {
    .max_restarts = 1, .children = top, .children_count = FL_COUNT(top), .name = "top"};

/* ---- many of a kind ---- */

static const struct fl_child session = {
    .id = "session", .server = &part_server, .restart = FL_TEMPORARY};
static const struct fl_sup_opts sessions = {.strategy = FL_SIMPLE_ONE_FOR_ONE,
                                            .children = &session, /* the template */
                                            .children_count = 1,
                                            .max_children = 2};

/* ---- the same several times ---- */

static const struct fl_child counter = {.id = "counter", .server = &part_server, .args = "a part"};
static const struct fl_sup_opts counters = {
    .name = "counters", .children = &counter, .children_count = 1, .partitions = 3};

static void await_starts(struct fl_self *self, int count)
{
    struct fl_msg msg;
    while (count-- > 0)
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_node *node = fl_self_node(self);
    struct fl_sup_counts counts;
    struct fl_pid sup;

    fl_sup_start(node, self, &top_sup, &sup);
    await_starts(self, 4);
    printf("the cache is killed\n");
    fl_exit(self, fl_whereis(node, "cache"), fl_reason_of(FL_EXIT_KILL));
    await_starts(self, 2);
    printf("the shop's supervisor is killed\n");
    fl_exit(self, fl_whereis(node, "shop"), fl_reason_of(FL_EXIT_KILL));
    await_starts(self, 3);
    fl_sup_count_children(self, sup, &counts);
    printf("top has %d children, %d are supervisors\n", (int)counts.active,
           (int)counts.supervisors);

    fl_sup_start(node, self, &sessions, &sup);
    static const char *const names[] = {"ana", "bob", "cem"};
    for (size_t i = 0; i < FL_COUNT(names); i++) {
        struct fl_pid pid;
        int code = fl_dynamic_start_child(self, sup, names[i], strlen(names[i]) + 1, &pid);
        if (code != 0) printf("%s: %s\n", names[i], fl_code_name(code));
    }

    fl_partition_start(node, self, &counters, &sup);
    struct fl_pid seven = fl_partition_of(node, "counters", 7);
    printf("7 belongs to counters/1: %s\n",
           fl_pid_eq(seven, fl_whereis(node, "counters/1")) ? "yes" : "no");
    fl_node_stop(node, 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "tree"}, story);
}
