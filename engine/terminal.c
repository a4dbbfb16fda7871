#include "engine/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fl_terminal_colour(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_colour != NULL && no_colour[0] != '\0') return false;
    if (term != NULL && strcmp(term, "dumb") == 0) return false;
    return isatty(fileno(stream)) == 1;
}
