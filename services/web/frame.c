/* frame.c: WebSocket frames of channels, made once for one client or for all. */
#include "services/web/inside.h"
#include "services/wire/ws_deflate.h"

#define FRAME_DEFLATE_FROM 128 /* shorter is not worth the time */

void web_frame_begin(struct fl_buf *out, size_t content_len)
{
    static const char room[FL_WS_HEADER_MAX];
    out->len = 0;
    fl_buf_reserve(out, sizeof room + content_len);
    fl_buf_add(out, room, sizeof room);
}

static bool frame_deflate(struct fl_buf *out)
{
    struct fl_str content = {out->at + FL_WS_HEADER_MAX, out->len - FL_WS_HEADER_MAX};
    struct fl_buf shorter = {0}; /* nothing waits before it is freed */
    bool done = content.len >= FRAME_DEFLATE_FROM && fl_ws_deflate(content, &shorter);
    if (done) {
        out->len = FL_WS_HEADER_MAX;
        fl_buf_add(out, shorter.at, shorter.len);
    }
    fl_buf_fini(&shorter);
    return done;
}

struct fl_str web_frame_end(struct fl_buf *out, enum fl_ws_opcode opcode, bool deflates)
{
    uint8_t head[FL_WS_HEADER_MAX];
    bool is_deflated = deflates && frame_deflate(out);
    size_t head_len = fl_ws_header(head, opcode, out->len - FL_WS_HEADER_MAX, NULL);
    if (is_deflated) head[0] |= FL_WS_DEFLATED;
    char *from = out->at + FL_WS_HEADER_MAX - head_len;
    memcpy(from, head, head_len);
    return (struct fl_str){from, out->len - FL_WS_HEADER_MAX + head_len};
}

static struct fl_str frame_put(struct fl_buf *out, struct fl_str topic, const char *event,
                               struct fl_str payload)
{
    if (payload.len == 0) payload = FL_STR("{}");
    web_frame_begin(out, topic.len + payload.len + 64);
    fl_channel_put(out, (struct fl_str){0}, (struct fl_str){0}, topic, event, payload);
    return web_frame_end(out, FL_WS_TEXT, false);
}

struct fl_shared *fl_web_frame(struct fl_str topic, const char *event, struct fl_str payload)
{
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    struct fl_str frame = frame_put(&out, topic, event, payload);
    struct fl_shared *shared = fl_shared_new(frame.at, frame.len);
    fl_buf_fini(&out);
    return shared;
}

/* ---- broadcasts: what goes through a pubsub is the event's name and the whole frame */

struct frame_cast {
    uint32_t event_len, payload_len;
};

struct cast {
    struct fl_str event, payload, frame;
};

static bool cast_read(const void *data, size_t len, struct cast *out)
{
    struct frame_cast head;
    if (len < sizeof head) return false;
    memcpy(&head, data, sizeof head);
    const char *event = (const char *)data + sizeof head;
    size_t frame_len = len - sizeof head - head.event_len;
    out->event = (struct fl_str){event, head.event_len};
    out->frame = (struct fl_str){event + head.event_len, frame_len};
    out->payload = (struct fl_str){event + head.event_len + frame_len - 1 - head.payload_len,
                                   head.payload_len};
    return true;
}

static bool frame_encode(void *cx, const struct fl_broadcast *what, struct fl_buf *frame)
{
    struct cast cast;
    if (what->tag != FL_WEB_BROADCAST || !cast_read(what->data, what->len, &cast)) return false;
    fl_buf_add(frame, cast.frame.at, cast.frame.len);
    return true;
}

/* For clients that inflate: once for all of them. */
static bool frame_encode_deflated(void *cx, const struct fl_broadcast *what, struct fl_buf *frame)
{
    struct cast cast;
    if (what->tag != FL_WEB_BROADCAST || !cast_read(what->data, what->len, &cast)) return false;
    size_t head_len = fl_ws_header_len(cast.frame.at);
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    web_frame_begin(&out, cast.frame.len);
    fl_buf_add(&out, cast.frame.at + head_len, cast.frame.len - head_len);
    struct fl_str whole = web_frame_end(&out, FL_WS_TEXT, true);
    fl_buf_add(frame, whole.at, whole.len);
    fl_buf_fini(&out);
    return true;
}

void web_frame_subscribe(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                         struct fl_pid conn, bool deflates)
{
    const struct fl_fastlane lane = {
        .to = conn,
        .tag = WEB_FRAME,
        .encode = deflates ? frame_encode_deflated : frame_encode,
    };
    const struct fl_subscribe_opts opts = {.fastlane = &lane};
    fl_pubsub_subscribe_with(self, pubsub, topic, &opts);
}

static void frame_free(void *ptr)
{
    free(ptr);
}

static void frame_broadcast(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                            const char *event, struct fl_str payload, bool to_me)
{
    if (payload.len == 0) payload = FL_STR("{}");
    struct fl_buf frame = {0}, data = {0};
    struct fl_str whole = frame_put(&frame, fl_str_of(topic), event, payload);
    struct frame_cast head = {
        .event_len = (uint32_t)strlen(event),
        .payload_len = (uint32_t)payload.len,
    };
    fl_buf_add(&data, &head, sizeof head);
    fl_buf_add(&data, event, head.event_len);
    fl_buf_add(&data, whole.at, whole.len);
    fl_buf_fini(&frame);
    size_t len = data.len;
    char *bytes = fl_buf_take(&data);
    fl_self_own(self, bytes, frame_free); /* the broadcast may wait */
    if (to_me)
        fl_pubsub_broadcast(self, pubsub, topic, FL_WEB_BROADCAST, bytes, len);
    else
        fl_pubsub_broadcast_from(self, pubsub, topic, FL_WEB_BROADCAST, bytes, len);
    fl_self_disown(self, bytes);
    free(bytes);
}

void fl_web_broadcast(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                      const char *event, struct fl_str payload)
{
    frame_broadcast(self, pubsub, topic, event, payload, true);
}

void fl_web_broadcast_from(struct fl_self *self, struct fl_pubsub *pubsub, const char *topic,
                           const char *event, struct fl_str payload)
{
    frame_broadcast(self, pubsub, topic, event, payload, false);
}

bool fl_web_broadcast_read(const struct fl_msg *msg, struct fl_str *event, struct fl_str *payload)
{
    struct cast cast;
    if (msg->tag != FL_WEB_BROADCAST || !cast_read(msg->data, msg->len, &cast)) return false;
    *event = cast.event;
    *payload = cast.payload;
    return true;
}
