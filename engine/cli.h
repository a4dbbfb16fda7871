/* cli.h: the command line: one table of commands and their options, from which parsing, --help and
 * shell completion are made.
 *
 * Adding a command is one function and one row in cli_commands.c. */
#ifndef FL_ENGINE_CLI_H
#define FL_ENGINE_CLI_H

#include "engine/exit_codes.h"
#include "runtime/base/str.h"

enum { FL_CLI_OPTIONS_MAX = 12, FL_CLI_REPEATS_MAX = 32 };

struct fl_cli_option {
    const char *name;  /* without dashes; NULL ends a table */
    const char *value; /* what follows it, for help: `N`; NULL: nothing does */
    const char *help;
    bool repeats;
};

struct fl_cli_call;

struct fl_cli_command {
    const char *name;                    /* NULL ends the table */
    const char *args;                    /* for help: `FILE…` */
    const char *help;                    /* one line */
    const struct fl_cli_option *options; /* NULL: none beside --help */
    int args_min, args_max;              /* args_max -1: any number */
    const char *const *words; /* what the first argument can be, for completion; NULL: a file */
    const char *examples;     /* lines of `command   # what it does` */
    const char *more;         /* paragraphs of help, or NULL */
    bool hidden;
    bool rest; /* `--` is allowed, and what follows it is taken as it stands */
    /** Returns the exit code. */
    int (*run)(const struct fl_cli_call *call);
};

/** One parsed command line. Everything is borrowed from argv. */
struct fl_cli_call {
    const struct fl_cli_command *command;
    const char *program;                                            /* this executable */
    const char *values[FL_CLI_OPTIONS_MAX][FL_CLI_REPEATS_MAX + 1]; /* as the command's options */
    int counts[FL_CLI_OPTIONS_MAX];
    const char *const *args; /* NULL-terminated */
    int args_count;
    const char *const *rest; /* after `--`; NULL-terminated, NULL without `--` */
};

/** The rows, ended by one with a NULL name. */
extern const struct fl_cli_command fl_cli_commands[];

/** The whole program. Returns the exit code. */
int fl_cli_main(int argc, char **argv);

/** The value of an option (the last one given; "" for one without value), or NULL. */
const char *fl_cli_value(const struct fl_cli_call *call, const char *option);
/** All values of an option, NULL-terminated. */
const char *const *fl_cli_values(const struct fl_cli_call *call, const char *option);
/** Prints `faultline: …` and how to get help to stderr; returns FL_EX_USAGE. */
int fl_cli_usage(const struct fl_cli_command *command, const char *format, ...) FL_PRINTF(2, 3);

struct fl_scenario;
/** Reads a scenario with the call's --set; prints problems to stderr. Returns 0 or FL_EX_USAGE. */
int fl_cli_scenario(struct fl_scenario **out, const struct fl_cli_call *call, const char *path,
                    bool skip_programs);

/* The commands. Each returns the exit code. */

/** `run`, `load`. */
int fl_cli_run(const struct fl_cli_call *call);
/** `check`. */
int fl_cli_check(const struct fl_cli_call *call);
/** `plan`. */
int fl_cli_plan(const struct fl_cli_call *call);
/** `report`. */
int fl_cli_report(const struct fl_cli_call *call);
/** `compare`. */
int fl_cli_compare(const struct fl_cli_call *call);
/** `list`. */
int fl_cli_list(const struct fl_cli_call *call);
/** `serve`. */
int fl_cli_serve(const struct fl_cli_call *call);
/** `observe`. */
int fl_cli_observe(const struct fl_cli_call *call);
/** `init`. */
int fl_cli_init(const struct fl_cli_call *call);
/** `worker`: the program's own child processes. */
int fl_cli_worker(const struct fl_cli_call *call);
/** `schema`: prints docs/scenario.schema.json. */
int fl_cli_schema(const struct fl_cli_call *call);
/** `version`. */
int fl_cli_version(const struct fl_cli_call *call);
/** `help`. */
int fl_cli_help(const struct fl_cli_call *call);
/** `completion`. */
int fl_cli_completion(const struct fl_cli_call *call);

/** Prints what the program is and its commands. */
void fl_help_program(FILE *to);
/** Prints the page of one command. */
void fl_help_command(const struct fl_cli_command *command, FILE *to);
/** The command of this name, or NULL. */
const struct fl_cli_command *fl_cli_find(const char *name);
/** `; did you mean "x"?` among the commands that are not hidden, or nothing. Returns out. */
const char *fl_cli_nearest(const char *word, char *out, size_t out_len);

#endif
