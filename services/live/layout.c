/* layout.c: the document around a dead render. */
#include "runtime/base/html.h"
#include "services/live/page.h"

static void layout_attr(struct fl_buf *out, const char *name, const char *value)
{
    fl_buf_printf(out, " %s=\"", name);
    fl_html_text(out, value);
    fl_buf_putc(out, '"');
}

static void layout_meta(struct fl_buf *out, const char *name, const char *content)
{
    fl_buf_puts(out, "<meta");
    layout_attr(out, "name", name);
    layout_attr(out, "content", content);
    fl_buf_puts(out, ">\n");
}

/* With its tag, so that a browser keeps it until it changes. */
static void layout_address(const struct fl_web *web, struct fl_buf *out, const char *name,
                           const char *path)
{
    char address[256];
    const char *tag = fl_web_asset_tag(web, path);
    snprintf(address, sizeof address, "%s%s%s", path, tag != NULL ? "?v=" : "",
             tag != NULL ? tag : "");
    layout_attr(out, name, address);
}

static void layout_script(const struct fl_web *web, struct fl_buf *out, const char *path)
{
    fl_buf_puts(out, "<script defer phx-track-static");
    layout_address(web, out, "src", path);
    fl_buf_puts(out, "></script>\n");
}

void live_layout_links(const struct fl_web *web, const struct fl_live_site *site,
                       struct fl_buf *out)
{
    for (const char *const *style = site->styles; style != NULL && *style != NULL; style++) {
        fl_buf_puts(out, "<link rel=\"stylesheet\" phx-track-static");
        layout_address(web, out, "href", *style);
        fl_buf_puts(out, ">\n");
    }
    layout_script(web, out, "/assets/phoenix.min.js");
    layout_script(web, out, "/assets/phoenix_live_view.min.js");
    for (const char *const *script = site->scripts; script != NULL && *script != NULL; script++)
        layout_script(web, out, *script);
    layout_script(web, out, "/assets/live.js");
}

/* The client puts prefix and suffix around what a view says, and falls back to the default. */
static void layout_title(struct fl_buf *out, const struct fl_live_layout *layout)
{
    const char *title = layout->title[0] != '\0' ? layout->title : "Untitled";
    fl_buf_puts(out, "<title data-default=\"Untitled\"");
    layout_attr(out, "data-suffix", layout->suffix);
    fl_buf_putc(out, '>');
    fl_html_text(out, title);
    fl_html_text(out, layout->suffix);
    fl_buf_puts(out, "</title>\n");
}

/* A fault line through a square: no request for an icon. */
static const char layout_icon[] =
    "<link rel=\"icon\" href=\"data:image/svg+xml,"
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3' fill='%230a63c9'/%3E"
    "%3Cpath d='M9 1 6 7h4l-3 8' fill='none' stroke='%23fff' stroke-width='1.6'/%3E%3C/svg%3E\">\n";

void live_layout_head(const struct fl_live_layout *layout, struct fl_str links, struct fl_buf *out)
{
    const struct fl_live_site *site = layout->site;
    fl_buf_puts(out, "<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n");
    fl_buf_puts(out, layout_icon);
    layout_meta(out, "csrf-token", layout->csrf_token);
    layout_meta(out, "live-socket", site->socket_path);
    layout_title(out, layout);
    fl_buf_add(out, links.at, links.len);
}

void live_layout_put(const struct fl_live_layout *layout, struct fl_buf *out)
{
    const struct fl_live_template *own = layout->site->layout;
    if (own != NULL) {
        struct fl_live_tree tree = {0}; /* nothing blocks before it is freed */
        int rc = fl_live_tree_render(&tree, own, layout, layout->content.len);
        FL_ASSERT(rc == 0); /* the page fits, and its layout is a part of the program */
        fl_live_tree_html(&tree, out);
        fl_live_tree_fini(&tree);
        return;
    }
    fl_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    fl_buf_add(out, layout->head.at, layout->head.len);
    fl_buf_puts(out, "</head>\n<body>\n");
    fl_buf_add(out, layout->content.at, layout->content.len);
    fl_buf_puts(out, "</body>\n</html>\n");
}
