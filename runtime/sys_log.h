/* sys_log.h: what a process that is looked at counts and keeps of its messages. Internal. */
#ifndef FL_RUNTIME_SYS_LOG_H
#define FL_RUNTIME_SYS_LOG_H

#include "runtime/core.h"
#include "runtime/sys.h"

/** What kind of message that is, in a word. */
const char *fl_sig_word(uint8_t kind);
/** Keeps so many of the last messages; 0: none. */
void fl_sys_log_resize(struct fl_self *self, uint32_t size);
/** Counts from now on, or not. */
void fl_sys_log_count(struct fl_self *self, bool on);
/** What was counted; FL_ESTATE. */
int fl_sys_log_stats(const struct fl_self *self, struct fl_sys_stats *out);
/** A message is taken from the mailbox of a process that is FL_PROC_LOGGED, or it sends one. */
void fl_sys_log_add(struct fl_self *self, const struct fl_sig *sig, bool is_out);
/** The kept ones in words; FL_ESTATE. */
int fl_sys_log_text(const struct fl_self *self, struct fl_buf *out);
/** Forgets all; the process ends. */
void fl_sys_log_drop(struct fl_self *self);

#endif
