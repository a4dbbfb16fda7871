/* The worker process: requests come over descriptor 3, one JSON object a line, and are answered in
 * the same turn of the loop, except where the answer is an observation (a door probed, a first
 * chunk touched). Data never stands between a request and its answer. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "chaos/links.h"
#include "chaos/proxy.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/lines.h"

enum { WORKER_CONTROL_FD = 3 };
static const fl_ns worker_reopen_every_ns = 20 * FL_NS_PER_MS;
static const fl_ns worker_reopen_within_ns = 5 * FL_NS_PER_S;

struct worker {
    uv_loop_t loop;
    uv_pipe_t control;
    struct fl_alarms *alarms;
    struct fl_proxy_link *links;
    char *read_buf;
    char control_buf[16 << 10];
    struct fl_lines in;
    struct worker_ask *reopening; /* doors that could not be opened yet */
    bool ending;
};

/* A request while it is being answered. */
struct worker_ask {
    struct worker *worker;
    int64_t id;
    struct fl_proxy_link *link;
    int64_t count;
    fl_ns at_ns;
    struct fl_alarm again;
    fl_ns until_ns;
    struct worker_ask *next; /* reopening */
};

struct worker_write {
    uv_write_t write;
    struct fl_buf text;
};

static void worker_on_written(uv_write_t *write, int status)
{
    struct worker_write *out = FL_OWNER(write, struct worker_write, write);
    fl_buf_fini(&out->text);
    free(out);
}

/* Takes text, a line. */
static void worker_send(struct worker *worker, struct fl_buf *text_take)
{
    if (worker->ending) {
        fl_buf_fini(text_take);
        return;
    }
    struct worker_write *out = fl_new(struct worker_write);
    out->text = *text_take;
    uv_buf_t buf = uv_buf_init(out->text.at, (unsigned)out->text.len);
    int rc = uv_write(&out->write, (uv_stream_t *)&worker->control, &buf, 1, worker_on_written);
    if (rc != 0) worker_on_written(&out->write, rc);
}

static void worker_answer(struct worker *worker, int64_t id, const char *format, ...)
    FL_PRINTF(3, 4);
static void worker_answer(struct worker *worker, int64_t id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *fields = NULL;
    int len = vasprintf(&fields, format, args);
    va_end(args);
    FL_ASSERT(len >= 0);
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true,%s}\n", (long long)id, fields);
    free(fields);
    worker_send(worker, &text);
}

static void worker_refuse(struct worker *worker, int64_t id, const char *why)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":false,\"error\":", (long long)id);
    fl_json_put_str(&text, fl_str_of(why));
    fl_buf_puts(&text, "}\n");
    worker_send(worker, &text);
}

static struct worker_ask *worker_ask_new(struct worker *worker, int64_t id,
                                         struct fl_proxy_link *link)
{
    struct worker_ask *ask = fl_new(struct worker_ask);
    ask->worker = worker;
    ask->id = id;
    ask->link = link;
    return ask;
}

static void worker_listen(struct worker *worker, int64_t id, struct fl_proxy_link *link,
                          const cJSON *request)
{
    struct fl_err err = {0};
    if (link->door != NULL) {
        worker_refuse(worker, id, "the link listens already");
        return;
    }
    link->port = (int)fl_json_int(request, "port", 0);
    if (fl_proxy_door_open(link, &err) != 0)
        worker_refuse(worker, id, err.text);
    else
        worker_answer(worker, id, "\"port\":%d", link->port);
}

static void worker_upstream(struct worker *worker, int64_t id, struct fl_proxy_link *link,
                            const cJSON *request)
{
    fl_proxy_link_upstream(link, fl_json_text(request, "instance", ""),
                           fl_json_text(request, "host", "127.0.0.1"),
                           (int)fl_json_int(request, "port", 0), fl_json_bool(request, "up", true));
    worker_answer(worker, id, "\"upstreams\":%zu", link->upstreams_count);
}

static void worker_on_refuses(void *cx, int rc, const char *why)
{
    struct worker_ask *ask = cx;
    if (rc == 0)
        worker_answer(ask->worker, ask->id, "\"connections\":%lld,\"refuses\":true,\"at_ns\":%lld",
                      (long long)ask->count, (long long)ask->at_ns);
    else
        worker_answer(ask->worker, ask->id, "\"connections\":%lld,\"refuses\":false,\"at_ns\":%lld",
                      (long long)ask->count, (long long)ask->at_ns);
    free(ask);
}

static void worker_add(struct worker *worker, int64_t id, struct fl_proxy_link *link,
                       const cJSON *request)
{
    const struct fl_toxic_type *type = fl_toxic_find(fl_json_text(request, "type", ""));
    if (type == NULL || (type->cuts && link->port == 0)) {
        worker_refuse(worker, id, type == NULL ? "no such toxic" : "the link does not listen");
        return;
    }
    struct fl_err err = {0};
    int64_t connections = link->conns_open;
    uint64_t seed = strtoull(fl_json_text(request, "seed", "0"), NULL, 16);
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(request, "settings");
    if (fl_proxy_link_add(link, fl_json_text(request, "toxic", ""), type, settings, seed, &err) ==
        NULL) {
        worker_refuse(worker, id, err.text);
        return;
    }
    if (!type->cuts) {
        worker_answer(worker, id, "\"connections\":%lld,\"at_ns\":%lld", (long long)connections,
                      (long long)fl_now());
        return;
    }
    struct worker_ask *ask = worker_ask_new(worker, id, link);
    ask->count = connections;
    ask->at_ns = fl_now();
    fl_proxy_probe(link, false, worker_on_refuses, ask);
}

static void worker_on_accepts(void *cx, int rc, const char *why)
{
    struct worker_ask *ask = cx;
    /* Cut anew while we looked: then it is not this removal that keeps it shut. */
    if (rc == 0 || ask->link->cuts > 0)
        worker_answer(ask->worker, ask->id, "\"seen\":%lld,\"accepts\":%s", (long long)ask->count,
                      rc == 0 ? "true" : "false");
    else
        worker_refuse(ask->worker, ask->id, why);
    free(ask);
}

static void worker_reopen(struct fl_alarm *again)
{
    struct worker_ask *ask = FL_OWNER(again, struct worker_ask, again);
    struct fl_err err = {0};
    for (struct worker_ask **at = &ask->worker->reopening; *at != NULL; at = &(*at)->next) {
        if (*at != ask) continue;
        *at = ask->next;
        break;
    }
    int rc = ask->link->cuts > 0 ? 0 : fl_proxy_door_reopen(ask->link, &err);
    if (rc == 0) {
        fl_proxy_probe(ask->link, true, worker_on_accepts, ask);
    } else if (fl_now() < ask->until_ns) {
        ask->next = ask->worker->reopening;
        ask->worker->reopening = ask;
        fl_alarms_set(ask->worker->alarms, &ask->again, fl_now() + worker_reopen_every_ns);
    } else {
        worker_refuse(ask->worker, ask->id, err.text);
        free(ask);
    }
}

static void worker_remove(struct worker *worker, int64_t id, struct fl_proxy_link *link,
                          const cJSON *request)
{
    struct fl_proxy_toxic *toxic = fl_proxy_link_toxic(link, fl_json_text(request, "toxic", ""));
    if (toxic == NULL) {
        worker_refuse(worker, id, "no such toxic on this link");
        return;
    }
    bool opens = toxic->type->cuts && link->cuts == 1;
    int64_t seen = fl_proxy_link_remove(link, toxic);
    if (!opens) {
        worker_answer(worker, id, "\"seen\":%lld", (long long)seen);
        return;
    }
    struct worker_ask *ask = worker_ask_new(worker, id, link);
    ask->count = seen;
    ask->again.fn = worker_reopen;
    ask->until_ns = fl_now() + worker_reopen_within_ns;
    worker_reopen(&ask->again);
}

static void worker_on_seen(void *cx, fl_ns at_ns, int64_t seen)
{
    struct worker_ask *ask = cx;
    if (seen > 0)
        worker_answer(ask->worker, ask->id, "\"seen\":%lld,\"at_ns\":%lld", (long long)seen,
                      (long long)at_ns);
    else
        worker_refuse(ask->worker, ask->id, "nothing passed while it was there");
    free(ask);
}

static void worker_watch(struct worker *worker, int64_t id, struct fl_proxy_link *link,
                         const cJSON *request)
{
    struct fl_proxy_toxic *toxic = fl_proxy_link_toxic(link, fl_json_text(request, "toxic", ""));
    if (toxic == NULL || toxic->on_seen != NULL) {
        worker_refuse(worker, id, toxic == NULL ? "no such toxic on this link" : "watched already");
        return;
    }
    struct worker_ask *ask = worker_ask_new(worker, id, link);
    if (toxic->seen > 0) {
        worker_on_seen(ask, fl_now(), toxic->seen);
        return;
    }
    toxic->on_seen = worker_on_seen;
    toxic->seen_cx = ask;
}

static const struct {
    const char *op;
    void (*fn)(struct worker *worker, int64_t id, struct fl_proxy_link *link, const cJSON *request);
} worker_ops[] = {
    {"listen", worker_listen}, {"upstream", worker_upstream}, {"add", worker_add},
    {"remove", worker_remove}, {"watch", worker_watch},
};

static struct fl_proxy_link *worker_link(struct worker *worker, const char *name)
{
    struct fl_proxy_link **at = &worker->links;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at == NULL) *at = fl_proxy_link_new(&worker->loop, worker->alarms, worker->read_buf, name);
    return *at;
}

static void worker_on_line(struct worker *worker, const char *line)
{
    cJSON *request = cJSON_Parse(line);
    int64_t id = fl_json_int(request, "id", 0);
    const char *op = fl_json_text(request, "op", "");
    size_t at = 0;
    while (at < FL_COUNT(worker_ops) && strcmp(worker_ops[at].op, op) != 0)
        at++;
    const char *link = fl_json_text(request, "link", "");
    if (at == FL_COUNT(worker_ops) || link[0] == '\0')
        worker_refuse(worker, id, "not a request that I know");
    else
        worker_ops[at].fn(worker, id, worker_link(worker, link), request);
    cJSON_Delete(request);
}

static void worker_end(struct worker *worker)
{
    if (worker->ending) return;
    worker->ending = true;
    for (struct fl_proxy_link *link = worker->links; link != NULL; link = link->next)
        fl_proxy_link_close(link);
    fl_alarms_close(worker->alarms);
    uv_close((uv_handle_t *)&worker->control, NULL);
}

static void worker_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct worker *worker = FL_OWNER(handle, struct worker, control);
    *buf = uv_buf_init(worker->control_buf, sizeof worker->control_buf);
}

static void worker_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct worker *worker = FL_OWNER(stream, struct worker, control);
    if (got < 0 || !fl_lines_feed(&worker->in, buf->base, (size_t)got)) {
        worker_end(worker);
        return;
    }
    const char *line;
    while (!worker->ending && (line = fl_lines_next(&worker->in)) != NULL)
        worker_on_line(worker, line);
}

static void worker_guard(void)
{
    /* The engine's life is ours; a Ctrl-C at the terminal is the engine's to answer. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void worker_fini(struct worker *worker)
{
    while (worker->reopening != NULL) {
        struct worker_ask *ask = worker->reopening;
        worker->reopening = ask->next;
        free(ask);
    }
    while (worker->links != NULL) {
        struct fl_proxy_link *link = worker->links;
        worker->links = link->next;
        fl_proxy_link_free(link);
    }
    int rc = uv_loop_close(&worker->loop);
    FL_ASSERT(rc == 0);
    fl_lines_fini(&worker->in);
    free(worker->read_buf);
    free(worker);
}

int fl_links_worker_main(void)
{
    worker_guard();
    struct fl_err err = {0};
    struct worker *worker = fl_new(struct worker);
    worker->read_buf = fl_alloc(FL_PROXY_READ_BYTES);
    int rc = uv_loop_init(&worker->loop);
    FL_ASSERT(rc == 0);
    rc = uv_pipe_init(&worker->loop, &worker->control, 0);
    FL_ASSERT(rc == 0);
    if (fl_alarms_open(&worker->alarms, &worker->loop, &err) != 0 ||
        uv_pipe_open(&worker->control, WORKER_CONTROL_FD) != 0 ||
        uv_read_start((uv_stream_t *)&worker->control, worker_on_alloc, worker_on_read) != 0) {
        fprintf(stderr, "links: descriptor 3 is not a control channel %s\n", err.text);
        return 70;
    }
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    worker_fini(worker);
    return 0;
}
