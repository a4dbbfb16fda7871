/* proc_state.h: what the kernel says an OS process is doing. */
#ifndef FL_BASE_PROC_STATE_H
#define FL_BASE_PROC_STATE_H

#include <sys/types.h>

/** The state letter of /proc/PID/stat (`R S D T Z …`), or 0 when there is no such process. */
char fl_proc_state(pid_t pid);

#endif
