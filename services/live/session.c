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

void live_session_put(const struct fl_web_secret *secret, struct fl_str id, struct fl_buf *out)
{
    fl_web_sign(secret, SESSION_PURPOSE, id, out);
}

enum live_trust live_session_check(const struct fl_web_secret *secret, struct fl_str id,
                                   struct fl_str token)
{
    if (token.at == NULL) return LIVE_FORGED;
    struct fl_buf data = {0}; /* nothing blocks before it is freed */
    enum live_trust trust = LIVE_FRESH;
    int rc = fl_web_verify(secret, SESSION_PURPOSE, token, SESSION_FRESH_S, &data);
    if (rc == FL_ETIMEOUT) {
        trust = LIVE_KNOWN;
        rc = fl_web_verify(secret, SESSION_PURPOSE, token, SESSION_MAX_AGE_S, &data);
    }
    if (rc == FL_ETIMEOUT) trust = LIVE_OLD;
    if (rc == FL_EBADMSG) trust = LIVE_FORGED;
    if (rc == 0 && !fl_str_eq((struct fl_str){data.at, data.len}, id)) trust = LIVE_FORGED;
    fl_buf_fini(&data);
    return trust;
}
