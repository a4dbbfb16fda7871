#include "engine/observe_link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/lines.h"

struct fl_observe_link {
    int fd;
    int64_t id;
    struct fl_lines in;
};

static int socket_connect(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) return -ENAMETOOLONG;
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0) return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

int fl_observed_at(struct fl_watched *out, const char *path, struct fl_err *err)
{
    struct fl_observe_link *link;
    int rc = fl_observe_connect(&link, path, err);
    if (rc != 0) return rc;
    cJSON *answer = fl_observe_ask(link, "\"op\":\"node\"", 2000);
    fl_observe_close(link);
    if (answer == NULL) return fl_err_set(err, FL_ETIMEOUT, "%s: no node answers there", path);
    *out = (struct fl_watched){.pid = (pid_t)fl_json_int(answer, "os_pid", 0)};
    out->root = out->pid;
    snprintf(out->path, sizeof out->path, "%s", path);
    snprintf(out->name, sizeof out->name, "%s", fl_json_text(answer, "name", "node"));
    cJSON_Delete(answer);
    return 0;
}

/* ---- asking */

int fl_observe_connect(struct fl_observe_link **out, const char *path, struct fl_err *err)
{
    int fd = socket_connect(path);
    if (fd < 0) return fl_err_set(err, FL_EIO, "%s: %s", path, strerror(-fd));
    struct fl_observe_link *link = fl_new(struct fl_observe_link);
    link->fd = fd;
    *out = link;
    return 0;
}

static bool link_read(struct fl_observe_link *link, fl_ns until_ns)
{
    struct pollfd poll_for = {.fd = link->fd, .events = POLLIN};
    char bytes[65536];
    fl_ns left_ns = until_ns - fl_now();
    if (left_ns <= 0) return false;
    int rc = poll(&poll_for, 1, (int)(left_ns / FL_NS_PER_MS) + 1);
    if (rc < 0 && errno == EINTR) return true;
    if (rc <= 0) return false;
    ssize_t got = read(link->fd, bytes, sizeof bytes);
    return got > 0 && fl_lines_feed(&link->in, bytes, (size_t)got);
}

cJSON *fl_observe_ask(struct fl_observe_link *link, const char *fields, int timeout_ms)
{
    fl_ns until_ns = fl_now() + fl_ms(timeout_ms);
    int64_t id = ++link->id;
    char *request = fl_format("{\"id\":%lld,%s}\n", (long long)id, fields);
    size_t len = strlen(request);
    bool is_open = send(link->fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
    free(request);
    while (is_open) {
        const char *line = fl_lines_next(&link->in);
        if (line == NULL) {
            is_open = link_read(link, until_ns);
            continue;
        }
        cJSON *answer = cJSON_Parse(line);
        if (fl_json_int(answer, "id", 0) == id && fl_json_bool(answer, "ok", false)) return answer;
        bool is_no = fl_json_int(answer, "id", 0) == id;
        cJSON_Delete(answer); /* else it is of an earlier question */
        if (is_no) return NULL;
    }
    return NULL;
}

void fl_observe_close(struct fl_observe_link *link)
{
    if (link == NULL) return;
    close(link->fd);
    fl_lines_fini(&link->in);
    free(link);
}
