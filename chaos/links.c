#include "chaos/links.h"

#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/lines.h"

struct links_ask {
    struct links_ask *next;
    int64_t id;
    fl_links_fn fn;
    void *cx;
};

struct fl_links {
    uv_pipe_t pipe;
    struct fl_lines in;
    char read_buf[16 << 10];
    struct links_ask *asks; /* unanswered */
    int64_t ids;
    bool closed, lost;
    void (*on_lost)(void *cx);
    void *cx;
};

struct links_write {
    uv_write_t write;
    struct fl_links *links;
    int64_t id;
    struct fl_buf text;
};

/* Takes the request of this id off the list and answers it; there may be none any more. */
static void links_settle(struct fl_links *links, int64_t id, bool ok, const cJSON *answer,
                         const char *why)
{
    struct links_ask **at = &links->asks;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    struct links_ask *ask = *at;
    if (ask == NULL) return;
    *at = ask->next;
    struct links_ask mine = *ask;
    free(ask);
    if (mine.fn != NULL) mine.fn(mine.cx, ok, answer, why);
}

static void links_settle_all(struct fl_links *links, const char *why)
{
    while (links->asks != NULL)
        links_settle(links, links->asks->id, false, NULL, why);
}

static void links_on_line(struct fl_links *links, const char *line)
{
    cJSON *answer = cJSON_Parse(line);
    bool ok = fl_json_bool(answer, "ok", false);
    links_settle(links, fl_json_int(answer, "id", 0), ok, answer,
                 ok ? NULL : fl_json_text(answer, "error", "no reason given"));
    cJSON_Delete(answer);
}

static void links_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_links *links = FL_OWNER(handle, struct fl_links, pipe);
    *buf = uv_buf_init(links->read_buf, sizeof links->read_buf);
}

static void links_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct fl_links *links = FL_OWNER(stream, struct fl_links, pipe);
    if (got < 0 || !fl_lines_feed(&links->in, buf->base, (size_t)got)) {
        FL_ASSERT(!links->lost);
        links->lost = true;
        uv_read_stop(stream);
        links_settle_all(links, "the links process is gone");
        if (!links->closed && links->on_lost != NULL) links->on_lost(links->cx);
        return;
    }
    /* An answer's fn may close us: look each time. */
    const char *line;
    while (!links->closed && (line = fl_lines_next(&links->in)) != NULL)
        links_on_line(links, line);
}

int fl_links_open(struct fl_links **out, uv_loop_t *loop, int fd_take, void (*on_lost)(void *cx),
                  void *cx, struct fl_err *err)
{
    FL_ASSERT(fd_take >= 0);
    struct fl_links *links = fl_new(struct fl_links);
    links->on_lost = on_lost;
    links->cx = cx;
    int rc = uv_pipe_init(loop, &links->pipe, 0);
    FL_ASSERT(rc == 0);
    rc = uv_pipe_open(&links->pipe, fd_take);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&links->pipe, links_on_alloc, links_on_read);
    else
        close(fd_take);
    if (rc != 0) {
        fl_links_close(links);
        return fl_err_set(err, rc, "links control: %s", uv_strerror(rc));
    }
    *out = links;
    return 0;
}

static void links_on_close(uv_handle_t *handle)
{
    struct fl_links *links = FL_OWNER(handle, struct fl_links, pipe);
    FL_ASSERT(links->asks == NULL);
    fl_lines_fini(&links->in);
    free(links);
}

void fl_links_close(struct fl_links *links)
{
    if (links == NULL) return;
    FL_ASSERT(!links->closed);
    links->closed = true;
    uv_close((uv_handle_t *)&links->pipe, links_on_close);
    links_settle_all(links, "closed");
}

static void links_on_written(uv_write_t *write, int status)
{
    struct links_write *out = FL_OWNER(write, struct links_write, write);
    if (status < 0) links_settle(out->links, out->id, false, NULL, "the links process is gone");
    fl_buf_fini(&out->text);
    free(out);
}

/* Begins a request; its fields follow. */
static struct fl_buf links_begin(struct fl_links *links, const char *op, const char *link)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"op\":\"%s\",\"link\":", (long long)++links->ids, op);
    fl_json_put_str(&text, fl_str_of(link));
    return text;
}

static void links_put(struct fl_buf *text, const char *key, const char *value)
{
    fl_buf_printf(text, ",\"%s\":", key);
    fl_json_put_str(text, fl_str_of(value));
}

/* Takes the text of the request that links_begin numbered last. */
static void links_send(struct fl_links *links, struct fl_buf *text_take, fl_links_fn fn, void *cx)
{
    FL_ASSERT(!links->closed);
    struct links_ask *ask = fl_new(struct links_ask);
    *ask = (struct links_ask){.next = links->asks, .id = links->ids, .fn = fn, .cx = cx};
    links->asks = ask;

    struct links_write *out = fl_new(struct links_write);
    fl_buf_puts(text_take, "}\n");
    *out = (struct links_write){.links = links, .id = links->ids, .text = *text_take};
    uv_buf_t buf = uv_buf_init(out->text.at, (unsigned)out->text.len);
    int rc = uv_write(&out->write, (uv_stream_t *)&links->pipe, &buf, 1, links_on_written);
    if (rc != 0) links_on_written(&out->write, rc);
}

void fl_links_listen(struct fl_links *links, const char *link, int port, fl_links_fn fn, void *cx)
{
    struct fl_buf text = links_begin(links, "listen", link);
    fl_buf_printf(&text, ",\"port\":%d", port);
    links_send(links, &text, fn, cx);
}

void fl_links_upstream(struct fl_links *links, const char *link, const char *instance,
                       const char *host, int port, bool up)
{
    struct fl_buf text = links_begin(links, "upstream", link);
    links_put(&text, "instance", instance);
    links_put(&text, "host", host);
    fl_buf_printf(&text, ",\"port\":%d,\"up\":%s", port, up ? "true" : "false");
    links_send(links, &text, NULL, NULL);
}

void fl_links_add_toxic(struct fl_links *links, const char *link, const char *toxic,
                        const char *type, const cJSON *settings, uint64_t seed, fl_links_fn fn,
                        void *cx)
{
    struct fl_buf text = links_begin(links, "add", link);
    links_put(&text, "toxic", toxic);
    links_put(&text, "type", type);
    fl_buf_printf(&text, ",\"seed\":\"%llx\"", (unsigned long long)seed);
    char *json = settings == NULL ? NULL : cJSON_PrintUnformatted(settings);
    if (json != NULL) fl_buf_printf(&text, ",\"settings\":%s", json);
    cJSON_free(json);
    links_send(links, &text, fn, cx);
}

void fl_links_remove_toxic(struct fl_links *links, const char *link, const char *toxic,
                           fl_links_fn fn, void *cx)
{
    struct fl_buf text = links_begin(links, "remove", link);
    links_put(&text, "toxic", toxic);
    links_send(links, &text, fn, cx);
}

void fl_links_watch_toxic(struct fl_links *links, const char *link, const char *toxic,
                          fl_links_fn fn, void *cx)
{
    struct fl_buf text = links_begin(links, "watch", link);
    links_put(&text, "toxic", toxic);
    links_send(links, &text, fn, cx);
}
