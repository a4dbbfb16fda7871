#include "runtime/control.h"

#include "runtime/base/json.h"
#include "runtime/base/lines.h"
#include "runtime/core.h"
#include "runtime/pid.h"

void fl_control_list(struct fl_node *node, const char *glob, void (*fn)(void *cx, const char *name),
                     void *cx)
{
    size_t count = 0;
    char **names = fl_name_list(node, glob, &count);
    for (size_t i = 0; i < count; i++) {
        fn(cx, names[i]);
        free(names[i]);
    }
    free(names);
}

struct fl_pid fl_control_find(struct fl_node *node, const char *who)
{
    struct fl_pid pid;
    FL_ASSERT(who != NULL);
    if (!fl_pid_parse(who, &pid)) return fl_whereis(node, who);
    return fl_proc_shard(node, pid) == NULL ? FL_NO_PID : pid;
}

int fl_control_exit(struct fl_node *node, const char *who, struct fl_reason reason)
{
    struct fl_pid pid = fl_control_find(node, who);
    if (pid.bits == 0) return FL_ENOPROC;
    fl_node_exit(node, pid, reason);
    return 0;
}

static int control_send(struct fl_node *node, const char *who, enum fl_sig_kind kind)
{
    struct fl_pid pid = fl_control_find(node, who);
    if (pid.bits == 0) return FL_ENOPROC;
    fl_signal_send(node, fl_sig_new(fl_shard_here(node), kind, pid, FL_NO_PID));
    return 0;
}

int fl_control_suspend(struct fl_node *node, const char *who)
{
    return control_send(node, who, FL_SIG_SUSPEND);
}

int fl_control_resume(struct fl_node *node, const char *who)
{
    return control_send(node, who, FL_SIG_RESUME);
}

/* ---- the server: a process that owns the pipe. An exit is answered when the DOWN comes. */

struct control_port {
    struct fl_port port;
    uv_pipe_t pipe;
    struct fl_shard *shard;
    struct fl_lines in;
    char chunk[4096];
    bool is_told, has_ended;
};

struct control {
    struct fl_node *node;
    struct control_port *port;
    struct fl_map exits;
};

struct exit_asked {
    struct fl_map_node by_ref;
    int64_t id;
};

struct answer {
    uv_write_t req;
    struct fl_buf text;
};

struct control_args {
    int fd;
    struct fl_err *err;
};

static void answer_on_written(uv_write_t *req, int status)
{
    struct answer *answer = FL_OWNER(req, struct answer, req);
    (void)status; /* a peer that is gone is seen by the read */
    fl_buf_fini(&answer->text);
    free(answer);
}

static void answer_send(struct control *control, struct fl_buf *text_take)
{
    struct control_port *port = control->port;
    fl_buf_putc(text_take, '\n');
    struct answer *answer = fl_new(struct answer);
    answer->text = *text_take;
    *text_take = (struct fl_buf){0};
    uv_buf_t buf = uv_buf_init(answer->text.at, (unsigned)answer->text.len);
    if (uv_write(&answer->req, (uv_stream_t *)&port->pipe, &buf, 1, answer_on_written) != 0)
        answer_on_written(&answer->req, FL_EIO);
}

static void answer_done(struct control *control, int64_t id, int rc)
{
    struct fl_buf text = {0};
    if (rc == 0) {
        fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true}", (long long)id);
    } else {
        fl_buf_printf(&text, "{\"id\":%lld,\"ok\":false,\"error\":", (long long)id);
        fl_json_put_str(&text, fl_str_of(fl_code_name(rc)));
        fl_buf_putc(&text, '}');
    }
    answer_send(control, &text);
}

static void put_name(void *cx, const char *name)
{
    struct fl_buf *text = cx;
    if (text->at[text->len - 1] != '[') fl_buf_putc(text, ',');
    fl_json_put_str(text, fl_str_of(name));
}

static void op_list(struct fl_self *self, struct control *control, int64_t id, const cJSON *request)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true,\"names\":[", (long long)id);
    fl_control_list(fl_self_node(self), fl_json_text(request, "glob", "*"), put_name, &text);
    fl_buf_puts(&text, "]}");
    answer_send(control, &text);
}

static const struct {
    const char *word;
    enum fl_exit_kind kind;
} exit_kinds[] = {
    {"crash", FL_EXIT_CRASH},   {"kill", FL_EXIT_KILL},   {"shutdown", FL_EXIT_SHUTDOWN},
    {"normal", FL_EXIT_NORMAL}, {"error", FL_EXIT_ERROR},
};

bool fl_control_reason(const char *word, struct fl_reason *out)
{
    FL_ASSERT(word != NULL);
    for (size_t i = 0; i < FL_COUNT(exit_kinds); i++) {
        if (strcmp(exit_kinds[i].word, word) != 0) continue;
        *out = fl_reason_of(exit_kinds[i].kind);
        return true;
    }
    return false;
}

static void op_exit(struct fl_self *self, struct control *control, int64_t id, const cJSON *request)
{
    struct fl_reason reason;
    struct fl_pid who = fl_control_find(control->node, fl_json_text(request, "name", ""));
    bool is_known = fl_control_reason(fl_json_text(request, "kind", "crash"), &reason);
    if (!is_known || who.bits == 0) {
        answer_done(control, id, who.bits == 0 ? FL_ENOPROC : FL_EBADMSG);
        return;
    }
    struct exit_asked *asked = fl_self_alloc(self, sizeof *asked);
    asked->id = id;
    fl_map_add(&control->exits, &asked->by_ref, fl_monitor(self, who));
    fl_exit(self, who, reason);
}

static void op_suspend(struct fl_self *self, struct control *control, int64_t id,
                       const cJSON *request)
{
    FL_ASSERT(control->node == fl_self_node(self));
    const char *name = fl_json_text(request, "name", "");
    answer_done(control, id, fl_control_suspend(control->node, name));
}

static void op_resume(struct fl_self *self, struct control *control, int64_t id,
                      const cJSON *request)
{
    FL_ASSERT(control->node == fl_self_node(self));
    const char *name = fl_json_text(request, "name", "");
    answer_done(control, id, fl_control_resume(control->node, name));
}

static const struct {
    const char *word;
    enum fl_filter_kind kind;
} filter_kinds[] = {
    {"drop", FL_FILTER_DROP},
    {"delay", FL_FILTER_DELAY},
    {"duplicate", FL_FILTER_DUPLICATE},
    {"reorder", FL_FILTER_REORDER},
};

static int filter_read(struct fl_filter_opts *opts, const cJSON *request)
{
    const char *word = fl_json_text(request, "kind", "");
    int64_t nth = fl_json_int(request, "nth", 0), limit = fl_json_int(request, "limit", 0);
    for (size_t i = 0; i < FL_COUNT(filter_kinds); i++)
        if (strcmp(filter_kinds[i].word, word) == 0) opts->kind = filter_kinds[i].kind;
    if (opts->kind == 0 || nth < 0 || nth > UINT32_MAX || limit < 0) return FL_EBADMSG;
    opts->nth = (uint32_t)nth;
    opts->limit = (uint64_t)limit;
    opts->seed = (uint64_t)fl_json_int(request, "seed", 0);
    opts->delay_ns = fl_json_int(request, "delay_ns", 0);
    opts->probability = fl_json_num(request, "probability", 1);
    return opts->probability > 0 ? 0 : FL_ERANGE; /* never is not always */
}

static void op_filter(struct fl_self *self, struct control *control, int64_t id,
                      const cJSON *request)
{
    struct fl_filter_opts opts = {0};
    uint64_t filter_id = 0;
    FL_ASSERT(control->node == fl_self_node(self));
    int rc = filter_read(&opts, request);
    if (rc == 0)
        rc = fl_control_filter(control->node, fl_json_text(request, "name", ""),
                               fl_json_text(request, "from", NULL), &opts, &filter_id, NULL);
    if (rc != 0) {
        answer_done(control, id, rc);
        return;
    }
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true,\"filter\":%llu}", (long long)id,
                  (unsigned long long)filter_id);
    answer_send(control, &text);
}

static void answer_counts(struct control *control, int64_t id, int rc,
                          const struct fl_filter_counts *counts)
{
    if (rc != 0) {
        answer_done(control, id, rc);
        return;
    }
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true,\"seen\":%llu,\"hit\":%llu,\"held\":%llu}",
                  (long long)id, (unsigned long long)counts->seen, (unsigned long long)counts->hit,
                  (unsigned long long)counts->held);
    answer_send(control, &text);
}

static void op_counts(struct fl_self *self, struct control *control, int64_t id,
                      const cJSON *request)
{
    struct fl_filter_counts counts = {0};
    FL_ASSERT(control->node == fl_self_node(self));
    uint64_t filter_id = (uint64_t)fl_json_int(request, "filter", 0);
    int rc = fl_control_filter_counts(control->node, filter_id, &counts);
    answer_counts(control, id, rc, &counts);
}

static void op_unfilter(struct fl_self *self, struct control *control, int64_t id,
                        const cJSON *request)
{
    struct fl_filter_counts counts = {0};
    FL_ASSERT(control->node == fl_self_node(self));
    uint64_t filter_id = (uint64_t)fl_json_int(request, "filter", 0);
    int rc = fl_control_unfilter(control->node, filter_id, &counts);
    answer_counts(control, id, rc, &counts);
}

static const struct {
    const char *word;
    void (*fn)(struct fl_self *self, struct control *control, int64_t id, const cJSON *request);
} ops[] = {
    {"list", op_list},     {"exit", op_exit},     {"suspend", op_suspend},   {"resume", op_resume},
    {"filter", op_filter}, {"counts", op_counts}, {"unfilter", op_unfilter},
};

static void control_on_line(struct fl_self *self, struct control *control, const char *line)
{
    cJSON *request = cJSON_Parse(line);
    const char *op = fl_json_text(request, "op", "");
    int64_t id = fl_json_int(request, "id", 0);
    size_t i = 0;
    while (i < FL_COUNT(ops) && strcmp(ops[i].word, op) != 0)
        i++;
    if (i < FL_COUNT(ops))
        ops[i].fn(self, control, id, request);
    else
        answer_done(control, id, FL_EBADMSG);
    cJSON_Delete(request);
}

static void control_on_port(struct fl_self *self, void *ptr)
{
    struct control_port *port = ptr;
    struct control *control = fl_self_state(self);
    port->is_told = false;
    const char *line; /* nothing is read meanwhile: no op waits */
    while ((line = fl_lines_next(&port->in)) != NULL)
        control_on_line(self, control, line);
    if (port->has_ended) fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void pipe_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct control_port *port = FL_OWNER(handle, struct control_port, pipe);
    FL_ASSERT(suggested > 0);
    *buf = uv_buf_init(port->chunk, sizeof port->chunk);
}

static void pipe_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct control_port *port = FL_OWNER(stream, struct control_port, pipe);
    struct fl_self *owner = port->port.owner;
    if (got == 0) return;
    if (got < 0 || !fl_lines_feed(&port->in, buf->base, (size_t)got)) {
        port->has_ended = true;
        uv_read_stop(stream);
    }
    if (port->is_told) return;
    port->is_told = true;
    struct fl_sig *sig = fl_sig_new(port->shard, FL_SIG_PORT, owner->pid, owner->pid);
    sig->port.fn = control_on_port;
    sig->port.port = port;
    fl_box_push_sys(owner, sig);
}

static void pipe_on_close(uv_handle_t *handle)
{
    struct control_port *port = FL_OWNER(handle, struct control_port, pipe);
    port->shard->handles_open--;
    fl_lines_fini(&port->in);
    free(port);
}

static void control_port_close(struct fl_port *base)
{
    struct control_port *port = FL_OWNER(base, struct control_port, port);
    FL_ASSERT(!uv_is_closing((uv_handle_t *)&port->pipe));
    uv_close((uv_handle_t *)&port->pipe, pipe_on_close);
}

static void control_fini(void *ptr)
{
    fl_map_fini(&((struct control *)ptr)->exits);
}

static int control_on_init(struct fl_self *self, void *state, const void *args)
{
    struct control *control = state;
    const struct control_args *opts = args;
    struct control_port *port = fl_new(struct control_port);
    port->shard = self->shard;
    port->port.owner = self;
    port->port.close = control_port_close;
    control->node = fl_self_node(self);
    control->port = port;
    uv_pipe_init(&port->shard->loop, &port->pipe, 0);
    port->shard->handles_open++;
    fl_port_add(self, &port->port);
    fl_self_own(self, control, control_fini);
    int rc = uv_pipe_open(&port->pipe, opts->fd);
    if (rc == 0) rc = uv_read_start((uv_stream_t *)&port->pipe, pipe_on_alloc, pipe_on_read);
    if (rc == 0) return 0;
    return fl_err_set(opts->err, rc, "cannot serve control on descriptor %d: %s", opts->fd,
                      uv_strerror(rc));
}

static void control_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                            const struct fl_reason *reason)
{
    struct control *control = state;
    struct fl_map_node *at = fl_map_find(&control->exits, ref);
    FL_ASSERT(at != NULL);
    struct exit_asked *asked = FL_OWNER(at, struct exit_asked, by_ref);
    fl_map_remove(&control->exits, at);
    int64_t id = asked->id;
    fl_self_free(self, asked);
    if (reason->kind == FL_EXIT_NOPROC) { /* a pid of nobody */
        answer_done(control, id, FL_ENOPROC);
        return;
    }
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"id\":%lld,\"ok\":true,\"at_ns\":%lld}", (long long)id,
                  (long long)fl_self_now(self));
    answer_send(control, &text);
}

static const struct fl_server control_server = {
    .name = "control",
    .state_bytes = sizeof(struct control),
    .on_init = control_on_init,
    .on_down = control_on_down,
};

int fl_control_serve(struct fl_node *node, int fd, struct fl_err *err)
{
    struct control_args args = {.fd = fd, .err = err};
    struct fl_spawn_opts opts = {.args = &args, .shard = FL_SHARD(0)};
    if (node->opts.simulated) return fl_err_set(err, FL_ESTATE, "a simulated node has no pipes");
    return fl_node_spawn(node, &control_server, &opts, NULL);
}
