/* init.h: a commented starter scenario for somebody's own program. */
#ifndef FL_ENGINE_INIT_H
#define FL_ENGINE_INIT_H

#include "runtime/base/fl.h"

/** The text of the scenario. command is NULL-terminated; NULL or empty: a reference service. Never
 * NULL; free with free(). */
char *fl_init_text(const char *const *command);

#endif
