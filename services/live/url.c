/* url.c: which page of a site an address shows, and what its path and query say. */
#include "services/live/inside.h"
#include "services/wire/http.h"

enum { URL_PARAMS_MAX = 8, URL_QUERY_MAX = 64, URL_TEXT_MAX = 8192 };

/* Without scheme and host, which are this server's or of no matter, and without the fragment. */
static struct fl_str url_target(struct fl_str target)
{
    for (size_t i = 0; i + 2 < target.len && target.at[i] != '/' && target.at[i] != '?'; i++) {
        if (memcmp(target.at + i, "://", 3) != 0) continue;
        size_t from = i + 3;
        while (from < target.len && target.at[from] != '/')
            from++;
        target = (struct fl_str){target.at + from, target.len - from};
        break;
    }
    return fl_str_cut(&target, '#');
}

static int url_decode(struct fl_buf *decoded, struct fl_str raw, bool plus, struct fl_str *out)
{
    size_t from = decoded->len;
    int rc = fl_http_decode(decoded, raw, plus);
    if (rc != 0)
        decoded->len = from;
    else
        *out = (struct fl_str){decoded->at + from, decoded->len - from};
    return rc;
}

size_t live_url_pairs(struct fl_str text, struct fl_buf *decoded, struct live_pair *pairs,
                      size_t pairs_max)
{
    size_t count = 0;
    while (text.len > 0 && count < pairs_max) {
        struct fl_str value = fl_str_cut(&text, '&');
        struct fl_str name = fl_str_cut(&value, '=');
        struct live_pair pair = {.name = FL_STR(""), .value = FL_STR("")};
        if (url_decode(decoded, name, true, &pair.name) != 0) continue;
        if (value.len > 0 && url_decode(decoded, value, true, &pair.value) != 0) continue;
        pairs[count++] = pair;
    }
    return count;
}

/* `/a` and `/a/` are different paths. */
static bool url_ends_open(struct fl_str path)
{
    return path.len > 0 && path.at[path.len - 1] == '/';
}

/* Does the path match the pattern? Parameters found are in pairs. */
static bool url_matches(const char *pattern, struct fl_str path, struct fl_buf *decoded,
                        struct live_pair *pairs, size_t *count)
{
    struct fl_str want = fl_str_of(pattern);
    *count = 0;
    if (memchr(want.at, '*', want.len) == NULL && url_ends_open(want) != url_ends_open(path))
        return false;
    while (want.len > 0 || path.len > 0) {
        struct fl_str part = fl_str_cut(&want, '/');
        bool is_rest = part.len > 0 && part.at[0] == '*';
        struct fl_str got = is_rest ? path : fl_str_cut(&path, '/');
        if (is_rest) path.len = 0;
        if (!is_rest && (part.len == 0 || part.at[0] != ':')) {
            if (!fl_str_eq(part, got)) return false;
            continue;
        }
        if ((!is_rest && got.len == 0) || *count == URL_PARAMS_MAX) return false;
        struct live_pair *pair = &pairs[(*count)++];
        pair->name = (struct fl_str){part.at + 1, part.len - 1};
        if (url_decode(decoded, got, false, &pair->value) != 0) return false;
    }
    return true;
}

int live_url_open(struct live_url *url, const struct fl_live_site *site, struct fl_str target)
{
    *url = (struct live_url){0};
    target = url_target(target);
    if (target.len > URL_TEXT_MAX || target.len == 0 || target.at[0] != '/') return FL_ENOTFOUND;
    struct live_pair pairs[URL_PARAMS_MAX + URL_QUERY_MAX];
    struct fl_buf *text = &url->text;
    fl_buf_reserve(text, target.len * 2 + 1); /* the target, and its parts decoded: no move after */
    fl_buf_add(text, target.at, target.len);
    struct fl_str query = {text->at, text->len};
    struct fl_str path = fl_str_cut(&query, '?');

    size_t params = 0;
    const struct fl_live_page *page = site->pages;
    for (; page->path != NULL; page++) {
        text->len = target.len; /* of one that did not match */
        if (url_matches(page->path, path, text, pairs, &params)) break;
    }
    if (page->path == NULL) {
        fl_buf_fini(text);
        return FL_ENOTFOUND;
    }
    url->page = page;
    url->path = path;
    url->query = query;
    url->params_count = params;
    url->pairs_count = params + live_url_pairs(query, text, pairs + params, URL_QUERY_MAX);
    if (url->pairs_count == 0) return 0;
    url->pairs = fl_new_array(struct live_pair, url->pairs_count);
    memcpy(url->pairs, pairs, url->pairs_count * sizeof *pairs);
    return 0;
}

void live_url_fini(struct live_url *url)
{
    fl_buf_fini(&url->text);
    free(url->pairs);
    *url = (struct live_url){0};
}

struct fl_live_request live_url_request(const struct live_url *url)
{
    return (struct fl_live_request){.path = url->path, .internals = url};
}

static struct fl_str url_find(const struct live_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fl_str_is(pairs[i].name, name)) return pairs[i].value;
    return (struct fl_str){0};
}

struct fl_str fl_live_param(const struct fl_live_request *req, const char *name)
{
    const struct live_url *url = req->internals;
    return url_find(url->pairs, url->params_count, name);
}

struct fl_str fl_live_query(const struct fl_live_request *req, const char *name)
{
    const struct live_url *url = req->internals;
    return url_find(url->pairs + url->params_count, url->pairs_count - url->params_count, name);
}
