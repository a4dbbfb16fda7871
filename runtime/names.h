/* names.h: a name that stands for several processes, `name/0`, `name/1` and so on. */
#ifndef FL_RUNTIME_NAMES_H
#define FL_RUNTIME_NAMES_H

#include "runtime/process.h"

/** My registered name stands for so many parts, until it ends with me. */
void fl_name_set_parts(struct fl_self *self, uint32_t parts);
/** How many parts a name stands for; 0: none, or no such name. Any thread of the node. */
uint32_t fl_name_parts(struct fl_node *node, const char *text);

#endif
