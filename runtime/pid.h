/* pid.h: process ids as text, for people and for what comes over a wire. */
#ifndef FL_RUNTIME_PID_H
#define FL_RUNTIME_PID_H

#include "runtime/process.h"

#define FL_PID_TEXT_MAX 40 /* of fl_pid_show, with its NUL */

/** "<0.17.3>": shard, slot, generation; "<0.17.3a>" for an alias, "<>" for FL_NO_PID. Returns out.
 * Any thread (OTP: pid_to_list). */
const char *fl_pid_show(struct fl_pid pid, char *out, size_t out_len);
/** Reads what fl_pid_show wrote; false: it is something else (OTP: list_to_pid). The process need
 * not exist. Any thread. */
bool fl_pid_parse(const char *text, struct fl_pid *out);

#endif
