#include "services/chat/lobby.h"

#include "runtime/server.h"
#include "services/chat/writer.h"

#define LOBBY_FRESH_NS fl_s(1)
#define LOBBY_WITHIN_NS fl_s(5)
#define LOBBY_WAITING_MAX 10000

struct lobby_asker {
    struct fl_pid from;
    uint64_t ref;
};
struct lobby {
    struct fl_chat *chat;
    struct fl_lobby_room rooms[FL_LOBBY_ROOMS_MAX];
    size_t count;
    fl_ns looked_ns; /* 0: never */
    uint64_t asks;   /* the writer is being asked; 0: it is not */
    struct lobby_asker *waiting;
    size_t waiting_count;
};

static int lobby_on_init(struct fl_self *self, void *state, const void *args)
{
    struct lobby *lobby = state;
    lobby->chat = (struct fl_chat *)(uintptr_t)args;
    lobby->waiting = fl_self_alloc(self, LOBBY_WAITING_MAX * sizeof *lobby->waiting);
    return 0;
}

static void lobby_ask(struct fl_self *self, struct lobby *lobby)
{
    const struct fl_archive_op op = {.kind = FL_ARCHIVE_ROOMS, .limit = FL_LOBBY_ROOMS_MAX};
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    fl_chat_ask_put(&op, &out);
    struct fl_pid writer = fl_whereis(fl_self_node(self), FL_WRITER_NAME);
    lobby->asks = fl_call_async(self, writer, FL_CHAT_ASK, out.at, out.len, LOBBY_WITHIN_NS);
    fl_buf_fini(&out);
}

static void lobby_answer(struct fl_self *self, const struct lobby *lobby,
                         const struct lobby_asker *asker)
{
    fl_self_reply(self, asker->from, asker->ref, lobby->rooms, lobby->count * sizeof *lobby->rooms);
}

static void lobby_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct lobby *lobby = state;
    const struct lobby_asker asker = {msg->from, msg->ref};
    bool is_fresh = lobby->looked_ns != 0 && fl_self_now(self) - lobby->looked_ns < LOBBY_FRESH_NS;
    if (msg->tag != FL_LOBBY_ROOMS) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
    } else if (is_fresh) {
        lobby_answer(self, lobby, &asker);
    } else if (lobby->waiting_count == LOBBY_WAITING_MAX) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
    } else {
        lobby->waiting[lobby->waiting_count++] = asker;
        if (lobby->asks == 0) lobby_ask(self, lobby);
    }
}

static void lobby_take(struct lobby *lobby, struct fl_str rows)
{
    struct fl_archive_row row;
    struct fl_str name;
    char topic[FL_ROOM_TOPIC_MAX];
    lobby->count = 0;
    while (lobby->count < FL_LOBBY_ROOMS_MAX && fl_chat_row_next(&rows, &row, &name)) {
        struct fl_lobby_room *room = &lobby->rooms[lobby->count++];
        size_t people;
        *room = (struct fl_lobby_room){.messages = row.seq, .at_ms = row.number};
        snprintf(room->name, sizeof room->name, "%.*s", FL_ARG(name));
        fl_chat_topic(room->name, topic);
        room->devices = (uint32_t)fl_presence_count(lobby->chat->presence, topic, &people);
        room->people = (uint32_t)people;
    }
}

/* Without a writer the list is as it was: it will be back. */
static void lobby_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                           const void *data, size_t len)
{
    struct lobby *lobby = state;
    struct fl_chat_answer answer;
    struct fl_str rows;
    if (ref != lobby->asks) return;
    lobby->asks = 0;
    if (code == 0 && fl_chat_answer_read(data, len, &answer, &rows) && answer.code == 0) {
        lobby_take(lobby, rows);
        lobby->looked_ns = fl_ns_max(1, fl_self_now(self));
    }
    for (size_t i = 0; i < lobby->waiting_count; i++)
        lobby_answer(self, lobby, &lobby->waiting[i]);
    lobby->waiting_count = 0;
}

const struct fl_server fl_lobby_server = {
    .name = "lobby",
    .state_bytes = sizeof(struct lobby),
    .on_init = lobby_on_init,
    .on_call = lobby_on_call,
    .on_reply = lobby_on_reply,
};
