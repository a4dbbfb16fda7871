/* os_start.h: fork and exec, done carefully.
 *
 * Knows: file descriptors, signals, process groups. Does not know: runtime processes, libuv. */
#ifndef FL_RUNTIME_OS_START_H
#define FL_RUNTIME_OS_START_H

#include "runtime/os.h"

/** Starts a program as fl_os_opts says; returns once it is executed, or why not (FL_ENOTFOUND,
 * FL_EIO). control_fd is our end, or -1. The calling thread must live as long as the child. */
int fl_os_start(const struct fl_os_opts *opts, pid_t *out_pid, int *control_fd, struct fl_err *err);

#endif
