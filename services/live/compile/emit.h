/* emit.h: the emitter between its files. Private. */
#ifndef FL_LIVE_COMPILE_EMIT_H
#define FL_LIVE_COMPILE_EMIT_H

#include "services/live/compile/template.h"

/** A C file that is being written. */
struct tpl_emit {
    const struct tpl *tpl;
    const char *out_path;
    struct fl_buf *out;
    size_t counted; /* bytes of out, and the lines in them */
    int lines;
    int names; /* numbers given to variables */
};

/** Appends text. */
void tpl_emit_text(struct tpl_emit *e, const char *text);
/** Says that what follows is of this line of the template. */
void tpl_emit_line_there(struct tpl_emit *e, int line);
/** Says that what follows is of the C file again. */
void tpl_emit_line_here(struct tpl_emit *e);
/** Appends a line of C that holds code of the template: before, code, after. */
void tpl_emit_code(struct tpl_emit *e, const char *before, struct tpl_code code, const char *after);
/** Appends what never changes of a body and of all in it. */
void tpl_emit_statics(struct tpl_emit *e, const struct tpl_body *body);

#endif
