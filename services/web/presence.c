#include "services/web/presence.h"

#include "runtime/base/json.h"
#include "services/wire/jscan.h"

/* ---- texts */

/* `{"phx_ref":"…",…}`: the app's fields come behind ours. */
static void presence_put_meta(const struct fl_presence_entry *entry, struct fl_buf *out)
{
    char text[FL_PRESENCE_REF_TEXT];
    fl_buf_puts(out, "{\"phx_ref\":\"");
    fl_buf_puts(out, fl_presence_ref_show(entry->ref, text));
    fl_buf_putc(out, '"');
    if (entry->prev.clock != 0) {
        fl_buf_puts(out, ",\"phx_ref_prev\":\"");
        fl_buf_puts(out, fl_presence_ref_show(entry->prev, text));
        fl_buf_putc(out, '"');
    }
    struct fl_str rest = fl_str_trim(entry->meta);
    if (!fl_jscan_punct(&rest, '{') || fl_str_is(rest, "}")) {
        fl_buf_putc(out, '}');
        return;
    }
    fl_buf_putc(out, ',');
    fl_buf_add(out, rest.at, rest.len);
}

/* `{"key":{"metas":[…]},…}` of those who came or are there, or of those who left. */
static void presence_put_half(struct fl_presence_view view, bool left, struct fl_buf *out)
{
    struct fl_presence_entry entry;
    struct fl_str key = {0};
    bool is_open = false;
    fl_buf_putc(out, '{');
    while (fl_presence_next(&view, &entry)) {
        if (entry.left != left) continue;
        if (is_open && fl_str_eq(key, entry.key)) {
            fl_buf_putc(out, ',');
        } else {
            if (is_open) fl_buf_puts(out, "]},");
            fl_json_put_str(out, entry.key);
            fl_buf_puts(out, ":{\"metas\":[");
        }
        presence_put_meta(&entry, out);
        key = entry.key;
        is_open = true;
    }
    fl_buf_puts(out, is_open ? "]}}" : "}");
}

void fl_web_presence_put_state(struct fl_presence_view state, struct fl_buf *out)
{
    presence_put_half(state, false, out);
}

void fl_web_presence_put_diff(struct fl_presence_view diff, struct fl_buf *out)
{
    fl_buf_puts(out, "{\"joins\":");
    presence_put_half(diff, false, out);
    fl_buf_puts(out, ",\"leaves\":");
    presence_put_half(diff, true, out);
    fl_buf_putc(out, '}');
}

/* ---- in the tracker */

static void presence_free(void *ptr)
{
    free(ptr);
}

static void presence_on_diff(struct fl_self *self, void *cx, const struct fl_presence_view *diff)
{
    struct fl_buf out = {0}; /* nothing waits before it is freed */
    fl_web_presence_put_diff(*diff, &out);
    size_t len = out.len;
    char *text = fl_buf_take(&out);
    fl_self_own(self, text, presence_free); /* the broadcast may wait */
    fl_web_broadcast(self, cx, diff->topic, "presence_diff", (struct fl_str){text, len});
    fl_self_disown(self, text);
    free(text);
}

static void presence_put_state(void *cx, const struct fl_presence_view *state, struct fl_buf *out)
{
    fl_web_presence_put_state(*state, out);
}

struct fl_presence_opts fl_web_presence_opts(struct fl_pubsub *pubsub)
{
    return (struct fl_presence_opts){
        .pubsub = pubsub,
        .on_diff = presence_on_diff,
        .put_state = presence_put_state,
        .cx = pubsub,
    };
}

/* ---- in a channel */

static bool presence_is_object(struct fl_str meta)
{
    return fl_jscan_ok(meta) && fl_jscan_is_object(meta);
}

int fl_web_presence_track(struct fl_channel *ch, struct fl_presence *presence, struct fl_str key,
                          struct fl_str meta)
{
    struct fl_self *self = fl_channel_self(ch);
    if (!presence_is_object(meta)) return FL_EBADMSG;
    int rc = fl_presence_track(self, presence, fl_channel_topic(ch).at, key, meta);
    if (rc == 0) fl_presence_ask(self, presence, fl_channel_topic(ch).at);
    return rc;
}

int fl_web_presence_update(struct fl_channel *ch, struct fl_presence *presence, struct fl_str key,
                           struct fl_str meta)
{
    if (!presence_is_object(meta)) return FL_EBADMSG;
    return fl_presence_update(fl_channel_self(ch), presence, fl_channel_topic(ch).at, key, meta);
}

bool fl_web_presence_push(struct fl_channel *ch, const struct fl_msg *msg)
{
    if (msg->tag == FL_PRESENCE_STATE) {
        fl_channel_push(ch, "presence_state", (struct fl_str){msg->data, msg->len});
        return true;
    }
    struct fl_str event, payload;
    if (!fl_web_broadcast_read(msg, &event, &payload) || !fl_str_is(event, "presence_diff"))
        return false;
    fl_channel_push(ch, "presence_diff", payload);
    return true;
}
