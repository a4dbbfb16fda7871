/* emit.c: bodies as C. Every expression stands behind a #line of its own, so that an error of the C
 * compiler points into the template. */
#include "services/live/compile/emit.h"

#include <string.h>

static void emit_pieces(struct tpl_emit *e, const struct tpl_body *body);

static void emit_node(struct tpl_emit *e, const struct tpl_body *body)
{
    fl_buf_printf(e->out, "fl_out_begin(fl_out, &fl_statics_%d);\n", body->number);
    emit_pieces(e, body);
    tpl_emit_text(e, "fl_out_end(fl_out);\n");
}

static void emit_value(struct tpl_emit *e, const struct tpl_piece *piece)
{
    if (piece->attr.at != NULL)
        fl_buf_printf(e->out, "fl_out_name(fl_out, \"%.*s\");\n", FL_ARG(piece->attr));
    switch (piece->kind) {
    case TPL_PRINTF:
        tpl_emit_code(e, "fl_out_printf(fl_out, ", piece->code, ");");
        return;
    case TPL_HTML:
        tpl_emit_code(e, "fl_out_html(fl_out, (", piece->code, "));");
        return;
    case TPL_URL:
        tpl_emit_code(e, "fl_out_url(fl_out, (", piece->code, "));");
        return;
    case TPL_IS:
        tpl_emit_code(e, "fl_out_is(fl_out, (", piece->code, ") ? true : false);");
        return;
    default:
        tpl_emit_code(e,
                      piece->attr.at != NULL ? "fl_out_attr(fl_out, (" : "fl_out_value(fl_out, (",
                      piece->code, "));");
    }
}

static void emit_if(struct tpl_emit *e, const struct tpl_piece *piece)
{
    const char *before = "if (";
    bool has_else = false;
    for (const struct tpl_branch *b = piece->branches; b != NULL; b = b->next) {
        if (b->has_condition) {
            tpl_emit_code(e, before, b->condition, ") {");
        } else {
            tpl_emit_text(e, "} else {\n");
            has_else = true;
        }
        emit_node(e, b->body);
        before = "} else if (";
    }
    tpl_emit_text(e, has_else ? "}\n" : "} else {\nfl_out_empty(fl_out);\n}\n");
}

static void emit_named(struct tpl_emit *e, const char *before, struct fl_str name,
                       const char *after)
{
    fl_buf_printf(e->out, "%s%.*s%s", before, FL_ARG(name), after);
}

static void emit_entry(struct tpl_emit *e, const struct tpl_piece *piece)
{
    emit_named(e, "(void)", piece->name, ";\n");
    if (piece->kind == TPL_EACH) {
        emit_named(e, "(void)", piece->name, "_index;\n");
        if (piece->key.text.len > 0) {
            tpl_emit_code(e, "fl_out_item_by(fl_out, (", piece->key, "));");
        } else {
            tpl_emit_text(e, "fl_out_item(fl_out);\n");
        }
    }
    emit_pieces(e, piece->body);
    tpl_emit_text(e, "fl_out_item_end(fl_out);\n}\nfl_out_list_end(fl_out);\n");
}

static void emit_each(struct tpl_emit *e, const struct tpl_piece *piece)
{
    char text[160];
    int n = e->names++;
    tpl_emit_text(e, "{\n");
    snprintf(text, sizeof(text), "const size_t fl_count_%d = (size_t)(", n);
    tpl_emit_code(e, text, piece->count, ");");
    if (piece->branches != NULL) {
        fl_buf_printf(e->out, "if (fl_count_%d == 0) {\n", n);
        emit_node(e, piece->branches->body);
        tpl_emit_text(e, "} else {\n");
    }
    fl_buf_printf(e->out,
                  "const size_t fl_end_%d = fl_out_list(fl_out, &fl_statics_%d, fl_count_%d);\n", n,
                  piece->body->number, n);
    emit_named(e, "for (size_t ", piece->name, "_index = 0; ");
    emit_named(e, "", piece->name, "_index < ");
    fl_buf_printf(e->out, "fl_end_%d; ", n);
    emit_named(e, "", piece->name, "_index++) {\n");
    tpl_emit_line_there(e, piece->code.line);
    fl_buf_printf(e->out, "__typeof__(&(%.*s)[0]) %.*s = &(%.*s)[%.*s_index];\n",
                  FL_ARG(piece->code.text), FL_ARG(piece->name), FL_ARG(piece->code.text),
                  FL_ARG(piece->name));
    tpl_emit_line_here(e);
    emit_entry(e, piece);
    tpl_emit_text(e, piece->branches != NULL ? "}\n}\n" : "}\n");
}

static void emit_stream(struct tpl_emit *e, const struct tpl_piece *piece)
{
    char text[160];
    int n = e->names++;
    tpl_emit_text(e, "{\n");
    snprintf(text, sizeof(text),
             "const size_t fl_end_%d = fl_out_stream(fl_out, &fl_statics_%d, &(", n,
             piece->body->number);
    tpl_emit_code(e, text, piece->code, "));");
    fl_buf_printf(e->out, "for (size_t fl_at_%d = 0; fl_at_%d < fl_end_%d; fl_at_%d++) {\n", n, n,
                  n, n);
    tpl_emit_line_there(e, piece->type.line);
    fl_buf_printf(e->out, "const %.*s *%.*s = fl_out_stream_item(fl_out, fl_at_%d);\n",
                  FL_ARG(piece->type.text), FL_ARG(piece->name), n);
    tpl_emit_line_here(e);
    emit_entry(e, piece);
    tpl_emit_text(e, "}\n");
}

static void emit_call(struct tpl_emit *e, const struct tpl_piece *piece)
{
    char text[160];
    snprintf(text, sizeof(text), "fl_part_%.*s(fl_out%s", FL_ARG(piece->name),
             piece->code.text.len > 0 ? ", " : "");
    tpl_emit_code(e, text, piece->code, ");");
}

static void emit_pieces(struct tpl_emit *e, const struct tpl_body *body)
{
    for (const struct tpl_piece *piece = body->pieces; piece != NULL; piece = piece->next) {
        switch (piece->kind) {
        case TPL_STREAM_ID:
            tpl_emit_text(e, "fl_out_stream_id(fl_out);\n");
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

static void emit_part_head(struct tpl_emit *e, const struct tpl_part *part, const char *after)
{
    char text[160];
    snprintf(text, sizeof(text), "static void fl_part_%.*s(struct fl_live_out *fl_out%s",
             FL_ARG(part->name),
             part->args.text.len > 0 && !fl_str_is(part->args.text, "void") ? ", " : "");
    struct tpl_code args = part->args;
    if (fl_str_is(args.text, "void")) args.text.len = 0;
    tpl_emit_code(e, text, args, after);
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
    struct tpl_emit e = {.tpl = tpl, .out_path = out_path, .out = out, .counted = out->len};
    fl_buf_printf(out, "/* made of %s: change that */\n#include \"%s\"\n", tpl->file, header_path);
    for (size_t i = 0; i < tpl->includes_count; i++) {
        tpl_emit_line_there(&e, tpl->includes[i].line);
        fl_buf_printf(out, "#include %.*s\n", FL_ARG(tpl->includes[i].text));
        tpl_emit_line_here(&e);
    }
    tpl_emit_text(&e, "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n");
    tpl_emit_statics(&e, tpl->root);
    for (const struct tpl_part *part = tpl->parts; part != NULL; part = part->next) {
        tpl_emit_statics(&e, part->body);
        emit_part_head(&e, part, ");");
    }
    for (const struct tpl_part *part = tpl->parts; part != NULL; part = part->next) {
        emit_part_head(&e, part, ")");
        tpl_emit_text(&e, "{\n");
        emit_node(&e, part->body);
        tpl_emit_text(&e, "}\n");
    }
    fl_buf_printf(
        out, "\nstatic void fl_view_%.*s(struct fl_live_out *fl_out, const void *fl_state)\n{\n",
        FL_ARG(tpl->name));
    tpl_emit_code(&e, "", tpl->state, " = fl_state;");
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
