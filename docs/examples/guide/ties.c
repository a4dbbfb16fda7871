/* ties.c: who hears of whose end: monitors, links, exit signals; and a message that is waited for
 * while others wait. */
#include "guide.h"

static void breaks(struct fl_self *self, const void *args, size_t args_len)
{
    fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "disk %s is gone", "sda"));
}

static void waits(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
}

static void show(const char *what, const struct fl_msg *msg)
{
    char text[80];
    printf("%s: %s\n", what, fl_reason_show(msg->reason, text, sizeof text));
}

static bool is_exit(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_EXIT;
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_pid pid;
    struct fl_msg msg;
    uint64_t ref;

    fl_spawn_run_monitor(self, breaks, NULL, 0, NULL, &pid, &ref);
    fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* FL_MSG_DOWN, and msg.ref is ref */
    show("down", &msg);

    fl_monitor(self, pid); /* it is gone already */
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    show("down", &msg);

    fl_self_trap_exits(self, true); /* without, the next line would be the end of this process */
    fl_spawn_run_link(self, breaks, NULL, 0, NULL, &pid);
    fl_send(self, fl_self_pid(self), 1, NULL, 0); /* stays in the mailbox */
    fl_receive(self, is_exit, NULL, FL_NEVER, &msg);
    show("exit", &msg);
    fl_receive(self, NULL, NULL, 0, &msg);
    printf("then: cast %u\n", msg.tag);

    fl_spawn_run_monitor(self, waits, NULL, 0, NULL, &pid, &ref);
    fl_exit(self, pid, fl_reason_of(FL_EXIT_KILL));
    fl_receive(self, NULL, NULL, FL_NEVER, &msg);
    show("down", &msg);

    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "ties"}, story);
}
