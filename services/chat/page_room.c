#include "runtime/base/json.h"
#include "services/chat/page.h"
#include "services/chat/room.live.h"
#include "services/wire/jscan.h"

#define ROOM_WAITING_MAX 64
#define ROOM_ANSWER_WITHIN fl_s(15)
#define ROOM_PEOPLE_NS fl_ms(200) /* the list of people is shown anew at most so often */

static bool room_name_ok(struct fl_str name)
{
    return name.len > 0 && name.len <= FL_ROOM_NAME_MAX &&
           memchr(name.at, '\0', name.len) == NULL && fl_utf8_ok(name.at, name.len);
}

static int room_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct room_page *page = state;
    struct fl_self *self = fl_live_self(live);
    struct fl_str name = fl_live_param(req, "room");
    char topic[FL_ROOM_TOPIC_MAX];
    page->chat = (struct fl_chat *)(uintptr_t)fl_live_args(live);
    if (!room_name_ok(name)) return FL_ENOTFOUND;
    if (fl_str_is(name, "forbidden")) return FL_EREFUSED;
    memcpy(page->room, name.at, name.len);
    fl_live_title(live, page->room);
    fl_live_stream_init(live, &page->messages, sizeof(struct page_message), 0);
    if (fl_live_is_connected(live)) {
        fl_outbox_init(self, &page->outbox, FL_CHAT_ASK, ROOM_WAITING_MAX, ROOM_ANSWER_WITHIN);
        fl_pubsub_subscribe(self, page->chat->pubsub, fl_chat_topic(page->room, topic));
        fl_pubsub_subscribe(self, page->chat->pubsub, fl_chat_changes(page->room, topic));
        fl_page_seek_room(live, page);
    }
    int rc = fl_page_show_newest(live, page);
    fl_page_read_people(page);
    return rc;
}

/* A name that the browser knows, or that somebody gives. */
static void room_hello(struct fl_live *live, struct room_page *page,
                       const struct fl_live_event *event)
{
    struct fl_str device = fl_live_value(event, "device");
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    if (device.len > 0 && device.len < sizeof page->device && fl_utf8_ok(device.at, device.len))
        snprintf(page->device, sizeof page->device, "%.*s", FL_ARG(device));
    page->problem = fl_page_take_name(live, page, fl_live_value(event, "name"));
    if (page->problem != NULL) return;
    fl_page_read_people(page);
    fl_buf_puts(&out, "{\"name\":");
    fl_json_put_str(&out, fl_str_of(page->me));
    fl_buf_putc(&out, '}');
    fl_live_push_event(live, "named", (struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

static void room_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct room_page *page = state;
    fl_page_forget_texts(live, page);
    if (fl_page_talk(live, page, event)) return;
    if (fl_str_is(event->name, "hello")) {
        room_hello(live, page, event);
    } else if (fl_str_is(event->name, "rename")) {
        fl_presence_untrack_all(fl_live_self(live), page->chat->presence);
        page->me[0] = '\0';
        fl_page_read_people(page);
        fl_live_push_event(live, "renaming", FL_STR("{}"));
    } else if (fl_str_is(event->name, "older") && page->has_older) {
        if (fl_page_show_older(live, page) != 0) fl_self_fail(fl_live_self(live), FL_ETIMEOUT);
    }
}

static void room_note_typing(struct fl_live *live, struct room_page *page, struct fl_str payload)
{
    struct fl_self *self = fl_live_self(live);
    struct fl_buf name = {0}; /* nothing waits before it is freed */
    struct fl_str user = fl_jscan_get_text(payload, "user", &name);
    bool stops = fl_str_is(fl_jscan_get(payload, "for_ms"), "0");
    bool was_quiet = page->typing_count == 0;
    fl_page_note_typing(page, user, stops ? 0 : 5000, fl_self_now(self));
    if (was_quiet && page->typing_count > 0) fl_timer_start(self, fl_s(1), PAGE_TYPING);
    fl_buf_fini(&name);
}

static void room_on_broadcast(struct fl_live *live, struct room_page *page, struct fl_str event,
                              struct fl_str payload)
{
    if (fl_str_is(event, "typing")) {
        room_note_typing(live, page, payload);
        return;
    }
    fl_live_unchanged(live);
    if (fl_str_is(event, "presence_diff") && page->people_timer == 0)
        page->people_timer = fl_timer_start(fl_live_self(live), ROOM_PEOPLE_NS, PAGE_PEOPLE);
}

static void room_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct room_page *page = state;
    struct fl_str event, payload;
    fl_page_forget_texts(live, page);
    if (fl_web_broadcast_read(msg, &event, &payload))
        room_on_broadcast(live, page, event, payload);
    else
        fl_page_show_change(live, page, msg);
}

static void room_on_reply(struct fl_live *live, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    fl_page_answered(live, state, ref, code, (struct fl_str){data, len});
}

static void room_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    struct room_page *page = state;
    struct fl_self *self = fl_live_self(live);
    if (tag == PAGE_SEEK) fl_page_seek_room(live, page);
    if (tag == PAGE_PEOPLE) {
        page->people_timer = 0;
        fl_page_read_people(page);
    }
    if (tag == PAGE_TYPING && fl_page_forget_typing(page, fl_self_now(self)) != 0)
        fl_timer_start(self, fl_s(1), PAGE_TYPING);
}

const struct fl_live_view fl_room_page = {
    .name = "chat.room",
    .state_bytes = sizeof(struct room_page),
    .view = &fl_template_room,
    .title = "Room",
    .on_mount = room_on_mount,
    .on_event = room_on_event,
    .on_message = room_on_message,
    .on_reply = room_on_reply,
    .on_timer = room_on_timer,
};
