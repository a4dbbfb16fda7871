/* emit_text.c: text as C and as JSON, and the lines that it is of. */
#include "services/live/compile/emit.h"

static void emit_string(struct fl_buf *out, struct fl_str text)
{
    fl_buf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '\n') {
            fl_buf_puts(out, "\\n");
        } else if (c == '"' || c == '\\') {
            fl_buf_printf(out, "\\%c", c);
        } else if (c < ' ' || c >= 0x7f || c == '?') { /* ? for trigraphs */
            fl_buf_printf(out, "\\%03o", c);
        } else {
            fl_buf_putc(out, (char)c);
        }
    }
    fl_buf_putc(out, '"');
}

static void emit_json(struct fl_buf *out, const struct tpl_body *body)
{
    fl_buf_putc(out, '[');
    for (const struct tpl_text *text = body->texts; text != NULL; text = text->next) {
        fl_buf_puts(out, text == body->texts ? "\"" : ",\"");
        for (size_t i = 0; i < text->text.len; i++) {
            unsigned char c = (unsigned char)text->text.at[i];
            if (c == '\n') {
                fl_buf_puts(out, "\\n");
            } else if (c == '"' || c == '\\') {
                fl_buf_printf(out, "\\%c", c);
            } else if (c < ' ') {
                fl_buf_printf(out, "\\u%04x", c);
            } else {
                fl_buf_putc(out, (char)c);
            }
        }
        fl_buf_putc(out, '"');
    }
    fl_buf_putc(out, ']');
}

void tpl_emit_text(struct tpl_emit *e, const char *text)
{
    fl_buf_puts(e->out, text);
}

void tpl_emit_line_there(struct tpl_emit *e, int line)
{
    fl_buf_printf(e->out, "#line %d ", line);
    emit_string(e->out, fl_str_of(e->tpl->file));
    tpl_emit_text(e, "\n");
}

void tpl_emit_line_here(struct tpl_emit *e)
{
    for (; e->counted < e->out->len; e->counted++)
        e->lines += e->out->at[e->counted] == '\n';
    fl_buf_printf(e->out, "#line %d ", e->lines + 2);
    emit_string(e->out, fl_str_of(e->out_path));
    tpl_emit_text(e, "\n");
}

void tpl_emit_code(struct tpl_emit *e, const char *before, struct tpl_code code, const char *after)
{
    /* In the line and the column where it stands in the template, when that has a line before. */
    tpl_emit_line_there(e, code.line > 1 ? code.line - 1 : 1);
    tpl_emit_text(e, before);
    if (code.line > 1) fl_buf_printf(e->out, "\n%*s", code.col - 1, "");
    fl_buf_add(e->out, code.text.at, code.text.len);
    tpl_emit_text(e, after);
    tpl_emit_text(e, "\n");
    tpl_emit_line_here(e);
}

/* ---- what never changes ---- */

static void emit_statics(struct tpl_emit *e, const struct tpl_body *body)
{
    fl_buf_printf(e->out, "static const struct fl_str fl_texts_%d[] = {\n", body->number);
    for (const struct tpl_text *text = body->texts; text != NULL; text = text->next) {
        tpl_emit_text(e, "    {");
        emit_string(e->out, text->text);
        fl_buf_printf(e->out, ", %zu},\n", text->text.len);
    }
    struct fl_buf json = {0};
    emit_json(&json, body);
    fl_buf_printf(e->out,
                  "};\nstatic const struct fl_live_statics fl_statics_%d = {\n"
                  "    %zu, %s, fl_texts_%d,\n    {",
                  body->number, body->pieces_count, body->is_element ? "true" : "false",
                  body->number);
    emit_string(e->out, (struct fl_str){json.at, json.len});
    fl_buf_printf(e->out, ", %zu}};\n", json.len);
    fl_buf_fini(&json);
}

void tpl_emit_statics(struct tpl_emit *e, const struct tpl_body *body)
{
    emit_statics(e, body);
    for (const struct tpl_piece *piece = body->pieces; piece != NULL; piece = piece->next) {
        if (piece->body != NULL) tpl_emit_statics(e, piece->body);
        for (const struct tpl_branch *b = piece->branches; b != NULL; b = b->next)
            tpl_emit_statics(e, b->body);
    }
}
