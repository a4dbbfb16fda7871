#include "services/services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/journal.h"
#include "runtime/base/json.h"
#include "runtime/control.h"
#include "runtime/crash.h"
#include "runtime/watch.h"

enum { HOST_OK = 0, HOST_USAGE = 64, HOST_NOT_STARTED = 69 };

/** One instance's process. */
struct host {
    struct fl_service_opts opts; /* with host and port filled in */
    const struct fl_service *service;
    struct fl_node *node;
    struct fl_journal *journal; /* NULL: no run */
    uv_signal_t term, interrupt;
    bool signals_open;
};

static void host_note_hog(struct host *host, const struct fl_note *note)
{
    struct fl_buf name = {0};
    fl_json_put_str(&name, fl_str_of(note->name != NULL ? note->name : ""));
    fl_journal_fact(host->journal, note->at_ns, "rt.hog",
                    "\"name\":%s,\"pid\":\"%llx\",\"server\":\"%s\",\"took_ns\":%lld,\"over\":%s",
                    name.at, (unsigned long long)note->pid.bits, note->server,
                    (long long)note->took_ns, note->is_over ? "true" : "false");
    fl_buf_fini(&name);
}

/** A report for whoever reads the log; of one that was made to end, only if it has a name: a crowd
 * goes with those it is linked to. */
static void host_say_crash(const struct fl_note *note)
{
    char text[4096];
    if (note->crash->is_told && note->name == NULL) return;
    fputs(fl_crash_show(note->crash, text, sizeof text), stderr);
}

/** Journals the starts and ends of named runtime processes, and handlers that hog a shard; the rest
 * of the notes are counted by whoever caused them. Never called twice at once, on any thread of the
 * node: nobody else writes facts here. */
static void host_on_note(void *cx, const struct fl_note *note)
{
    struct host *host = cx;
    if (note->kind == FL_NOTE_CRASH) host_say_crash(note);
    if (host->journal == NULL) return;
    if (note->kind == FL_NOTE_HOG) host_note_hog(host, note);
    if (note->name == NULL) return;
    if (note->kind != FL_NOTE_START && note->kind != FL_NOTE_EXIT) return;

    struct fl_buf name = {0}, reason = {0};
    fl_json_put_str(&name, fl_str_of(note->name));
    if (note->kind == FL_NOTE_START) {
        fl_journal_fact(host->journal, note->at_ns, "rt.start", "\"name\":%s,\"pid\":\"%llx\"",
                        name.at, (unsigned long long)note->pid.bits);
    } else {
        char words[96];
        fl_json_put_str(&reason, fl_str_of(fl_reason_show(&note->reason, words, sizeof words)));
        fl_journal_fact(host->journal, note->at_ns, "rt.exit",
                        "\"name\":%s,\"pid\":\"%llx\",\"reason\":%s", name.at,
                        (unsigned long long)note->pid.bits, reason.at);
    }
    fl_buf_fini(&name);
    fl_buf_fini(&reason);
}

static void host_on_signal(uv_signal_t *handle, int signal_number)
{
    (void)signal_number;
    struct host *host = handle->data;
    fl_node_stop(host->node, HOST_OK);
}

/** Finds out whether the address can be had, and which port `0` is. A question of its own, so that
 * "somebody else has this port" is said in these words, whatever starts first. */
static int host_pick_port(struct host *host, struct fl_err *err)
{
    struct fl_service_opts *opts = &host->opts;
    if (opts->host == NULL || strcmp(opts->host, "localhost") == 0) opts->host = "127.0.0.1";
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opts->port)};
    if (inet_pton(AF_INET, opts->host, &addr.sin_addr) != 1)
        return fl_err_set(err, FL_ERANGE, "\"%s\" is not an IPv4 address", opts->host);

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fl_err_set(err, FL_EIO, "socket: %s", strerror(errno));
    int on = 1, code = 0;
    socklen_t len = sizeof addr;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        code = fl_err_set(err, FL_ETAKEN, "cannot listen on %s:%d: %s", opts->host, opts->port,
                          errno == EADDRINUSE ? "the port is taken" : strerror(errno));
    else if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        code = fl_err_set(err, FL_EIO, "getsockname: %s", strerror(errno));
    else
        opts->port = ntohs(addr.sin_port);
    close(fd);
    return code;
}

static int host_open_signals(struct host *host, struct fl_err *err)
{
    uv_loop_t *loop = fl_node_loop(host->node);
    int rc = uv_signal_init(loop, &host->term);
    if (rc != 0) return fl_err_set(err, rc, "signals: %s", uv_strerror(rc));
    rc = uv_signal_init(loop, &host->interrupt);
    FL_ASSERT(rc == 0); /* only the first one on a loop can fail */
    host->signals_open = true;
    host->term.data = host->interrupt.data = host;

    rc = uv_signal_start(&host->term, host_on_signal, SIGTERM);
    if (rc == 0) rc = uv_signal_start(&host->interrupt, host_on_signal, SIGINT);
    /* they watch the node and must not keep it running */
    uv_unref((uv_handle_t *)&host->term);
    uv_unref((uv_handle_t *)&host->interrupt);
    return rc == 0 ? 0 : fl_err_set(err, rc, "signals: %s", uv_strerror(rc));
}

static int host_open(struct host *host, struct fl_err *err)
{
    int code = host_pick_port(host, err);
    if (code != 0) return code;
    if (host->opts.run_folder != NULL) {
        code = fl_journal_open(&host->journal, host->opts.run_folder, host->opts.instance, err);
        if (code != 0) return code;
    }
    const struct fl_node_opts node = {
        .name = host->opts.instance,
        .on_note = host_on_note,
        .note_cx = host,
    };
    code = fl_node_new(&host->node, &node, err);
    if (code == 0) code = host_open_signals(host, err);
    if (code == 0 && host->opts.control_fd >= 0)
        code = fl_control_serve(host->node, host->opts.control_fd, err);
    if (code == 0) code = host->service->start(host->node, &host->opts, err);
    if (code == 0) fl_watch_open(host->node, NULL, NULL); /* it serves all the same without */
    return code;
}

static void host_close(struct host *host)
{
    if (host->signals_open) {
        uv_close((uv_handle_t *)&host->term, NULL);
        uv_close((uv_handle_t *)&host->interrupt, NULL);
        uv_run(fl_node_loop(host->node), UV_RUN_NOWAIT); /* lets libuv let go of them */
    }
    if (host->node != NULL) fl_node_free(host->node);
    fl_journal_close(host->journal);
}

/* Ten thousand connections want as many descriptors, and the usual limit is 1,024. */
static void host_raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int fl_service_main(const struct fl_service_opts *opts)
{
    struct host host = {.opts = *opts, .service = fl_service_find(opts->service)};
    if (host.service == NULL) {
        fprintf(stderr, "faultline: unknown service \"%s\"; see: faultline list services\n",
                opts->service != NULL ? opts->service : "");
        return HOST_USAGE;
    }
    if (host.opts.instance == NULL) host.opts.instance = host.service->name;
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    host_raise_limits();

    struct fl_err err = {0};
    int code = host_open(&host, &err);
    if (code == 0) {
        printf("listening on http://%s:%d\n", host.opts.host, host.opts.port);
        fflush(stdout);
        code = fl_node_run(host.node);
    } else {
        fprintf(stderr, "%s: %s\n", host.opts.instance, err.text);
        code = HOST_NOT_STARTED;
    }
    host_close(&host);
    return code;
}
