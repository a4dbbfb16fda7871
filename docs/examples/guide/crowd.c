/* crowd.c: tasks, and finding each other: a registry, publish and subscribe. */
#include <inttypes.h>

#include "guide.h"
#include "runtime/pubsub.h"
#include "runtime/registry.h"
#include "runtime/task.h"
#include "runtime/task_sup.h"

enum { NEWS = 1 };

/* ---- tasks: work with a result ---- */

static void square(struct fl_self *self, const void *args, size_t len)
{
    int64_t number;
    memcpy(&number, args, sizeof number);
    if (number == 4) fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_ERANGE, "no fours"));
    number *= number;
    fl_task_return(self, &number, sizeof number);
}

/* The inputs of a stream, one at a time. */
static bool next_number(void *cx, struct fl_str *args)
{
    int64_t *number = cx;
    if (++*number > 5) return false;
    *args = (struct fl_str){(const char *)number, sizeof *number};
    return true;
}

static bool show_result(void *cx, const struct fl_task_result *result)
{
    int64_t square = 0;
    char text[80];
    if (result->code == 0) memcpy(&square, result->data, sizeof square);
    if (result->code == 0)
        printf("  %zu: %" PRId64 "\n", result->index, square);
    else
        printf("  %zu: %s\n", result->index, fl_reason_show(result->why, text, sizeof text));
    return true;
}

static void tasks(struct fl_self *self)
{
    struct fl_task task;
    int64_t number = 12;
    /* linked: its crash would be mine */
    fl_task_async(self, square, &number, sizeof number, &task);
    fl_task_await(self, &task, &number, sizeof number, NULL, fl_s(1));
    printf("12 * 12 = %" PRId64 "\n", number);

    struct fl_pid sup;
    fl_task_sup_start(self, NULL, NULL, &sup);
    int64_t counted = 0;
    struct fl_task_stream stream = {
        .fn = square,
        .next = next_number,
        .on_result = show_result, /* in the order of the inputs */
        .cx = &counted,
        .max_concurrency = 2,
        .sup = sup, /* not linked: a crash is a result */
    };
    fl_task_stream(self, &stream);
}

/* ---- a registry: any number of keys ---- */

static void driver(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_registry *cabs = *(struct fl_registry *const *)args;
    struct fl_msg msg;
    fl_registry_register(self, cabs, "cab/7", "diesel", sizeof "diesel", NULL);
    fl_send_name(self, "guide", NEWS, NULL, 0);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* any message ends the shift */
}

static void registry(struct fl_self *self)
{
    struct fl_registry_opts unique = {.keys = FL_REGISTRY_UNIQUE};
    struct fl_registry *cabs = fl_registry_new(fl_self_node(self), &unique);
    struct fl_registry_entry *found;
    struct fl_msg msg;
    uint64_t ref;

    fl_spawn_run_monitor(self, driver, &cabs, sizeof cabs, NULL, NULL, &ref);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* it is registered */
    if (fl_registry_lookup(cabs, "cab/7", &found) == 1)
        printf("cab/7 is a %s\n", (const char *)found->value);
    free(found);

    fl_via_send(self, cabs, "cab/7", NEWS, NULL, 0);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* its DOWN: no lookup finds it any more */
    printf("cab/7: %s\n", fl_code_name(fl_via_send(self, cabs, "cab/7", NEWS, NULL, 0)));
    fl_registry_free(cabs);
}

/* ---- publish and subscribe ---- */

static void reader(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_pubsub *pubsub = *(struct fl_pubsub *const *)args;
    struct fl_msg msg;
    fl_pubsub_subscribe(self, pubsub, "weather");
    fl_send_name(self, "guide", NEWS, NULL, 0);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    printf("a reader hears: %s\n", (const char *)msg.data);
}

static void pubsub(struct fl_self *self)
{
    struct fl_pubsub *pubsub = NULL;
    struct fl_msg msg;
    uint64_t ref;
    fl_pubsub_start(fl_self_node(self), self, &pubsub);
    for (int i = 0; i < 2; i++) {
        fl_spawn_run_monitor(self, reader, &pubsub, sizeof pubsub, NULL, NULL, &ref);
        fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* it has subscribed */
    }
    fl_pubsub_broadcast(self, pubsub, "weather", NEWS, "rain", sizeof "rain");
    for (int i = 0; i < 2; i++)
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    fl_pubsub_free(pubsub);
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    tasks(self);
    registry(self);
    pubsub(self);
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "crowd"}, story);
}
