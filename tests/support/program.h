/* program.h: runs the faultline binary the way a person or a CI job does, and looks at what it
 * left. */
#ifndef FL_TEST_PROGRAM_H
#define FL_TEST_PROGRAM_H

#include <sys/types.h>

#include "tests/support/testkit.h"

/** A started program with its output going to files in a folder of its own. */
struct program {
    pid_t pid;
    char *folder; /* its working directory, removed by program_free */
    int code;     /* exit code, or 128 + signal, once waited for */
    char *out, *err;
};

/** A fresh working directory for programs; nothing runs yet. */
struct program *program_new(void);
/** Writes a file into the working directory. printf-style. */
void program_write(struct program *program, const char *name, const char *format, ...)
    FL_PRINTF(3, 4);
/** Starts argv (argv[0] NULL stands for the faultline binary) in the working directory. */
void program_start(struct program *program, const char *const *argv);
/** Waits for the exit, at most deadline_ms (then kills and fails); fills code, out and err. */
void program_wait(struct program *program, int deadline_ms);
/** program_start and program_wait. */
void program_run(struct program *program, const char *const *argv);
/** Waits until the standard output holds this text; fails after deadline_ms. */
void program_expect_output(struct program *program, const char *text, int deadline_ms);
/** How many live processes have this text in their command line or environment's FL_TEST_MARK. */
int program_count_alive(const char *text);
/** Waits until none is alive; fails after deadline_ms. */
void program_expect_none_alive(const char *text, int deadline_ms);
/** Reads runs/…/latest/<name> of a scenario; NULL when it is not there. free() it. */
char *program_latest(const struct program *program, const char *scenario, const char *name);
/** Removes everything. */
void program_free(struct program *program);

/** A test that gets a fresh `struct program` as its state. */
#define story(test) cmocka_unit_test_setup_teardown(test, program_setup, program_teardown)
/** program_new as a cmocka set-up. */
int program_setup(void **state);
/** program_free as a cmocka tear-down. */
int program_teardown(void **state);

#endif
