/* channel.c: a live view as a channel: its socket joins, and what comes after. */
#include "services/live/event.h"
#include "services/live/inside.h"
#include "services/wire/jscan.h"

static struct fl_live *channel_live(void *state)
{
    return *(struct fl_live **)state;
}

/* A page that cannot be shown here is loaded from the server, which says why; at once, unless that
 * is what the browser has just done: then the client waits some seconds before it tries again. */
static int channel_refuse(struct fl_live *live, struct fl_str ref, int rc, bool is_loop)
{
    char reason[96] = "{\"reason\":\"unauthorized\"}";
    bool is_page = rc == FL_ENOTFOUND || rc == FL_EREFUSED;
    if (!is_page || is_loop)
        snprintf(reason, sizeof reason, "{\"reason\":\"%s\"}",
                 rc == FL_EFULL ? "overloaded" : fl_code_name(rc));
    fl_channel_reply(live->ch, ref, "error", fl_str_of(reason));
    return rc;
}

/* on_mount or on_params sends the page elsewhere. */
static int channel_send_away(struct fl_live *live, struct fl_str ref)
{
    struct fl_buf *out = &live->out;
    out->len = 0;
    fl_buf_printf(out, "{\"%s\":", live->go == LIVE_REDIRECT ? "redirect" : "live_redirect");
    live_put_go(live, out);
    fl_buf_putc(out, '}');
    fl_channel_reply(live->ch, ref, "error", (struct fl_str){out->at, out->len});
    live_end(live);
    return FL_EREFUSED;
}

static void channel_say_joined(struct fl_live *live, struct fl_str ref, bool is_patched)
{
    struct fl_buf *out = &live->out;
    out->len = 0;
    fl_buf_puts(out, "{\"rendered\":{");
    if (!live_render(live, true, out)) return;
    live->is_title_new = true;
    live_put_said(live, out);
    fl_buf_puts(out, "},\"liveview_version\":\"" LIVE_CLIENT_VERSION "\"");
    if (is_patched) {
        live->go_to.len = 0;
        fl_buf_add(&live->go_to, live->url.path.at, live->url.path.len);
        if (live->url.query.len > 0) {
            fl_buf_putc(&live->go_to, '?');
            fl_buf_add(&live->go_to, live->url.query.at, live->url.query.len);
        }
        fl_buf_puts(out, ",\"live_patch\":");
        live_put_go(live, out);
    }
    fl_buf_putc(out, '}');
    fl_channel_reply(live->ch, ref, "ok", (struct fl_str){out->at, out->len});
    if (out->cap > 65536) fl_buf_fini(out);
}

static int channel_mount(struct fl_live *live, struct fl_str ref, bool is_loop)
{
    int rc = live_mount(live);
    if (live_is_failing(live)) return 0; /* it crashes, and the connection says so */
    if (rc != 0) return channel_refuse(live, ref, rc, is_loop);
    bool is_patched = live->go == LIVE_PATCH;
    if (live->go != LIVE_STAY) live_follow(live, false);
    if (live_is_failing(live)) return 0;
    if (live->go != LIVE_STAY) return channel_send_away(live, ref);
    channel_say_joined(live, ref, is_patched);
    return 0;
}

/* Where the page is: `redirect` when it came by live navigation, whose session is still that of the
 * first page, else `url`. */
static int channel_find(struct fl_live *live, struct fl_str payload)
{
    struct fl_buf text = {0}; /* nothing blocks before it is freed */
    struct fl_str url = fl_jscan_get_text(payload, "redirect", &text);
    if (url.at == NULL) url = fl_jscan_get_text(payload, "url", &text);
    int rc = live_url_open(&live->url, live->site, url);
    fl_buf_fini(&text);
    return rc;
}

static enum live_trust channel_trust(struct fl_live *live, struct fl_str id, struct fl_str payload)
{
    struct fl_buf text = {0}; /* nothing blocks before it is freed */
    struct fl_str token = fl_jscan_get_text(payload, "session", &text);
    enum live_trust trust = live_session_check(fl_channel_secret(live->ch), id, token,
                                               &live->session);
    fl_buf_fini(&text);
    return trust;
}

int fl_live_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    const struct fl_live_site *site = fl_channel_cx(ch);
    struct fl_live *live = live_open(fl_channel_self(ch), site, fl_channel_args(ch), ch);
    memcpy(state, &live, sizeof live);
    struct fl_str topic = fl_channel_topic(ch);
    struct fl_str id = {topic.at + 3, topic.len - 3}; /* after "lv:" */
    bool is_again = live_session_is_again(id);

    enum live_trust trust = channel_trust(live, id, join->payload);
    if (trust < LIVE_KNOWN) {
        /* a reload gives it a token of ours; if it is just that which failed, then not at once */
        fl_channel_reply(ch, join->ref, "error",
                         is_again && trust == LIVE_FORGED ? FL_STR("{\"reason\":\"session\"}")
                                                          : FL_STR("{\"reason\":\"stale\"}"));
        return FL_EREFUSED;
    }
    bool is_loop = is_again && trust == LIVE_FRESH;
    int rc = channel_find(live, join->payload);
    if (rc != 0) return channel_refuse(live, join->ref, rc, is_loop);
    return channel_mount(live, join->ref, is_loop);
}

void fl_live_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    live_on_event(channel_live(state), event);
}

/* Is there a callback to run? If not, what waits to be told still has to be. */
static bool channel_begin(struct fl_live *live, bool has_callback)
{
    live->is_unchanged = false;
    if (live->is_leaving) return false;
    if (!has_callback) live_rest(live);
    return has_callback;
}

void fl_live_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    struct fl_live *live = channel_live(state);
    if (!channel_begin(live, live->view->on_message != NULL)) return;
    live->view->on_message(live, live->state, msg);
    live_settle(live, (struct fl_str){0});
}

void fl_live_on_reply(struct fl_channel *ch, void *state, uint64_t ref, int code, const void *data,
                      size_t len)
{
    struct fl_live *live = channel_live(state);
    if (!channel_begin(live, live->view->on_reply != NULL)) return;
    live->view->on_reply(live, live->state, ref, code, data, len);
    live_settle(live, (struct fl_str){0});
}

void fl_live_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason)
{
    struct fl_live *live = channel_live(state);
    if (!channel_begin(live, live->view->on_down != NULL)) return;
    live->view->on_down(live, live->state, ref, who, reason);
    live_settle(live, (struct fl_str){0});
}

void fl_live_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag)
{
    struct fl_live *live = channel_live(state);
    if (!channel_begin(live, live->view->on_timer != NULL)) return;
    live->view->on_timer(live, live->state, ref, tag);
    live_settle(live, (struct fl_str){0});
}

void fl_live_on_timeout(struct fl_channel *ch, void *state)
{
    struct fl_live *live = channel_live(state);
    if (!live->is_leaving) live_flush(live, (struct fl_str){0}); /* its turn has come */
}

void fl_live_on_leave(struct fl_channel *ch, void *state)
{
    live_end(channel_live(state));
}

void fl_live_on_format(const void *state, struct fl_buf *out)
{
    const struct fl_live *live = *(struct fl_live *const *)state;
    if (live == NULL || live->view == NULL) {
        fl_buf_puts(out, "a view that is not mounted");
        return;
    }
    fl_buf_printf(out, "%s at %.*s", live->view->name, FL_ARG(live->url.path));
}
