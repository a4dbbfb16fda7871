/* parse_top.c: parts, and what a file says once: {#view}, {#include}. */
#include "services/live/compile/parse.h"

#include <string.h>

/* `name(args)}` */
static struct tpl_code part_head(struct tpl_parser *p, size_t from, struct fl_str *out_name)
{
    struct tpl_scan *scan = &p->scan;
    *out_name = tpl_copy(p->tpl, tpl_take_word(scan));
    struct tpl_code code = tpl_take_code(scan, from, "name(arguments)");
    if (scan->rc != 0) return code;
    if (out_name->len == 0 || code.text.at[0] != '(' ||
        tpl_skip_nested(code.text, 0) != code.text.len)
        tpl_fail(scan, from, "expected name(arguments)");
    return tpl_cut_code(code, 1, code.text.len - 1);
}

static bool part_is_top(const struct tpl_parser *p)
{
    return p->depth == 0 && p->elements_count == 0;
}

void tpl_parse_part(struct tpl_parser *p, size_t from)
{
    if (!part_is_top(p))
        tpl_fail(&p->scan, from, "a {#part} stands outside of all elements and blocks");
    tpl_block_enter(p, from);
    struct tpl_part **end = &p->tpl->parts;
    while (*end != NULL)
        end = &(*end)->next;
    struct tpl_part *part = *end = tpl_new(p->tpl, struct tpl_part);
    tpl_skip_space(&p->scan);
    part->args = part_head(p, from, &part->name);
    tpl_drop_line(p, from);
    part->body = tpl_block_body(p, from, "{/part}", false);
    tpl_block_end(p, from, "{/part}");
}

void tpl_parse_call(struct tpl_parser *p, size_t from)
{
    struct tpl_piece *piece = tpl_put_piece(p, TPL_CALL, false);
    piece->code = part_head(p, from, &piece->name);
}

/* ---- what a file says once ---- */

void tpl_parse_include(struct tpl_parser *p, size_t from)
{
    struct tpl_scan *scan = &p->scan;
    struct tpl_code code = tpl_take_code(scan, from, "\"file.h\"");
    if (scan->rc != 0) return;
    char first = code.text.at[0], last = code.text.at[code.text.len - 1];
    bool is_name = code.text.len > 2 &&
                   ((first == '"' && last == '"') || (first == '<' && last == '>'));
    if (!is_name || memchr(code.text.at, '\n', code.text.len) != NULL)
        tpl_fail(scan, from, "expected {#include \"file.h\"} or {#include <file.h>}");
    if (!part_is_top(p))
        tpl_fail(scan, from, "{#include} stands outside of all elements and blocks");
    if (p->tpl->includes_count == FL_COUNT(p->tpl->includes)) {
        tpl_fail(scan, from, "more than %zu includes", FL_COUNT(p->tpl->includes));
    } else {
        p->tpl->includes[p->tpl->includes_count++] = code;
    }
    tpl_drop_line(p, from);
}

void tpl_parse_view(struct tpl_parser *p, size_t from)
{
    struct tpl_scan *scan = &p->scan;
    tpl_skip_space(scan);
    struct fl_str name = tpl_take_word(scan);
    struct tpl_code state = tpl_take_code(
        scan, from, "a name and the state, as in {#view board const struct board *board}");
    if (scan->rc != 0) return;
    if (name.len == 0 || memchr(state.text.at, '*', state.text.len) == NULL ||
        !tpl_is_word(state.text.at[state.text.len - 1]))
        tpl_fail(scan, from, "expected {#view NAME const struct STATE *VARIABLE}");
    if (p->tpl->name.len > 0) tpl_fail(scan, from, "a file holds one {#view}");
    if (!part_is_top(p)) tpl_fail(scan, from, "{#view} stands outside of all elements and blocks");
    p->tpl->name = tpl_copy(p->tpl, name);
    p->tpl->state = state;
    tpl_drop_line(p, from);
}
