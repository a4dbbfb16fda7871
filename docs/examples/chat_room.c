/* chat_room.c: a room is a server, a person is a function that receives. People join by call, speak
 * by sending, and leave by ending, however they end. `chat_room` runs it on the real clock,
 * `chat_room --sim` in virtual time. */
#include "runtime/node.h"
#include "runtime/server.h"

enum { ROOM_JOIN = 1, ROOM_SAY, ROOM_HEARD };

/* ---- the room ---- */

struct member {
    struct fl_pid pid;
    uint64_t monitor;
    char name[16];
};

struct room {
    struct member members[8];
    size_t count;
};

static size_t member_find(const struct room *room, struct fl_pid pid)
{
    size_t i = 0;
    while (i < room->count && !fl_pid_eq(room->members[i].pid, pid))
        i++;
    return i;
}

/* One block for all: it is written once, and freed when the last of them has read it. */
static void tell_all_but(struct fl_self *self, const struct room *room, struct fl_pid but,
                         const char *text)
{
    struct fl_shared *block = fl_shared_new(text, strlen(text) + 1);
    for (size_t i = 0; i < room->count; i++)
        if (!fl_pid_eq(room->members[i].pid, but))
            fl_send_shared(self, room->members[i].pid, ROOM_HEARD, fl_shared_retain(block));
    fl_shared_release(block);
}

static void room_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct room *room = state;
    struct member *member = &room->members[room->count];
    char text[64];
    if (msg->tag != ROOM_JOIN || msg->len == 0 || msg->len > sizeof member->name) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
        return;
    }
    if (room->count == FL_COUNT(room->members)) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
        return;
    }
    *member = (struct member){.pid = msg->from, .monitor = fl_monitor(self, msg->from)};
    memcpy(member->name, msg->data, msg->len - 1);
    room->count++;
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    snprintf(text, sizeof text, "%s is here", member->name);
    tell_all_but(self, room, member->pid, text);
}

static void room_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct room *room = state;
    char text[128];
    size_t speaker = member_find(room, msg->from);
    if (speaker == room->count) return; /* the room does not hear those outside */
    snprintf(text, sizeof text, "%s: %.*s", room->members[speaker].name, (int)msg->len,
             (const char *)msg->data);
    tell_all_but(self, room, msg->from, text);
}

/* Nobody has to say goodbye: the room sees the end of each, and why. */
static void room_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                         const struct fl_reason *reason)
{
    struct room *room = state;
    struct member *member = &room->members[member_find(room, who)];
    char why[64], text[128];
    snprintf(text, sizeof text, "%s has left: %s", member->name,
             fl_reason_show(reason, why, sizeof why));
    *member = room->members[--room->count];
    tell_all_but(self, room, who, text);
    if (room->count > 0) return;
    printf("the room is empty\n");
    fl_node_stop(fl_self_node(self), 0);
}

static const struct fl_server room_server = {
    .name = "room",
    .state_bytes = sizeof(struct room), /* starts zeroed, and zero is an empty room */
    .on_call = room_on_call,
    .on_cast = room_on_cast,
    .on_down = room_on_down,
};

/* ---- the people ---- */

static const char *const names[] = {"ana", "bob", "cem"};

/* Who says what on hearing what; NULL: the connection breaks. */
static const struct line {
    const char *who, *hears, *says;
} script[] = {
    {"ana", "cem is here", "hello, all"},
    {"bob", "ana: hello, all", "hello, ana"},
    {"cem", "bob: hello, ana", NULL},
    {"ana", "cem has left: error: connection lost", "where is cem?"},
    {"bob", "ana: where is cem?", "in a tunnel"},
    {"ana", "bob: in a tunnel", NULL},
    {"bob", "ana has left: error: connection lost", NULL},
};

static const struct line *line_find(const char *who, const char *hears)
{
    for (size_t i = 0; i < FL_COUNT(script); i++)
        if (strcmp(script[i].who, who) == 0 && strcmp(script[i].hears, hears) == 0)
            return &script[i];
    return NULL;
}

static void person(struct fl_self *self, const void *args, size_t args_len)
{
    size_t number = *(const size_t *)args, next = number + 1;
    const char *name = names[number];
    int code = fl_call_name(self, "room", ROOM_JOIN, name, strlen(name) + 1, NULL, 0, NULL,
                            fl_s(1));
    if (code != 0) {
        fl_self_fail(self, code);
        return;
    }
    if (next < FL_COUNT(names)) /* holds the door for the next one */
        fl_spawn_run(self, person, &next, sizeof next, NULL, NULL);

    struct fl_msg heard;
    while (fl_receive(self, NULL, NULL, FL_NEVER, &heard) == 0) {
        const char *text = heard.data;
        printf("%s hears %s\n", name, text);
        const struct line *line = line_find(name, text);
        if (line == NULL) continue;
        if (line->says == NULL) {
            fl_self_exit(self, fl_reason_with(FL_EXIT_ERROR, FL_EIO, "connection lost"));
            return;
        }
        fl_send_name(self, "room", ROOM_SAY, line->says, strlen(line->says));
    }
}

int main(int argc, char **argv)
{
    bool simulated = argc > 1 && strcmp(argv[1], "--sim") == 0;
    struct fl_node_opts opts = {.name = "chat", .simulated = simulated, .seed = 7};
    struct fl_spawn_opts room = {.name = "room"};
    struct fl_node *node = NULL;
    size_t first = 0;
    int code = fl_node_new(&node, &opts, NULL);
    if (code == 0) code = fl_node_spawn(node, &room_server, &room, NULL);
    if (code == 0) code = fl_node_spawn_run(node, person, &first, sizeof first, NULL, NULL);
    if (code == 0 && simulated) fl_sim_run(node, fl_s(1));
    if (code == 0 && !simulated) code = fl_node_run(node);
    if (code != 0) fprintf(stderr, "chat_room: %s\n", fl_code_name(code));
    fl_node_free(node);
    return code == 0 ? 0 : 1;
}
