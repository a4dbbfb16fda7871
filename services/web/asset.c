/* asset.c: files embedded into the program: tags, gzip, and what the client has already. */
#include <strings.h>
#include <zlib.h>

#include "runtime/base/rng.h"
#include "services/web/inside.h"

enum { ASSET_WORTH_PACKING = 512 };

/* Kept only when it saves a tenth: pictures are packed already. */
static struct fl_shared *asset_pack(const char *bytes, size_t len)
{
    if (len < ASSET_WORTH_PACKING || len > UINT32_MAX / 2) return NULL;
    z_stream zip = {0};
    int rc = deflateInit2(&zip, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    FL_ASSERT(rc == Z_OK);
    size_t max = deflateBound(&zip, len);
    unsigned char *packed = fl_alloc(max);
    zip.next_in = (unsigned char *)(uintptr_t)bytes;
    zip.avail_in = (unsigned)len;
    zip.next_out = packed;
    zip.avail_out = (unsigned)max;
    rc = deflate(&zip, Z_FINISH);
    FL_ASSERT(rc == Z_STREAM_END); /* there is room for all of it */
    size_t packed_len = max - zip.avail_out;
    deflateEnd(&zip);
    struct fl_shared *shared = packed_len < len - len / 10 ? fl_shared_new(packed, packed_len)
                                                           : NULL;
    free(packed);
    return shared;
}

static size_t assets_count(const struct fl_web_asset *rows)
{
    size_t count = 0;
    while (rows != NULL && rows[count].path != NULL)
        count++;
    return count;
}

struct web_asset *web_assets_new(const struct fl_web_asset *rows)
{
    size_t count = assets_count(rows);
    struct web_asset *assets = fl_new_array(struct web_asset, count + 1);
    for (size_t i = 0; i < count; i++) {
        assets[i].plain = fl_shared_new(rows[i].bytes, *rows[i].len);
        assets[i].packed = asset_pack(rows[i].bytes, *rows[i].len);
        snprintf(assets[i].tag, sizeof assets[i].tag, "%016llx",
                 (unsigned long long)fl_hash_bytes(rows[i].bytes, *rows[i].len));
    }
    return assets;
}

void web_assets_free(struct web_asset *assets, const struct fl_web_asset *rows)
{
    size_t count = assets_count(rows);
    for (size_t i = 0; assets != NULL && i < count; i++) {
        fl_shared_release(assets[i].plain);
        fl_shared_release(assets[i].packed);
    }
    free(assets);
}

const char *fl_web_asset_tag(const struct fl_web *web, const char *path)
{
    const struct web_boot *boot = web->conn->boot;
    for (size_t i = 0; boot->site.assets != NULL && boot->site.assets[i].path != NULL; i++)
        if (strcmp(boot->site.assets[i].path, path) == 0) return boot->assets[i].tag;
    return NULL;
}

/* ---- what the client takes */

/* `q=0`, `q=0.000`: everything else is more than nothing. */
static bool is_zero_weight(struct fl_str params)
{
    while (params.len > 0) {
        struct fl_str value = fl_str_trim(fl_str_cut(&params, ';'));
        struct fl_str name = fl_str_trim(fl_str_cut(&value, '='));
        if (name.len != 1 || (name.at[0] != 'q' && name.at[0] != 'Q')) continue;
        value = fl_str_trim(value);
        for (size_t i = 0; i < value.len; i++)
            if (value.at[i] != '0' && value.at[i] != '.') return false;
        return value.len > 0;
    }
    return false;
}

static bool takes_gzip(struct fl_str accepted)
{
    bool any = false;
    while (accepted.len > 0) {
        struct fl_str params = fl_str_cut(&accepted, ',');
        struct fl_str coding = fl_str_trim(fl_str_cut(&params, ';'));
        if (coding.len == 4 && strncasecmp(coding.at, "gzip", 4) == 0)
            return !is_zero_weight(params); /* its own word counts more than the star's */
        if (fl_str_is(coding, "*")) any = !is_zero_weight(params);
    }
    return any;
}

/* Compared as weak tags, as If-None-Match wants it. */
static bool client_has(struct fl_str list, const char *etag)
{
    while (list.len > 0) {
        struct fl_str one = fl_str_trim(fl_str_cut(&list, ','));
        if (one.len > 2 && one.at[0] == 'W' && one.at[1] == '/') {
            one.at += 2;
            one.len -= 2;
        }
        if (fl_str_is(one, etag) || fl_str_is(one, "*")) return true;
    }
    return false;
}

void web_answer_asset(struct web_conn *conn, const struct fl_web_request *req, size_t row)
{
    const struct web_asset *asset = &conn->boot->assets[row];
    struct fl_web *web = &conn->request->web;
    bool gzip = asset->packed != NULL && takes_gzip(fl_web_header(req, "accept-encoding"));
    struct fl_shared *body = gzip ? asset->packed : asset->plain;
    char etag[32];
    snprintf(etag, sizeof etag, "\"%s%s\"", asset->tag, gzip ? "-gz" : "");
    fl_web_set_header(web, "ETag", etag);
    if (asset->packed != NULL) fl_web_set_header(web, "Vary", "Accept-Encoding");
    /* an address with the content's tag never means anything else; others are asked for again */
    bool is_tagged = fl_str_is(fl_web_query(req, "v"), asset->tag);
    fl_web_set_header(web, "Cache-Control",
                      is_tagged ? "public, max-age=31536000, immutable" : "no-cache");
    if (client_has(fl_web_header(req, "if-none-match"), etag)) {
        fl_web_respond(conn->self, web, 304, NULL, NULL, 0);
        return;
    }
    if (gzip) fl_web_set_header(web, "Content-Encoding", "gzip");
    size_t len = fl_shared_len(body);
    if (!web_answer_head(web, 200, conn->boot->site.assets[row].content_type, len)) return;
    web->body = WEB_ANSWERED;
    const struct fl_buf *head = &conn->request->out;
    if (web->head_only)
        web_conn_write(conn, head->at, head->len);
    else
        web_conn_write_shared(conn, head->at, head->len, body);
}
