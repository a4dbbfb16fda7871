#include "services/wire/http_check.h"

#include <strings.h>

/* ---- lines: every one ends in CR LF, and a CR means nothing else */

/* Takes up to the end of a line: 1 when that was seen, and then whether the line was empty. At what
 * may not be there it stops. */
static int check_line(struct fl_http_check *check, const char **at, const char *end, bool *empty)
{
    const char *lf = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = lf != NULL ? lf : end;
    if (check->last == '\r' && stop > *at) return FL_EBADMSG;
    if (stop > *at) {
        const char *cr = memchr(*at, '\r', (size_t)(stop - *at));
        if (cr != NULL && cr + 1 < stop) {
            *at = cr + 1;
            return FL_EBADMSG;
        }
        check->line_len += (size_t)(stop - *at);
        check->last = stop[-1];
    }
    *at = stop;
    if (lf == NULL) return 0;
    if (check->last != '\r') return FL_EBADMSG;
    *at = lf + 1;
    *empty = check->line_len == 1;
    check->line_len = 0;
    check->last = '\0';
    return 1;
}

int fl_http_check_head(struct fl_http_check *check, const char *bytes, size_t *len)
{
    const char *at = bytes, *end = bytes + *len;
    int rc = 1;
    while (at < end && rc == 1) {
        bool empty = false;
        /* a header that goes on in the next line: some readers join them, some do not */
        if (check->line_len == 0 && check->lines > 0 && (*at == ' ' || *at == '\t'))
            rc = FL_EBADMSG;
        else
            rc = check_line(check, &at, end, &empty);
        if (rc != 1) break;
        if (empty && check->lines > 0) break; /* those before a request are tolerated */
        if (!empty) check->lines++;
    }
    *len = (size_t)(at - bytes);
    return rc < 0 ? rc : 0;
}

/* ---- chunks */

enum { CHECK_SIZE = 0, CHECK_REST, CHECK_DATA, CHECK_CR, CHECK_LF, CHECK_TRAILER, CHECK_OVER };

static int check_hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* `SIZE;extension CR LF` */
static int check_size_line(struct fl_http_check *check, const char **at, const char *end)
{
    while (check->state == CHECK_SIZE && *at < end) {
        int digit = check_hex(**at);
        if (digit < 0) {
            if (!check->has_size) return FL_EBADMSG;
            check->state = CHECK_REST;
            break;
        }
        if (check->left >> 56 != 0) return FL_EBADMSG;
        check->left = check->left << 4 | (unsigned)digit;
        check->has_size = true;
        ++*at;
    }
    if (check->state != CHECK_REST) return 0;
    bool empty = false;
    int rc = check_line(check, at, end, &empty);
    if (rc < 0) return rc;
    if (rc == 0) return 0;
    check->has_size = false;
    check->state = check->left > 0 ? CHECK_DATA : CHECK_TRAILER;
    return 0;
}

static int check_trailer(struct fl_http_check *check, const char **at, const char *end)
{
    bool empty = false;
    int rc = check_line(check, at, end, &empty);
    if (rc < 0) return rc;
    if (rc == 1 && empty) check->state = CHECK_OVER;
    return 0;
}

int fl_http_check_chunks(struct fl_http_check *check, const char *bytes, size_t *len)
{
    const char *at = bytes, *end = bytes + *len;
    int rc = 0;
    while (at < end && rc == 0 && check->state != CHECK_OVER) {
        if (check->state <= CHECK_REST) {
            rc = check_size_line(check, &at, end);
        } else if (check->state == CHECK_DATA) {
            size_t here = (size_t)(end - at) < check->left ? (size_t)(end - at)
                                                           : (size_t)check->left;
            at += here;
            check->left -= here;
            if (check->left == 0) check->state = CHECK_CR;
        } else if (check->state == CHECK_TRAILER) {
            rc = check_trailer(check, &at, end);
        } else if (*at != (check->state == CHECK_CR ? '\r' : '\n')) {
            rc = FL_EBADMSG;
        } else {
            at++;
            check->state = check->state == CHECK_CR ? CHECK_LF : CHECK_SIZE;
        }
    }
    if (rc < 0) *len = (size_t)(at - bytes);
    return rc;
}

/* ---- headers */

static bool check_is(const struct fl_http_header *header, const char *name, size_t len)
{
    return header->name.len == len && strncasecmp(header->name.at, name, len) == 0;
}

int fl_http_check_headers(const struct fl_http *http, struct fl_str authority)
{
    const struct fl_http_header *host = NULL, *coding = NULL;
    for (size_t i = 0; i < http->headers_count; i++) {
        const struct fl_http_header *header = &http->headers[i];
        /* `Content-Length : 5` is that header for some and another one for others */
        if (memchr(header->name.at, ' ', header->name.len) != NULL) return 400;
        if (check_is(header, "host", 4)) {
            if (host != NULL) return 400;
            host = header;
        } else if (check_is(header, "transfer-encoding", 17)) {
            if (coding != NULL) return 400;
            coding = header;
        }
    }
    if (http->minor >= 1 && host == NULL) return 400;
    /* `GET http://host/` counts more than Host; who says two things is told so */
    if (authority.at != NULL && host != NULL &&
        (host->value.len != authority.len ||
         strncasecmp(host->value.at, authority.at, authority.len) != 0))
        return 400;
    if (coding == NULL) return 0;
    if (http->minor < 1) return 400;
    return coding->value.len == 7 && strncasecmp(coding->value.at, "chunked", 7) == 0 ? 0 : 501;
}
