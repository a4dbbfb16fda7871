/* parse_markup.c: tags. Enough HTML to know what is text, what is an attribute and
 * which element ends where; a browser has to come to the same tree. */
#include "services/live/compile/names.h"
#include "services/live/compile/parse.h"

#include <string.h>

static bool markup_is_void(struct fl_str name)
{
    return TPL_NAME_IS(name, "area", "base", "br", "col", "embed", "hr", "img", "input", "link",
                       "meta", "source", "track", "wbr");
}

static bool tag_is_foreign(const struct tpl_parser *p, struct fl_str name)
{
    for (size_t i = 0; i < p->elements_count; i++)
        if (TPL_NAME_IS(p->elements[i].name, "svg", "math")) return true;
    return TPL_NAME_IS(name, "svg", "math");
}

/* <script> and <style>: text up to their end tag, braces too. */
static void tag_read_raw(struct tpl_parser *p, const struct tpl_tag *tag)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    for (; scan->at < scan->source.len; scan->at++) {
        const char *at = scan->source.at + scan->at;
        size_t left = scan->source.len - scan->at;
        if (left > tag->name.len + 2 && at[0] == '<' && at[1] == '/' &&
            tpl_is_same((struct fl_str){at + 2, tag->name.len}, tag->name)) {
            tpl_put_tag(p, (struct fl_str){scan->source.at + from, scan->at - from});
            return;
        }
    }
    tpl_fail(scan, tag->at, "<%.*s> is not closed in this file", FL_ARG(tag->name));
}

static void tag_push(struct tpl_parser *p, const struct tpl_tag *tag)
{
    if (p->elements_count == TPL_ELEMENTS_MAX) {
        tpl_fail(&p->scan, tag->at, "more than %d elements in one another", TPL_ELEMENTS_MAX);
        return;
    }
    p->elements[p->elements_count++] = (struct tpl_element){
        .name = tag->name, .at = tag->at, .is_stream = tag->is_stream};
    if (TPL_NAME_IS(tag->name, "script", "style")) tag_read_raw(p, tag);
    if (!TPL_NAME_IS(tag->name, "textarea", "title", "pre")) return;
    if (!TPL_NAME_IS(tag->name, "pre")) p->raw_name = tag->name;
    /* A browser drops the first line feed of these: give it one when text of ours comes first. */
    if (!TPL_NAME_IS(tag->name, "title") && tpl_peek(&p->scan) == '{') tpl_put_tag(p, FL_STR("\n"));
}

static void tag_open(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    struct tpl_tag tag = {.at = scan->at++};
    size_t from = scan->at;
    while (tpl_is_name(tpl_peek(scan)))
        scan->at++;
    tag.name = (struct fl_str){scan->source.at + from, scan->at - from};
    if (tpl_peek(scan) == '{')
        tpl_fail(scan, scan->at, "an expression cannot be part of a tag's name");
    tpl_check_nesting(p, tag.at, tag.name);
    bool is_top = p->elements_count == p->open->elements_base;
    if (is_top) {
        p->open->roots_count++;
    } else {
        p->elements[p->elements_count - 1].has_more = true;
    }
    tpl_put_tag(p, FL_STR("<"));
    tpl_put_tag(p, tag.name);
    while (scan->rc == 0) {
        tpl_skip_space(scan);
        if (scan->at >= scan->source.len) {
            tpl_fail(scan, tag.at, "<%.*s without >", FL_ARG(tag.name));
        } else if (tpl_peek(scan) == '>' || tpl_is_next(scan, "/>")) {
            break;
        } else {
            tpl_parse_attr(p, &tag);
        }
    }
    if (scan->rc == 0 && is_top && p->open->is_entry && !tag.has_id) {
        tpl_put_tag(p, FL_STR(" id=\""));
        tpl_put_piece(p, TPL_STREAM_ID, true);
        tpl_put_tag(p, FL_STR("\""));
        tag.has_id = true;
    }
    if (tag.wants_id && !tag.has_id)
        tpl_fail(scan, tag.at, "<%.*s> with phx-hook or phx-update needs an id", FL_ARG(tag.name));
    bool is_closed = tpl_accept(scan, "/>");
    if (!is_closed) tpl_accept(scan, ">");
    bool is_void = markup_is_void(tag.name);
    if (is_closed && !is_void && !tag_is_foreign(p, tag.name))
        tpl_fail(scan, tag.at, "<%.*s/> does not close it in HTML; write <%.*s></%.*s>",
                 FL_ARG(tag.name), FL_ARG(tag.name), FL_ARG(tag.name));
    tpl_put_tag(p, is_closed && !is_void ? FL_STR("/>") : FL_STR(">"));
    if (scan->rc == 0 && !is_closed && !is_void) tag_push(p, &tag);
}

static void tag_close(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    size_t at = scan->at;
    scan->at += 2;
    size_t from = scan->at;
    while (tpl_is_name(tpl_peek(scan)))
        scan->at++;
    struct fl_str name = {scan->source.at + from, scan->at - from};
    tpl_skip_space(scan);
    if (!tpl_accept(scan, ">")) {
        tpl_fail(scan, at, "expected </%.*s>", FL_ARG(name));
        return;
    }
    if (p->elements_count == p->open->elements_base) {
        tpl_fail(scan, at,
                 markup_is_void(name) ? "<%.*s> has no end tag"
                                      : "</%.*s> closes nothing that is open here",
                 FL_ARG(name));
        return;
    }
    const struct tpl_element *element = &p->elements[p->elements_count - 1];
    int col, line = tpl_line(scan, element->at, &col);
    if (!tpl_is_same(element->name, name)) {
        tpl_fail(scan, at, "</%.*s> where </%.*s> is due, of %d:%d", FL_ARG(name),
                 FL_ARG(element->name), line, col);
        return;
    }
    if (element->is_stream && (!element->has_stream || element->has_more))
        tpl_fail(scan, element->at,
                 "phx-update=\"stream\" wants one {#stream} in it and nothing else");
    p->elements_count--;
    p->raw_name = (struct fl_str){NULL, 0};
    tpl_put_tag(p, FL_STR("</"));
    tpl_put_tag(p, name);
    tpl_put_tag(p, FL_STR(">"));
}

/* A comment is dropped: what it says is for who reads the template. */
static void markup_comment(struct tpl_parser *p)
{
    size_t from = p->scan.at;
    p->scan.at += 4;
    while (p->scan.at < p->scan.source.len && !tpl_is_next(&p->scan, "-->"))
        p->scan.at++;
    if (!tpl_accept(&p->scan, "-->")) tpl_fail(&p->scan, from, "<!-- without -->");
}

static bool markup_is_raw_end(const struct tpl_parser *p)
{
    struct fl_str rest = {p->scan.source.at + p->scan.at, p->scan.source.len - p->scan.at};
    return rest.len > p->raw_name.len + 2 && rest.at[1] == '/' &&
           tpl_is_same((struct fl_str){rest.at + 2, p->raw_name.len}, p->raw_name);
}

void tpl_parse_markup(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    char next = scan->at + 1 < scan->source.len ? scan->source.at[scan->at + 1] : '\0';
    if (p->raw_name.at != NULL && !markup_is_raw_end(p)) {
        tpl_put_text(p, FL_STR("<"));
        scan->at++;
    } else if (tpl_is_next(scan, "<!--")) {
        markup_comment(p);
    } else if (next == '/') {
        tag_close(p);
    } else if (tpl_is_letter(next)) {
        tag_open(p);
    } else if (next == '!') {
        size_t from = scan->at;
        while (scan->at < scan->source.len && tpl_peek(scan) != '>' && tpl_peek(scan) != '{')
            scan->at++;
        if (!tpl_accept(scan, ">")) tpl_fail(scan, from, "<! without >");
        tpl_put_text(p, (struct fl_str){scan->source.at + from, scan->at - from});
    } else {
        tpl_fail(scan, scan->at,
                 next == '{' ? "an expression cannot be a tag's name"
                             : "< starts no tag here; as text it is written &lt;");
    }
}
