/* session.c: which browser this is, in a signed cookie, and the tokens of its forms. */
#include <strings.h>
#include <sys/random.h>

#include "services/web/inside.h"
#include "services/wire/base64.h"

enum { SESSION_ID_BYTES = 16, SESSION_AGE_S = 30 * 86400 };

static const char session_purpose[] = "session", csrf_purpose[] = "csrf";

static bool session_read(struct fl_web *web, const struct fl_web_request *req)
{
    struct fl_str cookie = fl_web_cookie(req, web->conn->boot->cookie);
    if (cookie.at == NULL) return false;
    int rc = fl_web_verify(fl_web_secret(web), session_purpose, cookie, SESSION_AGE_S,
                           &web->session);
    return rc == 0 && web->session.len > 0;
}

/* Lax: links from elsewhere find the session, forms of elsewhere do not. */
static void session_make(struct fl_web *web)
{
    unsigned char id[SESSION_ID_BYTES];
    ssize_t got = getrandom(id, sizeof id, 0);
    FL_ASSERT(got == (ssize_t)sizeof id); /* up to 256 bytes come whole */
    fl_base64_put(&web->session, id, sizeof id);
    fl_buf_printf(&web->extra, "Set-Cookie: %s=", web->conn->boot->cookie);
    fl_web_sign(fl_web_secret(web), session_purpose,
                (struct fl_str){web->session.at, web->session.len}, &web->extra);
    fl_buf_printf(&web->extra, "; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax\r\n", SESSION_AGE_S);
}

struct fl_str fl_web_session(struct fl_web *web, const struct fl_web_request *req)
{
    if (web->session.len == 0 && !session_read(web, req)) session_make(web);
    return (struct fl_str){web->session.at, web->session.len};
}

void fl_web_csrf(struct fl_web *web, const struct fl_web_request *req, struct fl_buf *out)
{
    fl_web_sign(fl_web_secret(web), csrf_purpose, fl_web_session(web, req), out);
}

static bool is_json(const struct fl_web_request *req)
{
    static const char json[] = "application/json";
    struct fl_str type = fl_web_header(req, "content-type");
    struct fl_str kind = fl_str_trim(fl_str_cut(&type, ';'));
    return kind.len == sizeof json - 1 && strncasecmp(kind.at, json, kind.len) == 0;
}

static bool csrf_is_of(struct fl_web *web, struct fl_str token)
{
    struct fl_buf session = {0}; /* nothing blocks before it is freed */
    int rc = fl_web_verify(fl_web_secret(web), csrf_purpose, token, SESSION_AGE_S, &session);
    bool ok = rc == 0 && session.len == web->session.len &&
              memcmp(session.at, web->session.at, session.len) == 0;
    fl_buf_fini(&session);
    return ok;
}

bool fl_web_csrf_ok(struct fl_web *web, const struct fl_web_request *req)
{
    if (is_json(req) && fl_web_cookie(req, web->conn->boot->cookie).at == NULL) return true;
    if (web->session.len == 0 && !session_read(web, req)) return false;
    struct fl_str token = fl_web_form(req, "_csrf_token");
    if (token.at == NULL) token = fl_web_header(req, "x-csrf-token");
    return token.at != NULL && csrf_is_of(web, token);
}
