/* first.c: two processes, a message there and one back. */
#include "runtime/node.h"

enum { SAY = 1, SAID };

static void echo(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_msg msg;
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0)
        fl_send(self, msg.from, SAID, msg.data, msg.len);
}

static void first(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_pid pid;
    struct fl_msg msg;
    fl_spawn_run_link(self, echo, NULL, 0, NULL, &pid);
    fl_send(self, pid, SAY, "hello", sizeof "hello");
    if (fl_receive(self, NULL, NULL, fl_s(1), &msg) == 0)
        printf("%s came back\n", (const char *)msg.data);
    if (fl_receive(self, NULL, NULL, fl_ms(10), &msg) == FL_ETIMEOUT) printf("and nothing more\n");
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    struct fl_node_opts opts = {.name = "first",
                                .simulated = argc > 1 && strcmp(argv[1], "--sim") == 0};
    struct fl_node *node = NULL;
    int code = fl_node_new(&node, &opts, NULL);
    if (code == 0) code = fl_node_spawn_run(node, first, NULL, 0, NULL, NULL);
    if (code == 0 && opts.simulated) fl_sim_run(node, fl_s(1)); /* a second that takes no time */
    if (code == 0 && !opts.simulated) code = fl_node_run(node);
    fl_node_free(node);
    return code == 0 ? 0 : 1;
}
