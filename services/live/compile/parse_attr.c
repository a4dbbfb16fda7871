/* parse_attr.c: attributes. Where a value could become a script, none is taken, or only in a form
 * in which it cannot. */
#include "services/live/compile/names.h"
#include "services/live/compile/parse.h"

#include <string.h>
#include <strings.h>

static bool attr_is_url(struct fl_str name)
{
    return TPL_NAME_IS(name, "href", "src", "action", "formaction", "poster", "data", "cite",
                       "background", "ping", "manifest", "xlink:href");
}

static bool attr_is_condition(struct fl_str name)
{
    return TPL_NAME_IS(name, "disabled", "checked", "selected", "hidden", "readonly", "required",
                       "open", "multiple", "autofocus", "novalidate", "formnovalidate", "inert",
                       "loop", "muted", "controls", "autoplay", "default", "reversed", "async",
                       "defer", "nomodule", "playsinline", "itemscope", "ismap", "allowfullscreen");
}

/* Where a value would be run, not shown. */
static bool attr_is_closed(struct fl_str name)
{
    return (name.len > 2 && strncasecmp(name.at, "on", 2) == 0) ||
           TPL_NAME_IS(name, "style", "srcdoc");
}

bool tpl_is_name(char c)
{
    return c != '\0' && !tpl_is_space(c) && strchr("\"'<>/={}", c) == NULL;
}

static struct fl_str attr_take_name(struct tpl_parser *p, struct tpl_tag *tag)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    while (tpl_is_name(tpl_peek(scan)))
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
        if (tpl_is_same(tag->attrs[i], name))
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
    return TPL_NAME_IS(text, "http", "https", "mailto", "tel");
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
static void attr_note(struct tpl_parser *p, struct tpl_tag *tag, struct fl_str name,
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

void tpl_parse_attr(struct tpl_parser *p, struct tpl_tag *tag)
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
