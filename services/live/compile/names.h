/* names.h: names of HTML, in any case. Private. */
#ifndef FL_LIVE_COMPILE_NAMES_H
#define FL_LIVE_COMPILE_NAMES_H

#include "runtime/base/str.h"

/** Is this one of these names? For TPL_NAME_IS. */
bool tpl_is_one_of(struct fl_str name, const char *const *names, size_t count);
/** Is `name` one of the names that follow? */
#define TPL_NAME_IS(name, ...)                              \
    tpl_is_one_of(name, (const char *const[]){__VA_ARGS__}, \
                  FL_COUNT(((const char *const[]){__VA_ARGS__})))
/** Are these two the same name? */
bool tpl_is_same(struct fl_str a, struct fl_str b);

#endif
