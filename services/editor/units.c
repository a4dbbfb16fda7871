/* units.c: UTF-16 units to and from UTF-8 and JSON. */
#include "services/editor/text.h"

/** The character at the front, and how many units it takes. */
static uint32_t units_char(const uint16_t *units, size_t count, size_t *took)
{
    bool pair = count > 1 && fl_unit_is_high(units[0]) && fl_unit_is_low(units[1]);
    *took = pair ? 2 : 1;
    return pair ? 0x10000u + ((units[0] & 0x3ffu) << 10) + (units[1] & 0x3ffu) : units[0];
}

static size_t units_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> len & 0xf0) | c);
    return len;
}

void fl_units_put_utf8(struct fl_buf *out, const uint16_t *units, size_t count)
{
    for (size_t took; count > 0; units += took, count -= took) {
        char bytes[4];
        fl_buf_add(out, bytes, units_encode(units_char(units, count, &took), bytes));
    }
}

void fl_units_put_json(struct fl_buf *out, const uint16_t *units, size_t count)
{
    for (size_t took; count > 0; units += took, count -= took) {
        uint32_t c = units_char(units, count, &took);
        char bytes[4];
        if (c == '"' || c == '\\')
            fl_buf_printf(out, "\\%c", (int)c);
        else if (c == '\n')
            fl_buf_puts(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            fl_buf_printf(out, "\\u%04x", (unsigned)c);
        else
            fl_buf_add(out, bytes, units_encode(c, bytes));
    }
}

size_t fl_units_take_utf8(struct fl_str *rest, uint16_t out[2])
{
    if (rest->len == 0) return 0;
    unsigned char first = (unsigned char)rest->at[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len > rest->len || !fl_utf8_ok(rest->at, len)) return 0;
    uint32_t c = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)rest->at[i] & 0x3f);
    rest->at += len;
    rest->len -= len;
    if (c < 0x10000) {
        out[0] = (uint16_t)c;
        return 1;
    }
    out[0] = (uint16_t)(0xd800 | (c - 0x10000) >> 10);
    out[1] = (uint16_t)(0xdc00 | (c & 0x3ff));
    return 2;
}
