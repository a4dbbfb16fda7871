#include "runtime/base/lines.h"

static void lines_forget_read(struct fl_lines *lines)
{
    fl_buf_drop(&lines->buf, lines->read);
    lines->read = 0;
}

bool fl_lines_feed(struct fl_lines *lines, const void *bytes, size_t len)
{
    lines_forget_read(lines);
    fl_buf_add(&lines->buf, bytes, len);
    if (lines->buf.len <= FL_LINE_MAX) return true;
    return memchr(lines->buf.at, '\n', lines->buf.len) != NULL;
}

const char *fl_lines_next(struct fl_lines *lines)
{
    FL_ASSERT(lines->read <= lines->buf.len);
    size_t left = lines->buf.len - lines->read;
    char *line = left == 0 ? NULL : lines->buf.at + lines->read;
    char *end = left == 0 ? NULL : memchr(line, '\n', left);
    if (end == NULL) {
        lines_forget_read(lines);
        return NULL;
    }
    *end = '\0';
    lines->read += (size_t)(end - line) + 1;
    return line;
}

void fl_lines_fini(struct fl_lines *lines)
{
    fl_buf_fini(&lines->buf);
    lines->read = 0;
}
