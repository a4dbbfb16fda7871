#include "engine/observe_link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/lines.h"
#include "runtime/watch.h"

enum { ANCESTORS_MAX = 32 };

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

/* ---- finding */

static pid_t parent_of(pid_t pid)
{
    char *path = fl_format("/proc/%d/stat", (int)pid), *text = NULL;
    int parent = 0;
    if (fl_file_read(&text, NULL, path, NULL) == 0) {
        const char *at = strrchr(text, ')'); /* a name may have anything in it */
        if (at == NULL || sscanf(at, ") %*c %d", &parent) != 1) parent = 0;
    }
    free(text);
    free(path);
    return parent;
}

/* `chat.1-4711.sock` */
static bool observed_parse(struct fl_observed *out, const char *folder, const char *file)
{
    const char *dash = strrchr(file, '-');
    int pid = 0, end = 0;
    if (dash == NULL || sscanf(dash, "-%d.sock%n", &pid, &end) != 1) return false;
    if (dash[end] != '\0' || end == 0 || pid <= 0) return false;
    *out = (struct fl_observed){.pid = pid, .root = pid};
    snprintf(out->name, sizeof out->name, "%.*s", (int)(dash - file), file);
    int len = snprintf(out->path, sizeof out->path, "%s/%s", folder, file);
    return len < (int)sizeof out->path;
}

static void observed_set_root(struct fl_observed *one, const struct fl_observed *all, size_t count)
{
    pid_t at = one->pid;
    for (int i = 0; i < ANCESTORS_MAX && at > 1; i++) {
        at = parent_of(at);
        for (size_t j = 0; j < count; j++)
            if (all[j].pid == at) one->root = at;
    }
}

static int compare_observed(const void *a, const void *b)
{
    const struct fl_observed *x = a, *y = b;
    if (x->root != y->root) return x->root < y->root ? -1 : 1;
    bool x_is_root = x->pid == x->root, y_is_root = y->pid == y->root;
    if (x_is_root != y_is_root) return x_is_root ? -1 : 1;
    int names = strcmp(x->name, y->name);
    return names != 0 ? names : x->pid < y->pid ? -1 : x->pid > y->pid;
}

size_t fl_observed_find(struct fl_observed **out)
{
    char folder[FL_WATCH_PATH_MAX];
    struct fl_observed *all = NULL;
    size_t count = 0, cap = 0;
    DIR *dir = fl_watch_folder(folder, sizeof folder, false, NULL) == 0 ? opendir(folder) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct fl_observed one;
        if (!observed_parse(&one, folder, entry->d_name)) continue;
        if (kill(one.pid, 0) != 0 && errno == ESRCH) {
            unlink(one.path); /* killed before it could */
            continue;
        }
        if (count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            all = fl_realloc(all, cap * sizeof *all);
        }
        all[count++] = one;
    }
    if (dir != NULL) closedir(dir);
    for (size_t i = 0; i < count; i++)
        observed_set_root(&all[i], all, count);
    if (count > 1) qsort(all, count, sizeof *all, compare_observed);
    *out = all;
    return count;
}

int fl_observed_at(struct fl_observed *out, const char *path, struct fl_err *err)
{
    struct fl_observe_link *link;
    int rc = fl_observe_connect(&link, path, err);
    if (rc != 0) return rc;
    cJSON *answer = fl_observe_ask(link, "\"op\":\"node\"", 2000);
    fl_observe_close(link);
    if (answer == NULL) return fl_err_set(err, FL_ETIMEOUT, "%s: no node answers there", path);
    *out = (struct fl_observed){.pid = (pid_t)fl_json_int(answer, "os_pid", 0)};
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
