/* fl.h: the words every room uses: nanoseconds, assertions, owners, error values.
 *
 * Knows: the C library. Does not know: any other file of Faultline. */
#ifndef FL_BASE_FL_H
#define FL_BASE_FL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A time or a span in signed nanoseconds. Instants are CLOCK_MONOTONIC. */
typedef int64_t fl_ns;

#define FL_NS_PER_US INT64_C(1000)
#define FL_NS_PER_MS INT64_C(1000000)
#define FL_NS_PER_S INT64_C(1000000000)
#define FL_NEVER INT64_MAX

/** Milliseconds as nanoseconds. */
static inline fl_ns fl_ms(int64_t ms)
{
    return ms * FL_NS_PER_MS;
}
/** Seconds as nanoseconds. */
static inline fl_ns fl_s(int64_t s)
{
    return s * FL_NS_PER_S;
}
/** The later of two instants. */
static inline fl_ns fl_ns_max(fl_ns a, fl_ns b)
{
    return a > b ? a : b;
}
/** The earlier of two instants. */
static inline fl_ns fl_ns_min(fl_ns a, fl_ns b)
{
    return a < b ? a : b;
}

#define FL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** The struct that contains this member: the one place where a callback's pointer is crossed. */
#define FL_OWNER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#if defined(__GNUC__)
#define FL_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define FL_NORETURN __attribute__((noreturn))
#define FL_NOINLINE __attribute__((noinline))
#define FL_LIKELY(x) __builtin_expect(!!(x), 1)
#define FL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#error "Faultline is written for gcc and clang"
#endif

/** Our own bug: stays on in release, prints file:line and aborts. Never for what a user can cause.
 */
#define FL_ASSERT(condition) \
    (FL_LIKELY(condition) ? (void)0 : fl_assert_failed(#condition, __FILE__, __LINE__))

/** Prints the failed assertion and a backtrace to stderr, then aborts. */
FL_NORETURN void fl_assert_failed(const char *condition, const char *file, int line);

/** Zeroed memory for one `type`; never NULL (out of memory aborts). Free with free(). */
#define fl_new(type) ((type *)fl_alloc(sizeof(type)))
/** Zeroed memory for `count` of `type`; never NULL, overflow aborts. Free with free(). */
#define fl_new_array(type, count) ((type *)fl_alloc_array(sizeof(type), (count)))

/** Zeroed memory; never NULL. Free with free(). */
void *fl_alloc(size_t bytes);
/** Zeroed memory for count items; never NULL. Free with free(). */
void *fl_alloc_array(size_t item_bytes, size_t count);
/** realloc that never returns NULL. */
void *fl_realloc(void *ptr, size_t bytes);
/** A copy of text, never NULL. Free with free(). */
char *fl_strdup(const char *text);
/** printf into fresh memory, never NULL. Free with free(). */
char *fl_format(const char *format, ...) FL_PRINTF(1, 2);

/* Error values. Functions return 0, or one of these, or a libuv code (all of them negative). libuv
 * uses -1…-4095 for errno and its own; ours start below. */
enum {
    FL_EFULL = -10001,      /* a stated maximum is reached */
    FL_ERANGE = -10002,     /* a number outside its limits */
    FL_EBADMSG = -10003,    /* a message, a line, a frame that makes no sense */
    FL_ENOPROC = -10004,    /* no such process */
    FL_ETIMEOUT = -10005,   /* the deadline passed */
    FL_ETAKEN = -10006,     /* the name is in use */
    FL_ENOTFOUND = -10007,  /* no such thing */
    FL_EPARSE = -10008,     /* text that could not be read; the fl_err says where */
    FL_ESTATE = -10009,     /* not now */
    FL_EIO = -10010,        /* the operating system said no; the fl_err says what */
    FL_ECALLSELF = -10011,  /* a process called itself */
    FL_EDIED = -10012,      /* the other side died before it answered */
    FL_EREFUSED = -10013,   /* the other side said no */
    FL_EIGNORE = -10014,    /* on_init: do not run me, and that is no error */
    FL_EBADRETURN = -10015, /* a callback returned what means nothing */

    /* Of supervisors: each bad flag and each bad child has its own. */
    FL_EBADSTRATEGY = -10102,     /* no such strategy */
    FL_EBADINTENSITY = -10103,    /* max_restarts below zero */
    FL_EBADPERIOD = -10104,       /* within_ns below zero */
    FL_EBADAUTOSHUTDOWN = -10105, /* no such auto_shutdown */
    FL_ENOID = -10106,            /* a child without an id */
    FL_ENOSERVER = -10107,        /* a child without a server to start */
    FL_EBADRESTART = -10108,      /* no such restart type */
    FL_EBADSHUTDOWN = -10109,     /* shutdown_ns makes no sense */
    FL_EBADTYPE = -10110,         /* neither a worker nor a supervisor */
    FL_EBADSIGNIFICANT = -10111,  /* significant, with permanent or without auto_shutdown */
    FL_EDUPLICATE = -10112,       /* two children of one id */
    FL_EPRESENT = -10113,         /* there is such a child, and it has no process */
    FL_ERUNNING = -10114,         /* the child has a process */
    FL_ERESTARTING = -10115,      /* the child is being restarted */
    FL_EWRONGKIND = -10116,       /* that is for the other kind of supervisor */
};

/** The name of an error value, ours or libuv-style negative errno; static text. */
const char *fl_code_name(int code);

/** One error on its way to a person: where, what, and what would be right. */
struct fl_err {
    int code;
    char text[512];
};

/** Fills err (may be NULL) and returns code, so that `return fl_err_set(...)` reads well. */
int fl_err_set(struct fl_err *err, int code, const char *format, ...) FL_PRINTF(3, 4);
/** Puts a prefix before the text that is there; returns the code that is there. */
int fl_err_prefix(struct fl_err *err, const char *format, ...) FL_PRINTF(2, 3);

#endif
