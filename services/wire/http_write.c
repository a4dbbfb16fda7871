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

void fl_http_put_head(struct fl_buf *buf, int status, const char *content_type, size_t body_len,
                      bool keep_alive, const char *extra)
{
    fl_buf_printf(buf, "HTTP/1.1 %d %s\r\n", status, fl_http_reason(status));
    if (content_type != NULL) fl_buf_printf(buf, "Content-Type: %s\r\n", content_type);
    bool bodiless = status < 200 || status == 204 || status == 304;
    if (!bodiless) fl_buf_printf(buf, "Content-Length: %zu\r\n", body_len);
    if (!keep_alive) fl_buf_puts(buf, "Connection: close\r\n");
    if (extra != NULL) fl_buf_puts(buf, extra);
    fl_buf_puts(buf, "\r\n");
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
