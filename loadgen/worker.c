/* worker.c: the load worker process: plan in, orders over descriptor 3, journal out.
 *
 * One timer descriptor wakes it for the next arrival or deadline (libuv's timers count whole
 * milliseconds); all sending happens right before the loop sleeps, and what happened is written to
 * the journal there too. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loadgen/http_engine.h"
#include "loadgen/load.h"
#include "runtime/base/clock.h"
#include "runtime/base/lines.h"

#define CONTROL_FD 3
#define READ_BUFFER ((size_t)256 << 10)
#define EXIT_TROUBLE 70
#define CONNECTIONS_MAX 20000

enum worker_phase { WORKER_IDLE = 0, WORKER_RUNS, WORKER_ENDS };

struct worker {
    struct fl_load_host host;
    uv_loop_t loop;
    uv_pipe_t control;
    uv_poll_t alarm;
    uv_prepare_t prepare;
    uv_timer_t fifth; /* of a second: figures */
    int alarm_fd;
    fl_ns armed_ns;
    enum worker_phase phase;
    cJSON *plan;
    struct fl_load **loads;
    size_t loads_count;
    fl_ns t0_ns, until_ns, drain_until_ns;
    int fifths;
    struct fl_lines in;
    bool journal_told; /* that a write failed */
    int code;
};

static void worker_end(struct worker *worker, int code);

/* ---- talking to the engine ---- */

struct say {
    uv_write_t req;
    struct fl_buf text;
};

static void say_on_written(uv_write_t *req, int status)
{
    (void)status; /* a lost engine shows as the end of what we read */
    struct say *say = FL_OWNER(req, struct say, req);
    fl_buf_fini(&say->text);
    free(say);
}

static void worker_say(struct worker *worker, struct fl_buf *text_take)
{
    struct say *say = fl_new(struct say);
    say->text = *text_take;
    *text_take = (struct fl_buf){0};
    fl_buf_putc(&say->text, '\n');
    uv_buf_t buf = uv_buf_init(say->text.at, (unsigned)say->text.len);
    if (uv_write(&say->req, (uv_stream_t *)&worker->control, &buf, 1, say_on_written) != 0)
        say_on_written(&say->req, 0);
}

static void worker_trouble(struct worker *worker, const char *what)
{
    struct fl_buf text = {0};
    fl_buf_puts(&text, "{\"ev\":\"trouble\",\"what\":");
    fl_json_put_str(&text, fl_str_of(what));
    fl_buf_puts(&text, "}");
    worker_say(worker, &text);
}

static void worker_say_figures(struct worker *worker, fl_ns now_ns)
{
    /* An engine that does not read gets no more figures, but every other word. */
    if (uv_stream_get_write_queue_size((uv_stream_t *)&worker->control) > 65536) return;
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{\"ev\":\"figures\",\"t\":%lld,\"loads\":", (long long)now_ns);
    size_t loads_at = text.len;
    fl_buf_putc(&text, '[');
    for (size_t i = 0; i < worker->loads_count; i++) {
        struct fl_load *load = worker->loads[i];
        uint64_t open = 0;
        for (int s = 0; s < load->streams_count; s++)
            open += load->streams[s].ledger.counts.open;
        fl_buf_puts(&text, i > 0 ? ",{\"name\":" : "{\"name\":");
        fl_json_put_str(&text, fl_str_of(load->name));
        fl_buf_putc(&text, ',');
        fl_gauge_put(&load->gauge, &text);
        fl_buf_printf(&text, ",\"inflight\":%llu}", (unsigned long long)open);
        fl_gauge_turn(&load->gauge);
    }
    fl_buf_putc(&text, ']');
    fl_said_add(&worker->host.said, now_ns,
                (struct fl_str){text.at + loads_at, text.len - loads_at});
    fl_buf_putc(&text, '}');
    worker_say(worker, &text);
}

/* ---- health and the end ---- */

static void worker_note_health(struct worker *worker, fl_ns now_ns)
{
    struct fl_buf fields = {0};
    fl_ns cpu_ns = fl_cpu_now();
    fl_health_put(&worker->host.health, now_ns, cpu_ns, &fields);
    fl_journal_fact(worker->host.journal, now_ns, "load.health", "%s", fields.at);
    fl_buf_fini(&fields);
    fl_health_start(&worker->host.health, now_ns, cpu_ns);
}

static void worker_on_fifth(uv_timer_t *timer)
{
    struct worker *worker = FL_OWNER(timer, struct worker, fifth);
    fl_ns now_ns = fl_now();
    worker_say_figures(worker, now_ns);
    if (++worker->fifths % 5 == 0) worker_note_health(worker, now_ns);
}

static void worker_complete(struct worker *worker, fl_ns now_ns)
{
    struct fl_ledger_counts sum = {0};
    for (size_t i = 0; i < worker->loads_count; i++) {
        struct fl_load *load = worker->loads[i];
        fl_load_give_up(load, now_ns);
        if (load->workload->driver->drained != NULL) load->workload->driver->drained(load);
        for (int s = 0; s < load->streams_count; s++) {
            const struct fl_ledger_counts *counts = &load->streams[s].ledger.counts;
            sum.due += counts->due;
            sum.ok += counts->ok;
            sum.fail += counts->fail;
            sum.unknown += counts->unknown;
        }
    }
    FL_ASSERT(sum.due == sum.ok + sum.fail + sum.unknown);
    worker_note_health(worker, now_ns);
    fl_journal_fact(worker->host.journal, now_ns, "load.done",
                    "\"due\":%llu,\"ok\":%llu,\"fail\":%llu,\"unknown\":%llu",
                    (unsigned long long)sum.due, (unsigned long long)sum.ok,
                    (unsigned long long)sum.fail, (unsigned long long)sum.unknown);
    fl_journal_flush(worker->host.journal);
    if (fl_journal_broken(worker->host.journal))
        worker_trouble(worker, "the load worker could not write all of its journal");
    struct fl_buf text = {0};
    fl_buf_puts(&text, "{\"ev\":\"done\"}");
    worker_say(worker, &text);
    worker_end(worker, 0);
}

static bool worker_is_complete(struct worker *worker, fl_ns now_ns)
{
    if (now_ns < worker->until_ns) return false;
    if (now_ns >= worker->drain_until_ns) return true;
    bool complete = true;
    for (size_t i = 0; i < worker->loads_count; i++) {
        struct fl_load *load = worker->loads[i];
        bool (*drain)(struct fl_load *) = load->workload->driver->drain;
        bool is_empty = fl_load_is_settled(load) && (drain == NULL || drain(load));
        complete = complete && is_empty; /* every one gets its turn */
    }
    return complete;
}

/* ---- the heart: before the loop sleeps ---- */

static void worker_arm(struct worker *worker, fl_ns wake_ns)
{
    if (wake_ns == worker->armed_ns) return;
    worker->armed_ns = wake_ns;
    struct itimerspec spec = {0};
    if (wake_ns != FL_NEVER) {
        fl_ns at_ns = fl_ns_max(wake_ns, 1); /* zero would disarm it */
        spec.it_value.tv_sec = at_ns / FL_NS_PER_S;
        spec.it_value.tv_nsec = at_ns % FL_NS_PER_S;
    }
    int rc = timerfd_settime(worker->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    FL_ASSERT(rc == 0);
}

static void worker_on_prepare(uv_prepare_t *prepare)
{
    struct worker *worker = FL_OWNER(prepare, struct worker, prepare);
    if (worker->phase == WORKER_RUNS) {
        for (size_t i = 0; i < worker->loads_count; i++)
            fl_load_pump(worker->loads[i], fl_now());
        fl_http_engine_pump(worker->host.http);

        fl_ns now_ns = fl_now();
        if (worker_is_complete(worker, now_ns)) {
            worker_complete(worker, now_ns);
            return;
        }
        fl_http_engine_pump(worker->host.http); /* for what a drain began */
        fl_ns wake_ns = now_ns < worker->until_ns ? worker->until_ns : worker->drain_until_ns;
        for (size_t i = 0; i < worker->loads_count; i++)
            wake_ns = fl_ns_min(wake_ns, fl_load_wake(worker->loads[i]));
        worker_arm(worker, wake_ns);
    }
    if (fl_journal_flush(worker->host.journal) != 0 && !worker->journal_told) {
        worker->journal_told = true;
        worker_trouble(worker, "the load worker cannot write its journal");
    }
}

static void worker_on_alarm(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct worker *worker = FL_OWNER(poll, struct worker, alarm);
    uint64_t expirations;
    /* Prepare, which comes next, does what is due. */
    if (read(worker->alarm_fd, &expirations, sizeof expirations) > 0) worker->armed_ns = FL_NEVER;
}

/* ---- orders ---- */

static void worker_refuse(struct worker *worker, struct fl_err *err)
{
    worker_trouble(worker, err->text);
    worker_end(worker, EXIT_TROUBLE);
}

static void order_start(struct worker *worker, const cJSON *order)
{
    struct fl_err err = {0};
    if (worker->phase != WORKER_IDLE) return;
    const cJSON *endpoints = cJSON_GetObjectItemCaseSensitive(order, "endpoints");
    for (size_t i = 0; i < worker->loads_count; i++) {
        struct fl_load *load = worker->loads[i];
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(endpoints, load->via);
        if (fl_endpoints_read(&load->endpoints, list, &err) != 0) {
            fl_err_prefix(&err, "load %s, endpoints of \"%s\": ", load->name, load->via);
            worker_refuse(worker, &err);
            return;
        }
    }
    fl_ns now_ns = fl_now();
    worker->t0_ns = fl_json_int(order, "t0_ns", now_ns);
    worker->until_ns = fl_json_int(order, "until_ns", worker->t0_ns);
    worker->drain_until_ns = worker->until_ns + fl_json_int(order, "drain_ns", 0);
    worker->phase = WORKER_RUNS;
    fl_health_start(&worker->host.health, now_ns, fl_cpu_now());
    for (size_t i = 0; i < worker->loads_count; i++)
        fl_load_start(worker->loads[i], worker->t0_ns, worker->until_ns);
    uv_timer_start(&worker->fifth, worker_on_fifth, 200, 200);
}

static void order_up(struct worker *worker, const cJSON *order)
{
    const char *instance = fl_json_text(order, "instance", "");
    bool up = fl_json_bool(order, "up", true);
    int port = (int)fl_json_int(order, "port", 0);
    for (size_t i = 0; i < worker->loads_count; i++)
        fl_endpoints_set(&worker->loads[i]->endpoints, instance, up, port);
}

static void order_stop(struct worker *worker, const cJSON *order)
{
    (void)order;
    fl_ns now_ns = fl_now();
    if (worker->phase == WORKER_IDLE) {
        worker_complete(worker, now_ns);
        return;
    }
    if (now_ns >= worker->until_ns) return;
    fl_ns drain_ns = worker->drain_until_ns - worker->until_ns;
    worker->until_ns = now_ns;
    worker->drain_until_ns = now_ns + drain_ns;
    for (size_t i = 0; i < worker->loads_count; i++)
        fl_load_cease(worker->loads[i], now_ns);
}

static const struct {
    const char *op;
    void (*carry_out)(struct worker *worker, const cJSON *order);
} orders[] = {{"start", order_start}, {"up", order_up}, {"stop", order_stop}};

static void worker_obey(struct worker *worker, const char *line)
{
    cJSON *order = cJSON_Parse(line);
    const char *op = fl_json_text(order, "op", "");
    for (size_t i = 0; i < FL_COUNT(orders); i++)
        if (worker->phase != WORKER_ENDS && strcmp(orders[i].op, op) == 0)
            orders[i].carry_out(worker, order);
    cJSON_Delete(order);
}

static void worker_on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    (void)hint;
    fl_load_read_buffer(&FL_OWNER(handle, struct worker, control)->host, buf);
}

static void worker_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct worker *worker = FL_OWNER(stream, struct worker, control);
    if (worker->phase == WORKER_ENDS || got == 0) return;
    if (got < 0 || !fl_lines_feed(&worker->in, buf->base, (size_t)got)) {
        worker_end(worker, EXIT_TROUBLE); /* the engine is gone: nobody is left to load for */
        return;
    }
    const char *line;
    while (worker->phase != WORKER_ENDS && (line = fl_lines_next(&worker->in)) != NULL)
        worker_obey(worker, line);
}

/* ---- beginning and end ---- */

static void control_on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    struct worker *worker = req->data;
    free(req);
    if (!uv_is_closing((uv_handle_t *)&worker->control))
        uv_close((uv_handle_t *)&worker->control, NULL);
}

/* Everything is closed, so that the loop ends by itself; the control channel last, after its last
 * word is written. */
static void worker_end(struct worker *worker, int code)
{
    if (worker->phase == WORKER_ENDS) return;
    worker->phase = WORKER_ENDS;
    worker->code = code;
    for (size_t i = 0; i < worker->loads_count; i++)
        if (worker->loads[i]->workload->driver->stop != NULL)
            worker->loads[i]->workload->driver->stop(worker->loads[i]);
    if (worker->host.http != NULL) fl_http_engine_stop(worker->host.http);
    uv_poll_stop(&worker->alarm);
    uv_close((uv_handle_t *)&worker->alarm, NULL);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
    uv_close((uv_handle_t *)&worker->fifth, NULL);
    uv_read_stop((uv_stream_t *)&worker->control);
    uv_shutdown_t *bye = fl_new(uv_shutdown_t);
    bye->data = worker;
    if (uv_shutdown(bye, (uv_stream_t *)&worker->control, control_on_shutdown) != 0)
        control_on_shutdown(bye, 0);
}

static int worker_open_loop(struct worker *worker, struct fl_err *err)
{
    int rc = uv_loop_init(&worker->loop);
    FL_ASSERT(rc == 0);
    worker->host.loop = &worker->loop;
    worker->host.read_buffer = fl_alloc(READ_BUFFER);
    worker->host.read_buffer_len = READ_BUFFER;
    worker->armed_ns = FL_NEVER;
    worker->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    FL_ASSERT(worker->alarm_fd >= 0);
    uv_poll_init(&worker->loop, &worker->alarm, worker->alarm_fd);
    uv_poll_start(&worker->alarm, UV_READABLE, worker_on_alarm);
    uv_prepare_init(&worker->loop, &worker->prepare);
    uv_prepare_start(&worker->prepare, worker_on_prepare);
    uv_timer_init(&worker->loop, &worker->fifth);
    uv_pipe_init(&worker->loop, &worker->control, 0);
    rc = fl_http_engine_new(&worker->host.http, &worker->loop, CONNECTIONS_MAX, err);
    if (rc != 0) return rc;
    rc = uv_pipe_open(&worker->control, CONTROL_FD);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&worker->control, worker_on_alloc, worker_on_read);
    return rc == 0 ? 0 : fl_err_set(err, rc, "descriptor 3: %s", uv_strerror(rc));
}

static int worker_read_plan(struct worker *worker, const char *run_folder, struct fl_err *err)
{
    char *path = fl_format("%s/plan.json", run_folder);
    int rc = fl_json_load(&worker->plan, path, err);
    free(path);
    if (rc != 0) return rc;
    const cJSON *loads = cJSON_GetObjectItemCaseSensitive(worker->plan, "loads");
    size_t count = (size_t)cJSON_GetArraySize(loads);
    worker->loads = fl_new_array(struct fl_load *, count);
    const cJSON *item;
    cJSON_ArrayForEach(item, loads)
    {
        rc = fl_load_new(&worker->loads[worker->loads_count], &worker->host, item, err);
        if (rc != 0) return rc;
        worker->loads_count++;
    }
    return 0;
}

static void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < worker->loads_count; i++)
        fl_load_free(worker->loads[i]);
    free(worker->loads);
    fl_http_engine_free(worker->host.http);
    int rc = uv_loop_close(&worker->loop);
    FL_ASSERT(rc == 0);
    close(worker->alarm_fd);
    fl_journal_close(worker->host.journal);
    cJSON_Delete(worker->plan);
    fl_lines_fini(&worker->in);
    fl_said_fini(&worker->host.said);
    free(worker->host.read_buffer);
    free(worker);
}

/* Ten thousand slots want as many descriptors. Running out would look like a service that refuses.
 */
static void worker_raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int fl_load_worker_main(const char *run_folder)
{
    signal(SIGPIPE, SIG_IGN);
    worker_raise_limits();
    prctl(PR_SET_PDEATHSIG, SIGKILL);

    struct fl_err err = {0};
    struct worker *worker = fl_new(struct worker);
    int rc = worker_open_loop(worker, &err);
    if (rc == 0) rc = fl_journal_open(&worker->host.journal, run_folder, "load", &err);
    if (rc == 0) rc = worker_read_plan(worker, run_folder, &err);
    if (rc == 0) {
        struct fl_buf text = {0};
        fl_buf_puts(&text, "{\"ev\":\"ready\"}");
        worker_say(worker, &text);
    } else {
        fprintf(stderr, "load worker: %s\n", err.text);
        worker_refuse(worker, &err);
    }
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int code = worker->code;
    worker_free(worker);
    return code;
}
