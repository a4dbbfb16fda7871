/* switch.h: from one stack to another: Boost.Context's two functions, or ours where it counts.
 *
 * Boost's switch also saves the control words of the x87 and SSE units, which no process here
 * changes, and which cost as much as the rest (docs/adr/0006). Thread: the shard's. */
#ifndef FL_RUNTIME_SWITCH_H
#define FL_RUNTIME_SWITCH_H

#include <stddef.h>

/** What arrives at the other side: where it was left, and what was sent along. */
struct fl_transfer {
    void *ctx;
    void *data;
};

/* With shadow stacks (CET) a switch has to save more: that is Boost's business. */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__CET__)
#define FL_OWN_SWITCH 1
#else
#define FL_OWN_SWITCH 0
#define fl_switch_make make_fcontext
#define fl_switch_to jump_fcontext
#endif

/** Readies a stack, whose top this is, to run fn when it is switched to. fn never returns. */
void *fl_switch_make(void *top, size_t bytes, void (*fn)(struct fl_transfer));
/** Leaves this stack for that one; returns when somebody comes back, with what they sent. */
struct fl_transfer fl_switch_to(void *ctx, void *data);

#endif
