#include "services/web/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "runtime/base/clock.h"
#include "services/wire/base64.h"

enum { TOKEN_MAC = 32, TOKEN_TIME = 8, TOKEN_SKEW_S = 60 };

/* Signs purpose, NUL, payload: no purpose holds a NUL, so no two pairs are the same bytes. */
static void token_mac(const struct fl_web_secret *secret, const char *purpose,
                      struct fl_str payload, unsigned char out[TOKEN_MAC])
{
    struct fl_buf text = {0};
    fl_buf_add(&text, purpose, strlen(purpose) + 1);
    fl_buf_add(&text, payload.at, payload.len);
    unsigned len = 0;
    const unsigned char *mac = HMAC(EVP_sha256(), secret->key, sizeof secret->key,
                                    (const unsigned char *)text.at, text.len, out, &len);
    FL_ASSERT(mac != NULL && len == TOKEN_MAC);
    fl_buf_fini(&text);
}

void fl_web_sign_at(const struct fl_web_secret *secret, const char *purpose, struct fl_str data,
                    int64_t now_s, struct fl_buf *out)
{
    struct fl_buf payload = {0};
    for (int shift = 56; shift >= 0; shift -= 8)
        fl_buf_putc(&payload, (char)(unsigned char)((uint64_t)now_s >> shift));
    fl_buf_add(&payload, data.at, data.len);
    size_t from = out->len;
    fl_base64_put(out, payload.at, payload.len);
    fl_buf_fini(&payload);
    unsigned char mac[TOKEN_MAC];
    token_mac(secret, purpose, (struct fl_str){out->at + from, out->len - from}, mac);
    fl_buf_putc(out, '.');
    fl_base64_put(out, mac, sizeof mac);
}

static bool token_mac_ok(const struct fl_web_secret *secret, const char *purpose,
                         struct fl_str payload, struct fl_str mac_text)
{
    unsigned char mac[TOKEN_MAC];
    struct fl_buf said = {0};
    token_mac(secret, purpose, payload, mac);
    bool ok = fl_base64_take(&said, mac_text) == 0 && said.len == TOKEN_MAC &&
              CRYPTO_memcmp(said.at, mac, TOKEN_MAC) == 0;
    fl_buf_fini(&said);
    return ok;
}

int fl_web_verify_at(const struct fl_web_secret *secret, const char *purpose, struct fl_str token,
                     int64_t max_age_s, int64_t now_s, struct fl_buf *out)
{
    struct fl_str mac = token;
    struct fl_str payload = fl_str_cut(&mac, '.');
    if (payload.len == 0 || !token_mac_ok(secret, purpose, payload, mac)) return FL_EBADMSG;

    size_t from = out->len;
    if (fl_base64_take(out, payload) != 0) return FL_EBADMSG;
    if (out->len - from < TOKEN_TIME) { /* signed by us, so it never is */
        out->len = from;
        return FL_EBADMSG;
    }
    uint64_t at_s = 0;
    for (size_t i = 0; i < TOKEN_TIME; i++)
        at_s = at_s << 8 | (unsigned char)out->at[from + i];
    int64_t age_s = now_s - (int64_t)at_s;
    if (age_s < -TOKEN_SKEW_S || (max_age_s > 0 && age_s > max_age_s)) {
        out->len = from;
        return FL_ETIMEOUT;
    }
    memmove(out->at + from, out->at + from + TOKEN_TIME, out->len - from - TOKEN_TIME);
    out->len -= TOKEN_TIME;
    out->at[out->len] = '\0';
    return 0;
}

static int64_t token_now_s(void)
{
    return fl_wall_now() / FL_NS_PER_S;
}

void fl_web_sign(const struct fl_web_secret *secret, const char *purpose, struct fl_str data,
                 struct fl_buf *out)
{
    fl_web_sign_at(secret, purpose, data, token_now_s(), out);
}

int fl_web_verify(const struct fl_web_secret *secret, const char *purpose, struct fl_str token,
                  int64_t max_age_s, struct fl_buf *out)
{
    return fl_web_verify_at(secret, purpose, token, max_age_s, token_now_s(), out);
}
