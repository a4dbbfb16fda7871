/* parse_markup.c: tags and attributes. Enough HTML to know what is text, what is an attribute and
 * which element ends where; a browser has to come to the same tree. */
#include "services/live/compile/parse.h"

#include <string.h>
#include <strings.h>

static bool markup_is_one_of(struct fl_str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name.len && strncasecmp(name.at, names[i], name.len) == 0)
            return true;
    return false;
}
#define MARKUP_IS(name, ...)                                   \
    markup_is_one_of(name, (const char *const[]){__VA_ARGS__}, \
                     FL_COUNT(((const char *const[]){__VA_ARGS__})))

static bool markup_is_same(struct fl_str a, struct fl_str b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool markup_is_void(struct fl_str name)
{
    return MARKUP_IS(name, "area", "base", "br", "col", "embed", "hr", "img", "input", "link",
                     "meta", "source", "track", "wbr");
}

/* ---- attributes ---- */

/* The tag that is being read. */
struct tag {
    struct fl_str name;
    size_t at;
    struct fl_str attrs[TPL_ATTRS_MAX];
    size_t attrs_count;
    bool has_id, wants_id, is_stream;
};

static bool attr_is_url(struct fl_str name)
{
    return MARKUP_IS(name, "href", "src", "action", "formaction", "poster", "data", "cite",
                     "background", "ping", "manifest", "xlink:href");
}

static bool attr_is_condition(struct fl_str name)
{
    return MARKUP_IS(name, "disabled", "checked", "selected", "hidden", "readonly", "required",
                     "open", "multiple", "autofocus", "novalidate", "formnovalidate", "inert",
                     "loop", "muted", "controls", "autoplay", "default", "reversed", "async",
                     "defer", "nomodule", "playsinline", "itemscope", "ismap", "allowfullscreen");
}

/* Where a value would be run, not shown. */
static bool attr_is_closed(struct fl_str name)
{
    return (name.len > 2 && strncasecmp(name.at, "on", 2) == 0) ||
           MARKUP_IS(name, "style", "srcdoc");
}

static bool attr_is_name(char c)
{
    return c != '\0' && !tpl_is_space(c) && strchr("\"'<>/={}", c) == NULL;
}

static struct fl_str attr_take_name(struct tpl_parser *p, struct tag *tag)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    while (attr_is_name(tpl_peek(scan)))
        scan->at++;
    struct fl_str name = {scan->source.at + from, scan->at - from};
    if (name.len == 0) {
        tpl_fail(scan, from,
                 tpl_peek(scan) == '{'
                     ? "an expression cannot be an attribute's name; write name={expression}"
                     : "expected an attribute or > of <%.*s",
                 FL_ARG(tag->name));
        return name;
    }
    for (size_t i = 0; i < tag->attrs_count; i++)
        if (markup_is_same(tag->attrs[i], name))
            tpl_fail(scan, from, "%.*s comes twice in <%.*s>", FL_ARG(name), FL_ARG(tag->name));
    if (tag->attrs_count == TPL_ATTRS_MAX) {
        tpl_fail(scan, from, "more than %d attributes", TPL_ATTRS_MAX);
    } else {
        tag->attrs[tag->attrs_count++] = name;
    }
    return name;
}

static bool attr_may_hold_code(struct tpl_parser *p, size_t at, struct fl_str name)
{
    if (attr_is_closed(name))
        tpl_fail(
            &p->scan, at,
            "%.*s cannot hold an expression: a value in it would be run; use a class, or phx-%s",
            FL_ARG(name), "click and the like");
    return p->scan.rc == 0;
}

/* How far an address has come: may what follows still say that it is a script? */
enum attr_address {
    ADDRESS_NONE,    /* it is no address, or its scheme is known */
    ADDRESS_START,   /* nothing yet */
    ADDRESS_WORD,    /* static text that may be the start of a scheme */
    ADDRESS_UNKNOWN, /* a value */
};

static bool attr_is_known_scheme(struct fl_str text)
{
    return MARKUP_IS(text, "http", "https", "mailto", "tel");
}

static void attr_read_text(struct tpl_parser *p, size_t value, enum attr_address *address)
{
    struct tpl_scan *scan = &p->scan;
    size_t at = scan->at;
    char c = scan->source.at[scan->at++];
    tpl_put_tag(p, (struct fl_str){scan->source.at + at, 1});
    if (*address == ADDRESS_NONE) return;
    if (strchr("/?#", c) != NULL) {
        *address = ADDRESS_NONE;
    } else if (*address == ADDRESS_UNKNOWN) {
        tpl_fail(scan, at, "an address that starts with a value goes on with /, ? or #");
    } else if (c == ':' &&
               attr_is_known_scheme((struct fl_str){scan->source.at + value, at - value})) {
        *address = ADDRESS_NONE;
    } else {
        *address = ADDRESS_WORD;
    }
}

static void attr_read_code(struct tpl_parser *p, struct fl_str name, enum attr_address *address)
{
    struct tpl_scan *scan = &p->scan;
    size_t at = scan->at++;
    if (strchr("#:/>!@", tpl_peek(scan)) != NULL)
        tpl_fail(scan, at, "an attribute holds no blocks; write {condition ? \"a\" : \"b\"}");
    if (*address == ADDRESS_WORD || *address == ADDRESS_UNKNOWN)
        tpl_fail(scan, at, "an address needs a /, ? or # before this value, or http: and the like");
    if (!attr_may_hold_code(p, at, name)) return;
    bool is_start = *address == ADDRESS_START;
    tpl_parse_value(p, at, is_start ? TPL_URL : TPL_VALUE, (struct fl_str){NULL, 0}, true);
    if (is_start) *address = ADDRESS_UNKNOWN;
}

/* Inside quotes: text, and expressions. */
static void attr_read_quoted(struct tpl_parser *p, struct fl_str name, char quote)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at++;
    char around[2] = {quote, '\0'};
    enum attr_address address = attr_is_url(name) ? ADDRESS_START : ADDRESS_NONE;
    tpl_put_tag(p, fl_str_of(around));
    while (scan->rc == 0 && tpl_peek(scan) != quote) {
        if (tpl_peek(scan) == '\0') {
            tpl_fail(scan, from, "%c without its end", quote);
        } else if (tpl_accept(scan, "{{")) {
            tpl_put_tag(p, FL_STR("{"));
        } else if (tpl_accept(scan, "}}")) {
            tpl_put_tag(p, FL_STR("}"));
        } else if (tpl_peek(scan) == '}') {
            tpl_fail(scan, scan->at, "} without {; as text it is written }}");
        } else if (tpl_peek(scan) == '{') {
            attr_read_code(p, name, &address);
        } else {
            attr_read_text(p, from + 1, &address);
        }
    }
    if (tpl_accept(scan, around)) tpl_put_tag(p, fl_str_of(around));
}

static void attr_read_bare(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    while (scan->at < scan->source.len && !tpl_is_space(tpl_peek(scan)) &&
           strchr("\"'<>=`{}", tpl_peek(scan)) == NULL)
        scan->at++;
    if (scan->at == from) tpl_fail(scan, from, "expected a value in quotes, or {an expression}");
    tpl_put_tag(p, FL_STR("\""));
    tpl_put_tag(p, (struct fl_str){scan->source.at + from, scan->at - from});
    tpl_put_tag(p, FL_STR("\""));
}

/* What LiveView makes of an attribute; value: of a static one, with its quotes. */
static void attr_note(struct tpl_parser *p, struct tag *tag, struct fl_str name,
                      struct fl_str value, size_t at)
{
    bool is_quoted = value.len >= 2 && (value.at[0] == '"' || value.at[0] == '\'');
    if (is_quoted) value = (struct fl_str){value.at + 1, value.len - 2};
    if (fl_str_is(name, "id")) tag->has_id = true;
    if (fl_str_is(name, "phx-hook")) tag->wants_id = true;
    if (!fl_str_is(name, "phx-update")) return;
    tag->wants_id = true;
    tag->is_stream = fl_str_is(value, "stream");
    if (!tag->is_stream && !fl_str_is(value, "ignore") && !fl_str_is(value, "replace"))
        tpl_fail(&p->scan, at, "phx-update is \"stream\", \"ignore\" or \"replace\"");
}

static void attr_read(struct tpl_parser *p, struct tag *tag)
{
    struct tpl_scan *scan = &p->scan;
    size_t at = scan->at;
    struct fl_str name = attr_take_name(p, tag);
    if (scan->rc != 0) return;
    size_t behind = scan->at;
    tpl_skip_space(scan);
    bool has_value = tpl_accept(scan, "=");
    if (has_value) {
        tpl_skip_space(scan);
    } else {
        scan->at = behind;
    }
    if (has_value && tpl_peek(scan) == '{') {
        if (!attr_may_hold_code(p, scan->at, name)) return;
        attr_note(p, tag, name, FL_STR(""), at);
        enum tpl_kind kind = attr_is_url(name)         ? TPL_URL
                             : attr_is_condition(name) ? TPL_IS
                                                       : TPL_VALUE;
        size_t from = scan->at++;
        tpl_parse_value(p, from, kind, name, true);
        return;
    }
    tpl_put_tag(p, FL_STR(" ")); /* one space: the client looks for ` id="` */
    tpl_put_tag(p, name);
    if (!has_value) {
        attr_note(p, tag, name, FL_STR(""), at);
        return;
    }
    tpl_put_tag(p, FL_STR("="));
    size_t from = scan->at;
    char quote = tpl_peek(scan);
    if (quote == '"' || quote == '\'') {
        attr_read_quoted(p, name, quote);
    } else {
        attr_read_bare(p);
    }
    attr_note(p, tag, name, (struct fl_str){scan->source.at + from, scan->at - from}, at);
}

/* ---- tags ---- */

static bool tag_is_foreign(const struct tpl_parser *p, struct fl_str name)
{
    for (size_t i = 0; i < p->elements_count; i++)
        if (MARKUP_IS(p->elements[i].name, "svg", "math")) return true;
    return MARKUP_IS(name, "svg", "math");
}

/* <script> and <style>: text up to their end tag, braces too. */
static void tag_read_raw(struct tpl_parser *p, const struct tag *tag)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    for (; scan->at < scan->source.len; scan->at++) {
        const char *at = scan->source.at + scan->at;
        size_t left = scan->source.len - scan->at;
        if (left > tag->name.len + 2 && at[0] == '<' && at[1] == '/' &&
            markup_is_same((struct fl_str){at + 2, tag->name.len}, tag->name)) {
            tpl_put_tag(p, (struct fl_str){scan->source.at + from, scan->at - from});
            return;
        }
    }
    tpl_fail(scan, tag->at, "<%.*s> is not closed in this file", FL_ARG(tag->name));
}

static void tag_push(struct tpl_parser *p, const struct tag *tag)
{
    if (p->elements_count == TPL_ELEMENTS_MAX) {
        tpl_fail(&p->scan, tag->at, "more than %d elements in one another", TPL_ELEMENTS_MAX);
        return;
    }
    p->elements[p->elements_count++] = (struct tpl_element){
        .name = tag->name, .at = tag->at, .is_stream = tag->is_stream};
    if (MARKUP_IS(tag->name, "script", "style")) tag_read_raw(p, tag);
    if (!MARKUP_IS(tag->name, "textarea", "title", "pre")) return;
    if (!MARKUP_IS(tag->name, "pre")) p->raw_name = tag->name;
    /* A browser drops the first line feed of these: give it one when text of ours comes first. */
    if (!MARKUP_IS(tag->name, "title") && tpl_peek(&p->scan) == '{') tpl_put_tag(p, FL_STR("\n"));
}

static void tag_open(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    struct tag tag = {.at = scan->at++};
    size_t from = scan->at;
    while (attr_is_name(tpl_peek(scan)))
        scan->at++;
    tag.name = (struct fl_str){scan->source.at + from, scan->at - from};
    if (tpl_peek(scan) == '{')
        tpl_fail(scan, scan->at, "an expression cannot be part of a tag's name");
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
            attr_read(p, &tag);
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
    while (attr_is_name(tpl_peek(scan)))
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
    if (!markup_is_same(element->name, name)) {
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
           markup_is_same((struct fl_str){rest.at + 2, p->raw_name.len}, p->raw_name);
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
