#include "runtime/base/html.h"

void fl_html_text(struct fl_buf *out, const char *text)
{
    static const struct {
        char c;
        const char *escaped;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (; *text != '\0'; text++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < FL_COUNT(escapes); i++)
            if (escapes[i].c == *text) escaped = escapes[i].escaped;
        if (escaped != NULL)
            fl_buf_puts(out, escaped);
        else
            fl_buf_putc(out, *text);
    }
}
