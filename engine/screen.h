/* screen.h: a terminal as a screen that is drawn whole, and its keys. Whatever ends the program,
 * the terminal is as before afterwards: the drawing is done by a child, and its parent waits. */
#ifndef FL_ENGINE_SCREEN_H
#define FL_ENGINE_SCREEN_H

#include <termios.h>

#include "runtime/base/str.h"

enum fl_key {
    FL_KEY_NONE = 0, /* the time is up, or the size has changed */
    FL_KEY_QUIT,     /* q, Ctrl-C, or somebody wants us to end */
    FL_KEY_UP,
    FL_KEY_DOWN,
    FL_KEY_PAGE_UP,
    FL_KEY_PAGE_DOWN,
    FL_KEY_OTHER = 0x100, /* and above: FL_KEY_OTHER + the letter */
};

struct fl_screen {
    struct termios before;
    int signals; /* a signalfd */
    int width, height;
    char typed[32]; /* and not used yet */
    size_t typed_len;
};
/** Runs fn(cx) in a child that owns the terminal of stdin and stdout; returns its exit code. */
int fl_screen_run(int (*fn)(struct fl_screen *screen, void *cx), void *cx);
/** Draws lines from the top; those that are not there are emptied. */
void fl_screen_draw(struct fl_screen *screen, struct fl_str lines);
/** Waits for a key, at most so long. */
enum fl_key fl_screen_key(struct fl_screen *screen, int timeout_ms);

#endif
