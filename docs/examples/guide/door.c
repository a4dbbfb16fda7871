/* door.c: a state machine, an agent, and timers. */
#include "guide.h"
#include "runtime/agent.h"
#include "runtime/statem.h"

/* ---- a door with a code ---- */

enum { DOOR_CODE = 1, DOOR_LEAVE };
enum { LOCKED, OPEN };

struct door {
    int wrong_codes; /* starts zeroed, and it starts in the first state */
};

static void locked_on_event(struct fl_self *self, void *data, const struct fl_statem_event *event)
{
    struct door *door = data;
    if (event->kind != FL_STATEM_CALL) return;
    if (event->tag == DOOR_LEAVE) {
        fl_statem_postpone(self); /* comes again when it is open */
    } else if (event->len == 5 && memcmp(event->data, "1234", 5) == 0) {
        fl_statem_next(self, OPEN);
        fl_self_reply(self, event->from, event->ref, NULL, 0);
    } else {
        door->wrong_codes++;
        fl_self_reply_error(self, event->from, event->ref, FL_EREFUSED);
    }
}

static void open_on_event(struct fl_self *self, void *data, const struct fl_statem_event *event)
{
    if (event->kind == FL_STATEM_ENTER) fl_statem_state_timeout(self, fl_s(5), 0);
    if (event->kind == FL_STATEM_STATE_TIMEOUT) fl_statem_next(self, LOCKED);
    if (event->kind == FL_STATEM_CALL) fl_self_reply(self, event->from, event->ref, NULL, 0);
}

static const struct fl_statem_state door_states[] = {
    [LOCKED] = {"locked", locked_on_event},
    [OPEN] = {"open", open_on_event},
};
static const struct fl_statem door = {
    .server = FL_STATEM_SERVER("door", struct door),
    .states = door_states,
    .states_count = FL_COUNT(door_states),
    .has_enter = true, /* each state is told when it is entered */
};

static void doors(struct fl_self *self)
{
    struct fl_spawn_opts opts = {.name = "door"};
    struct fl_pid pid;
    fl_spawn(self, &door.server, &opts, &pid);
    uint64_t leaving = fl_call_async(self, pid, DOOR_LEAVE, NULL, 0, fl_s(9));
    int code = fl_call(self, pid, DOOR_CODE, "0000", 5, NULL, 0, NULL, fl_s(1));
    printf("0000: %s\n", fl_code_name(code));
    code = fl_call(self, pid, DOOR_CODE, "1234", 5, NULL, 0, NULL, fl_s(1));
    printf("1234: %s\n", fl_code_name(code));
    struct fl_msg msg;
    fl_receive(self, NULL, NULL, fl_s(1), &msg); /* the answer to the one that was postponed */
    printf("left: %s\n", msg.ref == leaving && msg.code == 0 ? "yes" : "no");
}

/* ---- shared state without a server of one's own ---- */

static void tally_add(struct fl_self *self, void *state, const void *args, size_t len,
                      struct fl_buf *reply)
{
    int *tally = state, add;
    memcpy(&add, args, sizeof add);
    *tally += add;
    fl_buf_add(reply, tally, sizeof *tally);
}

static void agents(struct fl_self *self)
{
    struct fl_agent_opts opts = {.state_bytes = sizeof(int)};
    struct fl_pid agent;
    int add = 5, now = 0;
    fl_agent_start(self, &opts, "tally", &agent);
    for (int i = 0; i < 3; i++)
        fl_agent_get_and_update(self, agent, tally_add, &add, sizeof add, &now, sizeof now, NULL,
                                fl_s(1));
    printf("the tally is %d\n", now);
}

/* ---- timers ---- */

static void timers(struct fl_self *self)
{
    struct fl_msg msg;
    fl_timer_start(self, fl_ms(20), 2);
    fl_timer_start(self, fl_ms(10), 1);
    uint64_t third = fl_timer_start(self, fl_s(3600), 3);
    for (int i = 0; i < 2; i++) {
        fl_receive(self, NULL, NULL, FL_NEVER, &msg); /* FL_MSG_TIMER; a server has on_timer */
        printf("timer %u\n", msg.tag);
    }
    printf("the third one had most of its hour left: %s\n",
           fl_timer_cancel(self, third) > fl_s(3500) ? "yes" : "no");
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    doors(self);
    agents(self);
    timers(self);
    fl_node_stop(fl_self_node(self), 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "door"}, story);
}
