/* render_html.c: report.html: one page with its styles, scripts and data inside; it asks the
 * network for nothing, and says so to the browser. */
#include <fl_assets.h>

#include "reports/html.h"

/* Inside a script element nothing but `</` and `<!` can do harm; both become the same JSON text. */
static void put_data(struct fl_buf *out, const struct fl_judgement *judgement)
{
    struct fl_buf json = {0};
    fl_render_json(&json, judgement);
    fl_buf_puts(out, "<script type=\"application/json\" id=\"data\">");
    size_t from = 0;
    for (size_t i = 0; i + 1 < json.len; i++) {
        if (json.at[i] != '<') continue;
        fl_buf_add(out, json.at + from, i - from);
        fl_buf_puts(out, "\\u003c");
        from = i + 1;
    }
    fl_buf_add(out, json.at + from, json.len - from);
    fl_buf_puts(out, "</script>\n");
    fl_buf_fini(&json);
}

static void put_top(struct fl_buf *out, const struct fl_judgement *judgement)
{
    fl_buf_puts(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<title>");
    fl_html_text(out, fl_judge_verdict_name(judgement->verdict));
    fl_buf_puts(out, ": ");
    fl_html_text(out, judgement->record->scenario);
    fl_buf_puts(out, "</title>\n<style>\n");
    fl_buf_add(out, fl_asset_uplot_css, fl_asset_uplot_css_len);
    fl_buf_putc(out, '\n');
    fl_buf_add(out, fl_asset_report_css, fl_asset_report_css_len);
    fl_buf_puts(out, "</style>\n</head>\n<body>\n");
}

static void put_timeline(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->record->ops_total == 0) return;
    fl_buf_puts(
        out,
        "<section id=\"timeline\" aria-labelledby=\"timeline-h\">\n<div class=\"bar\">"
        "<h2 id=\"timeline-h\">Timeline</h2><div id=\"loads\" class=\"tabs\" role=\"group\" "
        "aria-label=\"Load\"></div><button id=\"reset\" type=\"button\" hidden>Show all</button>"
        "</div>\n<div id=\"charts\" role=\"group\" aria-label=\"Charts; the tables below hold "
        "their "
        "figures\"><noscript><p>The timeline needs scripts; the rest of this page "
        "does not.</p></noscript></div>\n<p class=\"legend\"><span><i class=\"k good\"></i>good"
        "</span><span><i class=\"k bad\"></i>bad</span><span><i class=\"k unsent\"></i>never sent"
        "</span><span><i class=\"k fault\"></i>fault in effect</span><span><i class=\"k "
        "after\"></i>"
        "until steady</span><span><i class=\"k tick-bad\"></i>process ended</span><span><i "
        "class=\"k "
        "tick-good\"></i>ready again</span><span><i class=\"k p50\"></i>p50</span><span><i "
        "class=\"k p99\"></i>p99</span><span class=\"hint drag\">Drag to zoom, double-click to "
        "reset.</span></p>\n</section>\n");
}

static void put_notes(struct fl_buf *out, const struct fl_judgement *judgement)
{
    if (judgement->notes_count == 0) return;
    fl_buf_puts(out, "<section class=\"notes\" aria-label=\"Notes\"><ul>\n");
    for (size_t i = 0; i < judgement->notes_count; i++) {
        fl_buf_puts(out, "<li>");
        fl_html_text(out, judgement->notes[i]);
        fl_buf_puts(out, "</li>\n");
    }
    fl_buf_puts(out, "</ul></section>\n");
}

void fl_render_html(struct fl_buf *out, const struct fl_judgement *judgement)
{
    put_top(out, judgement);
    fl_html_head(out, judgement);
    fl_buf_puts(out, "<main>\n");
    fl_html_targets(out, judgement);
    put_notes(out, judgement);
    put_timeline(out, judgement);
    fl_html_faults(out, judgement);
    fl_html_kinds(out, judgement);
    fl_html_loads(out, judgement);
    fl_html_checks(out, judgement);
    fl_html_supervision(out, judgement);
    fl_html_appendix(out, judgement);
    fl_buf_puts(out, "</main>\n");
    put_data(out, judgement);
    fl_buf_puts(out, "<script>\n");
    fl_buf_add(out, fl_asset_uplot_js, fl_asset_uplot_js_len);
    fl_buf_puts(out, "</script>\n<script>\n");
    fl_buf_add(out, fl_asset_report_js, fl_asset_report_js_len);
    fl_buf_puts(out, "</script>\n</body>\n</html>\n");
}
