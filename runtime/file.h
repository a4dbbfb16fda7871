/* file.h: whole files, read and written on libuv's thread pool while the process waits and its
 * shard does not (OTP: file, through its own processes).
 *
 * Every word here may only be called where fl_call may: from a handler or a body, never with
 * something half done that another message must not see. A process that is killed meanwhile is gone
 * at once; what it asked of the disk still happens, whole. In a simulated node they act at once.
 * All return 0 or a negative errno value as libuv has them (UV_ENOENT, UV_ENOSPC), and err says
 * it in words. Thread: the process's own handlers. */
#ifndef FL_RUNTIME_FILE_H
#define FL_RUNTIME_FILE_H

#include "runtime/process.h"

struct fl_file_info {
    uint64_t bytes;
    int64_t changed_ns; /* since 1970 */
    bool is_file, is_folder;
};

/** Reads a whole file into memory of this process: give it back with fl_self_free, or let it go
 * with the process. One more byte, a NUL, follows what was read. FL_EFULL: it is longer than
 * bytes_max (OTP: file:read_file). */
int fl_file_load(struct fl_self *self, const char *path, size_t bytes_max, void **out, size_t *len,
                 struct fl_err *err);
/** Makes this the content of a file: a reader, and a machine that loses power, sees the old or the
 * new one, never a part (written beside it, synced, renamed). (OTP: file:write_file, which may
 * leave a part) */
int fl_file_save(struct fl_self *self, const char *path, const void *bytes, size_t len,
                 struct fl_err *err);
/** Adds to the end, and makes the file if need be. In one write, so that two processes that append
 * do not mix their bytes. Not synced. (OTP: write_file with append) */
int fl_file_append(struct fl_self *self, const char *path, const void *bytes, size_t len,
                   struct fl_err *err);
/** Looks at a file or folder (OTP: file:read_file_info). */
int fl_file_stat(struct fl_self *self, const char *path, struct fl_file_info *out,
                 struct fl_err *err);
/** Gives it another name; what had that name is replaced (OTP: file:rename). */
int fl_file_rename(struct fl_self *self, const char *from, const char *to, struct fl_err *err);
/** Removes a file (OTP: file:delete). */
int fl_file_unlink(struct fl_self *self, const char *path, struct fl_err *err);

#endif
