/* ask.c: what a callback asks for besides its state: a title, events, another place. It is told to
 * the page when the callback has returned (say.c). */
#include "runtime/base/json.h"
#include "services/live/inside.h"
#include "services/wire/jscan.h"

enum { ASK_EVENTS_MAX = 1048576 }; /* bytes that wait */

void fl_live_title(struct fl_live *live, const char *title)
{
    if (title == NULL) title = "";
    if (live->title.at != NULL && strcmp(live->title.at, title) == 0) return;
    live->title.len = 0;
    fl_buf_puts(&live->title, title);
    live->is_title_new = true;
}

/* What is no JSON object would break the page; whoever made it is told by the end of the view. */
static bool ask_is_object(struct fl_live *live, struct fl_str payload)
{
    if (fl_jscan_ok(payload) && fl_jscan_is_object(fl_str_trim(payload)) &&
        fl_utf8_ok(payload.at, payload.len))
        return true;
    fl_self_exit(live->self,
                 fl_reason_with(FL_EXIT_ERROR, FL_EBADMSG,
                                "%s: a payload is no JSON object in UTF-8", live->view->name));
    return false;
}

void fl_live_push_event(struct fl_live *live, const char *name, struct fl_str payload)
{
    if (payload.len == 0) payload = FL_STR("{}");
    if (live->ch == NULL || !ask_is_object(live, payload)) return;
    if (live->events.len + payload.len > ASK_EVENTS_MAX) {
        fl_self_exit(live->self, fl_reason_with(FL_EXIT_ERROR, FL_EFULL, "%s: too many events",
                                                live->view->name));
        return;
    }
    if (live->events.len > 0) fl_buf_putc(&live->events, ',');
    fl_buf_putc(&live->events, '[');
    fl_json_put_str(&live->events, fl_str_of(name));
    fl_buf_putc(&live->events, ',');
    fl_buf_add(&live->events, payload.at, payload.len);
    fl_buf_putc(&live->events, ']');
}

void fl_live_reply(struct fl_live *live, struct fl_str payload)
{
    if (payload.len == 0) payload = FL_STR("{}");
    if (!ask_is_object(live, payload)) return;
    live->reply.len = 0;
    fl_buf_add(&live->reply, payload.at, payload.len);
    live->has_reply = true;
}

/* The last wish counts. */
static void ask_go(struct fl_live *live, enum live_go go, const char *to, bool replace)
{
    live->go = go;
    live->go_replace = replace;
    live->go_to.len = 0;
    fl_buf_puts(&live->go_to, to);
}

void fl_live_patch(struct fl_live *live, const char *path, bool replace)
{
    ask_go(live, LIVE_PATCH, path, replace);
}

void fl_live_navigate(struct fl_live *live, const char *path)
{
    ask_go(live, LIVE_NAVIGATE, path, false);
}

void fl_live_redirect(struct fl_live *live, const char *url)
{
    ask_go(live, LIVE_REDIRECT, url, false);
}

void fl_live_unchanged(struct fl_live *live)
{
    live->is_unchanged = true;
}
