/* door.c: the one process that opens and closes rooms, so that two people who come at once find one
 * room, and nobody opens too many. */
#include "runtime/sup.h"
#include "services/chat/room.h"

#define DOOR_ROOMS_MAX 10000
#define DOOR_WITHIN_NS fl_s(5)

struct door {
    struct fl_chat *chat;
    size_t rooms;
};

static int door_on_init(struct fl_self *self, void *state, const void *args)
{
    struct door *door = state;
    door->chat = (struct fl_chat *)(uintptr_t)args;
    FL_ASSERT(door->chat != NULL);
    return 0;
}

static bool door_name_ok(const struct fl_msg *msg)
{
    const char *name = msg->data;
    return msg->len >= 2 && msg->len <= FL_ROOM_NAME_MAX + 1 && name[msg->len - 1] == '\0' &&
           strlen(name) == msg->len - 1;
}

/* Asking the supervisor also waits for a restart that it is about to do. */
static int door_open(struct fl_self *self, struct door *door, const char *name, struct fl_pid *out)
{
    char registered[FL_ROOM_NAME_MAX + 8];
    struct fl_room_args args = {.chat = door->chat};
    snprintf(registered, sizeof registered, "room/%s", name);
    snprintf(args.name, sizeof args.name, "%s", name);
    struct fl_child child = {
        .id = name,
        .server = &fl_room_server,
        .args = &args,
        .args_bytes = sizeof args,
        .name = registered,
        .restart = FL_PERMANENT,
        .shutdown_ns = fl_s(1),
    };
    struct fl_pid rooms = fl_whereis(fl_self_node(self), FL_ROOMS_NAME);
    *out = fl_whereis(fl_self_node(self), registered);
    if (out->bits != 0) return 0;
    if (door->rooms >= DOOR_ROOMS_MAX) return FL_EFULL;
    int rc = fl_sup_start_child(self, rooms, &child, out);
    if (rc == 0) door->rooms++;
    if (rc != FL_ETAKEN) return rc;
    *out = fl_whereis(fl_self_node(self), registered);
    return out->bits != 0 ? 0 : FL_ESTATE;
}

static void door_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct door *door = state;
    struct fl_pid room = FL_NO_PID;
    int rc = FL_EBADMSG;
    if (msg->tag == FL_DOOR_OPEN && door_name_ok(msg)) rc = door_open(self, door, msg->data, &room);
    if (rc == 0)
        fl_self_reply(self, msg->from, msg->ref, &room, sizeof room);
    else
        fl_self_reply_error(self, msg->from, msg->ref, rc);
}

static void door_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct door *door = state;
    if (msg->tag != FL_DOOR_EMPTY || !door_name_ok(msg)) return;
    struct fl_pid rooms = fl_whereis(fl_self_node(self), FL_ROOMS_NAME);
    if (fl_sup_stop_child(self, rooms, msg->data) == 0 && door->rooms > 0) door->rooms--;
}

const struct fl_server fl_door_server = {
    .name = "door",
    .state_bytes = sizeof(struct door),
    .on_init = door_on_init,
    .on_call = door_on_call,
    .on_cast = door_on_cast,
};

int fl_chat_find_room(struct fl_self *self, const char *name, struct fl_pid *out)
{
    char registered[FL_ROOM_NAME_MAX + 8];
    snprintf(registered, sizeof registered, "room/%s", name);
    *out = fl_whereis(fl_self_node(self), registered);
    if (out->bits != 0) return 0;
    struct fl_pid door = fl_whereis(fl_self_node(self), FL_DOOR_NAME);
    if (door.bits == 0) return FL_ENOPROC;
    return fl_call(self, door, FL_DOOR_OPEN, name, strlen(name) + 1, out, sizeof *out, NULL,
                   DOOR_WITHIN_NS);
}
