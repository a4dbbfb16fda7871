#include "services/wire/ws_deflate.h"

#include <zlib.h>

#include "runtime/base/units.h"

/* Close codes (RFC 6455, 7.4.1). */
enum { DEFLATE_BAD = 1007, DEFLATE_TOO_BIG = 1009 };

/* Ours: any client's window holds it. Small, because it is made anew for each message. */
#define DEFLATE_WINDOW_BITS 12
#define DEFLATE_MEMORY 5
#define DEFLATE_CHUNK 4096u

/* What a sync flush ends with, and frames leave out. */
static const char deflate_tail[4] = {0x00, 0x00, (char)0xff, (char)0xff};

/* ---- the handshake */

static bool deflate_bits(struct fl_str value, int64_t *out)
{
    if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        value = (struct fl_str){value.at + 1, value.len - 2};
    if (value.len == 0 || value.at[0] == '0') return false;
    return fl_parse_int(value, 8, 15, out, NULL) == 0;
}

/* One parameter of an offer. False: it is not known, or makes no sense. */
static bool deflate_param(struct fl_str text, unsigned *seen, int64_t *server_bits)
{
    static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
                                        "server_max_window_bits", "client_max_window_bits"};
    struct fl_str name = fl_str_trim(fl_str_cut(&text, '='));
    struct fl_str value = fl_str_trim(text);
    for (unsigned i = 0; i < FL_COUNT(names); i++) {
        if (!fl_str_is(name, names[i])) continue;
        if ((*seen & 1U << i) != 0) return false;
        *seen |= 1U << i;
        int64_t bits = 0;
        if (i < 2) return value.len == 0;
        if (i == 3 && value.len == 0) return true;
        if (!deflate_bits(value, &bits)) return false;
        if (i == 2) *server_bits = bits;
        return true;
    }
    return false;
}

static bool deflate_offer(struct fl_str offer, struct fl_buf *answer)
{
    unsigned seen = 0;
    int64_t server_bits = 0;
    if (!fl_str_is(fl_str_trim(fl_str_cut(&offer, ';')), "permessage-deflate")) return false;
    while (offer.len > 0)
        if (!deflate_param(fl_str_trim(fl_str_cut(&offer, ';')), &seen, &server_bits)) return false;
    /* a limit that is under our window: another offer may be without */
    if (server_bits != 0 && server_bits < DEFLATE_WINDOW_BITS) return false;
    fl_buf_puts(answer,
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (server_bits != 0) fl_buf_printf(answer, "; server_max_window_bits=%d", DEFLATE_WINDOW_BITS);
    return true;
}

bool fl_ws_deflate_accept(struct fl_str offers, struct fl_buf *answer)
{
    while (offers.len > 0)
        if (deflate_offer(fl_str_trim(fl_str_cut(&offers, ',')), answer)) return true;
    return false;
}

/* ---- messages */

/* Runs the stream over these bytes. 0, or a close code; *has_ended: a last block was the last. */
static int inflate_bytes(z_stream *stream, struct fl_str bytes, size_t most, struct fl_buf *out,
                         bool *has_ended)
{
    stream->next_in = (Bytef *)(uintptr_t)bytes.at;
    stream->avail_in = (uInt)bytes.len;
    do {
        fl_buf_reserve(out, DEFLATE_CHUNK);
        stream->next_out = (Bytef *)out->at + out->len;
        stream->avail_out = DEFLATE_CHUNK;
        int rc = inflate(stream, Z_SYNC_FLUSH);
        out->len += DEFLATE_CHUNK - stream->avail_out;
        if (out->len > most) return DEFLATE_TOO_BIG;
        if (rc == Z_BUF_ERROR) return 0; /* all is in, all is out */
        if (rc != Z_OK && rc != Z_STREAM_END) return DEFLATE_BAD;
        *has_ended = rc == Z_STREAM_END && stream->avail_in == 0;
        if (*has_ended) return 0;
        /* a last block, as a client may send: what follows begins anew */
        if (rc == Z_STREAM_END && inflateReset(stream) != Z_OK) return DEFLATE_BAD;
    } while (stream->avail_in > 0 || stream->avail_out == 0);
    return 0;
}

int fl_ws_inflate(struct fl_str payload, size_t most, struct fl_buf *out)
{
    z_stream stream = {0};
    size_t from = out->len;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return DEFLATE_TOO_BIG;
    bool has_ended = false;
    int code = 0;
    if (payload.len > 0) code = inflate_bytes(&stream, payload, from + most, out, &has_ended);
    if (code == 0 && !has_ended) {
        struct fl_str tail = {deflate_tail, sizeof deflate_tail};
        code = inflate_bytes(&stream, tail, from + most, out, &has_ended);
        /* zlib says with this bit that it stands between two blocks */
        if (code == 0 && (stream.data_type & 128) == 0) code = DEFLATE_BAD;
    }
    inflateEnd(&stream);
    if (code != 0) out->len = from;
    return code;
}

bool fl_ws_deflate(struct fl_str message, struct fl_buf *out)
{
    z_stream stream = {0};
    size_t from = out->len;
    if (message.len == 0 || message.len > UINT32_MAX / 2) return false;
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -DEFLATE_WINDOW_BITS, DEFLATE_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&stream, (uLong)message.len) + 16;
    fl_buf_reserve(out, room);
    stream.next_in = (Bytef *)(uintptr_t)message.at;
    stream.avail_in = (uInt)message.len;
    stream.next_out = (Bytef *)out->at + from;
    stream.avail_out = (uInt)room;
    int rc = deflate(&stream, Z_SYNC_FLUSH);
    size_t len = room - stream.avail_out;
    bool done = rc == Z_OK && stream.avail_in == 0 && stream.avail_out > 0 &&
                len > sizeof deflate_tail;
    deflateEnd(&stream);
    if (done) len -= sizeof deflate_tail;
    if (!done || len >= message.len) return false;
    FL_ASSERT(memcmp(out->at + from + len, deflate_tail, sizeof deflate_tail) == 0);
    out->len = from + len;
    return true;
}
