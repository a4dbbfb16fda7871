/* limits.c: what happens to a message that finds the mailbox full, by the answer that its owner
 * chose. */
#include "guide.h"

static void sleeper(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_msg msg;
    fl_pause(self, fl_ms(200)); /* messages queue meanwhile */
    while (fl_receive(self, NULL, NULL, fl_ms(200), &msg) == 0)
        printf("  it got %u\n", msg.tag);
}

static void try_it(struct fl_self *self, const char *word, enum fl_full full)
{
    struct fl_spawn_opts opts = {.mailbox_max = 2, .full = full};
    struct fl_pid pid;
    struct fl_msg down;
    char text[80];
    uint64_t ref;
    printf("%s\n", word);
    fl_spawn_run_monitor(self, sleeper, NULL, 0, &opts, &pid, &ref);
    for (uint32_t tag = 1; tag <= 3; tag++) {
        int code = fl_send(self, pid, tag, NULL, 0);
        if (code != 0) printf("  sending %u: %s\n", tag, fl_code_name(code));
    }
    fl_receive(self, NULL, NULL, FL_NEVER, &down);
    printf("  it ended: %s\n", fl_reason_show(down.reason, text, sizeof text));
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    try_it(self, "refuse", FL_FULL_REFUSE);
    try_it(self, "drop the oldest", FL_FULL_DROP_OLDEST);
    try_it(self, "block the sender", FL_FULL_BLOCK);
    try_it(self, "end the owner", FL_FULL_EXIT);
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "limits"}, story);
}
