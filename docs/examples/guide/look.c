/* look.c: a node from the inside: what its processes do, and why one ended. */
#include "guide.h"
#include "runtime/crash.h"
#include "runtime/inspect.h"
#include "runtime/server.h"
#include "runtime/sys.h"
#include "runtime/trace.h"

struct till {
    int coins;
};

static void till_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct till *till = state;
    if (msg->tag == 13) fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "jammed"));
    till->coins++;
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
}

/* The state in words: for fl_sys_get_state, observers and crash reports. */
static void till_on_format(const void *state, struct fl_buf *out)
{
    const struct till *till = state;
    fl_buf_printf(out, "%d coins", till->coins);
}

static const struct fl_server till_server = {
    .name = "till",
    .state_bytes = sizeof(struct till),
    .on_call = till_on_call,
    .on_format = till_on_format,
};

/* ---- what the node tells ---- */

static void look_on_note(void *cx, const struct fl_note *note)
{
    char text[1024];
    if (note->kind != FL_NOTE_CRASH) return;
    printf("%s\n", fl_crash_show(note->crash, text, sizeof text));
}

static void look_on_event(void *cx, const struct fl_trace_event *event)
{
    char text[120];
    printf("trace: %s\n", fl_trace_show(event, text, sizeof text));
}

static void look_on_end(void *cx, int code)
{
    printf("trace: over\n");
}

/* ---- who asks ---- */

static void ask(struct fl_self *self, struct fl_pid till)
{
    struct fl_inspect seen;
    char state[80];
    fl_call(self, till, 1, NULL, 0, NULL, 0, NULL, fl_s(1));
    fl_sys_get_state(self, till, state, sizeof state, fl_s(1));
    printf("state: %s\n", state);

    struct fl_inspect_opts opts = {.order = FL_BY_HANDLED, .glob = "till"};
    if (fl_inspect(fl_self_node(self), &opts, &seen) != 0) return;
    for (size_t i = 0; i < seen.procs_count; i++)
        printf("%s is %s, %u wait\n", seen.procs[i].server, fl_proc_state_word(seen.procs[i].state),
               seen.procs[i].mailbox_len);
    fl_inspect_fini(&seen);
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_trace_opts trace = {.on_event = look_on_event, .on_end = look_on_end};
    struct fl_spawn_opts opts = {.name = "till"};
    struct fl_pid till;
    fl_spawn(self, &till_server, &opts, &till);
    ask(self, till);
    fl_trace_start(fl_self_node(self), till, &trace);
    int code = fl_call(self, till, 13, "coin", 4, NULL, 0, NULL, fl_s(1));
    printf("the call: %s\n", fl_code_name(code));
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "look", .on_note = look_on_note},
                      story);
}
