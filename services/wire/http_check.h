/* http_check.h: what libhttp-parser lets pass and a server must not (RFC 9112): lines that do not
 * end in CR LF, folded headers, names with a space before the colon, chunks that do not end where
 * they say. Two readers that see two different requests in such bytes are how requests are
 * smuggled. Internal to services/wire. */
#ifndef FL_WIRE_HTTP_CHECK_H
#define FL_WIRE_HTTP_CHECK_H

#include "services/wire/http.h"

/** Looks at bytes of a request's head; *len becomes how many of them belong to it. FL_EBADMSG: what
 * follows those may not be there. */
int fl_http_check_head(struct fl_http_check *check, const char *bytes, size_t *len);
/** Looks at bytes of a chunked body and its trailers, up to their end. FL_EBADMSG: what follows
 * the first *len may not be there; else *len stays. */
int fl_http_check_chunks(struct fl_http_check *check, const char *bytes, size_t *len);
/** The status that a parsed head deserves: 0 when it is fine, 400, 501. */
int fl_http_check_headers(const struct fl_http *http, struct fl_str authority);

#endif
