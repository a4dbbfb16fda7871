#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/lines.h"
#include "runtime/control.h"

/* Asks a control server in another process. Everything happens on the caller's loop. */
struct question {
    struct question *next;
    int64_t id;
    fl_ns due_ns;
    fl_control_fn fn;
    void *cx;
};

struct fl_control_client {
    uv_pipe_t pipe;
    uv_timer_t timer;
    int handles;
    int64_t id_last;
    struct question *questions;
    struct fl_lines in;
    char chunk[4096];
    void (*on_lost)(void *cx);
    void *cx;
    bool is_closed, is_lost;
};

struct request {
    uv_write_t req;
    struct fl_buf text;
};

static void client_on_handle_closed(uv_handle_t *handle)
{
    struct fl_control_client *client = handle->data;
    FL_ASSERT(client->is_closed && client->handles > 0);
    if (--client->handles > 0) return;
    fl_lines_fini(&client->in);
    free(client);
}

void fl_control_client_close(struct fl_control_client *client)
{
    if (client == NULL || client->is_closed) return;
    client->is_closed = true;
    while (client->questions != NULL) {
        struct question *question = client->questions;
        client->questions = question->next;
        free(question);
    }
    uv_close((uv_handle_t *)&client->pipe, client_on_handle_closed);
    uv_close((uv_handle_t *)&client->timer, client_on_handle_closed);
}

static struct question *question_take(struct fl_control_client *client, int64_t id)
{
    for (struct question **slot = &client->questions; *slot != NULL; slot = &(*slot)->next) {
        struct question *question = *slot;
        if (question->id != id) continue;
        *slot = question->next;
        return question;
    }
    return NULL;
}

/* The answer may close the client: look at is_closed after it. */
static void question_answer(struct question *question, bool ok, const char *answer_json)
{
    question->fn(question->cx, ok, answer_json);
    free(question);
}

static void client_on_timer(uv_timer_t *timer);

static void client_set_timer(struct fl_control_client *client)
{
    fl_ns due_ns = FL_NEVER;
    for (struct question *q = client->questions; q != NULL; q = q->next)
        due_ns = fl_ns_min(due_ns, q->due_ns);
    uv_timer_stop(&client->timer);
    if (due_ns == FL_NEVER) return;
    fl_ns wait_ns = fl_ns_max(0, due_ns - fl_now());
    uv_update_time(client->timer.loop);
    uv_timer_start(&client->timer, client_on_timer,
                   (uint64_t)((wait_ns + FL_NS_PER_MS - 1) / FL_NS_PER_MS), 0);
}

static void client_on_timer(uv_timer_t *timer)
{
    struct fl_control_client *client = timer->data;
    fl_ns now_ns = fl_now();
    struct question *question = client->questions;
    while (question != NULL && !client->is_closed) {
        if (question->due_ns > now_ns) {
            question = question->next;
            continue;
        }
        question_answer(question_take(client, question->id), false,
                        "{\"ok\":false,\"error\":\"timeout\"}");
        question = client->is_closed ? NULL : client->questions; /* it may have asked again */
    }
    if (!client->is_closed) client_set_timer(client);
}

static void client_lost(struct fl_control_client *client)
{
    if (client->is_lost || client->is_closed) return;
    client->is_lost = true;
    uv_read_stop((uv_stream_t *)&client->pipe);
    while (!client->is_closed && client->questions != NULL)
        question_answer(question_take(client, client->questions->id), false,
                        "{\"ok\":false,\"error\":\"the process is gone\"}");
    if (!client->is_closed && client->on_lost != NULL) client->on_lost(client->cx);
}

static void client_on_line(struct fl_control_client *client, const char *line)
{
    cJSON *answer = cJSON_Parse(line);
    struct question *question = question_take(client, fl_json_int(answer, "id", -1));
    bool ok = fl_json_bool(answer, "ok", false);
    cJSON_Delete(answer);
    if (question != NULL) question_answer(question, ok, line); /* else: too late */
}

static void client_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct fl_control_client *client = stream->data;
    if (got < 0 || !fl_lines_feed(&client->in, buf->base, (size_t)got)) {
        client_lost(client);
        return;
    }
    const char *line;
    while (!client->is_closed && (line = fl_lines_next(&client->in)) != NULL)
        client_on_line(client, line);
}

static void client_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_control_client *client = handle->data;
    FL_ASSERT(suggested > 0);
    *buf = uv_buf_init(client->chunk, sizeof client->chunk);
}

int fl_control_client_open(struct fl_control_client **out, uv_loop_t *loop, int fd_take,
                           void (*on_lost)(void *cx), void *cx, struct fl_err *err)
{
    struct fl_control_client *client = fl_new(struct fl_control_client);
    client->on_lost = on_lost;
    client->cx = cx;
    client->handles = 2;
    uv_pipe_init(loop, &client->pipe, 0);
    uv_timer_init(loop, &client->timer);
    client->pipe.data = client->timer.data = client;
    int rc = uv_pipe_open(&client->pipe, fd_take);
    if (rc != 0) {
        uv_fs_t req;
        uv_fs_close(loop, &req, fd_take, NULL);
        uv_fs_req_cleanup(&req);
    }
    if (rc == 0) rc = uv_read_start((uv_stream_t *)&client->pipe, client_on_alloc, client_on_read);
    if (rc != 0) {
        fl_control_client_close(client);
        return fl_err_set(err, rc, "cannot open control: %s", uv_strerror(rc));
    }
    *out = client;
    return 0;
}

static void request_on_written(uv_write_t *req, int status)
{
    struct request *request = FL_OWNER(req, struct request, req);
    (void)status; /* a peer that is gone is seen by the read */
    fl_buf_fini(&request->text);
    free(request);
}

void fl_control_ask(struct fl_control_client *client, const char *request_fields, fl_ns timeout_ns,
                    fl_control_fn fn, void *cx)
{
    FL_ASSERT(!client->is_closed);
    struct question *question = fl_new(struct question);
    fl_ns now_ns = fl_now();
    question->id = ++client->id_last;
    question->due_ns = timeout_ns >= FL_NEVER - now_ns ? FL_NEVER : now_ns + timeout_ns;
    if (client->is_lost) question->due_ns = now_ns; /* answered from the loop, not from in here */
    question->fn = fn;
    question->cx = cx;
    question->next = client->questions;
    client->questions = question;
    client_set_timer(client);
    if (client->is_lost) return;

    struct request *request = fl_new(struct request);
    fl_buf_printf(&request->text, "{\"id\":%lld,%s}\n", (long long)question->id, request_fields);
    uv_buf_t buf = uv_buf_init(request->text.at, (unsigned)request->text.len);
    if (uv_write(&request->req, (uv_stream_t *)&client->pipe, &buf, 1, request_on_written) != 0)
        request_on_written(&request->req, FL_EIO);
}
