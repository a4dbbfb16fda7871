#include "engine/ready.h"

#include <regex.h>
#include <signal.h>

#include "runtime/base/clock.h"
#include "runtime/base/str.h"

#define ASK_AGAIN_MS 5
#define RUN_AGAIN_MS 50 /* a command costs the machine more than a look */
#define PATIENCE_FIRST fl_s(1)

/* One attempt lives in handles of its own, so that a late answer of the last one cannot disturb. */
struct attempt {
    struct fl_ready *ready; /* NULL once nobody is interested */
    union {
        uv_handle_t any;
        uv_tcp_t tcp;
        uv_process_t process;
    } handle;
    uv_connect_t connect;
    uv_write_t write;
    struct fl_buf request, answer;
    pid_t command; /* while it runs, else 0 */
    char chunk[512];
};

struct fl_ready {
    uv_loop_t *loop;
    const struct fl_ready_spec *spec;
    void (*done)(void *cx, bool ready, const char *why);
    void *cx;
    fl_ns give_up_ns;
    uv_timer_t timer;
    regex_t pattern;
    bool has_pattern, over;
    fl_ns patience_ns, asked_ns; /* how long the next attempt may hang; since when this one does */
    long log_offset;
    struct attempt *attempt;
    char last_no[160];
};

static void ready_ask(struct fl_ready *ready);

static void attempt_on_close(uv_handle_t *handle)
{
    struct attempt *attempt = handle->data;
    fl_buf_fini(&attempt->request);
    fl_buf_fini(&attempt->answer);
    free(attempt);
}

static void attempt_drop(struct fl_ready *ready)
{
    struct attempt *attempt = ready->attempt;
    if (attempt == NULL) return;
    ready->attempt = NULL;
    attempt->ready = NULL;
    /* A command that is given up goes with what it started: it leads a session of its own. */
    if (attempt->command > 0) kill(-attempt->command, SIGKILL);
    uv_close(&attempt->handle.any, attempt_on_close);
}

static void ready_on_close(uv_handle_t *handle)
{
    struct fl_ready *ready = handle->data;
    if (ready->has_pattern) regfree(&ready->pattern);
    free(ready);
}

void fl_ready_cancel(struct fl_ready *ready)
{
    if (ready == NULL || ready->over) return;
    ready->over = true;
    attempt_drop(ready);
    uv_close((uv_handle_t *)&ready->timer, ready_on_close);
}

static void ready_end(struct fl_ready *ready, bool yes)
{
    void (*done)(void *, bool, const char *) = ready->done;
    char why[256];
    snprintf(why, sizeof why, "%s", ready->last_no);
    void *cx = ready->cx;
    fl_ready_cancel(ready);
    done(cx, yes, yes ? "" : why);
}

static void ready_on_timer(uv_timer_t *timer)
{
    ready_ask(timer->data);
}

static void ready_no(struct fl_ready *ready, const char *why)
{
    snprintf(ready->last_no, sizeof ready->last_no, "%s", why);
    attempt_drop(ready);
    if (fl_now() >= ready->give_up_ns) {
        ready_end(ready, false);
        return;
    }
    bool is_command = ready->spec->kind == FL_READY_EXEC;
    uv_timer_start(&ready->timer, ready_on_timer, is_command ? RUN_AGAIN_MS : ASK_AGAIN_MS, 0);
}

/* An attempt may hang (a service that accepts and says nothing): the timer covers that. One that
 * was only cut short by the end says less than those before it. */
static void ready_on_hang(uv_timer_t *timer)
{
    struct fl_ready *ready = timer->data;
    char last[sizeof ready->last_no];
    snprintf(last, sizeof last, "%s", ready->last_no);
    bool hung = last[0] == '\0' || fl_now() - ready->asked_ns >= PATIENCE_FIRST;
    if (hung) ready->patience_ns *= 2;
    ready_no(ready, hung ? "no answer" : last);
}

/* A connection that hangs is tried anew, with more patience each time, as a service may be slow
 * while it starts. A command has all the time there is: nobody but its author knows how long it
 * takes. */
static void watch_attempt(struct fl_ready *ready)
{
    ready->asked_ns = fl_now();
    fl_ns left_ns = ready->give_up_ns - ready->asked_ns;
    if (ready->spec->kind != FL_READY_EXEC) left_ns = fl_ns_min(left_ns, ready->patience_ns);
    uint64_t ms = (uint64_t)fl_ns_max(left_ns / FL_NS_PER_MS + 1, 1);
    uv_timer_start(&ready->timer, ready_on_hang, ms, 0);
}

static void attempt_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct attempt *attempt = handle->data;
    *buf = uv_buf_init(attempt->chunk, sizeof attempt->chunk);
}

static void attempt_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct attempt *attempt = stream->data;
    struct fl_ready *ready = attempt->ready;
    if (ready == NULL) return;
    if (got > 0) fl_buf_add(&attempt->answer, buf->base, (size_t)got);
    static const size_t status_at = sizeof "HTTP/1.1 " - 1;
    if (attempt->answer.len >= status_at + 3) {
        char why[64];
        snprintf(why, sizeof why, "%s answered %.3s", ready->spec->path,
                 attempt->answer.at + status_at);
        if (attempt->answer.at[status_at] == '2')
            ready_end(ready, true);
        else
            ready_no(ready, why);
    } else if (got < 0) {
        ready_no(ready, "connection closed before an answer");
    }
}

static void attempt_on_write(uv_write_t *write, int status)
{
    (void)write, (void)status; /* a failed write shows as a closed connection */
}

static void attempt_on_connect(uv_connect_t *connect, int status)
{
    struct attempt *attempt = connect->data;
    struct fl_ready *ready = attempt->ready;
    if (ready == NULL) return;
    if (status != 0) {
        char why[96];
        snprintf(why, sizeof why, "port %d: %s", ready->spec->port, uv_strerror(status));
        ready_no(ready, why);
        return;
    }
    if (ready->spec->kind == FL_READY_TCP) {
        ready_end(ready, true);
        return;
    }
    fl_buf_printf(&attempt->request,
                  "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
                  ready->spec->path, ready->spec->port);
    uv_buf_t buf = uv_buf_init(attempt->request.at, (unsigned)attempt->request.len);
    uv_write(&attempt->write, connect->handle, &buf, 1, attempt_on_write);
    uv_read_start(connect->handle, attempt_alloc, attempt_on_read);
}

static struct attempt *attempt_new(struct fl_ready *ready)
{
    struct attempt *attempt = fl_new(struct attempt);
    attempt->ready = ready;
    attempt->handle.any.data = attempt;
    ready->attempt = attempt;
    return attempt;
}

static void ask_port(struct fl_ready *ready)
{
    struct attempt *attempt = attempt_new(ready);
    uv_tcp_init(ready->loop, &attempt->handle.tcp);
    attempt->handle.any.data = attempt;
    attempt->connect.data = attempt;
    struct sockaddr_in addr;
    uv_ip4_addr("127.0.0.1", ready->spec->port, &addr);
    watch_attempt(ready);
    int rc = uv_tcp_connect(&attempt->connect, &attempt->handle.tcp, (struct sockaddr *)&addr,
                            attempt_on_connect);
    if (rc != 0) ready_no(ready, uv_strerror(rc));
}

static void attempt_on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct attempt *attempt = process->data;
    attempt->command = 0;
    if (attempt->ready == NULL) return;
    char why[64];
    snprintf(why, sizeof why, "the ready command exited with %lld", (long long)status);
    if (status == 0 && signal_number == 0)
        ready_end(attempt->ready, true);
    else
        ready_no(attempt->ready, why);
}

static void ask_command(struct fl_ready *ready)
{
    struct attempt *attempt = attempt_new(ready);
    uv_process_options_t options = {.exit_cb = attempt_on_exit,
                                    .file = ready->spec->argv[0],
                                    .args = (char **)(uintptr_t)ready->spec->argv,
                                    .flags = UV_PROCESS_DETACHED};
    int rc = uv_spawn(ready->loop, &attempt->handle.process, &options);
    attempt->handle.any.data = attempt;
    if (rc == 0) attempt->command = uv_process_get_pid(&attempt->handle.process);
    watch_attempt(ready);
    if (rc != 0) ready_no(ready, uv_strerror(rc));
}

static void ask_log(struct fl_ready *ready)
{
    bool found = false;
    FILE *file = fopen(ready->spec->log_path, "re");
    if (file != NULL && fseek(file, ready->log_offset, SEEK_SET) == 0) {
        char *line = NULL;
        size_t cap = 0;
        ssize_t len;
        while (!found && (len = getline(&line, &cap, file)) > 0) {
            if (line[len - 1] == '\n') {
                line[len - 1] = '\0';
                ready->log_offset += len;
            }
            found = regexec(&ready->pattern, line, 0, NULL, 0) == 0;
        }
        free(line);
    }
    if (file != NULL) fclose(file);
    if (found)
        ready_end(ready, true);
    else
        ready_no(ready, "the log has no such line");
}

static void ask_nothing(struct fl_ready *ready)
{
    ready_end(ready, true);
}

static void ready_ask(struct fl_ready *ready)
{
    static void (*const ask[])(struct fl_ready *) = {[FL_READY_STARTED] = ask_nothing,
                                                     [FL_READY_TCP] = ask_port,
                                                     [FL_READY_HTTP] = ask_port,
                                                     [FL_READY_EXEC] = ask_command,
                                                     [FL_READY_LOG] = ask_log};
    ask[ready->spec->kind](ready);
}

int fl_ready_start(struct fl_ready **out, uv_loop_t *loop, const struct fl_ready_spec *spec,
                   void (*done)(void *cx, bool ready, const char *why), void *cx,
                   struct fl_err *err)
{
    struct fl_ready *ready = fl_new(struct fl_ready);
    ready->loop = loop;
    ready->spec = spec;
    ready->done = done;
    ready->cx = cx;
    ready->give_up_ns = fl_now() + spec->within_ns;
    ready->patience_ns = PATIENCE_FIRST;
    if (spec->kind == FL_READY_LOG) {
        if (regcomp(&ready->pattern, spec->pattern, REG_EXTENDED | REG_NOSUB) != 0) {
            free(ready);
            return fl_err_set(err, FL_EPARSE, "ready.log: \"%s\" is not a regular expression",
                              spec->pattern);
        }
        ready->has_pattern = true;
        ready->log_offset = spec->log_from;
    }
    uv_timer_init(loop, &ready->timer);
    ready->timer.data = ready;
    *out = ready;
    uv_timer_start(&ready->timer, ready_on_timer, 1, 0);
    return 0;
}
