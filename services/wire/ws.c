#include "services/wire/ws.h"

#include <openssl/evp.h>

#include "services/wire/ws_deflate.h"

#define WS_SHORT 4096u /* messages up to here need no memory of their own */
#define WS_RSV1 0x40U

/* Close codes (RFC 6455, 7.4.1). */
enum { WS_PROTOCOL = 1002, WS_NOT_UTF8 = 1007, WS_TOO_BIG = 1009 };

void fl_ws_init(struct fl_ws *ws, bool server, size_t message_max)
{
    memset(ws, 0, sizeof *ws);
    ws->server = server;
    ws->message_max = message_max;
}

void fl_ws_fini(struct fl_ws *ws)
{
    fl_buf_fini(&ws->message);
    fl_buf_fini(&ws->control);
}

static bool ws_is_control(int opcode)
{
    return opcode >= FL_WS_CLOSE;
}

/* How long the header is, as far as its first two bytes tell. */
static size_t ws_head_need(const struct fl_ws *ws)
{
    if (ws->head_len < 2) return 2;
    unsigned len7 = ws->head[1] & 0x7fU;
    size_t need = 2;
    if (len7 == 126) need += 2;
    if (len7 == 127) need += 8;
    if ((ws->head[1] & 0x80U) != 0) need += 4;
    return need;
}

/* A length that fits a shorter form is a protocol error, as is one with the highest bit set. */
static int ws_read_len(const struct fl_ws *ws, uint64_t *out)
{
    unsigned len7 = ws->head[1] & 0x7fU;
    size_t bytes = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    uint64_t len = bytes == 0 ? len7 : 0;
    for (size_t i = 0; i < bytes; i++)
        len = len << 8 | ws->head[2 + i];
    if (bytes == 2 && len < 126) return WS_PROTOCOL;
    if (bytes == 8 && (len <= 0xffff || len >> 63 != 0)) return WS_PROTOCOL;
    *out = len;
    return 0;
}

static int ws_check_opcode(const struct fl_ws *ws)
{
    unsigned opcode = ws->head[0] & 0x0fU;
    bool final = (ws->head[0] & 0x80U) != 0;
    bool masked = (ws->head[1] & 0x80U) != 0;
    unsigned reserved = ws->head[0] & 0x70U;
    bool begins = opcode == FL_WS_TEXT || opcode == FL_WS_BINARY;
    if (reserved != 0 && !(reserved == WS_RSV1 && ws->inflates && begins)) return WS_PROTOCOL;
    if (masked != ws->server) return WS_PROTOCOL;
    if (opcode >= FL_WS_CLOSE) {
        bool known = opcode <= FL_WS_PONG;
        return known && final && (ws->head[1] & 0x7fU) <= 125 ? 0 : WS_PROTOCOL;
    }
    if (opcode > FL_WS_BINARY) return WS_PROTOCOL;
    bool goes_on = ws->message_opcode != 0;
    return (opcode == FL_WS_CONT) == goes_on ? 0 : WS_PROTOCOL;
}

/* Checked once its two first bytes are here, and again as a whole. */
static int ws_begin_frame(struct fl_ws *ws)
{
    uint64_t len = 0;
    int code = ws_read_len(ws, &len);
    if (code != 0) return code;
    ws->opcode = ws->head[0] & 0x0fU;
    ws->final = (ws->head[0] & 0x80U) != 0;
    ws->payload_len = len;
    ws->payload_seen = 0;
    memset(ws->mask, 0, sizeof ws->mask);
    if (ws->server) memcpy(ws->mask, ws->head + ws->head_len - 4, 4);
    if (!ws_is_control(ws->opcode)) {
        if (len > ws->message_max || ws->message.len + len > ws->message_max) return WS_TOO_BIG;
        if (ws->opcode != FL_WS_CONT) {
            ws->message_opcode = ws->opcode;
            ws->is_compressed = (ws->head[0] & WS_RSV1) != 0;
        }
    }
    ws->in_payload = true;
    return 0;
}

static void ws_unmask(uint8_t *out, const uint8_t *in, size_t len, const uint8_t mask[4],
                      size_t phase)
{
    uint8_t turned[8];
    for (size_t i = 0; i < 8; i++)
        turned[i] = mask[(phase + i) & 3];
    uint64_t wide;
    memcpy(&wide, turned, 8);
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, in + i, 8);
        word ^= wide;
        memcpy(out + i, &word, 8);
    }
    for (; i < len; i++)
        out[i] = in[i] ^ turned[i & 7];
}

static void ws_take_payload(struct fl_ws *ws, const uint8_t *in, size_t len)
{
    struct fl_buf *to = ws_is_control(ws->opcode) ? &ws->control : &ws->message;
    /* Room for what is here, not for what a header claims will come. */
    fl_buf_reserve(to, len + 1);
    uint8_t *out = (uint8_t *)to->at + to->len;
    to->len += len;
    ws_unmask(out, in, len, ws->mask, (size_t)(ws->payload_seen & 3));
    ws->payload_seen += len;
}

static bool ws_close_code_ok(unsigned code)
{
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static int ws_check_close(const uint8_t *bytes, size_t len)
{
    if (len == 0) return 0;
    if (len == 1) return WS_PROTOCOL;
    if (!ws_close_code_ok((unsigned)bytes[0] << 8 | bytes[1])) return WS_PROTOCOL;
    return fl_utf8_ok(bytes + 2, len - 2) ? 0 : WS_NOT_UTF8;
}

static int ws_end_message(struct fl_ws *ws, const uint8_t *bytes, size_t len, fl_ws_fn fn, void *cx)
{
    enum fl_ws_opcode opcode = (enum fl_ws_opcode)ws->message_opcode;
    ws->message_opcode = 0;
    if (opcode == FL_WS_TEXT && !fl_utf8_ok(bytes, len)) return WS_NOT_UTF8;
    fn(cx, opcode, len > 0 ? bytes : (const uint8_t *)"", len);
    return 0;
}

/* The message stays ours until fn is done with it: the process that runs fn may be killed there. */
static int ws_end_gathered(struct fl_ws *ws, fl_ws_fn fn, void *cx)
{
    int code = 0;
    if (ws->is_compressed) {
        struct fl_buf text = {0};
        code = fl_ws_inflate((struct fl_str){ws->message.at, ws->message.len}, ws->message_max,
                             &text);
        fl_buf_fini(&ws->message);
        ws->message = text;
    }
    if (code == 0)
        code = ws_end_message(ws, (const uint8_t *)ws->message.at, ws->message.len, fn, cx);
    fl_buf_fini(&ws->message);
    return code;
}

static int ws_end_control(struct fl_ws *ws, fl_ws_fn fn, void *cx)
{
    struct fl_buf *control = &ws->control;
    const uint8_t *bytes = control->len > 0 ? (const uint8_t *)control->at : (const uint8_t *)"";
    int code = 0;
    if (ws->opcode == FL_WS_CLOSE) {
        code = ws_check_close(bytes, control->len);
        ws->closed = code == 0;
    }
    if (code == 0) fn(cx, (enum fl_ws_opcode)ws->opcode, bytes, control->len);
    fl_buf_fini(control);
    return code;
}

static int ws_end_frame(struct fl_ws *ws, fl_ws_fn fn, void *cx)
{
    ws->in_payload = false;
    ws->head_len = 0;
    if (ws_is_control(ws->opcode)) return ws_end_control(ws, fn, cx);
    return ws->final ? ws_end_gathered(ws, fn, cx) : 0;
}

/* Takes header bytes; returns how many, and *code when they break the rules. */
static size_t ws_take_head(struct fl_ws *ws, const uint8_t *in, size_t len, int *code)
{
    size_t used = 0;
    while (used < len) {
        size_t need = ws_head_need(ws);
        if (ws->head_len == need) break;
        size_t take = need - ws->head_len < len - used ? need - ws->head_len : len - used;
        bool had_kind = ws->head_len >= 2;
        memcpy(ws->head + ws->head_len, in + used, take);
        ws->head_len = (uint8_t)(ws->head_len + take);
        used += take;
        if (!had_kind && ws->head_len >= 2) *code = ws_check_opcode(ws);
        if (*code != 0) return used;
    }
    if (ws->head_len >= 2 && ws->head_len == ws_head_need(ws)) *code = ws_begin_frame(ws);
    return used;
}

/* Most messages are one short frame, and are here at once. */
static bool ws_is_whole(const struct fl_ws *ws, size_t len)
{
    return ws->payload_seen == 0 && ws->payload_len <= len && ws->payload_len <= WS_SHORT &&
           ws->final && ws->opcode != FL_WS_CONT && !ws_is_control(ws->opcode) &&
           !ws->is_compressed;
}

static int ws_take_whole(struct fl_ws *ws, const uint8_t *in, fl_ws_fn fn, void *cx)
{
    uint8_t message[WS_SHORT];
    size_t len = (size_t)ws->payload_len;
    ws->in_payload = false;
    ws->head_len = 0;
    ws_unmask(message, in, len, ws->mask, 0);
    return ws_end_message(ws, message, len, fn, cx);
}

int fl_ws_feed(struct fl_ws *ws, const void *bytes, size_t len, fl_ws_fn fn, void *cx,
               const bool *stop)
{
    const uint8_t *in = bytes;
    int code = 0;
    while (!ws->closed && (stop == NULL || !*stop)) {
        if (!ws->in_payload) {
            if (len == 0) break;
            size_t used = ws_take_head(ws, in, len, &code);
            in += used;
            len -= used;
            if (code != 0) return code;
            if (!ws->in_payload) continue;
        }
        if (ws_is_whole(ws, len)) {
            size_t take = (size_t)ws->payload_len;
            code = ws_take_whole(ws, in, fn, cx);
            in += take;
            len -= take;
            if (code != 0) return code;
            continue;
        }
        uint64_t left = ws->payload_len - ws->payload_seen;
        size_t take = left < len ? (size_t)left : len;
        if (take > 0) ws_take_payload(ws, in, take);
        in += take;
        len -= take;
        if (ws->payload_seen < ws->payload_len) break;
        code = ws_end_frame(ws, fn, cx);
        if (code != 0) return code;
    }
    return 0;
}

size_t fl_ws_header(uint8_t out[FL_WS_HEADER_MAX], enum fl_ws_opcode opcode, size_t len,
                    const uint8_t mask[4])
{
    size_t at = 2;
    size_t bytes = 0;
    out[0] = (uint8_t)(0x80U | (unsigned)opcode);
    if (len < 126) {
        out[1] = (uint8_t)len;
    } else {
        bytes = len <= 0xffff ? 2 : 8;
        out[1] = bytes == 2 ? 126 : 127;
    }
    for (size_t i = 0; i < bytes; i++)
        out[at++] = (uint8_t)((uint64_t)len >> (8 * (bytes - 1 - i)));
    if (mask != NULL) {
        out[1] = (uint8_t)(out[1] | 0x80U);
        memcpy(out + at, mask, 4);
        at += 4;
    }
    return at;
}

size_t fl_ws_header_len(const void *frame)
{
    unsigned len7 = ((const uint8_t *)frame)[1] & 0x7fU;
    return len7 == 127 ? 10 : len7 == 126 ? 4 : 2;
}

void fl_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4])
{
    ws_unmask(bytes, bytes, len, mask, 0);
}

void fl_ws_accept_key(struct fl_str key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    struct fl_buf text = {0};
    fl_buf_add(&text, key.at, key.len);
    fl_buf_puts(&text, guid);
    int done = EVP_Digest(text.at, text.len, digest, &digest_len, EVP_sha1(), NULL);
    FL_ASSERT(done == 1 && digest_len == 20);
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
    fl_buf_fini(&text);
}
