/* page.c: the first answer to a browser: a page as plain HTML, made by a process of its own, so
 * that a view that crashes or hangs costs an answer and no connection. */
#include "services/live/page.h"

#include "runtime/server.h"

#define PAGE_WITHIN_NS fl_s(15)
enum { PAGE_MAKE = 0x6c760001 };

/* One request; of the connection and the process that makes the page, which share a shard. */
struct page {
    int refs;
    const struct fl_live_site *site;
    const void *args;
    struct fl_web_secret secret; /* the site's may go with the connection */
    struct fl_buf target;        /* path and query */
    struct fl_buf session, csrf; /* of the browser */
    struct fl_buf links;         /* of styles and scripts */
    bool is_again;
    int status; /* 0: not made */
    struct fl_buf body, location;
};

static void page_release(void *ptr)
{
    struct page *page = ptr;
    if (--page->refs > 0) return;
    fl_buf_fini(&page->target);
    fl_buf_fini(&page->session);
    fl_buf_fini(&page->csrf);
    fl_buf_fini(&page->links);
    fl_buf_fini(&page->body);
    fl_buf_fini(&page->location);
    free(page);
}

static int page_status(int rc)
{
    if (rc == FL_ENOTFOUND) return 404;
    if (rc == FL_EREFUSED) return 403;
    if (rc == FL_EFULL) return 503;
    return 500;
}

/* The element that the client takes over: with an id that its token vouches for. */
static void page_root(const struct page *page, const struct fl_live *live, struct fl_buf *out)
{
    char id[48];
    live_session_id(live->self, page->is_again, id);
    fl_buf_printf(out, "<div id=\"%s\" data-phx-main data-phx-session=\"", id);
    live_session_put(&page->secret, fl_str_of(id), fl_live_session(live), out);
    fl_buf_puts(out, "\" data-phx-static=\"\">");
    fl_live_tree_html(&live->shown, out);
    fl_buf_puts(out, "</div>\n");
}

static void page_document(struct page *page, struct fl_live *live)
{
    struct fl_buf content = {0}, head = {0}; /* nothing blocks before they are freed */
    page_root(page, live, &content);
    struct fl_live_layout layout = {
        .site = page->site,
        .title = live->title.at,
        .suffix = page->site->title_suffix != NULL ? page->site->title_suffix : "",
        .csrf_token = page->csrf.at,
        .content = {content.at, content.len},
    };
    live_layout_head(&layout, (struct fl_str){page->links.at, page->links.len}, &head);
    layout.head = (struct fl_str){head.at, head.len};
    live_layout_put(&layout, &page->body);
    fl_buf_fini(&content);
    fl_buf_fini(&head);
}

/* An address in a header: what a header cannot hold is written %XX. */
static void page_location(struct page *page, const struct fl_live *live)
{
    for (size_t i = 0; i < live->go_to.len; i++) {
        unsigned char c = (unsigned char)live->go_to.at[i];
        if (c > ' ' && c < 0x7f)
            fl_buf_putc(&page->location, (char)c);
        else
            fl_buf_printf(&page->location, "%%%02X", c);
    }
    page->status = 302;
}

static void page_make(struct fl_self *self, struct page *page)
{
    struct fl_live *live = live_open(self, page->site, page->args, NULL);
    fl_buf_add(&live->session, page->session.at, page->session.len);
    int rc = live_url_open(&live->url, page->site,
                           (struct fl_str){page->target.at, page->target.len});
    if (rc == 0) rc = live_mount(live);
    if (live_is_failing(live)) return;
    if (rc != 0) {
        page->status = page_status(rc);
    } else if (live->go != LIVE_STAY) {
        page_location(page, live);
    } else if (live_render(live, true, &live->out)) {
        page_document(page, live);
        page->status = 200;
    }
    live_end(live);
}

static int page_on_init(struct fl_self *self, void *state, const void *args)
{
    struct page *const *of = args, *page = *of;
    memcpy(state, &page, sizeof page);
    page->refs++;
    fl_self_own(self, page, page_release);
    return 0;
}

static void page_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    page_make(self, *(struct page **)state);
    fl_self_stop_with_reply(self, msg, fl_reason_of(FL_EXIT_NORMAL), NULL, 0);
}

static void page_on_format(const void *state, struct fl_buf *out)
{
    const struct page *page = *(struct page *const *)state;
    fl_buf_printf(out, "the page at %.*s", (int)page->target.len, page->target.at);
}

static const struct fl_server page_server = {
    .name = "live.page",
    .state_bytes = sizeof(struct page *),
    .on_init = page_on_init,
    .on_call = page_on_call,
    .on_format = page_on_format,
};

static const struct {
    int status;
    const char *title, *words;
} page_errors[] = {
    {403, "Not for you", "This page may not be shown to you."},
    {404, "Nothing here", "There is no page at this address."},
    {503, "Busy", "There is too much to do at the moment. Try again in a while."},
    {504, "Too slow", "The page took too long to make. Try again in a while."},
    {0, "Something broke", "The page could not be made. Try again in a while."},
};

static void page_fail(struct fl_self *self, struct fl_web *web, const struct page *page, int status)
{
    size_t i = 0;
    while (page_errors[i].status != 0 && page_errors[i].status != status)
        i++;
    struct fl_buf html = {0}; /* nothing blocks before it is freed */
    fl_buf_puts(&html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n");
    fl_buf_printf(&html, "<title>%s</title>\n", page_errors[i].title);
    for (const char *const *s = page->site->styles; s != NULL && *s != NULL; s++)
        fl_buf_printf(&html, "<link rel=\"stylesheet\" href=\"%s\">\n", *s);
    fl_buf_printf(&html,
                  "</head>\n<body>\n<main>\n<h1>%s</h1>\n<p>%s</p>\n</main>\n</body>\n</html>\n",
                  page_errors[i].title, page_errors[i].words);
    fl_web_respond(self, web, status, "text/html; charset=utf-8", html.at, html.len);
    fl_buf_fini(&html);
}

/* Was it this very page that sent its browser here? */
static bool page_is_again(const struct fl_web_request *req, struct fl_str target)
{
    struct fl_str from = fl_web_header(req, "referer");
    return from.at != NULL && from.len > target.len &&
           memcmp(from.at + from.len - target.len, target.at, target.len) == 0;
}

static struct page *page_new(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req)
{
    struct page *page = fl_new(struct page);
    page->refs = 1;
    fl_self_own(self, page, page_release);
    page->site = fl_web_cx(web);
    page->args = fl_web_args(web);
    page->secret = *fl_web_secret(web);
    struct fl_str session = fl_web_session(web, req);
    fl_buf_add(&page->session, session.at, session.len);
    fl_web_csrf(web, req, &page->csrf);
    live_layout_links(web, page->site, &page->links);
    fl_buf_add(&page->target, req->path.at, req->path.len);
    if (req->query.len > 0) {
        fl_buf_putc(&page->target, '?');
        fl_buf_add(&page->target, req->query.at, req->query.len);
    }
    page->is_again = page_is_again(req, (struct fl_str){page->target.at, page->target.len});
    return page;
}

void fl_live_page_handle(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    struct page *page = page_new(self, web, req);
    struct fl_pid maker;
    struct fl_spawn_opts opts = {.args = &page, .shard = FL_SHARD_SAME};
    int rc = fl_spawn(self, &page_server, &opts, &maker);
    if (rc == 0) {
        rc = fl_call(self, maker, PAGE_MAKE, NULL, 0, NULL, 0, NULL, PAGE_WITHIN_NS);
        if (rc != 0) fl_exit(self, maker, fl_reason_of(FL_EXIT_KILL));
    }
    int status = page->status;
    if (rc == FL_EFULL) status = 503;
    if (rc == FL_ETIMEOUT) status = 504;
    if (status == 0) status = 500; /* the view has failed */

    fl_web_set_header(web, "Cache-Control", "no-store");
    if (status == 302) {
        fl_web_set_header(web, "Location", page->location.at != NULL ? page->location.at : "/");
        fl_web_respond(self, web, status, NULL, NULL, 0);
    } else if (status == 200) {
        fl_web_respond(self, web, status, "text/html; charset=utf-8", page->body.at,
                       page->body.len);
    } else {
        page_fail(self, web, page, status);
    }
    fl_self_disown(self, page);
    page_release(page);
}
