#include "services/wire/channel.h"

#include "runtime/base/json.h"
#include "services/wire/jscan.h"

/* As it stands, or decoded into scratch, which was given room for all of it beforehand and so does
 * not move. */
static int channel_text(struct fl_str raw, struct fl_buf *scratch, struct fl_str *out)
{
    size_t from = scratch->len;
    if (raw.len < 2 || raw.at[0] != '"') return FL_EBADMSG;
    if (scratch->cap == 0) { /* nothing in this message is escaped */
        *out = (struct fl_str){raw.at + 1, raw.len - 2};
        return 0;
    }
    if (fl_jscan_text(raw, scratch) != 0) return FL_EBADMSG;
    *out = (struct fl_str){scratch->at + from, scratch->len - from};
    return 0;
}

static int channel_ref(struct fl_str raw, struct fl_buf *scratch, struct fl_str *out)
{
    *out = (struct fl_str){0};
    return fl_str_is(raw, "null") ? 0 : channel_text(raw, scratch, out);
}

int fl_channel_parse(struct fl_str frame, struct fl_buf *scratch, struct fl_channel_msg *out)
{
    struct fl_str part[5];
    struct fl_str rest = frame;
    if (!fl_jscan_punct(&rest, '[')) return FL_EBADMSG;
    for (size_t i = 0; i < FL_COUNT(part); i++) {
        if (i > 0 && !fl_jscan_punct(&rest, ',')) return FL_EBADMSG;
        if (fl_jscan_take(&rest, &part[i]) != 0) return FL_EBADMSG;
    }
    struct fl_str more;
    while (fl_jscan_punct(&rest, ',')) /* a later version may say more */
        if (fl_jscan_take(&rest, &more) != 0) return FL_EBADMSG;
    if (!fl_jscan_punct(&rest, ']') || rest.len != 0) return FL_EBADMSG;
    if (!fl_jscan_is_object(part[4])) return FL_EBADMSG;

    /* \u0001 decodes to one byte, \ud83d\ude00 to four: text is never longer than its source */
    size_t most = part[0].len + part[1].len + part[2].len + part[3].len + 1;
    bool is_escaped = false;
    for (size_t i = 0; i + 1 < FL_COUNT(part); i++)
        is_escaped |= memchr(part[i].at, '\\', part[i].len) != NULL;
    if (is_escaped || scratch->cap > 0) fl_buf_reserve(scratch, most);
    struct fl_channel_msg msg = {.payload = part[4]};
    if (channel_ref(part[0], scratch, &msg.join_ref) != 0) return FL_EBADMSG;
    if (channel_ref(part[1], scratch, &msg.ref) != 0) return FL_EBADMSG;
    if (channel_text(part[2], scratch, &msg.topic) != 0) return FL_EBADMSG;
    if (channel_text(part[3], scratch, &msg.event) != 0) return FL_EBADMSG;
    *out = msg;
    return 0;
}

int fl_channel_parse_binary(struct fl_str frame, struct fl_channel_msg *out)
{
    enum { HEAD = 5 };
    const unsigned char *head = (const unsigned char *)frame.at;
    if (frame.len < HEAD || head[0] != 0) return FL_EBADMSG;
    struct fl_str parts[4];
    size_t at = HEAD;
    for (size_t i = 0; i < FL_COUNT(parts); i++) {
        size_t len = head[1 + i];
        if (len > frame.len - at) return FL_EBADMSG;
        parts[i] = (struct fl_str){frame.at + at, len};
        if (!fl_utf8_ok(parts[i].at, len)) return FL_EBADMSG;
        at += len;
    }
    struct fl_channel_msg msg = {
        .topic = parts[2],
        .event = parts[3],
        .payload = {frame.at + at, frame.len - at},
        .binary = true,
    };
    if (parts[0].len > 0) msg.join_ref = parts[0];
    if (parts[1].len > 0) msg.ref = parts[1];
    *out = msg;
    return 0;
}

static void channel_put_text(struct fl_buf *buf, struct fl_str text)
{
    if (text.at == NULL)
        fl_buf_puts(buf, "null");
    else
        fl_json_put_str(buf, text);
}

static void channel_put_head(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                             struct fl_str topic, const char *event)
{
    fl_buf_putc(buf, '[');
    channel_put_text(buf, join_ref);
    fl_buf_putc(buf, ',');
    channel_put_text(buf, ref);
    fl_buf_putc(buf, ',');
    channel_put_text(buf, topic);
    fl_buf_putc(buf, ',');
    channel_put_text(buf, fl_str_of(event));
    fl_buf_putc(buf, ',');
}

void fl_channel_put(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                    struct fl_str topic, const char *event, struct fl_str payload)
{
    channel_put_head(buf, join_ref, ref, topic, event);
    fl_buf_add(buf, payload.at, payload.len);
    fl_buf_putc(buf, ']');
}

void fl_channel_put_reply(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                          struct fl_str topic, const char *status, struct fl_str response)
{
    channel_put_head(buf, join_ref, ref, topic, "phx_reply");
    fl_buf_puts(buf, "{\"status\":");
    fl_json_put_str(buf, fl_str_of(status));
    fl_buf_puts(buf, ",\"response\":");
    fl_buf_add(buf, response.at, response.len);
    fl_buf_puts(buf, "}]");
}

static int channel_put_binary(struct fl_buf *buf, char kind, const struct fl_str *parts,
                              size_t count, struct fl_str bytes)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > 255) return FL_ERANGE;
    fl_buf_putc(buf, kind);
    for (size_t i = 0; i < count; i++)
        fl_buf_putc(buf, (char)(unsigned char)parts[i].len);
    for (size_t i = 0; i < count; i++)
        fl_buf_add(buf, parts[i].at, parts[i].len);
    fl_buf_add(buf, bytes.at, bytes.len);
    return 0;
}

int fl_channel_put_binary_reply(struct fl_buf *buf, struct fl_str join_ref, struct fl_str ref,
                                struct fl_str topic, const char *status, struct fl_str bytes)
{
    const struct fl_str parts[] = {join_ref, ref, topic, fl_str_of(status)};
    return channel_put_binary(buf, 1, parts, FL_COUNT(parts), bytes);
}

int fl_channel_put_binary_push(struct fl_buf *buf, struct fl_str join_ref, struct fl_str topic,
                               const char *event, struct fl_str bytes)
{
    const struct fl_str parts[] = {join_ref, topic, fl_str_of(event)};
    return channel_put_binary(buf, 0, parts, FL_COUNT(parts), bytes);
}
