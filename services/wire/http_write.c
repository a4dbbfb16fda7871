/* http_write.c: heads of requests and responses as bytes, and percent-decoding. */
#include "services/wire/http.h"

static const struct {
    int status;
    const char *reason;
} http_reasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *fl_http_reason(int status)
{
    for (size_t i = 0; i < FL_COUNT(http_reasons); i++)
        if (http_reasons[i].status == status) return http_reasons[i].reason;
    return "";
}

/* Heads are made for every answer, and printf is half of what that costs. */
static void http_put_number(struct fl_buf *buf, size_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    fl_buf_add(buf, digits + at, sizeof digits - at);
}

#define HTTP_PUT(buf, literal) fl_buf_add((buf), (literal), sizeof(literal) - 1)

void fl_http_put_head(struct fl_buf *buf, int status, const char *content_type, size_t body_len,
                      bool keep_alive, const char *extra)
{
    fl_buf_reserve(buf, 256);
    HTTP_PUT(buf, "HTTP/1.1 ");
    http_put_number(buf, (size_t)status);
    HTTP_PUT(buf, " ");
    fl_buf_puts(buf, fl_http_reason(status));
    if (content_type != NULL) {
        HTTP_PUT(buf, "\r\nContent-Type: ");
        fl_buf_puts(buf, content_type);
    }
    bool bodiless = status < 200 || status == 204 || status == 304;
    if (body_len == FL_HTTP_CHUNKED && !bodiless) {
        HTTP_PUT(buf, "\r\nTransfer-Encoding: chunked");
    } else if (body_len != FL_HTTP_UNTIL_CLOSE && !bodiless) {
        HTTP_PUT(buf, "\r\nContent-Length: ");
        http_put_number(buf, body_len);
    }
    if (keep_alive)
        HTTP_PUT(buf, "\r\n");
    else
        HTTP_PUT(buf, "\r\nConnection: close\r\n");
    if (extra != NULL) fl_buf_puts(buf, extra);
    HTTP_PUT(buf, "\r\n");
}

/* The calendar of "chrono-Compatible Low-Level Date Algorithms" (Howard Hinnant): years begin in
 * March, so that the day that is added comes last. */
void fl_http_date(int64_t wall_s, char out[FL_HTTP_DATE_LEN])
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    FL_ASSERT(wall_s >= 0);
    int64_t day = wall_s / 86400, second = wall_s % 86400;
    int64_t shifted = day + 719468;
    int64_t era = shifted / 146097, of_era = shifted % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * march_month + 2) / 5 + 1;
    int64_t month = march_month < 10 ? march_month + 2 : march_month - 10; /* 0: January */
    int64_t year = year_of_era + era * 400 + (month <= 1);
    char text[64];
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + day % 7 * 3,
             (int)of_month, months + month * 3, (int)year, (int)(second / 3600),
             (int)(second / 60 % 60), (int)(second % 60));
    memcpy(out, text, FL_HTTP_DATE_LEN);
}

void fl_http_put_upgrade(struct fl_buf *buf, const char *host, const char *target, const char *key,
                         const char *subprotocol)
{
    fl_buf_printf(buf,
                  "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
                  target, host, key);
    if (subprotocol != NULL) fl_buf_printf(buf, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    fl_buf_puts(buf, "\r\n");
}

static int http_hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int fl_http_decode(struct fl_buf *buf, struct fl_str text, bool plus)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (i + 2 >= text.len) return FL_EBADMSG;
            int high = http_hex(text.at[i + 1]);
            int low = http_hex(text.at[i + 2]);
            if (high < 0 || low < 0) return FL_EBADMSG;
            fl_buf_putc(buf, (char)(unsigned char)(high << 4 | low));
            i += 2;
        } else {
            if (plus && c == '+') c = ' ';
            fl_buf_putc(buf, c);
        }
    }
    return 0;
}
