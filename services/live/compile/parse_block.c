/* parse_block.c: what stands between braces in text: values, blocks, parts, and what a file says
 * once. */
#include "services/live/compile/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- lines ---- */

static bool line_is_blank_before(const struct tpl_parser *p, size_t from)
{
    while (from > 0 && p->scan.source.at[from - 1] != '\n') {
        char c = p->scan.source.at[--from];
        if (c != ' ' && c != '\t') return false;
    }
    return true;
}

/* The offset behind the line end when nothing but blanks comes before it; SIZE_MAX: something does.
 */
static size_t line_blank_after(const struct tpl_parser *p, size_t at)
{
    struct fl_str source = p->scan.source;
    while (at < source.len && strchr(" \t\r", source.at[at]) != NULL)
        at++;
    if (at >= source.len) return at;
    return source.at[at] == '\n' ? at + 1 : SIZE_MAX;
}

static void line_trim(struct tpl_parser *p)
{
    struct fl_buf *text = &p->open->text;
    while (text->len > 0 && (text->at[text->len - 1] == ' ' || text->at[text->len - 1] == '\t'))
        text->len--;
}

void tpl_drop_line(struct tpl_parser *p, size_t from)
{
    size_t behind = line_blank_after(p, p->scan.at);
    if (behind == SIZE_MAX || !line_is_blank_before(p, from)) return;
    p->scan.at = behind;
    line_trim(p);
}

void tpl_drop_blank_before(struct tpl_parser *p)
{
    size_t from = p->scan.at;
    struct tpl_scan trial = p->scan;
    trial.err = NULL;
    trial.at += 2;
    tpl_take_code(&trial, from, "");
    if (trial.rc == 0 && line_blank_after(p, trial.at) != SIZE_MAX && line_is_blank_before(p, from))
        line_trim(p);
}

/* ---- blocks ---- */

static void block_enter(struct tpl_parser *p, size_t from)
{
    if (++p->depth > TPL_BLOCKS_MAX)
        tpl_fail(&p->scan, from, "more than %d blocks in one another", TPL_BLOCKS_MAX);
}

/* Reads a body of a block; its end tag comes next. */
static struct tpl_body *block_body(struct tpl_parser *p, size_t from, const char *end,
                                   bool is_entry)
{
    if (p->scan.rc != 0) return NULL;
    struct tpl_body *body = tpl_parse_body(p, is_entry);
    if (p->scan.rc == 0 && p->scan.at >= p->scan.source.len)
        tpl_fail(&p->scan, from, "this block is not closed; expected %s", end);
    return body;
}

static void block_end(struct tpl_parser *p, size_t from, const char *end)
{
    size_t at = p->scan.at;
    if (p->scan.rc != 0) return;
    if (!tpl_accept(&p->scan, end)) {
        int col, line = tpl_line(&p->scan, from, &col);
        tpl_fail(&p->scan, at, "expected %s of %d:%d", end, line, col);
        return;
    }
    tpl_drop_line(p, at);
    p->depth--;
}

static void block_if(struct tpl_parser *p, size_t from)
{
    block_enter(p, from);
    struct tpl_piece *piece = tpl_put_piece(p, TPL_IF, false);
    struct tpl_branch **end = &piece->branches;
    bool has_condition = true;
    size_t at = from; /* of the branch */
    while (p->scan.rc == 0) {
        struct tpl_branch *branch = *end = tpl_new(p->tpl, struct tpl_branch);
        end = &branch->next;
        branch->has_condition = has_condition;
        if (has_condition) branch->condition = tpl_take_code(&p->scan, at, "a condition");
        tpl_drop_line(p, at);
        branch->body = block_body(p, from, "{/if}", false);
        at = p->scan.at;
        if (!has_condition || !tpl_is_next(&p->scan, "{:")) break;
        has_condition = tpl_accept(&p->scan, "{:else if ");
        if (!has_condition && !tpl_accept(&p->scan, "{:else}"))
            tpl_fail(&p->scan, at, "expected {:else if …}, {:else} or {/if}");
    }
    block_end(p, from, "{/if}");
}

/* `item in CODE`: takes the name. */
static struct tpl_code block_item(struct tpl_parser *p, size_t from, const char *form,
                                  struct fl_str *out_name)
{
    struct tpl_scan *scan = &p->scan;
    tpl_skip_space(scan);
    *out_name = tpl_copy(p->tpl, tpl_take_word(scan));
    tpl_skip_space(scan);
    if (out_name->len == 0 || !tpl_accept(scan, "in ")) tpl_fail(scan, from, "expected %s", form);
    return tpl_take_code(scan, from, form);
}

static struct tpl_code block_cut(struct tpl_code code, size_t from, size_t to)
{
    struct tpl_code part = {{code.text.at + from, to - from}, code.line};
    for (; part.text.len > 0 && tpl_is_space(part.text.at[0]); part.text.at++, part.text.len--)
        ;
    for (size_t i = 0; code.text.at + i < part.text.at; i++)
        part.line += code.text.at[i] == '\n';
    part.text = fl_str_trim(part.text);
    return part;
}

/* The last such word that comes behind one of these characters; SIZE_MAX: there is none. */
static size_t block_word(struct fl_str code, const char *word, const char *behind)
{
    while (true) {
        size_t at = tpl_find_last(code, word);
        if (at == SIZE_MAX || at == 0) return SIZE_MAX;
        size_t before = at;
        while (before > 0 && tpl_is_space(code.at[before - 1]))
            before--;
        char c = before == at ? code.at[at - 1] : before == 0 ? ' ' : code.at[before - 1];
        if (strchr(behind, c) != NULL || (before < at && strchr(behind, ' ') != NULL)) return at;
        code.len = at;
    }
}

static void block_each(struct tpl_parser *p, size_t from)
{
    static const char form[] = "{#each item in ARRAY[COUNT] key EXPRESSION}";
    block_enter(p, from);
    struct tpl_piece *piece = tpl_put_piece(p, TPL_EACH, false);
    struct tpl_code code = block_item(p, from, form, &piece->name);
    if (p->scan.rc != 0) return;
    size_t key = block_word(code.text, "key", "]");
    if (key != SIZE_MAX) {
        piece->key = block_cut(code, key + strlen("key"), code.text.len);
        if (piece->key.text.len == 0) tpl_fail(&p->scan, from, "expected an expression after key");
        code = block_cut(code, 0, key);
    }
    size_t bracket = tpl_find_last(code.text, "[");
    if (bracket == SIZE_MAX || bracket == 0 ||
        tpl_skip_nested(code.text, bracket) != code.text.len) {
        tpl_fail(&p->scan, from, "how many are there? expected %s", form);
        return;
    }
    piece->code = block_cut(code, 0, bracket);
    piece->count = block_cut(code, bracket + 1, code.text.len - 1);
    if (piece->count.text.len == 0)
        tpl_fail(&p->scan, from, "how many are there? expected %s", form);
    tpl_drop_line(p, from);
    piece->body = block_body(p, from, "{/each}", false);
    size_t at = p->scan.at;
    if (p->scan.rc == 0 && tpl_accept(&p->scan, "{:else}")) {
        piece->branches = tpl_new(p->tpl, struct tpl_branch);
        tpl_drop_line(p, at);
        piece->branches->body = block_body(p, from, "{/each}", false);
    }
    block_end(p, from, "{/each}");
}

static void block_stream(struct tpl_parser *p, size_t from)
{
    static const char form[] = "{#stream item in STREAM as TYPE}";
    struct tpl_element *parent = p->elements_count == p->open->elements_base
                                     ? NULL
                                     : &p->elements[p->elements_count - 1];
    if (parent == NULL || !parent->is_stream || parent->has_stream)
        tpl_fail(&p->scan, from,
                 "a {#stream} is the only thing in an element with id=\"…\" phx-update=\"stream\"");
    if (p->is_optional)
        tpl_fail(&p->scan, from,
                 "a {#stream} cannot stand in a block or part: the server keeps no "
                 "items that could be shown again; hide its element by a class");
    if (p->scan.rc != 0) return;
    parent->has_stream = true;
    block_enter(p, from);
    struct tpl_piece *piece = tpl_put_piece(p, TPL_STREAM, false);
    struct tpl_code code = block_item(p, from, form, &piece->name);
    if (p->scan.rc != 0) return;
    size_t as = block_word(code.text, "as", " ");
    if (as != SIZE_MAX) {
        piece->type = block_cut(code, as + strlen("as"), code.text.len);
        piece->code = block_cut(code, 0, as);
    }
    if (piece->type.text.len == 0 || piece->code.text.len == 0)
        tpl_fail(&p->scan, from, "of what type are its items? expected %s", form);
    tpl_drop_line(p, from);
    piece->body = block_body(p, from, "{/stream}", true);
    if (p->scan.rc == 0 && !piece->body->is_element)
        tpl_fail(&p->scan, from, "what stands in a {#stream} has to be exactly one element");
    block_end(p, from, "{/stream}");
}

/* ---- parts ---- */

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
    return block_cut(code, 1, code.text.len - 1);
}

static bool part_is_top(const struct tpl_parser *p)
{
    return p->depth == 0 && p->elements_count == 0;
}

static void block_part(struct tpl_parser *p, size_t from)
{
    if (!part_is_top(p))
        tpl_fail(&p->scan, from, "a {#part} stands outside of all elements and blocks");
    block_enter(p, from);
    struct tpl_part **end = &p->tpl->parts;
    while (*end != NULL)
        end = &(*end)->next;
    struct tpl_part *part = *end = tpl_new(p->tpl, struct tpl_part);
    tpl_skip_space(&p->scan);
    part->args = part_head(p, from, &part->name);
    tpl_drop_line(p, from);
    part->body = block_body(p, from, "{/part}", false);
    block_end(p, from, "{/part}");
}

static void block_call(struct tpl_parser *p, size_t from)
{
    struct tpl_piece *piece = tpl_put_piece(p, TPL_CALL, false);
    piece->code = part_head(p, from, &piece->name);
}

/* ---- what a file says once ---- */

static void block_include(struct tpl_parser *p, size_t from)
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

static void block_view(struct tpl_parser *p, size_t from)
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

/* ---- braces ---- */

static void brace_comment(struct tpl_parser *p, size_t from)
{
    while (p->scan.at < p->scan.source.len && !tpl_is_next(&p->scan, "--}"))
        p->scan.at++;
    if (!tpl_accept(&p->scan, "--}")) tpl_fail(&p->scan, from, "{!-- without --}");
    tpl_drop_line(p, from);
}

static void brace_block(struct tpl_parser *p, size_t from)
{
    static const struct {
        const char *word;
        void (*read)(struct tpl_parser *p, size_t from);
        bool is_optional; /* what stands in it may come and go */
    } blocks[] = {
        {"if", block_if, true},     {"each", block_each, true},  {"stream", block_stream, true},
        {"part", block_part, true}, {"view", block_view, false}, {"include", block_include, false},
    };
    struct fl_str word = tpl_take_word(&p->scan);
    for (size_t i = 0; i < FL_COUNT(blocks); i++) {
        if (!fl_str_is(word, blocks[i].word)) continue;
        bool was_optional = p->is_optional;
        if (blocks[i].read != block_stream) p->is_optional = was_optional || blocks[i].is_optional;
        blocks[i].read(p, from);
        p->is_optional = was_optional;
        return;
    }
    const char *words[FL_COUNT(blocks)];
    for (size_t i = 0; i < FL_COUNT(blocks); i++)
        words[i] = blocks[i].word;
    char text[32];
    snprintf(text, sizeof(text), "%.*s", FL_ARG(word));
    const char *near = fl_nearest(text, words, FL_COUNT(words));
    tpl_fail(&p->scan, from, "unknown block {#%s; is it {#%s?", text, near != NULL ? near : "if");
}

void tpl_parse_brace(struct tpl_parser *p)
{
    struct tpl_scan *scan = &p->scan;
    size_t from = scan->at;
    if (tpl_accept(scan, "{{")) {
        tpl_put_text(p, FL_STR("{"));
    } else if (tpl_accept(scan, "{!--")) {
        brace_comment(p, from);
    } else if (tpl_is_next(scan, "{#")) {
        tpl_drop_blank_before(p);
        scan->at += 2;
        brace_block(p, from);
    } else if (tpl_accept(scan, "{>")) {
        block_call(p, from);
    } else if (tpl_accept(scan, "{@html")) {
        tpl_parse_value(p, from, TPL_HTML, (struct fl_str){NULL, 0}, false);
    } else {
        scan->at++;
        tpl_parse_value(p, from, TPL_VALUE, (struct fl_str){NULL, 0}, false);
    }
}
