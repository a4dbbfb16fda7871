/* counter.c: the example of docs/runtime.md: a server, a caller and a supervisor, with an OS
 * process beside them. `counter` runs it on the real clock, `counter --sim` in virtual time. */
#include <inttypes.h>

#include "runtime/node.h"
#include "runtime/os.h"
#include "runtime/sup.h"

enum { COUNTER_ADD = 1, USER_TRY };

/* ---- the server ---- */

struct counter {
    int64_t sum; /* starts zeroed, and zero is a valid counter */
};

static void counter_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct counter *counter = state;
    int64_t add;
    if (msg->tag != COUNTER_ADD || msg->len != sizeof add) {
        fl_self_fail(self, FL_EBADMSG); /* ends this process only; its supervisor takes over */
        return;
    }
    memcpy(&add, msg->data, sizeof add);
    counter->sum += add;
    fl_self_reply(self, msg->from, msg->ref, &counter->sum, sizeof counter->sum);
}

static const struct fl_server counter_server = {
    .name = "counter",
    .state_bytes = sizeof(struct counter),
    .on_call = counter_on_call,
};

/* ---- somebody who uses it ---- */

struct user {
    int rounds;
};

static int user_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_timer_start(self, 0, USER_TRY);
    return 0;
}

static void user_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct user *user = state;
    struct fl_node *node = fl_self_node(self);
    struct fl_pid counter = fl_whereis(node, "counter");
    if (fl_pid_eq(counter, FL_NO_PID)) { /* it is just being started again */
        fl_timer_start(self, fl_ms(10), USER_TRY);
        return;
    }
    fl_monitor(self, counter);

    int64_t one = 1, sum = 0;
    for (int i = 0; i < 3; i++) /* each waits here; the shard goes on with other processes */
        fl_call(self, counter, COUNTER_ADD, &one, sizeof one, &sum, sizeof sum, NULL, fl_s(1));
    printf("the counter is at %" PRId64 "\n", sum);

    if (user->rounds++ > 0) {
        fl_node_stop(node, 0);
        return;
    }
    int code = fl_call(self, counter, COUNTER_ADD, "?", 1, NULL, 0, NULL, fl_s(1));
    printf("a wrong call: %s\n", fl_code_name(code));
}

static void user_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    char text[80];
    printf("the counter ended: %s\n", fl_reason_show(reason, text, sizeof text));
    fl_timer_start(self, fl_ms(10), USER_TRY);
}

static const struct fl_server user_server = {
    .name = "user",
    .state_bytes = sizeof(struct user),
    .on_init = user_on_init,
    .on_timer = user_on_timer,
    .on_down = user_on_down,
};

/* ---- the tree ---- */

static void sleeper_on_event(void *cx, const struct fl_os_event *event)
{
    if (event->kind == FL_OS_EXITED) printf("sleep ended: signal %d\n", event->signal);
}

static int start(struct fl_node *node, bool simulated)
{
    static char *const argv[] = {"sleep", "1000", NULL};
    static const struct fl_os_opts sleeper = {.argv = argv, .on_event = sleeper_on_event};
    const struct fl_child children[] = {
        {.id = "counter", .server = &counter_server, .name = "counter", .shutdown_ns = fl_s(1)},
        {.id = "sleeper", .server = &fl_os_server, .args = &sleeper, .shutdown_ns = fl_s(5)},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 3, /* more of them within 5 s end the supervisor */
        .within_ns = fl_s(5),
        .children = children,
        .children_count = simulated ? 1 : 2, /* OS processes live in real time only */
        .name = "counter_sup",
    };
    struct fl_pid pid;
    int code = fl_sup_start(node, NULL, &sup, &pid);
    if (code != 0) return code;
    return fl_node_spawn(node, &user_server, &(struct fl_spawn_opts){.shard = -1}, &pid);
}

int main(int argc, char **argv)
{
    bool simulated = argc > 1 && strcmp(argv[1], "--sim") == 0;
    struct fl_node_opts opts = {.name = "example", .simulated = simulated, .seed = 7};
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    int code = fl_node_new(&node, &opts, &err);
    if (code == 0) code = start(node, simulated);
    if (code == 0 && simulated) fl_sim_run(node, fl_s(1)); /* a second that takes no time */
    if (code == 0 && !simulated) code = fl_node_run(node);
    if (code != 0) fprintf(stderr, "counter: %s\n", fl_code_name(code));
    fl_node_free(node);
    return code == 0 ? 0 : 1;
}
