/* live.h: live views: pages that a process on the server keeps up to date (Elixir:
 * Phoenix.LiveView, spoken to by its unmodified npm client).
 *
 * A view is a state, a template over it, and callbacks. After every callback the template is
 * rendered again and what has changed goes to the browser. The first answer to a browser is plain
 * HTML (the dead render, made by a process that ends with it); then its socket joins, and the view
 * runs as a channel process of its own, mounted anew: a crash of it is told to the page, which
 * joins again, and touches nothing else. docs/live.md is the guide, and says how templates are
 * written. Thread: callbacks run on the shard of their process, one at a time; they may block in
 * fl_call(). */
#ifndef FL_LIVE_LIVE_H
#define FL_LIVE_LIVE_H

#include "services/web/web.h"

struct fl_live;          /* a view, seen from its callbacks */
struct fl_live_template; /* what the template compiler made of an .html file */

/** What the page asked for. Views are valid until the callback returns. */
struct fl_live_request {
    struct fl_str path;    /* as the browser shows it, without the query */
    const void *internals; /* fl_live_param, fl_live_query */
};

/** What the browser sent. Views are valid until the callback returns. */
struct fl_live_event {
    struct fl_str name;    /* of phx-click="name", or of a hook's pushEvent */
    struct fl_str type;    /* "click", "form", "hook", "keydown", … */
    struct fl_str payload; /* raw JSON; of a form: its fields, urlencoded */
    const void *internals; /* fl_live_value */
};

/** A kind of view. A missing callback ignores what it would get. */
struct fl_live_view {
    const char *name;   /* for traces and crash reports: "chat.page" */
    size_t state_bytes; /* zeroed memory: what the template shows; gone with the view */
    const struct fl_live_template *view; /* &fl_template_NAME, made of NAME.live.html */
    const char *title;                   /* of the page, until fl_live_title; may be NULL */

    /** First, for the dead render and again for the live one. 0, FL_ENOTFOUND (404), FL_EREFUSED
     * (403), FL_EFULL (503), anything else 500; or fl_live_navigate elsewhere. */
    int (*on_mount)(struct fl_live *live, void *state, const struct fl_live_request *req);
    /** The path or query: after the mount, and whenever it changes without a new mount. */
    void (*on_params)(struct fl_live *live, void *state, const struct fl_live_request *req);
    /** A click, a form, a key, a hook's pushEvent. Always answered; fl_live_reply adds a value. */
    void (*on_event)(struct fl_live *live, void *state, const struct fl_live_event *event);
    /** A message of another process, a broadcast too (fl_call: answer with fl_self_reply). */
    void (*on_message)(struct fl_live *live, void *state, const struct fl_msg *msg);
    /** The answer to fl_call_async. */
    void (*on_reply)(struct fl_live *live, void *state, uint64_t ref, int code, const void *data,
                     size_t len);
    /** A monitored process ended. */
    void (*on_down)(struct fl_live *live, void *state, uint64_t ref, struct fl_pid who,
                    const struct fl_reason *reason);
    /** A timer of fl_timer_start. */
    void (*on_timer)(struct fl_live *live, void *state, uint64_t ref, uint32_t tag);
    /** The page is gone; also after a dead render. Not after a crash. Memory is better owned. */
    void (*on_end)(struct fl_live *live, void *state);
};

/* ---- from callbacks ---- */

/** The process that the callbacks run in: the view's own, or that of a dead render. fl_self_fail
 * ends the view: its page shows an error and joins again after a second. */
struct fl_self *fl_live_self(struct fl_live *live);
/** Has a browser joined? False in the dead render: subscribe and start timers only when true. */
bool fl_live_is_connected(const struct fl_live *live);
/** The args of the site (fl_web_site). */
const void *fl_live_args(const struct fl_live *live);
/** The cx of its live site. */
const void *fl_live_cx(const struct fl_live *live);
/** A `:name` of the page's path, decoded; at NULL: none. */
struct fl_str fl_live_param(const struct fl_live_request *req, const char *name);
/** A value of the query, decoded; at NULL: none. */
struct fl_str fl_live_query(const struct fl_live_request *req, const char *name);
/** The text of a key of the event: of phx-value-KEY, of a form's field, of a hook's object (a
 * number or bool as its JSON text); at NULL: absent. Valid until the callback returns. */
struct fl_str fl_live_value(const struct fl_live_event *event, const char *key);
/** The same as a whole number; the fallback when it is none or out of limits. */
int64_t fl_live_value_int(const struct fl_live_event *event, const char *key, int64_t least,
                          int64_t most, int64_t fallback);
/** The id of the browser's session (fl_web_session): the same in the dead render and the live view,
 * in all its tabs and after restarts of the server. Lives as long as the view. */
struct fl_str fl_live_session(const struct fl_live *live);

/** The document's title from now on; plain text. */
void fl_live_title(struct fl_live *live, const char *title);
/** Dispatches `phx:NAME` on the page, and to hooks' handleEvent(name), after this render; payload
 * is a raw JSON object. Inside on_mount of a live view it comes with the join. */
void fl_live_push_event(struct fl_live *live, const char *name, struct fl_str payload);
/** What a hook's pushEvent gets as its reply: a raw JSON object. In on_event only. */
void fl_live_reply(struct fl_live *live, struct fl_str payload);
/** Shows another path of the same view: its on_params runs, the page stays (push_patch). */
void fl_live_patch(struct fl_live *live, const char *path, bool replace);
/** Goes to another view of this site over the same socket (push_navigate); this one ends. In the
 * dead render: an HTTP redirect. */
void fl_live_navigate(struct fl_live *live, const char *path);
/** Loads another address in full. */
void fl_live_redirect(struct fl_live *live, const char *url);
/** This callback changed nothing that the template shows: no render. */
void fl_live_unchanged(struct fl_live *live);

/* ---- streams: long lists whose items the server does not keep ---- */

/** A list on the page. Put one in the state, fl_live_stream_init it in on_mount, show it with
 * `{#stream item in state->NAME as TYPE}` in an element that has phx-update="stream" and an id. */
struct fl_live_stream {
    struct fl_live *live;
    struct fl_live_stream_inside *inside; /* private */
};
/** Where an item goes: at the end, at the top, or before this index. */
enum { FL_LIVE_LAST = -1, FL_LIVE_FIRST = 0 };

/** A stream of items of this size. max 0: the page keeps any number; n: the first n; -n: the last.
 * The stream is freed with the view. */
void fl_live_stream_init(struct fl_live *live, struct fl_live_stream *stream, size_t item_bytes,
                         int max);
/** Shows an item, or shows it anew in place when this DOM id is there. The item is copied; what it
 * points to has to outlive the callback, as the state, the message and the event do, and no local.
 */
void fl_live_stream_put(struct fl_live_stream *stream, const char *dom_id, int at,
                        const void *item);
/** Takes an item off the page. */
void fl_live_stream_drop(struct fl_live_stream *stream, const char *dom_id);
/** Takes all items off; what is put after it is the new content. */
void fl_live_stream_reset(struct fl_live_stream *stream);

/* ---- a site of live views ---- */

/** A path (`/rooms/:room`, `/files/` and a last `*rest`) and its view. */
struct fl_live_page {
    const char *path;
    const struct fl_live_view *view;
};

/** What the template of a layout is given: `{@html layout->head}` goes into its <head>,
 * `{@html layout->content}` into its <body>. */
struct fl_live_layout {
    const struct fl_live_site *site;
    const char *title, *suffix, *csrf_token; /* never NULL */
    struct fl_str head;                      /* meta, title, styles and scripts */
    struct fl_str content;                   /* the view's root element */
};

/** What a service's live views have in common. Static tables. */
struct fl_live_site {
    const struct fl_live_page *pages; /* ended by a row with a NULL path */
    const char *socket_path;          /* "/live": where app scripts open their LiveSocket */
    const char *title_suffix;         /* " · chat"; may be NULL */
    const char *const *styles;        /* asset paths, ended by NULL; may be NULL */
    /** Asset paths, ended by NULL; may be NULL. They come after the clients and before the script
     * that connects, which the layout brings (assets.h serves them): they put hooks into
     * window.Hooks. */
    const char *const *scripts;
    const struct fl_live_template *layout; /* around a dead render; NULL: the plain one */
    const void *cx;                        /* for fl_live_cx */
};

/** The row of fl_web_site.routes that serves all pages of a site; put it last. */
#define FL_LIVE_ROUTE(site)                          \
    {                                                \
        "GET", "/*path", fl_live_page_handle, (site) \
    }
/** The row of a fl_web_socket's channels; its path is the live site's socket_path. */
/* clang-format off */
#define FL_LIVE_CHANNEL(site)                                                                     \
    {                                                                                             \
        .topic = "lv:*", .state_bytes = sizeof(struct fl_live *), .cx = (site),                   \
        .ends_when_full = true, .on_join = fl_live_on_join, .on_event = fl_live_on_event,         \
        .on_message = fl_live_on_message, .on_reply = fl_live_on_reply,                           \
        .on_down = fl_live_on_down, .on_timer = fl_live_on_timer,                                 \
        .on_timeout = fl_live_on_timeout, .on_leave = fl_live_on_leave,                           \
        .on_format = fl_live_on_format                                                            \
    }
/* clang-format on */

/** Answers a page of the live site in the row's cx; 404 when there is none. */
void fl_live_page_handle(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);

/** The callbacks of FL_LIVE_CHANNEL. */
int fl_live_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_reply(struct fl_channel *ch, void *state, uint64_t ref, int code, const void *data,
                      size_t len);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_down(struct fl_channel *ch, void *state, uint64_t ref, struct fl_pid who,
                     const struct fl_reason *reason);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_timer(struct fl_channel *ch, void *state, uint64_t ref, uint32_t tag);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_timeout(struct fl_channel *ch, void *state);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_leave(struct fl_channel *ch, void *state);
/** See FL_LIVE_CHANNEL. */
void fl_live_on_format(const void *state, struct fl_buf *out);

#endif
