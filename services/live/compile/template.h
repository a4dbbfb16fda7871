/* template.h: what a template file says, and how it becomes C.
 *
 * A template is read into bodies: the HTML that never changes, cut where something is filled in,
 * and the pieces that fill it. docs/live.md is the language. Errors read `file:line:col: what is
 * wrong, what would be right`. Thread: any, objects are not shared. */
#ifndef FL_LIVE_COMPILE_TEMPLATE_H
#define FL_LIVE_COMPILE_TEMPLATE_H

#include "runtime/base/str.h"

#include <stddef.h>

enum tpl_kind {
    TPL_VALUE,     /* {e}, attr={e} */
    TPL_PRINTF,    /* {"%d", e} */
    TPL_HTML,      /* {@html e} */
    TPL_URL,       /* href={e} */
    TPL_IS,        /* disabled={e} */
    TPL_STREAM_ID, /* the id that a stream's element gets when it has none */
    TPL_IF,
    TPL_EACH,
    TPL_STREAM,
    TPL_CALL, /* {>part(args)} */
};

/** A piece of C that the template holds, and where. */
struct tpl_code {
    struct fl_str text;
    int line, col; /* from 1 */
};

/** One way of an {#if}; an {:else} has no condition. */
struct tpl_branch {
    struct tpl_code condition;
    bool has_condition;
    struct tpl_body *body;
    struct tpl_branch *next;
};

/** What fills one slot of a body. */
struct tpl_piece {
    enum tpl_kind kind;
    struct fl_str attr;               /* the attribute that it is the whole of; at NULL: not one */
    struct tpl_code code;             /* the expression, the array, the stream, the arguments */
    struct fl_str name;               /* of the item, of the part */
    struct tpl_code count, key, type; /* key may be empty */
    struct tpl_body *body;            /* of an entry */
    struct tpl_branch *branches;      /* of an if; of an each: what shows when it is empty */
    struct tpl_piece *next;
};

/** HTML and the pieces between: text, piece, its `after`, … */
struct tpl_text {
    struct fl_str text;
    struct tpl_text *next;
};
struct tpl_body {
    int number;
    struct tpl_text *texts; /* one more than pieces */
    struct tpl_piece *pieces;
    size_t pieces_count;
    bool is_element; /* exactly one element, whatever the pieces are */
};

/** {#part name(args)} */
struct tpl_part {
    struct fl_str name;
    struct tpl_code args;
    struct tpl_body *body;
    struct tpl_part *next;
};

/** A whole file. */
struct tpl {
    const char *file; /* as errors and #line name it */
    struct tpl_code includes[32];
    size_t includes_count;
    struct fl_str name;    /* of the view */
    struct tpl_code state; /* `const struct board *board` */
    struct tpl_part *parts;
    struct tpl_body *root;
    int bodies_count;
    struct tpl_chunk *memory; /* private: everything above */
};

/** Zeroed memory that tpl_fini frees. */
void *tpl_take(struct tpl *tpl, size_t bytes);
/** A copy of text in it. */
struct fl_str tpl_copy(struct tpl *tpl, struct fl_str text);
#define tpl_new(tpl, type) ((type *)tpl_take(tpl, sizeof(type)))

/** Reads a template. The source outlives the tpl. FL_EPARSE: err says where and what; tpl_fini is
 * due all the same. */
int tpl_parse(struct tpl *tpl, const char *file, struct fl_str source, struct fl_err *err);
/** Frees what tpl_parse made. */
void tpl_fini(struct tpl *tpl);
/** Appends the C source; header_path is what it includes, out_path its own name for #line. */
void tpl_emit_source(const struct tpl *tpl, const char *header_path, const char *out_path,
                     struct fl_buf *out);
/** Appends the header. */
void tpl_emit_header(const struct tpl *tpl, struct fl_buf *out);

#endif
