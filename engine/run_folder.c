#include "engine/run_folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/rng.h"

#define SAME_SECOND_MAX 1000
#define PORT_TRIES 2000
#define PORT_LOWEST 10240

/* Relative and by rename, so that `latest` always points somewhere and the tree can be moved. */
static void point_latest(const char *parent, const char *name)
{
    char *link = fl_format("%s/latest", parent);
    char *temporary = fl_format("%s/.latest-%ld", parent, (long)getpid());
    unlink(temporary);
    if (symlink(name, temporary) != 0 || rename(temporary, link) != 0) unlink(temporary);
    free(temporary);
    free(link);
}

int fl_run_folder_make(char **out, const char *base, const char *name, const char *seed,
                       struct fl_err *err)
{
    char *parent = fl_format("%s/%s", base, name);
    int rc = fl_make_dirs(parent, err);
    char *real = rc == 0 ? realpath(parent, NULL) : NULL;
    if (rc == 0 && real == NULL)
        rc = fl_err_set(err, FL_EIO, "cannot find %s: %s", parent, strerror(errno));
    free(parent);
    if (rc != 0) return rc;

    time_t now = (time_t)(fl_wall_now() / FL_NS_PER_S);
    struct tm tm;
    gmtime_r(&now, &tm);
    char stamp[32];
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    rc = fl_err_set(err, FL_EFULL, "%s: a thousand runs began in this second", real);
    for (int n = 1; rc == FL_EFULL && n <= SAME_SECOND_MAX; n++) {
        char again[16] = "";
        if (n > 1) snprintf(again, sizeof again, ".%d", n);
        char *leaf = fl_format("%s-%s%s", stamp, seed, again);
        char *path = fl_format("%s/%s", real, leaf);
        if (mkdir(path, 0777) == 0) {
            point_latest(real, leaf);
            *out = path;
            rc = 0;
        } else {
            if (errno != EEXIST)
                rc = fl_err_set(err, FL_EIO, "cannot make %s: %s", path, strerror(errno));
            free(path);
        }
        free(leaf);
    }
    free(real);
    static const char *const inside[] = {"journal", "logs", "data"};
    for (size_t i = 0; rc == 0 && i < FL_COUNT(inside); i++) {
        char *path = fl_format("%s/%s", *out, inside[i]);
        rc = fl_make_dirs(path, err);
        free(path);
    }
    return rc;
}

int fl_run_folder_data(char **out, const char *run_folder, const char *instance, struct fl_err *err)
{
    char *path = fl_format("%s/data/%s", run_folder, instance);
    int rc = fl_make_dirs(path, err);
    if (rc == 0)
        *out = path;
    else
        free(path);
    return rc;
}

char *fl_file_tail(const char *path, int lines)
{
    static const long tail_max = 4096;
    struct fl_buf out = {0};
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        char text[4096 + 1];
        long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
        long from = size > tail_max ? size - tail_max : 0;
        size_t got = fseek(file, from, SEEK_SET) == 0 ? fread(text, 1, (size_t)tail_max, file) : 0;
        fclose(file);
        text[got] = '\0';
        struct fl_str rest = fl_str_trim((struct fl_str){text, got});
        const char *start = rest.at + rest.len;
        for (int n = 0; start > rest.at; start--)
            if (start[-1] == '\n' && ++n >= lines) break;
        rest = (struct fl_str){start, (size_t)(rest.at + rest.len - start)};
        while (rest.len > 0) {
            struct fl_str line = fl_str_cut(&rest, '\n');
            fl_buf_printf(&out, "  %.*s\n", FL_ARG(line));
        }
    }
    return fl_buf_take(&out);
}

static int try_port(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int failed = bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 1) == 0 ? 0
                                                                                            : errno;
    close(fd);
    return failed;
}

int fl_port_check(int port, struct fl_err *err)
{
    int failed = try_port(port);
    if (failed == 0) return 0;
    return fl_err_set(err, FL_EIO, "port %d of 127.0.0.1 is taken: %s", port, strerror(failed));
}

static int ephemeral_from(void)
{
    int from = 32768;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (file != NULL) {
        int read = 0;
        if (fscanf(file, "%d", &read) == 1 && read > PORT_LOWEST + 1000) from = read;
        fclose(file);
    }
    return from;
}

int fl_port_draw(int *out, struct fl_err *err)
{
    struct fl_rng rng;
    fl_rng_init(&rng, fl_rng_fresh_seed() ^ (uint64_t)fl_now());
    int below = ephemeral_from();
    for (int i = 0; i < PORT_TRIES; i++) {
        int port = (int)fl_rng_between(&rng, PORT_LOWEST, below - 1);
        if (try_port(port) != 0) continue;
        *out = port;
        return 0;
    }
    return fl_err_set(err, FL_EFULL, "no free TCP port between %d and %d", PORT_LOWEST, below);
}
