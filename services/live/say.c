/* say.c: what the page is told after a callback.
 *
 * An event's answer carries what it changed. What other messages change is told when the mailbox
 * is empty, so that a burst of them is one render, and no more often than a screen shows it; a
 * stream's items may point into the message that brought them, so those are told at once. */
#include "runtime/base/json.h"
#include "services/live/inside.h"

static void say_member(struct fl_buf *out, const char *name)
{
    if (out->len > 0 && out->at[out->len - 1] != '{') fl_buf_putc(out, ',');
    fl_buf_printf(out, "\"%s\":", name);
}

void live_put_said(struct fl_live *live, struct fl_buf *out)
{
    if (live->is_title_new) {
        say_member(out, "t");
        fl_json_put_str(out, (struct fl_str){live->title.at, live->title.len});
    }
    if (live->events.len > 0) {
        say_member(out, "e");
        fl_buf_putc(out, '[');
        fl_buf_add(out, live->events.at, live->events.len);
        fl_buf_putc(out, ']');
    }
    if (live->has_reply) {
        say_member(out, "r");
        fl_buf_add(out, live->reply.at, live->reply.len);
    }
    live->is_title_new = live->has_reply = false;
    if (live->events.cap > 4096) fl_buf_fini(&live->events);
    live->events.len = 0;
}

void live_put_go(const struct fl_live *live, struct fl_buf *out)
{
    fl_buf_putc(out, '{');
    if (live->go != LIVE_REDIRECT)
        fl_buf_printf(out, "\"kind\":\"%s\",", live->go_replace ? "replace" : "push");
    fl_buf_puts(out, "\"to\":");
    fl_json_put_str(out, (struct fl_str){live->go_to.at, live->go_to.len});
    fl_buf_putc(out, '}');
}

static void say_push(struct fl_live *live, const char *event, const struct fl_buf *payload)
{
    fl_channel_push(live->ch, event, (struct fl_str){payload->at, payload->len});
}

/* Another view of this site shares the socket; any other address is loaded. */
static void say_decide(struct fl_live *live, struct live_url *url)
{
    int rc = live_url_open(url, live->site, (struct fl_str){live->go_to.at, live->go_to.len});
    if (rc != 0)
        live->go = LIVE_REDIRECT;
    else if (live->go == LIVE_PATCH && url->page->view != live->view)
        live->go = LIVE_NAVIGATE;
}

void live_follow(struct fl_live *live, bool is_told)
{
    for (int i = 0; live->go == LIVE_PATCH || live->go == LIVE_NAVIGATE; i++) {
        struct live_url url = {0}; /* nothing blocks before it is kept or freed */
        say_decide(live, &url);
        if (live->go != LIVE_PATCH) {
            live_url_fini(&url);
            return;
        }
        if (i == LIVE_PATHS_MAX) {
            live_url_fini(&url);
            fl_self_exit(live->self, fl_reason_with(FL_EXIT_ERROR, FL_EFULL,
                                                    "%s: patches without end", live->view->name));
            return;
        }
        live_url_fini(&live->url);
        live->url = url;
        if (is_told) {
            live->out.len = 0;
            live_put_go(live, &live->out);
            say_push(live, "live_patch", &live->out);
        }
        live->go = LIVE_STAY;
        live_params(live);
        if (live_is_failing(live)) return;
    }
}

/* The page goes elsewhere; this view only waits to be left. */
static void say_leave(struct fl_live *live, struct fl_str ref)
{
    const char *event = live->go == LIVE_REDIRECT ? "redirect" : "live_redirect";
    struct fl_buf *out = &live->out;
    out->len = 0;
    live->is_leaving = true;
    if (ref.at == NULL) {
        live_put_go(live, out);
        say_push(live, event, out);
        return;
    }
    fl_buf_printf(out, "{\"%s\":", event);
    live_put_go(live, out);
    fl_buf_putc(out, '}');
    fl_channel_reply(live->ch, ref, "ok", (struct fl_str){out->at, out->len});
}

void live_flush(struct fl_live *live, struct fl_str ref)
{
    struct fl_buf *out = &live->out;
    out->len = 0;
    fl_buf_puts(out, ref.at != NULL ? "{\"diff\":{" : "{");
    size_t empty = out->len;
    live->waiting = 0;
    if (live->is_stale && !live_render(live, false, out)) return;
    live_put_said(live, out);
    bool is_empty = out->len == empty;
    fl_buf_puts(out, ref.at != NULL ? "}}" : "}");
    struct fl_str text = {out->at, out->len};
    if (ref.at != NULL)
        fl_channel_reply(live->ch, ref, "ok", is_empty ? FL_STR("{}") : text);
    else if (!is_empty)
        fl_channel_push(live->ch, "diff", text);
    if (ref.at == NULL && !is_empty) live->pushed_ns = fl_self_now(live->self);
    if (out->cap > 65536) fl_buf_fini(out);
}

/* Follows where the view wants to be; false: there is no more to say. */
static bool say_go(struct fl_live *live, struct fl_str ref)
{
    live->is_stale = true;
    live_follow(live, true);
    if (live_is_failing(live)) return false;
    if (live->go != LIVE_STAY) say_leave(live, ref);
    return live->go == LIVE_STAY;
}

/* How long a push has to wait for its turn. */
static fl_ns say_wait(const struct fl_live *live)
{
    return fl_ns_max(0, live->pushed_ns + LIVE_PUSH_EVERY_NS - fl_self_now(live->self));
}

void live_rest(struct fl_live *live)
{
    if (!live->is_stale && !live->is_title_new && live->events.len == 0) return;
    fl_ns wait = say_wait(live);
    if (live_streams_wait(live) || (wait == 0 && live->waiting >= LIVE_WAITING_MAX))
        live_flush(live, (struct fl_str){0});
    else
        fl_self_timeout(live->self, wait); /* and when nothing is queued any more */
}

void live_settle(struct fl_live *live, struct fl_str ref)
{
    if (live_is_failing(live)) return;
    if (!live->is_unchanged) live->is_stale = true;
    live->waiting++;
    if (live->go == LIVE_STAY || say_go(live, ref)) {
        if (ref.at != NULL)
            live_flush(live, ref);
        else
            live_rest(live);
    }
    live_memory_drop(&live->scratch); /* streams may have shown what is in it */
}
