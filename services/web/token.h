/* token.h: what a client keeps for us and cannot change: signed texts with an age.
 *
 * A token is `base64url(time, data).base64url(HMAC-SHA256)`: readable by whoever has it, made only
 * by whoever has the secret. The purpose is signed too, so a token for one thing is none for
 * another. A secret kept in a folder makes tokens survive a restart.
 * Knows: libcrypto, the disk. Does not know: requests, sessions. Thread: any. */
#ifndef FL_WEB_TOKEN_H
#define FL_WEB_TOKEN_H

#include "runtime/base/str.h"

struct fl_web_secret {
    unsigned char key[32];
};

/** Reads FOLDER/secret.key, and makes it first (for its owner only, synced, whole or not at all)
 * where there is none; two that start at once agree on one. folder NULL: a random secret of this
 * process. FL_EIO, or FL_EBADMSG for a file of another size; err names the file. */
int fl_web_secret_load(const char *folder, struct fl_web_secret *out, struct fl_err *err);

/** Appends a token for this data, signed now. Purpose: a constant of the program, "session". */
void fl_web_sign(const struct fl_web_secret *secret, const char *purpose, struct fl_str data,
                 struct fl_buf *out);
/** The same, at an instant of the wall clock in whole seconds. */
void fl_web_sign_at(const struct fl_web_secret *secret, const char *purpose, struct fl_str data,
                    int64_t now_s, struct fl_buf *out);

/** Appends the data of a token that was signed with this secret for this purpose at most max_age_s
 * ago (0: whenever). FL_EBADMSG: not ours, changed, or of another purpose; FL_ETIMEOUT: too old, or
 * from the future by more than a minute. Then nothing is appended. */
int fl_web_verify(const struct fl_web_secret *secret, const char *purpose, struct fl_str token,
                  int64_t max_age_s, struct fl_buf *out);
/** The same, at an instant of the wall clock in whole seconds. */
int fl_web_verify_at(const struct fl_web_secret *secret, const char *purpose, struct fl_str token,
                     int64_t max_age_s, int64_t now_s, struct fl_buf *out);

#endif
