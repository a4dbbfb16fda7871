/* parse.c: a file, its bodies, and the values in them. */
#include "services/live/compile/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

struct tpl_chunk {
    struct tpl_chunk *next;
    _Alignas(max_align_t) char bytes[];
};

void *tpl_take(struct tpl *tpl, size_t bytes)
{
    struct tpl_chunk *chunk = fl_alloc(sizeof(*chunk) + bytes);
    chunk->next = tpl->memory;
    tpl->memory = chunk;
    return chunk->bytes;
}

struct fl_str tpl_copy(struct tpl *tpl, struct fl_str text)
{
    char *copy = tpl_take(tpl, text.len + 1);
    if (text.len > 0) memcpy(copy, text.at, text.len);
    return (struct fl_str){copy, text.len};
}

void tpl_fini(struct tpl *tpl)
{
    struct tpl_chunk *next;
    for (struct tpl_chunk *chunk = tpl->memory; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *tpl = (struct tpl){0};
}

/* ---- what a body is made of ---- */

static bool put_is_top(const struct tpl_parser *p)
{
    return p->elements_count == p->open->elements_base;
}

void tpl_put_tag(struct tpl_parser *p, struct fl_str text)
{
    fl_buf_add(&p->open->text, text.at, text.len);
}

/* Notes that something other than a {#stream} stands here. */
static void put_loose(struct tpl_parser *p)
{
    if (put_is_top(p)) {
        p->open->has_loose = true;
    } else {
        p->elements[p->elements_count - 1].has_more = true;
    }
}

void tpl_put_text(struct tpl_parser *p, struct fl_str text)
{
    if (fl_str_trim(text).len > 0) {
        put_loose(p);
        tpl_check_nesting(p, p->scan.at - text.len, (struct fl_str){NULL, 0});
    }
    tpl_put_tag(p, text);
}

static void put_text_end(struct tpl_parser *p)
{
    struct tpl_open *open = p->open;
    struct tpl_text *text = tpl_new(p->tpl, struct tpl_text);
    text->text = tpl_copy(p->tpl, (struct fl_str){open->text.at, open->text.len});
    open->text.len = 0;
    *open->texts_end = text;
    open->texts_end = &text->next;
}

struct tpl_piece *tpl_put_piece(struct tpl_parser *p, enum tpl_kind kind, bool is_attr)
{
    struct tpl_open *open = p->open;
    if (!is_attr && kind != TPL_STREAM) put_loose(p);
    if (!is_attr && put_is_top(p)) open->has_loose = true;
    put_text_end(p);
    struct tpl_piece *piece = tpl_new(p->tpl, struct tpl_piece);
    piece->kind = kind;
    *open->pieces_end = piece;
    open->pieces_end = &piece->next;
    if (++open->body->pieces_count > UINT16_MAX)
        tpl_fail(&p->scan, p->scan.at, "more than %d values in one place", UINT16_MAX);
    return piece;
}

/* ---- values ---- */

/* Text in front of which the scheme of an address has ended? */
static bool value_has_scheme(struct fl_str format)
{
    for (size_t i = 1; i < format.len && format.at[i] != '%' && format.at[i] != '"'; i++)
        if (strchr("/?#", format.at[i]) != NULL) return true;
    return false;
}

void tpl_parse_value(struct tpl_parser *p, size_t from, enum tpl_kind kind, struct fl_str attr,
                     bool is_attr)
{
    struct tpl_code code = tpl_take_code(&p->scan, from, "an expression");
    if (p->scan.rc != 0) return;
    if (tpl_find_last(code.text, ",") != SIZE_MAX) {
        if (code.text.at[0] != '"') {
            tpl_fail(&p->scan, from, "a comma wants a format in front: {\"%%d of %%d\", a, b}");
            return;
        }
        if (kind == TPL_URL && !value_has_scheme(code.text)) {
            tpl_fail(&p->scan, from,
                     "an address in printf form has to start with text that holds a /, ? or #");
            return;
        }
        if (kind == TPL_IS) {
            tpl_fail(&p->scan, from, "%.*s is there or not: expected a condition", FL_ARG(attr));
            return;
        }
        kind = TPL_PRINTF;
    }
    if (!is_attr && kind != TPL_HTML) tpl_check_nesting(p, from, (struct fl_str){NULL, 0});
    struct tpl_piece *piece = tpl_put_piece(p, kind, is_attr);
    piece->code = code;
    piece->attr = attr;
}

/* ---- bodies ---- */

/* A `{` that ends a body: {:else}, {/if}. */
static bool body_is_end(const struct tpl_parser *p)
{
    return tpl_is_next(&p->scan, "{:") ||
           (tpl_is_next(&p->scan, "{/") && !tpl_is_next(&p->scan, "{/*"));
}

static bool body_is_stop(char c)
{
    return c == '<' || c == '{' || c == '}' || c == '\0';
}

static void body_read(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    while (scan->rc == 0 && scan->at < scan->source.len && !body_is_end(p)) {
        size_t from = scan->at;
        char c = tpl_peek(scan);
        if (c == '<') {
            tpl_parse_markup(p);
        } else if (c == '{') {
            tpl_parse_brace(p);
        } else if (c == '}') {
            if (!tpl_accept(scan, "}}"))
                tpl_fail(scan, from, "} without {; as text it is written }}");
            tpl_put_text(p, FL_STR("}"));
        } else if (c == '\0') {
            tpl_fail(scan, from, "a template cannot hold a NUL");
        } else {
            while (scan->at < scan->source.len && !body_is_stop(scan->source.at[scan->at]))
                scan->at++;
            tpl_put_text(p, (struct fl_str){scan->source.at + from, scan->at - from});
        }
    }
}

struct tpl_body *tpl_parse_body(struct tpl_parser *p, bool is_entry)
{
    struct tpl_body *body = tpl_new(p->tpl, struct tpl_body);
    body->number = p->tpl->bodies_count++;
    struct tpl_open open = {
        .body = body,
        .texts_end = &body->texts,
        .pieces_end = &body->pieces,
        .elements_base = p->elements_count,
        .is_entry = is_entry,
    };
    struct tpl_open *outer = p->open;
    p->open = &open;
    body_read(p);
    if (p->scan.rc == 0 && body_is_end(p)) tpl_drop_blank_before(p);
    if (p->elements_count > open.elements_base) {
        const struct tpl_element *left = &p->elements[p->elements_count - 1];
        tpl_fail(&p->scan, left->at, "<%.*s> is not closed %s", FL_ARG(left->name),
                 outer == NULL ? "in this file" : "in the block that it is opened in");
    }
    put_text_end(p);
    body->is_element = open.roots_count == 1 && !open.has_loose;
    p->open = outer;
    fl_buf_fini(&open.text);
    return body;
}

int tpl_parse(struct tpl *tpl, const char *file, struct fl_str source, struct fl_err *err)
{
    *tpl = (struct tpl){.file = file};
    struct tpl_parser *p = fl_new(struct tpl_parser);
    p->scan = (struct tpl_scan){.file = file, .source = source, .err = err};
    p->tpl = tpl;
    if (source.len > TPL_SOURCE_MAX) tpl_fail(&p->scan, 0, "more than %d bytes", TPL_SOURCE_MAX);
    if (!fl_utf8_ok(source.at, source.len)) tpl_fail(&p->scan, 0, "this is not UTF-8");
    tpl->root = tpl_parse_body(p, false);
    if (p->scan.at < source.len)
        tpl_fail(&p->scan, p->scan.at, "this ends no block: nothing is open here");
    if (tpl->name.len == 0)
        tpl_fail(&p->scan, 0, "expected {#view NAME const struct STATE *VARIABLE} somewhere");
    int rc = p->scan.rc;
    free(p);
    return rc;
}
