#include "runtime/watch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/lines.h"
#include "runtime/control.h"
#include "runtime/inspect_core.h"
#include "runtime/pid.h"
#include "runtime/pipe.h"
#include "runtime/trace.h"

#define WATCHERS_MAX 32
#define TRACE_PER_S 500
#define EXIT_WITHIN fl_s(10)

/* ---- one connection is one process */

struct watch_trace { /* lives until its on_end, whoever is left by then */
    struct fl_node *node;
    struct fl_pid watcher;
    int64_t id;
};
struct watch {
    struct fl_node *node;
    struct fl_tcp *tcp;
    struct fl_lines in;
    struct fl_pid traced;
    struct watch_trace *trace; /* NULL: none, or it has ended */
};
enum { WATCH_LINE = 1, WATCH_TRACE_END };

static void watch_send(struct fl_self *self, struct watch *watch, struct fl_buf *text_take)
{
    fl_buf_putc(text_take, '\n');
    FL_ASSERT(watch->tcp != NULL);
    if (fl_tcp_write(self, watch->tcp, text_take->at, text_take->len) != 0)
        fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL)); /* it does not read */
    fl_buf_fini(text_take);
}

/* What a request is answered with: members are added, and fl_watch_done closes it. */
static void answer_begin(struct fl_buf *text, int64_t id)
{
    FL_ASSERT(text->len == 0);
    fl_buf_printf(text, "{\"id\":%" PRId64 ",\"ok\":true", id);
}

static void answer_end(struct fl_self *self, struct watch *watch, struct fl_buf *text_take, int rc,
                       int64_t id)
{
    FL_ASSERT(text_take->len > 0);
    if (rc != 0) {
        fl_buf_drop(text_take, text_take->len);
        fl_buf_printf(text_take, "{\"id\":%" PRId64 ",\"ok\":false,\"error\":", id);
        fl_json_put_str(text_take, fl_str_of(fl_code_name(rc)));
    }
    fl_buf_putc(text_take, '}');
    watch_send(self, watch, text_take);
}

/* ---- the requests: each adds to the answer, or says why not. They may wait. */

typedef int (*op_fn)(struct fl_self *self, struct watch *watch, const cJSON *request,
                     struct fl_buf *out);

static struct fl_pid request_who(const struct watch *watch, const cJSON *request)
{
    FL_ASSERT(watch->node != NULL);
    return fl_control_find(watch->node, fl_json_text(request, "name", ""));
}

static int op_node(struct fl_self *self, struct watch *watch, const cJSON *request,
                   struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    fl_buf_puts(out, ",\"name\":");
    fl_json_put_str(out, fl_str_of(watch->node->name));
    fl_buf_printf(out, ",\"os_pid\":%d,\"shards\":%d", (int)getpid(), watch->node->shards_count);
    return 0;
}

static const struct {
    const char *word;
    enum fl_inspect_order order;
} orders[] = {
    {"pid", FL_BY_PID},
    {"mailbox", FL_BY_MAILBOX},
    {"memory", FL_BY_MEMORY},
    {"handled", FL_BY_HANDLED},
};

static int op_processes(struct fl_self *self, struct watch *watch, const cJSON *request,
                        struct fl_buf *out)
{
    const char *word = fl_json_text(request, "order", "pid");
    int64_t max = fl_json_int(request, "max", FL_INSPECT_PROCS_MAX);
    size_t i = 0;
    while (i < FL_COUNT(orders) && strcmp(orders[i].word, word) != 0)
        i++;
    if (i == FL_COUNT(orders) || max < 1) return FL_EBADMSG;
    struct fl_inspect_opts opts = {
        .order = orders[i].order,
        .max = (size_t)(max < FL_INSPECT_PROCS_MAX ? max : FL_INSPECT_PROCS_MAX),
        .glob = fl_json_text(request, "glob", NULL)};
    struct fl_inspect seen;
    FL_ASSERT(self->shard->node == watch->node);
    int rc = fl_inspect(watch->node, &opts, &seen);
    if (rc != 0) return rc;
    size_t at = out->len;
    fl_inspect_put_json(&seen, out);
    out->at[at] = ','; /* its members become ours */
    out->len--;
    fl_inspect_fini(&seen);
    return 0;
}

static int op_process(struct fl_self *self, struct watch *watch, const cJSON *request,
                      struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    fl_buf_puts(out, ",\"process\":");
    return fl_inspect_one(watch->node, request_who(watch, request), out);
}

static int op_tree(struct fl_self *self, struct watch *watch, const cJSON *request,
                   struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    fl_buf_puts(out, ",\"tree\":");
    return fl_inspect_tree(watch->node, out);
}

static int op_stats(struct fl_self *self, struct watch *watch, const cJSON *request,
                    struct fl_buf *out)
{
    struct fl_shard_info sum;
    FL_ASSERT(self->shard->node == watch->node);
    int rc = fl_node_stats(watch->node, &sum);
    if (rc != 0) return rc;
    fl_buf_puts(out, ",\"stats\":");
    fl_shard_put_json(out, &sum);
    return 0;
}

static void put_name(void *cx, const char *name)
{
    struct fl_buf *out = cx;
    FL_ASSERT(out->len > 0);
    if (out->at[out->len - 1] != '[') fl_buf_putc(out, ',');
    fl_json_put_str(out, fl_str_of(name));
}

static int op_list(struct fl_self *self, struct watch *watch, const cJSON *request,
                   struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    fl_buf_puts(out, ",\"names\":[");
    fl_control_list(watch->node, fl_json_text(request, "glob", "*"), put_name, out);
    fl_buf_putc(out, ']');
    return 0;
}

static bool is_down_of(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(const uint64_t *)cx;
}

static int op_exit(struct fl_self *self, struct watch *watch, const cJSON *request,
                   struct fl_buf *out)
{
    struct fl_reason reason;
    struct fl_pid who = request_who(watch, request);
    if (who.bits == 0) return FL_ENOPROC;
    if (fl_pid_eq(who, self->pid)) return FL_ECALLSELF;
    if (!fl_control_reason(fl_json_text(request, "kind", "crash"), &reason)) return FL_EBADMSG;
    uint64_t ref = fl_monitor(self, who);
    struct fl_msg down;
    fl_exit(self, who, reason);
    int rc = fl_receive(self, is_down_of, &ref, EXIT_WITHIN, &down);
    if (rc != 0) fl_demonitor(self, ref);
    if (rc == 0 && down.reason->kind == FL_EXIT_NOPROC) rc = FL_ENOPROC;
    fl_buf_printf(out, ",\"at_ns\":%" PRId64, fl_self_now(self));
    return rc;
}

static int op_suspend(struct fl_self *self, struct watch *watch, const cJSON *request,
                      struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    return fl_control_suspend(watch->node, fl_json_text(request, "name", ""));
}

static int op_resume(struct fl_self *self, struct watch *watch, const cJSON *request,
                     struct fl_buf *out)
{
    FL_ASSERT(self->shard->node == watch->node);
    return fl_control_resume(watch->node, fl_json_text(request, "name", ""));
}

/* ---- traces: told on the traced process's shard, sent on as messages */

static void trace_on_event(void *cx, const struct fl_trace_event *event)
{
    const struct watch_trace *trace = cx;
    struct fl_buf text = {0};
    FL_ASSERT(trace->node != NULL);
    fl_buf_printf(&text, "{\"id\":%" PRId64 ",\"event\":{\"kind\":\"%s\",\"at_ns\":%" PRId64,
                  trace->id, fl_trace_word(event->kind), event->at_ns);
    if (event->lost > 0) fl_buf_printf(&text, ",\"lost\":%" PRIu64, event->lost);
    if (event->word != NULL) fl_buf_printf(&text, ",\"what\":\"%s\"", event->word);
    if (event->kind < FL_TRACE_SPAWN)
        fl_buf_printf(&text, ",\"tag\":%u,\"len\":%u", event->tag, event->len);
    if (event->kind != FL_TRACE_EXIT) {
        fl_buf_puts(&text, ",\"other\":");
        fl_pid_put_json(&text, event->other);
    }
    if (event->reason != NULL) {
        char words[96];
        fl_buf_puts(&text, ",\"reason\":");
        fl_json_put_str(&text, fl_str_of(fl_reason_show(event->reason, words, sizeof words)));
    }
    fl_buf_puts(&text, "}}");
    fl_node_send(trace->node, trace->watcher, WATCH_LINE, text.at, text.len);
    fl_buf_fini(&text);
}

static void trace_on_end(void *cx, int code)
{
    struct watch_trace *trace = cx;
    struct fl_buf text = {0};
    FL_ASSERT(trace->node != NULL);
    fl_buf_printf(&text, "{\"id\":%" PRId64 ",\"end\":true", trace->id);
    if (code != 0) fl_buf_printf(&text, ",\"error\":\"%s\"", fl_code_name(code));
    fl_buf_putc(&text, '}');
    fl_node_send(trace->node, trace->watcher, WATCH_TRACE_END, NULL, 0);
    fl_node_send(trace->node, trace->watcher, WATCH_LINE, text.at, text.len);
    fl_buf_fini(&text);
    free(trace);
}

static int op_trace(struct fl_self *self, struct watch *watch, const cJSON *request,
                    struct fl_buf *out)
{
    struct fl_pid who = request_who(watch, request);
    int64_t events = fl_json_int(request, "events", 1000);
    if (who.bits == 0) return FL_ENOPROC;
    if (fl_pid_eq(who, self->pid)) return FL_ECALLSELF; /* each line would make another one */
    if (events < 1) return FL_EBADMSG;
    if (watch->trace != NULL) return FL_ETAKEN; /* one at a time */
    struct watch_trace *trace = fl_new(struct watch_trace);
    *trace = (struct watch_trace){
        .node = watch->node, .watcher = self->pid, .id = fl_json_int(request, "id", 0)};
    struct fl_trace_opts opts = {.on_event = trace_on_event,
                                 .on_end = trace_on_end,
                                 .cx = trace,
                                 .events_max = (uint64_t)events,
                                 .per_s_max = TRACE_PER_S};
    watch->trace = trace;
    watch->traced = who;
    int rc = fl_trace_start(watch->node, who, &opts);
    if (rc == 0) return 0;
    watch->trace = NULL;
    free(trace);
    return rc;
}

static const struct {
    const char *word;
    op_fn fn;
} ops[] = {
    {"node", op_node},     {"processes", op_processes}, {"process", op_process},
    {"tree", op_tree},     {"stats", op_stats},         {"trace", op_trace},
    {"list", op_list},     {"exit", op_exit},           {"suspend", op_suspend},
    {"resume", op_resume},
};

/* A request under way; it is owned, since what answers it may wait, and be killed there. */
struct turn {
    cJSON *request; /* a copy: the line does not outlive a wait */
    struct fl_buf out;
};

static void turn_free(void *ptr)
{
    struct turn *turn = ptr;
    FL_ASSERT(turn != NULL);
    cJSON_Delete(turn->request);
    fl_buf_fini(&turn->out);
    free(turn);
}

static void watch_on_line(struct fl_self *self, struct watch *watch, const char *line)
{
    struct turn *turn = fl_new(struct turn);
    turn->request = cJSON_Parse(line);
    fl_self_own(self, turn, turn_free);
    const char *op = fl_json_text(turn->request, "op", "");
    int64_t id = fl_json_int(turn->request, "id", 0);
    size_t i = 0;
    while (i < FL_COUNT(ops) && strcmp(ops[i].word, op) != 0)
        i++;
    answer_begin(&turn->out, id);
    int rc = i == FL_COUNT(ops) ? FL_EBADMSG : ops[i].fn(self, watch, turn->request, &turn->out);
    answer_end(self, watch, &turn->out, rc, id);
    fl_self_disown(self, turn);
    turn_free(turn);
}

static void watch_on_data(struct fl_self *self, void *state, struct fl_tcp *tcp, const void *bytes,
                          size_t len)
{
    struct watch *watch = state;
    FL_ASSERT(watch->tcp == tcp);
    if (!fl_lines_feed(&watch->in, bytes, len)) {
        fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL)); /* not one of us */
        return;
    }
    for (const char *line; (line = fl_lines_next(&watch->in)) != NULL;)
        watch_on_line(self, watch, line);
}

static void watch_on_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void watch_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct watch *watch = state;
    if (msg->tag == WATCH_TRACE_END) watch->trace = NULL;
    if (msg->tag != WATCH_LINE) return;
    struct fl_buf text = {0};
    fl_buf_add(&text, msg->data, msg->len);
    watch_send(self, watch, &text);
}

static void watch_fini(void *ptr)
{
    struct watch *watch = ptr;
    FL_ASSERT(watch->node != NULL);
    if (watch->trace != NULL) fl_trace_stop(watch->node, watch->traced, watch->trace);
    fl_lines_fini(&watch->in);
}

static int watch_on_init(struct fl_self *self, void *state, const void *args)
{
    struct watch *watch = state;
    watch->node = fl_self_node(self);
    watch->tcp = fl_tcp_accept(self, args);
    fl_self_own(self, watch, watch_fini);
    return 0;
}

static const struct fl_server watch_server = {
    .name = "watcher",
    .state_bytes = sizeof(struct watch),
    .on_init = watch_on_init,
    .on_cast = watch_on_cast,
    .on_tcp_data = watch_on_data,
    .on_tcp_closed = watch_on_closed,
};

/* ---- the listener */

struct listener_args {
    const char *path;
    struct fl_err *err;
};

static int listener_on_init(struct fl_self *self, void *state, const void *ptr)
{
    const struct listener_args *args = ptr;
    struct fl_pipe_listen_opts opts = {
        .path = args->path, .server = &watch_server, .connections_max = WATCHERS_MAX};
    int rc = fl_pipe_listen(self, &opts, args->err);
    if (rc != 0) return rc;
    if (chmod(args->path, 0600) != 0) /* its folder keeps others out already */
        return fl_err_set(args->err, FL_EIO, "%s: %s", args->path, strerror(errno));
    return 0;
}

static const struct fl_server listener_server = {.name = "watch", .on_init = listener_on_init};

int fl_watch_folder(char *out, size_t out_len, bool make, struct fl_err *err)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    struct stat what;
    FL_ASSERT(out_len > 0);
    /* a path of a socket is short, and ends in -4194304.sock */
    if (base != NULL && base[0] == '/' && strlen(base) < 50 && stat(base, &what) == 0)
        snprintf(out, out_len, "%s/faultline", base);
    else
        snprintf(out, out_len, "/tmp/faultline-%u", (unsigned)getuid());
    if (make && mkdir(out, 0700) != 0 && errno != EEXIST)
        return fl_err_set(err, FL_EIO, "%s: %s", out, strerror(errno));
    if (lstat(out, &what) != 0) return fl_err_set(err, FL_EIO, "%s: %s", out, strerror(errno));
    if (!S_ISDIR(what.st_mode) || what.st_uid != getuid() || (what.st_mode & 022) != 0)
        return fl_err_set(err, FL_EIO, "%s: not a folder that only we can write in", out);
    return 0;
}

/* The sockets of those that were killed: a service under chaos is, again and again. */
static void folder_sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *dash = strrchr(entry->d_name, '-');
        int pid = 0, end = 0;
        if (dash == NULL || sscanf(dash, "-%d.sock%n", &pid, &end) != 1) continue;
        FL_ASSERT(end >= 0);
        if (pid > 0 && end > 0 && dash[end] == '\0' && kill(pid, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

int fl_watch_open(struct fl_node *node, char path[FL_WATCH_PATH_MAX], struct fl_err *err)
{
    char folder[FL_WATCH_PATH_MAX], text[FL_WATCH_PATH_MAX], name[32];
    FL_ASSERT(node->name != NULL);
    if (node->opts.simulated) return fl_err_set(err, FL_ESTATE, "a simulated node has no address");
    int rc = fl_watch_folder(folder, sizeof folder, true, err);
    if (rc != 0) return rc;
    folder_sweep(folder);
    snprintf(name, sizeof name, "%s", node->name);
    for (char *at = name; *at != '\0'; at++)
        if (*at == '/' || *at == '-') *at = '_';
    snprintf(text, sizeof text, "%s/%s-%d.sock", folder, name, (int)getpid());
    struct listener_args args = {.path = text, .err = err};
    struct fl_spawn_opts opts = {.args = &args, .shard = FL_SHARD(0)};
    rc = fl_node_spawn(node, &listener_server, &opts, NULL);
    if (rc == 0 && path != NULL) snprintf(path, FL_WATCH_PATH_MAX, "%s", text);
    return rc;
}
