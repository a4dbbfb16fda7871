/* parse_block.c: what stands between braces in text. */
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

void tpl_block_enter(struct tpl_parser *p, size_t from)
{
    if (++p->depth > TPL_BLOCKS_MAX)
        tpl_fail(&p->scan, from, "more than %d blocks in one another", TPL_BLOCKS_MAX);
}

/* Reads a body of a block; its end tag comes next. */
struct tpl_body *tpl_block_body(struct tpl_parser *p, size_t from, const char *end, bool is_entry)
{
    if (p->scan.rc != 0) return NULL;
    struct tpl_body *body = tpl_parse_body(p, is_entry);
    if (p->scan.rc == 0 && p->scan.at >= p->scan.source.len)
        tpl_fail(&p->scan, from, "this block is not closed; expected %s", end);
    return body;
}

void tpl_block_end(struct tpl_parser *p, size_t from, const char *end)
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
    tpl_block_enter(p, from);
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
        branch->body = tpl_block_body(p, from, "{/if}", false);
        at = p->scan.at;
        if (!has_condition || !tpl_is_next(&p->scan, "{:")) break;
        has_condition = tpl_accept(&p->scan, "{:else if ");
        if (!has_condition && !tpl_accept(&p->scan, "{:else}"))
            tpl_fail(&p->scan, at, "expected {:else if …}, {:else} or {/if}");
    }
    tpl_block_end(p, from, "{/if}");
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

struct tpl_code tpl_cut_code(struct tpl_code code, size_t from, size_t to)
{
    while (from < to && tpl_is_space(code.text.at[from]))
        from++;
    for (size_t i = 0; i < from; i++) {
        bool is_end = code.text.at[i] == '\n';
        code.line += is_end;
        code.col = is_end ? 1 : code.col + 1;
    }
    code.text = fl_str_trim((struct fl_str){code.text.at + from, to - from});
    return code;
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
    tpl_block_enter(p, from);
    struct tpl_piece *piece = tpl_put_piece(p, TPL_EACH, false);
    struct tpl_code code = block_item(p, from, form, &piece->name);
    if (p->scan.rc != 0) return;
    size_t key = block_word(code.text, "key", "]");
    if (key != SIZE_MAX) {
        piece->key = tpl_cut_code(code, key + strlen("key"), code.text.len);
        if (piece->key.text.len == 0) tpl_fail(&p->scan, from, "expected an expression after key");
        code = tpl_cut_code(code, 0, key);
    }
    size_t bracket = tpl_find_last(code.text, "[");
    if (bracket == SIZE_MAX || bracket == 0 ||
        tpl_skip_nested(code.text, bracket) != code.text.len) {
        tpl_fail(&p->scan, from, "how many are there? expected %s", form);
        return;
    }
    piece->code = tpl_cut_code(code, 0, bracket);
    piece->count = tpl_cut_code(code, bracket + 1, code.text.len - 1);
    if (piece->count.text.len == 0)
        tpl_fail(&p->scan, from, "how many are there? expected %s", form);
    tpl_drop_line(p, from);
    piece->body = tpl_block_body(p, from, "{/each}", false);
    size_t at = p->scan.at;
    if (p->scan.rc == 0 && tpl_accept(&p->scan, "{:else}")) {
        piece->branches = tpl_new(p->tpl, struct tpl_branch);
        tpl_drop_line(p, at);
        piece->branches->body = tpl_block_body(p, from, "{/each}", false);
    }
    tpl_block_end(p, from, "{/each}");
}

static void block_stream(struct tpl_parser *p, size_t from)
{
    static const char form[] = "{#stream item in STREAM as TYPE}";
    struct tpl_element *parent = p->elements_count == p->open->elements_base
                                     ? NULL
                                     : &p->elements[p->elements_count - 1];
    if (parent == NULL || !parent->is_stream || parent->has_stream)
        tpl_fail(&p->scan, from,
                 "a {#stream} is the only thing in an element with id=\"…\" "
                 "phx-update=\"stream\"");
    if (p->is_optional)
        tpl_fail(&p->scan, from,
                 "a {#stream} cannot stand in a block or part: the server keeps no "
                 "items that could be shown again; hide its element by a class");
    if (p->scan.rc != 0) return;
    parent->has_stream = true;
    tpl_block_enter(p, from);
    struct tpl_piece *piece = tpl_put_piece(p, TPL_STREAM, false);
    struct tpl_code code = block_item(p, from, form, &piece->name);
    if (p->scan.rc != 0) return;
    size_t as = block_word(code.text, "as", " ");
    if (as != SIZE_MAX) {
        piece->type = tpl_cut_code(code, as + strlen("as"), code.text.len);
        piece->code = tpl_cut_code(code, 0, as);
    }
    if (piece->type.text.len == 0 || piece->code.text.len == 0)
        tpl_fail(&p->scan, from, "of what type are its items? expected %s", form);
    tpl_drop_line(p, from);
    piece->body = tpl_block_body(p, from, "{/stream}", true);
    if (p->scan.rc == 0 && !piece->body->is_element)
        tpl_fail(&p->scan, from, "what stands in a {#stream} has to be exactly one element");
    tpl_block_end(p, from, "{/stream}");
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
        {"if", block_if, true},          {"each", block_each, true},
        {"stream", block_stream, true},  {"part", tpl_parse_part, true},
        {"view", tpl_parse_view, false}, {"include", tpl_parse_include, false},
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
        tpl_parse_call(p, from);
    } else if (tpl_accept(scan, "{@html")) {
        tpl_parse_value(p, from, TPL_HTML, (struct fl_str){NULL, 0}, false);
    } else {
        scan->at++;
        tpl_parse_value(p, from, TPL_VALUE, (struct fl_str){NULL, 0}, false);
    }
}
