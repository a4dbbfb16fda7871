/* failpoint.h: places where the world may say no, and a test can make it say so.
 *
 * Names are libfiu's where libfiu has the place: "posix/io/oc/open", "libc/mm/calloc"; our own are
 * "faultline/send", "faultline/spawn". docs/runtime.md lists them. They exist in a build with
 * FL_FAILPOINTS (all presets but release); elsewhere FL_FAIL is 0.
 * Thread: any, all functions. One registry a program, docs/adr/0005-failpoints.md says why. */
#ifndef FL_BASE_FAILPOINT_H
#define FL_BASE_FAILPOINT_H

#include <stdatomic.h>

#include "runtime/base/fl.h"

#ifndef FL_FAILPOINTS
#define FL_FAILPOINTS 0
#endif

/** 0: go on. Else this place is to fail: the rule's failinfo, which errno is set to as well.
 *
 *     int fd = FL_FAIL("posix/io/oc/open") ? -1 : open(path, flags); */
#if FL_FAILPOINTS
#define FL_FAIL(name)                                                                       \
    (FL_UNLIKELY(atomic_load_explicit(&fl_failpoint_rules_count, memory_order_relaxed) > 0) \
         ? fl_failpoint_reach(name)                                                         \
         : 0)
#else
#define FL_FAIL(name) 0
#endif

/** When a place fails, and how. Zeroed: always, with EIO. */
struct fl_failpoint_opts {
    uint64_t nth;       /* lets nth - 1 of them pass first */
    bool once;          /* fails once and never again */
    double probability; /* in (0, 1]: of each one from the nth on; 0: 1 */
    uint64_t seed;      /* of these draws */
    int failinfo;       /* an errno value, positive; 0: EIO */
};

/** Makes every place of this name fail; "posix/io/" followed by a star is all below. Where several
 * rules match, the newest decides; the same name again replaces its rule. Returns FL_ESTATE (a
 * build without), FL_ERANGE (name or opts), FL_EFULL (32 rules). */
int fl_failpoint_enable(const char *name, const struct fl_failpoint_opts *opts);
/** Enables what a text says, all or nothing, as the environment's FL_FAILPOINTS does at the start:
 * `posix/io/net/listen=nth:3:EADDRINUSE,faultline/send=once`. Words of a rule: `always`, `once`,
 * `nth:N`, `probability:10%`, `seed:N`, and the error as name or number. FL_EPARSE. */
int fl_failpoint_enable_text(const char *text, struct fl_err *err);
/** Undoes fl_failpoint_enable, by the same name; FL_ENOTFOUND. */
int fl_failpoint_disable(const char *name);
/** Undoes all of them: what a test does at its end. */
void fl_failpoint_disable_all(void);
/** How often the rule of this name made a place fail; 0 when there is no such rule. */
uint64_t fl_failpoint_hits(const char *name);
/** How often a place was reached that the rule of this name decides on, failing or not. */
uint64_t fl_failpoint_reached(const char *name);

/** For FL_FAIL only: how many rules there are. */
extern atomic_uint fl_failpoint_rules_count;
/** For FL_FAIL only: asks the rules. */
int fl_failpoint_reach(const char *name);

#endif
