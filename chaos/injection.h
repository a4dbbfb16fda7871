/* injection.h: one fault of a plan while it is carried out, as its fault_<name>.c sees it. Private
 * to chaos/fault_*.c and injector.c; the rest is in injector.h. */
#ifndef FL_CHAOS_INJECTION_H
#define FL_CHAOS_INJECTION_H

#include "chaos/injector.h"

/** Memory of the fault's own, zeroed, freed with the injection: what begin leaves for end. */
void *fl_injection_own(struct fl_injection *injection, size_t bytes);
/** What that memory holds is let go of by this, just before it is freed. */
void fl_injection_own_fini(struct fl_injection *injection, void (*fini)(void *own));
/** Journals `fault.requested` with what the target came to; once, the first call counts. Said by
 * itself before effect and missed. */
void fl_injection_requested(struct fl_injection *injection, const char *pick);
/** Could not be undone: harness.trouble, and the injection is over. */
void fl_injection_stuck(struct fl_injection *injection, const char *why_format, ...)
    FL_PRINTF(2, 3);
/** The fault's index in the plan. */
int64_t fl_injection_index(const struct fl_injection *injection);
/** Effect or missed has been said. */
bool fl_injection_is_settled(const struct fl_injection *injection);
/** The process of the target ended: what an injection that waits for it is told. Before begin. */
void fl_injection_on_exit(struct fl_injection *injection, const char *instance, pid_t pid,
                          void (*fn)(struct fl_injection *injection, fl_ns at_ns));
/** No exit is waited for any more. */
void fl_injection_forget_exit(struct fl_injection *injection);
/** Calls fn once at this instant; a later call moves it. */
void fl_injection_wake(struct fl_injection *injection, fl_ns at_ns,
                       void (*fn)(struct fl_injection *injection));
/** Is another injection of the same fault, not over, waiting for the exit of this pid? */
bool fl_injection_is_shared(const struct fl_injection *injection, pid_t pid);

/** An answer to come, which may outlive the injection. Pass it as cx; then take it. */
struct fl_injection_ask;
/** For one request. `tag` is the fault's own (may be NULL) and is freed with the ask. An answer
 * later than within_ns cannot come (FL_NEVER: one always comes). */
struct fl_injection_ask *fl_injection_ask(struct fl_injection *injection, void *tag_take,
                                          fl_ns within_ns);
/** In the answer: frees the ask, gives its tag (free it) and returns the injection, or NULL when
 * that is over. */
struct fl_injection *fl_injection_answered(struct fl_injection_ask *ask_take, void **tag_out);
/** Requests that have no answer yet. */
size_t fl_injection_asks(const struct fl_injection *injection);

/* The faults' own functions, for their rows. */

/** kill: sends the signal; effect when the exit is seen. */
void fl_fault_kill_begin(struct fl_injection *injection);
/** pause: SIGSTOP; effect when state T is seen. */
void fl_fault_pause_begin(struct fl_injection *injection);
/** pause: SIGCONT; healed when state T is gone. */
void fl_fault_pause_end(struct fl_injection *injection);
/** crash: ends one runtime process inside an instance. */
void fl_fault_crash_begin(struct fl_injection *injection);
/** cut: resets a link's connections and refuses new ones. */
void fl_fault_cut_begin(struct fl_injection *injection);
/** latency: delays a link's data; effect at the first delayed chunk. */
void fl_fault_latency_begin(struct fl_injection *injection);
/** cut, latency: takes the toxic away. */
void fl_fault_link_end(struct fl_injection *injection);

#endif
