/* bad_disk.h: SQLite's own file layer, with trouble on request: what the word in `<folder>/trouble`
 * says is what writing and syncing do. For a child process that is under test. */
#ifndef FL_TEST_QUEUE_BAD_DISK_H
#define FL_TEST_QUEUE_BAD_DISK_H

#include "tests/e2e/services/client.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "runtime/base/json.h"

/** What SQLite calls, and where the word is. One a process: SQLite has no other place for it. */
static struct bad_disk {
    sqlite3_vfs vfs, *real;
    /* a database and its log have tables of their own: each gets one of ours */
    sqlite3_io_methods methods[4];
    const sqlite3_io_methods *real_methods[4];
    char *trouble_path;
} bad_disk;

static inline bool bad_disk_is(const char *word)
{
    char said[16] = {0};
    int fd = open(bad_disk.trouble_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t len = read(fd, said, sizeof said - 1);
    close(fd);
    return len > 0 && strcmp(said, word) == 0;
}

static inline const sqlite3_io_methods *bad_disk_real(const sqlite3_file *file)
{
    return bad_disk.real_methods[file->pMethods - bad_disk.methods];
}

static inline int bad_disk_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (bad_disk_is("full")) return SQLITE_FULL;
    if (bad_disk_is("write")) return SQLITE_IOERR_WRITE;
    return bad_disk_real(file)->xWrite(file, bytes, len, at);
}

static inline int bad_disk_sync(sqlite3_file *file, int flags)
{
    if (bad_disk_is("fsync")) return SQLITE_IOERR_FSYNC;
    return bad_disk_real(file)->xSync(file, flags);
}

static inline int bad_disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                                int *out_flags)
{
    (void)vfs;
    int rc = bad_disk.real->xOpen(bad_disk.real, name, file, flags, out_flags);
    if (rc != SQLITE_OK || file->pMethods == NULL) return rc;
    size_t at = 0;
    while (bad_disk.real_methods[at] != NULL && bad_disk.real_methods[at] != file->pMethods)
        at++;
    assert_true(at < FL_COUNT(bad_disk.methods));
    bad_disk.real_methods[at] = file->pMethods;
    bad_disk.methods[at] = *file->pMethods;
    bad_disk.methods[at].xWrite = bad_disk_write;
    bad_disk.methods[at].xSync = bad_disk_sync;
    file->pMethods = &bad_disk.methods[at];
    return rc;
}

/** From now on every database of this process is on the bad disk. */
static inline void bad_disk_install(const char *folder)
{
    bad_disk.trouble_path = fl_format("%s/trouble", folder);
    bad_disk.real = sqlite3_vfs_find(NULL);
    bad_disk.vfs = *bad_disk.real;
    bad_disk.vfs.zName = "bad_disk";
    bad_disk.vfs.xOpen = bad_disk_open;
    sqlite3_vfs_register(&bad_disk.vfs, 1);
}

/** Says what is wrong with it now; NULL: nothing. */
static inline void bad_disk_set(const char *folder, const char *word)
{
    char *path = fl_format("%s/trouble", folder);
    if (word != NULL)
        assert_int_equal(fl_file_write(path, word, strlen(word), NULL), 0);
    else
        unlink(path);
    free(path);
}

#endif
