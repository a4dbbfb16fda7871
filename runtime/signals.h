/* signals.h: signals of the operating system as messages.
 *
 * Nothing of a process runs inside a signal handler: libuv notes it, and its loop sends the
 * message. Several of one number that come close together may be one, as the system has it. A
 * watch belongs to its process and ends with it. While a process of the node watches a number, what
 * the system does with it otherwise (end us, for most) does not happen. */
#ifndef FL_RUNTIME_SIGNALS_H
#define FL_RUNTIME_SIGNALS_H

#include "runtime/process.h"

/** From now on each signal of this number is a message of the calling process: on_cast with the
 * number as tag, from FL_NO_PID, no data (OTP: os:set_signal). FL_ERANGE: a number that cannot be
 * caught (SIGKILL, SIGSTOP) or must not be (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT); FL_ESTATE:
 * watched by this process already, or the node is simulated. */
int fl_signals_watch(struct fl_self *self, int number, struct fl_err *err);
/** Undoes fl_signals_watch; FL_ENOTFOUND. A message that is queued stays. */
int fl_signals_unwatch(struct fl_self *self, int number);

#endif
