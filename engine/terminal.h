/* terminal.h: what the stream that a person reads from can show. */
#ifndef FL_ENGINE_TERMINAL_H
#define FL_ENGINE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/** Colours on this stream? Only on a terminal that is not dumb, and not against NO_COLOR. */
bool fl_terminal_colour(FILE *stream);

#endif
