#include "engine/load_client.h"

#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/lines.h"

struct fl_load_client {
    uv_pipe_t pipe;
    struct fl_load_events events;
    struct fl_lines in;
    char chunk[16384];
    bool closing;
};

struct outgoing {
    uv_write_t write;
    char *text;
};

static struct fl_load_client *client_of(uv_handle_t *handle)
{
    return FL_OWNER(handle, struct fl_load_client, pipe);
}

static void client_on_close(uv_handle_t *handle)
{
    struct fl_load_client *client = client_of(handle);
    fl_lines_fini(&client->in);
    free(client);
}

void fl_load_client_close(struct fl_load_client *client)
{
    if (client == NULL || client->closing) return;
    client->closing = true;
    uv_close((uv_handle_t *)&client->pipe, client_on_close);
}

static void client_on_line(struct fl_load_client *client, const char *line)
{
    cJSON *message = cJSON_Parse(line);
    const char *ev = fl_json_text(message, "ev", "");
    const struct fl_load_events *events = &client->events;
    if (strcmp(ev, "ready") == 0)
        events->on_ready(events->cx);
    else if (strcmp(ev, "figures") == 0)
        events->on_figures(events->cx, message);
    else if (strcmp(ev, "done") == 0)
        events->on_done(events->cx);
    else if (strcmp(ev, "trouble") == 0)
        events->on_trouble(events->cx, fl_json_text(message, "what", "unnamed trouble"));
    cJSON_Delete(message);
}

static void client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct fl_load_client *client = client_of(handle);
    *buf = uv_buf_init(client->chunk, sizeof client->chunk);
}

static void client_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct fl_load_client *client = client_of((uv_handle_t *)stream);
    if (got < 0 || !fl_lines_feed(&client->in, buf->base, (size_t)got)) {
        struct fl_load_events events = client->events;
        fl_load_client_close(client);
        events.on_lost(events.cx);
        return;
    }
    const char *line;
    while (!client->closing && (line = fl_lines_next(&client->in)) != NULL)
        client_on_line(client, line);
}

int fl_load_client_open(struct fl_load_client **out, uv_loop_t *loop, int fd_take,
                        const struct fl_load_events *events, struct fl_err *err)
{
    struct fl_load_client *client = fl_new(struct fl_load_client);
    client->events = *events;
    uv_pipe_init(loop, &client->pipe, 0);
    int rc = uv_pipe_open(&client->pipe, fd_take);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&client->pipe, client_alloc, client_on_read);
    else
        close(fd_take);
    if (rc != 0) {
        fl_load_client_close(client);
        return fl_err_set(err, rc, "load worker's channel: %s", uv_strerror(rc));
    }
    *out = client;
    return 0;
}

static void client_on_written(uv_write_t *write, int status)
{
    (void)status; /* a lost worker shows as end of file */
    struct outgoing *outgoing = FL_OWNER(write, struct outgoing, write);
    free(outgoing->text);
    free(outgoing);
}

void fl_load_client_send(struct fl_load_client *client, const char *json)
{
    if (client == NULL || client->closing) return;
    struct outgoing *outgoing = fl_new(struct outgoing);
    outgoing->text = fl_format("%s\n", json);
    uv_buf_t buf = uv_buf_init(outgoing->text, (unsigned)strlen(outgoing->text));
    if (uv_write(&outgoing->write, (uv_stream_t *)&client->pipe, &buf, 1, client_on_written) != 0)
        client_on_written(&outgoing->write, 0);
}
