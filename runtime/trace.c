#include "runtime/core.h"
#include "runtime/sys_log.h"

void fl_trace_sent(struct fl_self *self, const struct fl_sig *sig)
{
    if (self->flags & FL_PROC_LOGGED) fl_sys_log_add(self, sig, true);
}
