/* orders.c: a bug that needs a rare order, found, and found again from its string
 * (docs/deterministic.md). Virtual time only: an order is what the world chooses. */
#include "runtime/server.h"
#include "runtime/sim_explore.h"

/* Two clerks add one to what the shelf has: they look, and then they write. The second one looks
 * around for a while first, so that in most orders they do not meet. */

enum { SHELF_LOOK = 1, SHELF_WRITE };

struct orders {
    int shelf, done;
};

static int shelf_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct orders **)state = *(struct orders *const *)args;
    return 0;
}

static void shelf_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct orders *orders = *(struct orders **)state;
    if (msg->tag == SHELF_WRITE) memcpy(&orders->shelf, msg->data, sizeof orders->shelf);
    fl_self_reply(self, msg->from, msg->ref, &orders->shelf, sizeof orders->shelf);
}

static const struct fl_server shelf_server = {
    .name = "shelf",
    .state_bytes = sizeof(struct orders *),
    .on_init = shelf_on_init,
    .on_call = shelf_on_call,
};

struct clerk {
    struct orders *orders;
    int looks;
};

static void clerk(struct fl_self *self, const void *args, size_t args_len)
{
    const struct clerk *clerk = args;
    int has = 0;
    for (int i = 0; i < clerk->looks; i++)
        fl_call_name(self, "shelf", SHELF_LOOK, NULL, 0, NULL, 0, NULL, fl_s(1));
    fl_call_name(self, "shelf", SHELF_LOOK, NULL, 0, &has, sizeof has, NULL, fl_s(1));
    has++; /* what if the other one writes now? */
    fl_call_name(self, "shelf", SHELF_WRITE, &has, sizeof has, NULL, 0, NULL, fl_s(1));
    clerk->orders->done++;
}

static int orders_setup(struct fl_node *node, void *cx)
{
    struct orders *orders = cx;
    struct fl_spawn_opts shelf = {.name = "shelf", .args = &orders};
    *orders = (struct orders){0};
    int code = fl_node_spawn(node, &shelf_server, &shelf, NULL);
    for (int i = 0; i < 2 && code == 0; i++) {
        struct clerk args = {.orders = orders, .looks = i * 10};
        code = fl_node_spawn_run(node, clerk, &args, sizeof args, NULL, NULL);
    }
    return code;
}

static int orders_check(struct fl_node *node, void *cx)
{
    struct orders *orders = cx;
    return orders->done == 2 && orders->shelf == 2 ? 0 : -1;
}

/* Runs one order; 0: a good one. */
static int run(const struct fl_node_opts *opts, uint64_t *hash)
{
    struct orders orders;
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    int code = fl_node_new(&node, opts, &err);
    if (code == 0) code = orders_setup(node, &orders);
    if (code == 0) fl_sim_run(node, fl_s(60));
    if (code == 0) code = fl_sim_replayed(node, &err); /* did it go as the string says? */
    if (code == 0) code = orders_check(node, &orders);
    *hash = fl_sim_trace_hash(node);
    fl_node_free(node);
    return code;
}

static bool is_the_same_twice(void)
{
    struct fl_node_opts opts = {
        .name = "orders", /* a schedule belongs to the program of this name */
        .simulated = true,
        .seed = 17,
        .sim = {.scheduler = FL_SIM_PCT, .pct_depth = 2, .pct_steps = 500},
    };
    uint64_t once, twice;
    int code = run(&opts, &once);
    return run(&opts, &twice) == code && once == twice;
}

static bool fails_in(const char *schedule)
{
    struct fl_node_opts opts = {
        .name = "orders",
        .simulated = true,
        .sim = {.scheduler = FL_SIM_REPLAY, .replay = schedule},
    };
    uint64_t hash;
    return run(&opts, &hash) == -1;
}

int main(void)
{
    struct orders orders;
    struct fl_sim_explore explore = {
        .node = {.name = "orders", .seed = 1, .sim = {.scheduler = FL_SIM_PCT}},
        .runs = 500,
        .run_ns = fl_s(60), /* of virtual time, each */
    };
    struct fl_sim_found found;
    int rc = fl_sim_explore(&explore, orders_setup, orders_check, &orders, &found);
    if (rc != 0) printf("orders: %s\n", fl_code_name(rc));
    if (found.has_failed) printf("one of two is lost in some order\n");
    if (found.schedule != NULL && fails_in(found.schedule)) printf("and in that order again\n");
    if (is_the_same_twice()) printf("one seed is one order\n");
    fl_sim_found_fini(&found);
    return rc == 0 ? 0 : 1;
}
