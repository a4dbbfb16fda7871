/* session.c: what a page brings back when its socket joins: an id, signed. */
#include "services/live/inside.h"
#include "services/web/token.h"

/* A page may stay open for as long as this without a reload. */
#define SESSION_MAX_AGE_S (14 * 24 * 3600)
#define SESSION_FRESH_S 30
#define SESSION_PURPOSE "live"
#define SESSION_AGAIN "phx-again-"

void live_session_id(struct fl_self *self, bool is_again, char out[48])
{
    /* Topics are told apart by it; what makes it worth anything is the signature. */
    snprintf(out, 48, "%s%llx-%llx", is_again ? SESSION_AGAIN : "phx-",
             (unsigned long long)fl_self_pid(self).bits, (unsigned long long)fl_self_now(self));
}

bool live_session_is_again(struct fl_str id)
{
    return id.len > strlen(SESSION_AGAIN) &&
           memcmp(id.at, SESSION_AGAIN, strlen(SESSION_AGAIN)) == 0;
}

/* An id has no space. */
void live_session_put(const struct fl_web_secret *secret, struct fl_str id, struct fl_str session,
                      struct fl_buf *out)
{
    struct fl_buf data = {0}; /* nothing blocks before it is freed */
    fl_buf_printf(&data, "%.*s ", FL_ARG(id));
    fl_buf_add(&data, session.at, session.len);
    fl_web_sign(secret, SESSION_PURPOSE, (struct fl_str){data.at, data.len}, out);
    fl_buf_fini(&data);
}

enum live_trust live_session_check(const struct fl_web_secret *secret, struct fl_str id,
                                   struct fl_str token, struct fl_buf *out_session)
{
    if (token.at == NULL) return LIVE_FORGED;
    struct fl_buf data = {0}; /* nothing blocks before it is freed */
    enum live_trust trust = LIVE_FRESH;
    int rc = fl_web_verify(secret, SESSION_PURPOSE, token, SESSION_FRESH_S, &data);
    if (rc == FL_ETIMEOUT) {
        trust = LIVE_KNOWN;
        rc = fl_web_verify(secret, SESSION_PURPOSE, token, SESSION_MAX_AGE_S, &data);
    }
    struct fl_str session = {data.at, data.len};
    if (rc == FL_ETIMEOUT)
        trust = LIVE_OLD;
    else if (rc != 0 || !fl_str_eq(fl_str_cut(&session, ' '), id))
        trust = LIVE_FORGED;
    else
        fl_buf_add(out_session, session.at, session.len);
    fl_buf_fini(&data);
    return trust;
}
