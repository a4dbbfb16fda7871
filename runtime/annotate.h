/* annotate.h: what checkers must be told about stacks and lock-free queues; nothing without them.
 */
#ifndef FL_RUNTIME_ANNOTATE_H
#define FL_RUNTIME_ANNOTATE_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FL_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FL_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define FL_TSAN 1
#endif
#ifndef FL_ASAN
#define FL_ASAN 0
#endif
#ifndef FL_TSAN
#define FL_TSAN 0
#endif

#if FL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#if FL_TSAN
/* ThreadSanitizer's own names for what it has no header for. */

/** The fiber of the stack that runs. */
void *__tsan_get_current_fiber(void);
/** A fiber for one more stack; flags 0. */
void *__tsan_create_fiber(unsigned flags);
/** Forgets a fiber that does not run. */
void __tsan_destroy_fiber(void *fiber);
/** Says that the next switch of stacks leads there; flags 0: and orders what came before. */
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#define FL_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define FL_NO_TSAN
#endif

#if defined(__has_include)
#if __has_include(<valgrind/helgrind.h>)
#define FL_VALGRIND 1
#include <valgrind/helgrind.h>
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef FL_VALGRIND
#define FL_VALGRIND 0
#define ANNOTATE_HAPPENS_BEFORE(what) ((void)(what))
#define ANNOTATE_HAPPENS_AFTER(what) ((void)(what))
#define VALGRIND_HG_DISABLE_CHECKING(at, len) ((void)(at), (void)(len))
#define VALGRIND_MAKE_MEM_DEFINED(at, len) ((void)(at), (void)(len))
#define VALGRIND_STACK_REGISTER(from, to) ((void)(from), (void)(to), 0)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define RUNNING_ON_VALGRIND 0
#endif

#endif
