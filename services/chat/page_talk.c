/* page_talk.c: what somebody on a page of a room does, once they have a name. */
#include "runtime/base/json.h"
#include "services/chat/page.h"
#include "services/web/presence.h"

#define TALK_AGAIN_NS fl_ms(50)
#define TALK_TYPING_NS fl_s(1)
#define TALK_ID_MAX 64

void fl_page_seek_room(struct fl_live *live, struct room_page *page)
{
    struct fl_pid room = FL_NO_PID;
    page->is_seeking = fl_chat_find_room(fl_live_self(live), page->room, &room) != 0;
    if (page->is_seeking)
        fl_timer_start(fl_live_self(live), TALK_AGAIN_NS, PAGE_SEEK);
    else
        fl_outbox_to(fl_live_self(live), &page->outbox, room);
}

/* Tells the page how a request of its went: it keeps what it asked until then. */
static void talk_tell(struct fl_live *live, struct fl_str id, const char *problem)
{
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    fl_buf_puts(&out, "{\"id\":");
    fl_json_put_str(&out, id);
    if (problem != NULL) {
        fl_buf_puts(&out, ",\"problem\":");
        fl_json_put_str(&out, fl_str_of(problem));
    }
    fl_buf_putc(&out, '}');
    fl_live_push_event(live, "done", (struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

static const char *talk_words(int code)
{
    return code == FL_EFULL       ? "too much is being said at the moment"
           : code == FL_ERANGE    ? "this is too long"
           : code == FL_EREFUSED  ? "this message is somebody else's"
           : code == FL_ENOTFOUND ? "this message is not there any more"
                                  : "the room does not answer";
}

void fl_page_answered(struct fl_live *live, struct room_page *page, uint64_t ref, int code,
                      struct fl_str data)
{
    struct fl_chat_answer answer;
    struct fl_str rows;
    struct fl_outbox_item *item = fl_outbox_answer(fl_live_self(live), &page->outbox, ref, code);
    if (item == NULL) {
        if (page->outbox.to.bits == 0 && !page->is_seeking) fl_page_seek_room(live, page);
        return;
    }
    if (code == 0 && !fl_chat_answer_read(data.at, data.len, &answer, &rows)) code = FL_EBADMSG;
    if (code == 0) code = answer.code;
    talk_tell(live, (struct fl_str){item->cookie, item->cookie_len},
              code != 0 ? talk_words(code) : NULL);
    fl_outbox_item_free(item);
}

/* Asks the room; how it went comes later, under the id that the page gave it. */
static void talk_ask(struct fl_live *live, struct room_page *page,
                     const struct fl_live_event *event, enum fl_archive_kind kind)
{
    struct fl_self *self = fl_live_self(live);
    struct fl_str id = fl_live_value(event, "id"), text = fl_live_value(event, "text");
    struct fl_buf body = {0}, name = {0}, out = {0}; /* nothing waits before they are freed */
    if (id.len == 0 || id.len > TALK_ID_MAX) return;
    fl_json_put_str(&body, text);
    fl_json_put_str(&name, id);
    const struct fl_archive_op op = {
        .kind = kind,
        .room = fl_str_of(page->room),
        .user = fl_str_of(page->me),
        .id = {name.at, name.len},
        .body = {body.at, body.len},
        .seq = fl_live_value_int(event, "seq", 1, INT64_MAX, 0),
    };
    const char *problem = NULL;
    if (kind != FL_ARCHIVE_ERASE && fl_str_trim(text).len == 0)
        problem = "there is nothing in it";
    else if (body.len > FL_ARCHIVE_BODY_MAX)
        problem = talk_words(FL_ERANGE);
    else if (!fl_pace_take(&page->pace, fl_self_now(self)))
        problem = "you are too fast";
    if (problem == NULL) {
        fl_chat_ask_put(&op, &out);
        int rc = fl_outbox_add(self, &page->outbox, (struct fl_str){out.at, out.len}, id);
        if (rc != 0) problem = talk_words(rc);
    }
    if (problem != NULL) talk_tell(live, id, problem);
    fl_buf_fini(&body);
    fl_buf_fini(&name);
    fl_buf_fini(&out);
}

static void talk_say(struct fl_live *live, struct room_page *page,
                     const struct fl_live_event *event)
{
    talk_ask(live, page, event, FL_ARCHIVE_SAY);
}
static void talk_edit(struct fl_live *live, struct room_page *page,
                      const struct fl_live_event *event)
{
    talk_ask(live, page, event, FL_ARCHIVE_EDIT);
}
static void talk_delete(struct fl_live *live, struct room_page *page,
                        const struct fl_live_event *event)
{
    talk_ask(live, page, event, FL_ARCHIVE_ERASE);
}

static void talk_typing(struct fl_live *live, struct room_page *page,
                        const struct fl_live_event *event)
{
    struct fl_self *self = fl_live_self(live);
    char topic[FL_ROOM_TOPIC_MAX], payload[6 * PAGE_NAME_MAX + 64];
    bool stops = fl_str_is(fl_live_value(event, "on"), "false");
    fl_ns now_ns = fl_self_now(self);
    fl_live_unchanged(live);
    if ((now_ns < page->typed_ns && !stops) || (stops && page->typed_ns == 0)) return;
    page->typed_ns = stops ? 0 : now_ns + TALK_TYPING_NS;
    struct fl_buf name = {0}; /* freed before anything waits */
    fl_json_put_str(&name, fl_str_of(page->me));
    int len = snprintf(payload, sizeof payload, "{\"user\":%s,\"for_ms\":%d}", name.at,
                       stops ? 0 : 5000);
    fl_buf_fini(&name);
    if (len > 0 && len < (int)sizeof payload)
        fl_web_broadcast_from(self, page->chat->pubsub, fl_chat_topic(page->room, topic), "typing",
                              (struct fl_str){payload, (size_t)len});
}

/* `{"status":"online","device":"laptop"}` */
static void talk_put_meta(const struct room_page *page, struct fl_buf *out)
{
    fl_buf_puts(out, "{\"status\":");
    fl_json_put_str(out, fl_str_of(page->status));
    if (page->device[0] != '\0') {
        fl_buf_puts(out, ",\"device\":");
        fl_json_put_str(out, fl_str_of(page->device));
    }
    fl_buf_putc(out, '}');
}

static void talk_status(struct fl_live *live, struct room_page *page,
                        const struct fl_live_event *event)
{
    bool is_away = fl_str_is(fl_live_value(event, "status"), "away");
    char topic[FL_ROOM_TOPIC_MAX];
    struct fl_buf meta = {0}; /* nothing waits before it is freed */
    fl_live_unchanged(live);
    if (!fl_pace_take(&page->pace, fl_self_now(fl_live_self(live)))) return;
    snprintf(page->status, sizeof page->status, "%s", is_away ? "away" : "online");
    talk_put_meta(page, &meta);
    fl_presence_update(fl_live_self(live), page->chat->presence, fl_chat_topic(page->room, topic),
                       fl_str_of(page->me), (struct fl_str){meta.at, meta.len});
    fl_buf_fini(&meta);
}

static const struct {
    const char *name;
    void (*handle)(struct fl_live *live, struct room_page *page, const struct fl_live_event *event);
} talk_events[] = {
    {"say", talk_say},       {"edit", talk_edit},     {"delete", talk_delete},
    {"typing", talk_typing}, {"status", talk_status},
};

bool fl_page_talk(struct fl_live *live, struct room_page *page, const struct fl_live_event *event)
{
    for (size_t i = 0; i < FL_COUNT(talk_events); i++) {
        if (!fl_str_is(event->name, talk_events[i].name)) continue;
        if (page->me[0] != '\0') talk_events[i].handle(live, page, event);
        return true;
    }
    return false;
}

/* ---- names */

static bool talk_name_ok(struct fl_str name)
{
    if (name.len == 0 || name.len > PAGE_NAME_MAX || !fl_utf8_ok(name.at, name.len)) return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] < ' ' || name.at[i] == 127) return false;
    return true;
}

const char *fl_page_take_name(struct fl_live *live, struct room_page *page, struct fl_str name)
{
    struct fl_self *self = fl_live_self(live);
    char topic[FL_ROOM_TOPIC_MAX];
    struct fl_buf meta = {0}; /* nothing waits before it is freed */
    name = fl_str_trim(name);
    if (!talk_name_ok(name)) return "A name has 1 to 32 characters.";
    if (fl_str_is(name, page->me)) return NULL;
    fl_presence_untrack_all(self, page->chat->presence);
    snprintf(page->me, sizeof page->me, "%.*s", FL_ARG(name));
    snprintf(page->status, sizeof page->status, "online");
    talk_put_meta(page, &meta);
    int rc = fl_presence_track(self, page->chat->presence, fl_chat_topic(page->room, topic), name,
                               (struct fl_str){meta.at, meta.len});
    fl_buf_fini(&meta);
    if (rc == 0) return NULL;
    page->me[0] = '\0';
    return "There are too many people here.";
}
