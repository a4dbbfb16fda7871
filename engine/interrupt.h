/* interrupt.h: Ctrl-C, a kill or a closed terminal where no loop runs to hear it: while a run is
 * opened, and while it is judged.
 *
 * Signals: SIGINT, SIGTERM, and SIGHUP unless it is ignored already (nohup). All of this keeps its
 * memory in the process's signal dispositions, so there is none of our own. */
#ifndef FL_ENGINE_INTERRUPT_H
#define FL_ENGINE_INTERRUPT_H

#include "runtime/base/fl.h"

enum { FL_INTERRUPTS_MAX = 3 };

/** The signals that mean "stop": fills out, returns how many. */
size_t fl_interrupt_signals(int out[FL_INTERRUPTS_MAX]);
/** From now on the first of them is only noted, and those after it are ignored. */
void fl_interrupt_note(void);
/** Has one come since fl_interrupt_note? */
bool fl_interrupt_came(void);
/** Holds them back (true) while who hears them changes, or lets them through again. */
void fl_interrupt_hold(bool hold);

#endif
