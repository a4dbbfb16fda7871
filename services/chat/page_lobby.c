#include "services/chat/lobby.live.h"
#include "services/chat/page.h"

#define LOBBY_AGAIN_NS fl_s(2)
#define LOBBY_WITHIN fl_s(5)

void fl_page_path(struct fl_str room, char *out, size_t out_len)
{
    size_t at = (size_t)snprintf(out, out_len, "/rooms/");
    for (size_t i = 0; i < room.len && at + 4 < out_len; i++) {
        unsigned char c = (unsigned char)room.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        at += (size_t)snprintf(out + at, out_len - at, is_plain ? "%c" : "%%%02X", c);
    }
}

/* A lobby that is not there now keeps the list as it was. */
static void lobby_read(struct fl_live *live, struct lobby_page *page)
{
    struct fl_self *self = fl_live_self(live);
    size_t bytes = FL_LOBBY_ROOMS_MAX * sizeof(struct fl_lobby_room), len = 0;
    struct fl_lobby_room *rooms = fl_self_alloc(self, bytes);
    int rc = fl_call_name(self, FL_LOBBY_NAME, FL_LOBBY_ROOMS, NULL, 0, rooms, bytes, &len,
                          LOBBY_WITHIN);
    if (rc == 0) page->count = len / sizeof *rooms;
    for (size_t i = 0; rc == 0 && i < page->count; i++) {
        page->items[i].room = rooms[i];
        fl_page_path(fl_str_of(rooms[i].name), page->items[i].path, sizeof page->items[i].path);
    }
    fl_self_free(self, rooms);
}

static int lobby_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    lobby_read(live, state);
    if (fl_live_is_connected(live)) fl_timer_start(fl_live_self(live), LOBBY_AGAIN_NS, 0);
    return 0;
}

static void lobby_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    lobby_read(live, state);
    fl_timer_start(fl_live_self(live), LOBBY_AGAIN_NS, 0);
}

static void lobby_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct lobby_page *page = state;
    if (!fl_str_is(event->name, "open")) return;
    struct fl_str name = fl_str_trim(fl_live_value(event, "room"));
    char path[3 * FL_ROOM_NAME_MAX + 16];
    bool is_good = name.len > 0 && name.len <= FL_ROOM_NAME_MAX &&
                   memchr(name.at, '\0', name.len) == NULL;
    page->problem = is_good ? NULL : "A room’s name has 1 to 64 characters.";
    if (!is_good) return;
    fl_page_path(name, path, sizeof path);
    fl_live_navigate(live, path);
}

const struct fl_live_view fl_lobby_page = {
    .name = "chat.lobby",
    .state_bytes = sizeof(struct lobby_page),
    .view = &fl_template_lobby,
    .title = "Rooms",
    .on_mount = lobby_on_mount,
    .on_event = lobby_on_event,
    .on_timer = lobby_on_timer,
};
