/* emit.c: bodies as C. Every expression stands behind a #line of its own, so that an error of the C
 * compiler points into the template. */
#include "services/live/compile/template.h"

#include <string.h>

struct emit {
    const struct tpl *tpl;
    const char *out_path;
    struct fl_buf *out;
    size_t counted; /* bytes of out, and the lines in them */
    int lines;
    int names; /* numbers given to variables */
};

/* ---- text ---- */

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

static void emit_text(struct emit *e, const char *text)
{
    fl_buf_puts(e->out, text);
}

/* What follows is of the template. */
static void emit_line_there(struct emit *e, int line)
{
    fl_buf_printf(e->out, "#line %d ", line);
    emit_string(e->out, fl_str_of(e->tpl->file));
    emit_text(e, "\n");
}

/* What follows is of the output again. */
static void emit_line_here(struct emit *e)
{
    for (; e->counted < e->out->len; e->counted++)
        e->lines += e->out->at[e->counted] == '\n';
    fl_buf_printf(e->out, "#line %d ", e->lines + 2);
    emit_string(e->out, fl_str_of(e->out_path));
    emit_text(e, "\n");
}

/* A line of C with code of the template in it: before, code, after. */
static void emit_code(struct emit *e, const char *before, struct tpl_code code, const char *after)
{
    emit_line_there(e, code.line);
    emit_text(e, before);
    fl_buf_add(e->out, code.text.at, code.text.len);
    emit_text(e, after);
    emit_text(e, "\n");
    emit_line_here(e);
}

/* ---- what never changes ---- */

static void emit_statics(struct emit *e, const struct tpl_body *body)
{
    fl_buf_printf(e->out, "static const struct fl_str fl_texts_%d[] = {\n", body->number);
    for (const struct tpl_text *text = body->texts; text != NULL; text = text->next) {
        emit_text(e, "    {");
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

static void emit_statics_all(struct emit *e, const struct tpl_body *body)
{
    emit_statics(e, body);
    for (const struct tpl_piece *piece = body->pieces; piece != NULL; piece = piece->next) {
        if (piece->body != NULL) emit_statics_all(e, piece->body);
        for (const struct tpl_branch *b = piece->branches; b != NULL; b = b->next)
            emit_statics_all(e, b->body);
    }
}

/* ---- what is filled in ---- */

static void emit_pieces(struct emit *e, const struct tpl_body *body);

static void emit_node(struct emit *e, const struct tpl_body *body)
{
    fl_buf_printf(e->out, "fl_out_begin(fl_out, &fl_statics_%d);\n", body->number);
    emit_pieces(e, body);
    emit_text(e, "fl_out_end(fl_out);\n");
}

static void emit_value(struct emit *e, const struct tpl_piece *piece)
{
    if (piece->attr.at != NULL)
        fl_buf_printf(e->out, "fl_out_name(fl_out, \"%.*s\");\n", FL_ARG(piece->attr));
    switch (piece->kind) {
    case TPL_PRINTF:
        emit_code(e, "fl_out_printf(fl_out, ", piece->code, ");");
        return;
    case TPL_HTML:
        emit_code(e, "fl_out_html(fl_out, (", piece->code, "));");
        return;
    case TPL_URL:
        emit_code(e, "fl_out_url(fl_out, (", piece->code, "));");
        return;
    case TPL_IS:
        emit_code(e, "fl_out_is(fl_out, (", piece->code, ") ? true : false);");
        return;
    default:
        emit_code(e, piece->attr.at != NULL ? "fl_out_attr(fl_out, (" : "fl_out_value(fl_out, (",
                  piece->code, "));");
    }
}

static void emit_if(struct emit *e, const struct tpl_piece *piece)
{
    const char *before = "if (";
    bool has_else = false;
    for (const struct tpl_branch *b = piece->branches; b != NULL; b = b->next) {
        if (b->has_condition) {
            emit_code(e, before, b->condition, ") {");
        } else {
            emit_text(e, "} else {\n");
            has_else = true;
        }
        emit_node(e, b->body);
        before = "} else if (";
    }
    emit_text(e, has_else ? "}\n" : "} else {\nfl_out_empty(fl_out);\n}\n");
}

static void emit_named(struct emit *e, const char *before, struct fl_str name, const char *after)
{
    fl_buf_printf(e->out, "%s%.*s%s", before, FL_ARG(name), after);
}

static void emit_entry(struct emit *e, const struct tpl_piece *piece)
{
    emit_named(e, "(void)", piece->name, ";\n");
    if (piece->kind == TPL_EACH) {
        emit_named(e, "(void)", piece->name, "_index;\n");
        if (piece->key.text.len > 0) {
            emit_code(e, "fl_out_item_by(fl_out, (", piece->key, "));");
        } else {
            emit_text(e, "fl_out_item(fl_out);\n");
        }
    }
    emit_pieces(e, piece->body);
    emit_text(e, "fl_out_item_end(fl_out);\n}\nfl_out_list_end(fl_out);\n");
}

static void emit_each(struct emit *e, const struct tpl_piece *piece)
{
    char text[160];
    int n = e->names++;
    emit_text(e, "{\n");
    snprintf(text, sizeof(text), "const size_t fl_count_%d = (size_t)(", n);
    emit_code(e, text, piece->count, ");");
    if (piece->branches != NULL) {
        fl_buf_printf(e->out, "if (fl_count_%d == 0) {\n", n);
        emit_node(e, piece->branches->body);
        emit_text(e, "} else {\n");
    }
    fl_buf_printf(e->out,
                  "const size_t fl_end_%d = fl_out_list(fl_out, &fl_statics_%d, fl_count_%d);\n", n,
                  piece->body->number, n);
    emit_named(e, "for (size_t ", piece->name, "_index = 0; ");
    emit_named(e, "", piece->name, "_index < ");
    fl_buf_printf(e->out, "fl_end_%d; ", n);
    emit_named(e, "", piece->name, "_index++) {\n");
    emit_line_there(e, piece->code.line);
    fl_buf_printf(e->out, "__typeof__(&(%.*s)[0]) %.*s = &(%.*s)[%.*s_index];\n",
                  FL_ARG(piece->code.text), FL_ARG(piece->name), FL_ARG(piece->code.text),
                  FL_ARG(piece->name));
    emit_line_here(e);
    emit_entry(e, piece);
    emit_text(e, piece->branches != NULL ? "}\n}\n" : "}\n");
}

static void emit_stream(struct emit *e, const struct tpl_piece *piece)
{
    char text[160];
    int n = e->names++;
    emit_text(e, "{\n");
    snprintf(text, sizeof(text),
             "const size_t fl_end_%d = fl_out_stream(fl_out, &fl_statics_%d, &(", n,
             piece->body->number);
    emit_code(e, text, piece->code, "));");
    fl_buf_printf(e->out, "for (size_t fl_at_%d = 0; fl_at_%d < fl_end_%d; fl_at_%d++) {\n", n, n,
                  n, n);
    emit_line_there(e, piece->type.line);
    fl_buf_printf(e->out, "const %.*s *%.*s = fl_out_stream_item(fl_out, fl_at_%d);\n",
                  FL_ARG(piece->type.text), FL_ARG(piece->name), n);
    emit_line_here(e);
    emit_entry(e, piece);
    emit_text(e, "}\n");
}

static void emit_call(struct emit *e, const struct tpl_piece *piece)
{
    char text[160];
    snprintf(text, sizeof(text), "fl_part_%.*s(fl_out%s", FL_ARG(piece->name),
             piece->code.text.len > 0 ? ", " : "");
    emit_code(e, text, piece->code, ");");
}

static void emit_pieces(struct emit *e, const struct tpl_body *body)
{
    for (const struct tpl_piece *piece = body->pieces; piece != NULL; piece = piece->next) {
        switch (piece->kind) {
        case TPL_STREAM_ID:
            emit_text(e, "fl_out_stream_id(fl_out);\n");
            break;
        case TPL_IF:
            emit_if(e, piece);
            break;
        case TPL_EACH:
            emit_each(e, piece);
            break;
        case TPL_STREAM:
            emit_stream(e, piece);
            break;
        case TPL_CALL:
            emit_call(e, piece);
            break;
        default:
            emit_value(e, piece);
        }
    }
}

/* ---- files ---- */

static void emit_part_head(struct emit *e, const struct tpl_part *part, const char *after)
{
    char text[160];
    snprintf(text, sizeof(text), "static void fl_part_%.*s(struct fl_live_out *fl_out%s",
             FL_ARG(part->name),
             part->args.text.len > 0 && !fl_str_is(part->args.text, "void") ? ", " : "");
    struct tpl_code args = part->args;
    if (fl_str_is(args.text, "void")) args.text.len = 0;
    emit_code(e, text, args, after);
}

/* The variable that `const struct board *board` declares. */
static struct fl_str emit_variable(struct fl_str declaration)
{
    size_t from = declaration.len;
    while (from > 0 && declaration.at[from - 1] != '*' && declaration.at[from - 1] != ' ')
        from--;
    return (struct fl_str){declaration.at + from, declaration.len - from};
}

void tpl_emit_source(const struct tpl *tpl, const char *header_path, const char *out_path,
                     struct fl_buf *out)
{
    struct emit e = {.tpl = tpl, .out_path = out_path, .out = out, .counted = out->len};
    fl_buf_printf(out, "/* made of %s: change that */\n#include \"%s\"\n", tpl->file, header_path);
    for (size_t i = 0; i < tpl->includes_count; i++)
        emit_code(&e, "#include ", tpl->includes[i], "");
    emit_text(&e, "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
    emit_statics_all(&e, tpl->root);
    for (const struct tpl_part *part = tpl->parts; part != NULL; part = part->next) {
        emit_statics_all(&e, part->body);
        emit_part_head(&e, part, ");");
    }
    for (const struct tpl_part *part = tpl->parts; part != NULL; part = part->next) {
        emit_part_head(&e, part, ")");
        emit_text(&e, "{\n");
        emit_node(&e, part->body);
        emit_text(&e, "}\n");
    }
    fl_buf_printf(
        out, "\nstatic void fl_view_%.*s(struct fl_live_out *fl_out, const void *fl_state)\n{\n",
        FL_ARG(tpl->name));
    emit_code(&e, "", tpl->state, " = fl_state;");
    emit_named(&e, "(void)", emit_variable(tpl->state.text), ";\n");
    emit_node(&e, tpl->root);
    fl_buf_printf(
        out, "}\n\nconst struct fl_live_template fl_template_%.*s = {\"%.*s\", fl_view_%.*s};\n",
        FL_ARG(tpl->name), FL_ARG(tpl->name), FL_ARG(tpl->name));
}

void tpl_emit_header(const struct tpl *tpl, struct fl_buf *out)
{
    fl_buf_printf(
        out,
        "/* made of %s: change that */\n#ifndef FL_TEMPLATE_%.*s_H\n"
        "#define FL_TEMPLATE_%.*s_H\n\n#include \"services/live/out.h\"\n\n"
        "/** For struct fl_live_view and fl_live_tree_render; its state is\n * `%.*s`. */\n"
        "extern const struct fl_live_template fl_template_%.*s;\n\n#endif\n",
        tpl->file, FL_ARG(tpl->name), FL_ARG(tpl->name), FL_ARG(tpl->state.text),
        FL_ARG(tpl->name));
}
