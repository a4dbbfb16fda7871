/* parse.h: the parser between its files: what is open while a template is read. Private. */
#ifndef FL_LIVE_COMPILE_PARSE_H
#define FL_LIVE_COMPILE_PARSE_H

#include "services/live/compile/scan.h"

enum {
    TPL_ELEMENTS_MAX = 200, /* elements in elements */
    TPL_BLOCKS_MAX = 24,    /* blocks in blocks */
    TPL_ATTRS_MAX = 64,     /* attributes of an element */
    TPL_SOURCE_MAX = 1048576,
};

/** An element that is not closed yet. */
struct tpl_element {
    struct fl_str name;
    size_t at;
    bool is_stream;  /* phx-update="stream" */
    bool has_stream; /* and the {#stream} in it was seen */
    bool has_more;   /* and something else */
};

/** The body that is being read. */
struct tpl_open {
    struct tpl_body *body;
    struct fl_buf text; /* since the last piece */
    struct tpl_text **texts_end;
    struct tpl_piece **pieces_end;
    size_t elements_base; /* elements below this belong to outer bodies */
    size_t roots_count;   /* elements outside of all others */
    bool has_loose;       /* text or pieces outside of all elements */
    bool is_entry;        /* of a stream */
};

/** One file that is being read. */
struct tpl_parser {
    struct tpl_scan scan;
    struct tpl *tpl;
    struct tpl_open *open;
    struct tpl_element elements[TPL_ELEMENTS_MAX];
    size_t elements_count;
    int depth;              /* of blocks */
    bool is_optional;       /* inside a block or part whose place may come and go */
    struct fl_str raw_name; /* inside <textarea> or <title>, where < is text */
};

/** A start tag that is being read. */
struct tpl_tag {
    struct fl_str name;
    size_t at;
    struct fl_str attrs[TPL_ATTRS_MAX]; /* their names */
    size_t attrs_count;
    bool has_id, wants_id, is_stream;
};

/** Appends HTML that never changes; at the top level of a body it is loose, unless blank. */
void tpl_put_text(struct tpl_parser *p, struct fl_str text);
/** Appends HTML of a tag. */
void tpl_put_tag(struct tpl_parser *p, struct fl_str text);
/** Ends the text here and adds a piece; is_attr: inside a tag. */
struct tpl_piece *tpl_put_piece(struct tpl_parser *p, enum tpl_kind kind, bool is_attr);

/** Reads a body up to its end, or to a {:…} or {/…}, which it leaves there. Never NULL. */
struct tpl_body *tpl_parse_body(struct tpl_parser *p, bool is_entry);
/** Reads what starts with `<`. */
void tpl_parse_markup(struct tpl_parser *p);
/** Reads one attribute of a tag. */
void tpl_parse_attr(struct tpl_parser *p, struct tpl_tag *tag);
/** May this be part of a tag's or an attribute's name? */
bool tpl_is_name(char c);
/** Notes an error when a browser would not put this element, or text when name is at NULL, where it
 * stands here. */
void tpl_check_nesting(struct tpl_parser *p, size_t at, struct fl_str name);
/** Reads what starts with `{` in text, but for {:…} and {/…}. */
void tpl_parse_brace(struct tpl_parser *p);
/** Reads an expression behind its `{` and adds its piece. attr: the attribute that it is the whole
 * of, at NULL none; kind: TPL_VALUE, TPL_URL or TPL_IS. */
void tpl_parse_value(struct tpl_parser *p, size_t from, enum tpl_kind kind, struct fl_str attr,
                     bool is_attr);
/** Reads a {#part}, behind the word; `from` is where its brace stands, here and below. */
void tpl_parse_part(struct tpl_parser *p, size_t from);
/** Reads a {>part()}. */
void tpl_parse_call(struct tpl_parser *p, size_t from);
/** Reads an {#include}. */
void tpl_parse_include(struct tpl_parser *p, size_t from);
/** Reads a {#view}. */
void tpl_parse_view(struct tpl_parser *p, size_t from);
/** A block begins. */
void tpl_block_enter(struct tpl_parser *p, size_t from);
/** Reads its body up to its end tag, which `end` says for people; NULL: an error. */
struct tpl_body *tpl_block_body(struct tpl_parser *p, size_t from, const char *end, bool is_entry);
/** Steps over its end tag. */
void tpl_block_end(struct tpl_parser *p, size_t from, const char *end);
/** A part of code, trimmed, with its line. */
struct tpl_code tpl_cut_code(struct tpl_code code, size_t from, size_t to);
/** Drops the line that the block tag from..at stands on when nothing else does. */
void tpl_drop_line(struct tpl_parser *p, size_t from);
/** Drops the blanks in front of the tag that comes next when it has its line for itself. */
void tpl_drop_blank_before(struct tpl_parser *p);

#endif
