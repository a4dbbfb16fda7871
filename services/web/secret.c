/* secret.c: where the secret of a site's tokens comes from: its folder, or chance. */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "services/web/token.h"

static void secret_draw(struct fl_web_secret *out)
{
    ssize_t got = getrandom(out->key, sizeof out->key, 0);
    FL_ASSERT(got == (ssize_t)sizeof out->key); /* up to 256 bytes come whole */
}

/* 1: it is there and good; 0: it is not there; else what is wrong. */
static int secret_read(const char *path, struct fl_web_secret *out, struct fl_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return 0;
    if (fd < 0) return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(errno));
    unsigned char bytes[sizeof out->key + 1];
    ssize_t got = read(fd, bytes, sizeof bytes);
    int failed = errno;
    close(fd);
    if (got < 0) return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(failed));
    if ((size_t)got != sizeof out->key)
        return fl_err_set(err, FL_EBADMSG,
                          "%s is not a secret of %zu bytes; move it away and a new one is made "
                          "(everybody then signs in again)",
                          path, sizeof out->key);
    memcpy(out->key, bytes, sizeof out->key);
    return 1;
}

static int secret_write(const char *path, const struct fl_web_secret *secret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return -errno;
    ssize_t wrote = write(fd, secret->key, sizeof secret->key);
    int rc = wrote < 0 ? -errno : wrote != (ssize_t)sizeof secret->key ? -EIO : 0;
    if (rc == 0 && fsync(fd) != 0) rc = -errno;
    if (close(fd) != 0 && rc == 0) rc = -errno;
    return rc;
}

static int secret_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

/* Written beside its place and linked there, which fails where there is one already: unlike a
 * rename it never takes the place of the secret that somebody else has just begun to use. */
static int secret_make(const char *folder, const char *path, struct fl_err *err)
{
    struct fl_web_secret fresh;
    uint64_t mark;
    secret_draw(&fresh);
    if (getrandom(&mark, sizeof mark, 0) != (ssize_t)sizeof mark) mark = 0;
    char *beside = fl_format("%s.%016llx.tmp", path, (unsigned long long)mark);
    int rc = secret_write(beside, &fresh);
    if (rc == 0 && link(beside, path) != 0 && errno != EEXIST) rc = -errno;
    unlink(beside);
    if (rc == 0) rc = secret_sync_folder(folder);
    free(beside);
    if (rc == 0) return 0;
    return fl_err_set(err, FL_EIO, "cannot make %s: %s", path, strerror(-rc));
}

int fl_web_secret_load(const char *folder, struct fl_web_secret *out, struct fl_err *err)
{
    if (folder == NULL) {
        secret_draw(out);
        return 0;
    }
    char *path = fl_format("%s/secret.key", folder);
    int rc = secret_read(path, out, err);
    if (rc == 0) rc = secret_make(folder, path, err);
    if (rc == 0) rc = secret_read(path, out, err);
    if (rc == 0) rc = fl_err_set(err, FL_EIO, "%s is gone again", path);
    free(path);
    return rc > 0 ? 0 : rc;
}
