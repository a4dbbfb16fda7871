/* testkit.h: what every test program needs: cmocka with its includes, temporary folders, free
 * ports. */
#ifndef FL_TESTKIT_H
#define FL_TESTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "runtime/base/fl.h"

/** A fresh temporary folder; free with testkit_remove. */
char *testkit_folder(void);
/** Removes a folder of testkit_folder and everything in it, and frees the path. */
void testkit_remove(char *folder);
/** A TCP port of 127.0.0.1 that was free a moment ago. */
int testkit_free_port(void);

#endif
