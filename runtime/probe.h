/* probe.h: places that bpftrace, perf and SystemTap can listen at (USDT), when Debian's
 * systemtap-sdt-dev was there at the build: a nop each, until somebody does.
 *
 *   faultline:spawn    pid, kind of process
 *   faultline:exit     pid, kind of process, enum fl_exit_kind
 *   faultline:restart  name or id of the child, restarts within the period, how many may be
 *
 *   bpftrace -e 'usdt:./faultline:faultline:exit { @[str(arg1), arg2] = count(); }' */
#ifndef FL_RUNTIME_PROBE_H
#define FL_RUNTIME_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#if defined(__clang__) /* its macros use what is more than C17 */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define FL_PROBE2(name, a, b) DTRACE_PROBE2(faultline, name, a, b)
#define FL_PROBE3(name, a, b, c) DTRACE_PROBE3(faultline, name, a, b, c)
#endif
#endif

#ifndef FL_PROBE2
#define FL_PROBE2(name, a, b) ((void)0)
#define FL_PROBE3(name, a, b, c) ((void)0)
#endif

#endif
