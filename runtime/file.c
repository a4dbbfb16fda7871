#include "runtime/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is asked of the disk. It owns copies of everything: its process may be killed meanwhile. */
struct order {
    char *path, *to;
    void *bytes;
    size_t len, max;
    struct fl_file_info info;
};

static struct order *order_new(const char *path, const void *bytes, size_t len)
{
    struct order *order = fl_new(struct order);
    FL_ASSERT(path != NULL);
    order->path = fl_strdup(path);
    order->len = len;
    if (len > 0) order->bytes = memcpy(fl_alloc(len), bytes, len);
    return order;
}

static void order_free(void *ptr)
{
    struct order *order = ptr;
    free(order->path);
    free(order->to);
    free(order->bytes);
    free(order);
}

static int order_run(struct fl_self *self, struct order *order, int (*fn)(void *order),
                     const char *doing, struct fl_err *err)
{
    FL_ASSERT(doing != NULL);
    int rc = fl_blocking(self, fn, order, order_free);
    if (rc == 0) return 0;
    return fl_err_set(err, rc, "cannot %s %s: %s", doing, order->path, fl_code_name(rc));
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return -errno;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

static int load_grow(struct order *order, size_t *cap)
{
    if (order->len + 1 < *cap) return 0;
    if (order->len > order->max) return FL_EFULL;
    *cap = *cap * 2;
    order->bytes = fl_realloc(order->bytes, *cap);
    return 0;
}

static int load_on_pool(void *ptr)
{
    struct order *order = ptr;
    int fd = open(order->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct stat what;
    int rc = fstat(fd, &what) == 0 ? 0 : -errno;
    /* files in /proc say 0 bytes and have some: so the size is where we start, not where we end */
    size_t cap = 4096;
    if (rc == 0 && what.st_size > 0 && (uint64_t)what.st_size > order->max) rc = FL_EFULL;
    if (rc == 0 && what.st_size > 0) cap = (size_t)what.st_size + 2;
    order->bytes = rc == 0 ? fl_alloc(cap) : NULL;
    while (rc == 0 && (rc = load_grow(order, &cap)) == 0) {
        ssize_t got = read(fd, (char *)order->bytes + order->len, cap - order->len - 1);
        if (got == 0) break;
        if (got < 0 && errno != EINTR) rc = -errno;
        if (got > 0) order->len += (size_t)got;
    }
    close(fd);
    return rc == 0 && order->len > order->max ? FL_EFULL : rc;
}

int fl_file_load(struct fl_self *self, const char *path, size_t bytes_max, void **out, size_t *len,
                 struct fl_err *err)
{
    struct order *order = order_new(path, NULL, 0);
    order->max = bytes_max;
    int rc = order_run(self, order, load_on_pool, "read", err);
    if (rc == 0) {
        char *bytes = fl_self_alloc(self, order->len + 1); /* zeroed: the NUL is there */
        if (order->len > 0) memcpy(bytes, order->bytes, order->len);
        *out = bytes;
        if (len != NULL) *len = order->len;
    }
    order_free(order);
    return rc;
}

/* The name is on the disk once its folder is. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? fl_strdup(".")
                   : slash == path ? fl_strdup("/")
                                   : fl_format("%.*s", (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 ? 0 : -errno;
    free(folder);
    if (fd < 0) return rc;
    /* some file systems have no such thing as a synced folder, and say so */
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) rc = -errno;
    close(fd);
    return rc;
}

static int save_on_pool(void *ptr)
{
    struct order *order = ptr;
    /* no other order of this or another process has this name */
    char *beside = fl_format("%s.%ld.%llx.tmp", order->path, (long)getpid(),
                             (unsigned long long)(uintptr_t)order);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = fd >= 0 ? write_all(fd, order->bytes, order->len) : -errno;
    if (rc == 0 && fsync(fd) != 0) rc = -errno;
    if (fd >= 0 && close(fd) != 0 && rc == 0) rc = -errno;
    if (rc == 0 && rename(beside, order->path) != 0) rc = -errno;
    if (rc != 0 && fd >= 0) unlink(beside);
    free(beside);
    return rc != 0 ? rc : sync_folder_of(order->path);
}

int fl_file_save(struct fl_self *self, const char *path, const void *bytes, size_t len,
                 struct fl_err *err)
{
    struct order *order = order_new(path, bytes, len);
    int rc = order_run(self, order, save_on_pool, "write", err);
    order_free(order);
    return rc;
}

static int append_on_pool(void *ptr)
{
    struct order *order = ptr;
    int fd = open(order->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return -errno;
    int rc = write_all(fd, order->bytes, order->len);
    if (close(fd) != 0 && rc == 0) rc = -errno;
    return rc;
}

int fl_file_append(struct fl_self *self, const char *path, const void *bytes, size_t len,
                   struct fl_err *err)
{
    struct order *order = order_new(path, bytes, len);
    int rc = order_run(self, order, append_on_pool, "append to", err);
    order_free(order);
    return rc;
}

static int stat_on_pool(void *ptr)
{
    struct order *order = ptr;
    struct stat what;
    if (stat(order->path, &what) != 0) return -errno;
    order->info = (struct fl_file_info){
        .bytes = (uint64_t)what.st_size,
        .changed_ns = what.st_mtim.tv_sec * FL_NS_PER_S + what.st_mtim.tv_nsec,
        .is_file = S_ISREG(what.st_mode),
        .is_folder = S_ISDIR(what.st_mode),
    };
    return 0;
}

int fl_file_stat(struct fl_self *self, const char *path, struct fl_file_info *out,
                 struct fl_err *err)
{
    struct order *order = order_new(path, NULL, 0);
    int rc = order_run(self, order, stat_on_pool, "look at", err);
    if (rc == 0) *out = order->info;
    order_free(order);
    return rc;
}

static int rename_on_pool(void *ptr)
{
    struct order *order = ptr;
    return rename(order->path, order->to) == 0 ? 0 : -errno;
}

int fl_file_rename(struct fl_self *self, const char *from, const char *to, struct fl_err *err)
{
    struct order *order = order_new(from, NULL, 0);
    order->to = fl_strdup(to);
    int rc = order_run(self, order, rename_on_pool, "rename", err);
    order_free(order);
    return rc;
}

static int unlink_on_pool(void *ptr)
{
    struct order *order = ptr;
    return unlink(order->path) == 0 ? 0 : -errno;
}

int fl_file_unlink(struct fl_self *self, const char *path, struct fl_err *err)
{
    struct order *order = order_new(path, NULL, 0);
    int rc = order_run(self, order, unlink_on_pool, "remove", err);
    order_free(order);
    return rc;
}
