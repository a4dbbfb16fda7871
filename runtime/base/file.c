#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"
#include "runtime/base/json.h"

int fl_make_dirs(const char *path, struct fl_err *err)
{
    char *copy = fl_strdup(path);
    int rc = 0;
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0') continue;
        char kept = *p;
        *p = '\0';
        int made = FL_FAIL("posix/io/dir/mkdir") ? -1 : mkdir(copy, 0777);
        if (made != 0 && errno != EEXIST) {
            rc = fl_err_set(err, FL_EIO, "cannot make folder %s: %s", copy, strerror(errno));
            break;
        }
        *p = kept;
        if (kept == '\0') break;
    }
    free(copy);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = FL_FAIL("posix/io/rw/write") ? -1 : write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return -errno;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

int fl_file_write(const char *path, const void *bytes, size_t len, struct fl_err *err)
{
    char *temporary = fl_format("%s.%ld.tmp", path, (long)getpid());
    const char *doing = "create";
    int rc = 0;
    int fd = FL_FAIL("posix/io/oc/open")
                 ? -1
                 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) rc = -errno;
    if (rc == 0) {
        doing = "write";
        rc = write_all(fd, bytes, len);
        if ((close(fd) != 0 || FL_FAIL("posix/io/oc/close")) && rc == 0) rc = -errno;
    }
    if (rc == 0) {
        doing = "rename";
        if (FL_FAIL("posix/io/dir/rename") || rename(temporary, path) != 0) rc = -errno;
    }
    if (rc != 0) {
        unlink(temporary);
        rc = fl_err_set(err, FL_EIO, "cannot %s %s: %s", doing, path, strerror(-rc));
    }
    free(temporary);
    return rc;
}

int fl_file_read(char **out, size_t *len, const char *path, struct fl_err *err)
{
    FILE *file = FL_FAIL("posix/stdio/oc/fopen") ? NULL : fopen(path, "rbe");
    if (file == NULL) return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(errno));
    struct fl_buf buf = {0};
    char chunk[16384];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        fl_buf_add(&buf, chunk, got);
    int failed = (FL_FAIL("posix/stdio/rw/fread") || ferror(file)) ? errno : 0;
    fclose(file);
    if (failed != 0) {
        fl_buf_fini(&buf);
        return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(failed));
    }
    if (len != NULL) *len = buf.len;
    *out = fl_buf_take(&buf);
    return 0;
}
