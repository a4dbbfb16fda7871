/* site.h: a site with a view that does a bit of everything, and a browser that asks it by hand. Its
 * template is written out, as the compiler would make it. */
#ifndef FL_TEST_LIVE_SITE_H
#define FL_TEST_LIVE_SITE_H

#include "runtime/server.h"
#include "services/live/live.h"
#include "services/live/out.h"
#include "tests/e2e/web/world.h"

struct counter {
    int count;
    char note[64];
    const char *room;
    struct fl_live_stream items;
};
struct counter_item {
    const char *text;
};

/* ---- <p>{count}</p><i title={note}>{room}</i><ul …>{#stream …}<li id="i-{text}">…</ul> */

#define SITE_TEXT(text)        \
    {                          \
        text, sizeof(text) - 1 \
    }
static const struct fl_str counter_texts[] = {
    SITE_TEXT("<p>"),   SITE_TEXT("</p><i"),
    SITE_TEXT(">"),     SITE_TEXT("</i><ul id=\"items\" phx-update=\"stream\">"),
    SITE_TEXT("</ul>"),
};
static const struct fl_live_statics counter_statics = {
    .slots_count = 4,
    .texts = counter_texts,
    .json = SITE_TEXT(
        "[\"<p>\",\"</p><i\",\">\",\"</i><ul id=\\\"items\\\" phx-update=\\\"stream\\\">"
        "\",\"</ul>\"]"),
};
static const struct fl_str item_texts[] = {SITE_TEXT("<li id=\"i-"), SITE_TEXT("\">x</li>")};
static const struct fl_live_statics item_statics = {
    .slots_count = 1,
    .is_element = true,
    .texts = item_texts,
    .json = SITE_TEXT("[\"<li id=\\\"i-\",\"\\\">x</li>\"]"),
};

static inline void counter_render(struct fl_live_out *out, const void *state)
{
    const struct counter *counter = state;
    fl_out_begin(out, &counter_statics);
    fl_out_value(out, counter->count);
    fl_out_name(out, "title");
    fl_out_attr(out, (const char *)counter->note);
    fl_out_value(out, counter->room);
    size_t count = fl_out_stream(out, &item_statics, &counter->items);
    for (size_t i = 0; i < count; i++) {
        const struct counter_item *item = fl_out_stream_item(out, i);
        fl_out_value(out, item->text);
        fl_out_item_end(out);
    }
    fl_out_list_end(out);
    fl_out_end(out);
}

static const struct fl_live_template counter_template = {"counter", counter_render};

/* ---- its callbacks: every event is a row of a table */

enum { COUNTER_ADD = 7, BELL_RING };

static inline int counter_on_mount(struct fl_live *live, void *state,
                                   const struct fl_live_request *req)
{
    struct counter *counter = state;
    struct fl_str room = fl_live_param(req, "room");
    fl_live_stream_init(live, &counter->items, sizeof(struct counter_item), 0);
    fl_live_stream_put(&counter->items, "i-first", FL_LIVE_LAST, &(struct counter_item){"first"});
    counter->room = "none";
    if (fl_str_is(room, "away")) fl_live_navigate(live, "/counter/a?from=x y\r\nX: y");
    if (fl_str_is(room, "out")) fl_live_redirect(live, "https://elsewhere.example/");
    if (fl_str_is(room, "secret")) return FL_EREFUSED;
    if (fl_str_is(room, "full")) return FL_EFULL;
    if (fl_str_is(room, "gone")) return FL_ENOTFOUND;
    if (fl_str_is(room, "odd")) return FL_EIO;
    if (fl_str_is(room, "shy") && fl_live_is_connected(live)) return FL_ENOTFOUND;
    if (fl_str_is(room, "broken")) fl_self_fail(fl_live_self(live), FL_ESTATE);
    if (fl_str_is(room, "killed")) {
        fl_exit(fl_live_self(live), fl_self_pid(fl_live_self(live)), fl_reason_of(FL_EXIT_KILL));
        fl_pause(fl_live_self(live), fl_s(60));
    }
    if (fl_str_is(room, "titled")) fl_live_title(live, "</title><b>\"&'");
    if (fl_str_is(room, "bell")) {
        fl_live_push_event(live, "hello", FL_STR("{\"n\":1}"));
        if (fl_live_is_connected(live)) fl_self_register(fl_live_self(live), "bell listener");
    }
    return 0;
}

static inline void counter_on_params(struct fl_live *live, void *state,
                                     const struct fl_live_request *req)
{
    struct counter *counter = state;
    struct fl_str note = fl_live_query(req, "note");
    if (fl_str_is(fl_live_param(req, "room"), "who")) note = fl_live_session(live);
    snprintf(counter->note, sizeof counter->note, "%.*s", FL_ARG(note));
    if (fl_str_is(note, "loop")) fl_live_patch(live, "/counter/a?note=loop", true);
    if (fl_str_is(note, "other")) fl_live_patch(live, "/counter/a?note=there", true);
}

static inline void counter_on_event(struct fl_live *live, void *state,
                                    const struct fl_live_event *event)
{
    struct counter *counter = state;
    struct fl_str text = fl_live_value(event, "text");
    char id[32];
    snprintf(id, sizeof id, "i-%.*s", FL_ARG(text));
    if (fl_str_is(event->name, "add"))
        counter->count += (int)fl_live_value_int(event, "by", -1000, 1000, 1);
    else if (fl_str_is(event->name, "note"))
        snprintf(counter->note, sizeof counter->note, "%.*s", FL_ARG(text));
    else if (fl_str_is(event->name, "target"))
        snprintf(counter->note, sizeof counter->note, "%.*s, %.*s",
                 FL_ARG(fl_live_value(event, "_target")), FL_ARG(fl_live_value(event, "u[name]")));
    else if (fl_str_is(event->name, "len"))
        snprintf(counter->note, sizeof counter->note, "%zu bytes", text.len);
    else if (fl_str_is(event->name, "raw"))
        snprintf(counter->note, sizeof counter->note, "%.*s", FL_ARG(event->payload));
    else if (fl_str_is(event->name, "title"))
        fl_live_title(live, "New \xff title");
    else if (fl_str_is(event->name, "push"))
        fl_live_push_event(live, "toast", FL_STR("{\"text\":\"<b>\"}"));
    else if (fl_str_is(event->name, "push badly"))
        fl_live_push_event(live, "toast", FL_STR("{\"text\":"));
    else if (fl_str_is(event->name, "reply"))
        fl_live_reply(live, FL_STR("{\"ok\":true}"));
    else if (fl_str_is(event->name, "put"))
        fl_live_stream_put(&counter->items, id, FL_LIVE_FIRST, &(struct counter_item){text.at});
    else if (fl_str_is(event->name, "drop"))
        fl_live_stream_drop(&counter->items, id);
    else if (fl_str_is(event->name, "crash"))
        fl_self_fail(fl_live_self(live), FL_ESTATE);
    else if (fl_str_is(event->name, "patch"))
        fl_live_patch(live, "/counter/a?note=patched", false);
    else if (fl_str_is(event->name, "loop"))
        fl_live_patch(live, "/counter/a?note=loop", false);
    else if (fl_str_is(event->name, "navigate"))
        fl_live_navigate(live, "/other");
    else if (fl_str_is(event->name, "patch away"))
        fl_live_patch(live, "/other", false);
    else if (fl_str_is(event->name, "leave"))
        fl_live_redirect(live, "/files/x");
    else if (fl_str_is(event->name, "sleep"))
        fl_pause(fl_live_self(live), fl_s(60));
    else if (fl_str_is(event->name, "same")) {
        counter->count++;
        fl_live_unchanged(live);
    }
}

static inline void counter_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct counter *counter = state;
    counter->count++;
    if (msg->tag == BELL_RING && counter->count == 3) fl_live_navigate(live, "/other");
}

static const struct fl_live_view counter_view = {
    .name = "test.counter",
    .title = "Counter",
    .state_bytes = sizeof(struct counter),
    .view = &counter_template,
    .on_mount = counter_on_mount,
    .on_params = counter_on_params,
    .on_event = counter_on_event,
    .on_message = counter_on_message,
};
static const struct fl_live_view other_view = {.name = "test.other",
                                               .state_bytes = sizeof(struct counter),
                                               .view = &counter_template,
                                               .on_mount = counter_on_mount};

static const struct fl_live_page site_pages[] = {
    {"/counter/:room", &counter_view}, {"/other", &other_view}, {0}};
static const char *const site_styles[] = {"/assets/a.css", NULL};
static const struct fl_live_site site_live = {
    .pages = site_pages,
    .socket_path = "/live",
    .title_suffix = " · \"test\"",
    .styles = site_styles,
};
static const struct fl_web_route site_routes[] = {FL_LIVE_ROUTE(&site_live), {0}};
static const struct fl_channel_server site_channels[] = {FL_LIVE_CHANNEL(&site_live), {0}};
static const struct fl_web_socket site_sockets[] = {{.path = "/live", .channels = site_channels},
                                                    {0}};
static const struct fl_web_secret site_secret = {{1, 2, 3}};
static const struct fl_web_site site_web = {
    .routes = site_routes, .sockets = site_sockets, .secret = &site_secret};

/* Whoever rings sends this many messages to the view in the room "bell", without a pause. */
static inline void bell_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    uint32_t times = 0;
    memcpy(&times, msg->data, sizeof times);
    for (uint32_t i = 0; i < times; i++)
        fl_send_name(self, "bell listener", times == 3 ? BELL_RING : COUNTER_ADD, NULL, 0);
}
static const struct fl_server bell_server = {.name = "bell", .on_cast = bell_on_cast};

static inline void bell_ring(const struct world *world, uint32_t times)
{
    fl_node_send(world->node, fl_whereis(world->node, "bell"), COUNTER_ADD, &times, sizeof times);
}

static inline int site_start(struct world *world, struct fl_err *err)
{
    struct fl_pid pid;
    const struct fl_spawn_opts opts = {.name = "bell"};
    int rc = fl_node_spawn(world->node, &bell_server, &opts, &pid);
    if (rc != 0) return rc;
    return fl_web_serve(world->node, &site_web, NULL, world->port, &world->port, NULL, err);
}

static inline int site_up(void **state)
{
    static struct world world;
    world = (struct world){.start = site_start};
    world_up(&world);
    *state = &world;
    return 0;
}

static inline int site_down(void **state)
{
    world_down(*state);
    return 0;
}

/* ---- a browser */

struct browser {
    struct client http, socket;
    struct fl_buf body, frame;
    char *id, *session;
    int refs;
};

/** The status of a page; its text is in browser->body. */
static inline int browser_get(struct browser *browser, const struct world *world, const char *path,
                              const char *referer)
{
    struct fl_buf text = {0};
    client_open(&browser->http, world);
    fl_buf_printf(&text, "GET %s HTTP/1.1\r\nHost: a\r\n", path);
    if (referer != NULL) fl_buf_printf(&text, "Referer: http://a%s\r\n", referer);
    fl_buf_puts(&text, "\r\n");
    int status = client_ask(&browser->http, text.at, &browser->body);
    client_close(&browser->http);
    fl_buf_fini(&text);
    return status;
}

/* The value of an attribute of the page. */
static inline char *browser_attr(const struct browser *browser, const char *name)
{
    const char *at = strstr(browser->body.at, name);
    assert_non_null(at);
    at += strlen(name);
    return fl_str_dup((struct fl_str){at, strcspn(at, "\"")});
}

/** Opens a page and its socket. */
static inline void browser_open(struct browser *browser, const struct world *world,
                                const char *path, const char *referer)
{
    *browser = (struct browser){0};
    assert_int_equal(browser_get(browser, world, path, referer), 200);
    browser->id = browser_attr(browser, "<div id=\"");
    browser->session = browser_attr(browser, "data-phx-session=\"");
    client_upgrade_at(&browser->socket, world, "/live");
}

static inline void browser_close(struct browser *browser)
{
    client_close(&browser->socket);
    fl_buf_fini(&browser->body);
    fl_buf_fini(&browser->frame);
    free(browser->id);
    free(browser->session);
}

/** Pushes a message; its ref is 10 for the first and one more for each. The join_ref is "4". */
static inline void browser_say(struct browser *browser, const char *event, const char *payload)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "[\"4\",\"%d\",\"lv:%s\",\"%s\",%s]", 10 + browser->refs++, browser->id,
                  event, payload);
    client_say(&browser->socket, text.at);
    fl_buf_fini(&text);
}

/** Clicks; value is a JSON object. */
static inline void browser_click(struct browser *browser, const char *event, const char *value)
{
    char payload[1024];
    snprintf(payload, sizeof payload, "{\"type\":\"click\",\"event\":\"%s\",\"value\":%s}", event,
             value);
    browser_say(browser, "event", payload);
}

/** The next frame, which lasts until the next call. */
static inline const char *browser_hear(struct browser *browser)
{
    if (!client_next(&browser->socket, &browser->frame)) fail_msg("the socket is closed");
    return browser->frame.at;
}

/** The next frame holds this. */
static inline void browser_hears(struct browser *browser, const char *part)
{
    const char *frame = browser_hear(browser);
    if (strstr(frame, part) == NULL) fail_msg("expected %s in %s", part, frame);
}

/** Joins with this for "url" or "redirect". */
static inline void browser_join(struct browser *browser, const char *key, const char *url)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text,
                  "[\"4\",\"4\",\"lv:%s\",\"phx_join\",{\"%s\":\"http://a%s\",\"params\":{"
                  "\"_mounts\":0},\"session\":\"%s\",\"static\":null,\"sticky\":false}]",
                  browser->id, key, url, browser->session);
    client_say(&browser->socket, text.at);
    fl_buf_fini(&text);
}

/** Opens a page and joins it. */
static inline void browser_visit(struct browser *browser, const struct world *world,
                                 const char *path)
{
    browser_open(browser, world, path, NULL);
    browser_join(browser, "url", path);
    browser_hears(browser, "{\"status\":\"ok\",\"response\":{\"rendered\":{");
}

#endif
