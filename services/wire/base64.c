#include "services/wire/base64.h"

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void fl_base64_put(struct fl_buf *buf, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    fl_buf_reserve(buf, (len * 4 + 2) / 3 + 1);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        unsigned word = (unsigned)at[i] << 16;
        if (left > 1) word |= (unsigned)at[i + 1] << 8;
        if (left > 2) word |= at[i + 2];
        for (size_t k = 0; k <= left; k++)
            fl_buf_putc(buf, base64_letters[word >> (18 - 6 * k) & 63]);
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

int fl_base64_take(struct fl_buf *buf, struct fl_str text)
{
    size_t from = buf->len;
    unsigned word = 0;
    int bits = 0;
    fl_buf_reserve(buf, text.len * 3 / 4 + 1);
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.at[i]);
        if (value < 0) goto bad;
        word = word << 6 | (unsigned)value;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        fl_buf_putc(buf, (char)(unsigned char)(word >> bits));
        word &= (1u << bits) - 1;
    }
    /* a lone last letter says nothing, and left-over bits would give one text a second form */
    if (text.len % 4 == 1 || word != 0) goto bad;
    return 0;
bad:
    buf->len = from;
    return FL_EBADMSG;
}
