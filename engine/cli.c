/* cli.c: reads a command line by the table, and calls what it names. */
#include "engine/cli.h"

#include <unistd.h>

enum { PATH_BYTES = 4096 };

const struct fl_cli_command *fl_cli_find(const char *name)
{
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

const char *fl_cli_nearest(const char *word, char *out, size_t out_len)
{
    const char *names[32];
    size_t count = 0;
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++)
        if (!row->hidden && count < FL_COUNT(names)) names[count++] = row->name;
    const char *near = strlen(word) > 40 ? NULL : fl_nearest(word, names, count);
    out[0] = '\0';
    if (near != NULL) snprintf(out, out_len, "; did you mean \"%s\"?", near);
    return out;
}

int fl_cli_usage(const struct fl_cli_command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("faultline: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nsee: faultline %s%s--help\n", command != NULL ? command->name : "",
            command != NULL ? " " : "");
    return FL_EX_USAGE;
}

static int option_index(const struct fl_cli_command *command, struct fl_str name)
{
    for (int i = 0; command->options != NULL && command->options[i].name != NULL; i++)
        if (fl_str_is(name, command->options[i].name)) return i;
    return -1;
}

const char *const *fl_cli_values(const struct fl_cli_call *call, const char *option)
{
    int index = option_index(call->command, fl_str_of(option));
    FL_ASSERT(index >= 0);
    return call->values[index];
}

const char *fl_cli_value(const struct fl_cli_call *call, const char *option)
{
    int index = option_index(call->command, fl_str_of(option));
    FL_ASSERT(index >= 0);
    int count = call->counts[index];
    return count == 0 ? NULL : call->values[index][count - 1];
}

static int option_unknown(const struct fl_cli_command *command, struct fl_str name)
{
    const char *names[FL_CLI_OPTIONS_MAX + 1] = {"help"};
    size_t count = 1;
    for (; command->options != NULL && command->options[count - 1].name != NULL; count++)
        names[count] = command->options[count - 1].name;
    char *word = fl_str_dup(name);
    const char *near = name.len > 40 ? NULL : fl_nearest(word, names, count);
    int code = near != NULL
                   ? fl_cli_usage(command, "unknown option --%.60s; did you mean --%s?", word, near)
                   : fl_cli_usage(command, "unknown option --%.60s", word);
    free(word);
    return code;
}

/* One `--name`, `--name=value` or `--name value`; *at moves past what was taken. */
static int call_take_option(struct fl_cli_call *call, char **argv, int *at)
{
    struct fl_str name = fl_str_of(argv[*at] + 2);
    const char *equals = strchr(argv[*at], '=');
    if (equals != NULL) name.len = (size_t)(equals - argv[*at]) - 2;
    int index = option_index(call->command, name);
    if (index < 0) return option_unknown(call->command, name);

    const struct fl_cli_option *option = &call->command->options[index];
    const char *value = equals != NULL ? equals + 1 : "";
    if (option->value == NULL && equals != NULL)
        return fl_cli_usage(call->command, "--%s takes no value", option->name);
    if (option->value != NULL && equals == NULL && argv[*at + 1] != NULL) value = argv[++*at];
    /* an empty one is a variable of a script that was never set */
    if (option->value != NULL && value[0] == '\0')
        return fl_cli_usage(call->command, "--%s needs a value: --%s %s", option->name,
                            option->name, option->value);
    int most = option->repeats ? FL_CLI_REPEATS_MAX : 1;
    if (call->counts[index] == most)
        return fl_cli_usage(call->command,
                            option->repeats ? "--%s stands here too often"
                                            : "--%s stands here twice",
                            option->name);
    call->values[index][call->counts[index]++] = value;
    ++*at;
    return 0;
}

static int call_take(struct fl_cli_call *call, char **argv, const char **args)
{
    int at = 0;
    while (argv[at] != NULL) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            if (call->command->rest) {
                call->rest = (const char *const *)&argv[at];
                return 0;
            }
            for (; argv[at] != NULL; at++)
                args[call->args_count++] = argv[at];
            return 0;
        }
        if (strncmp(argv[at], "--", 2) == 0) {
            int rc = call_take_option(call, argv, &at);
            if (rc != 0) return rc;
        } else if (argv[at][0] == '-' && argv[at][1] != '\0') {
            return fl_cli_usage(call->command, "unknown option %.60s; options have two dashes",
                                argv[at]);
        } else {
            args[call->args_count++] = argv[at++];
        }
    }
    return 0;
}

static bool wants_help(char **argv)
{
    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++)
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) return true;
    return false;
}

static int call_check_args(const struct fl_cli_call *call)
{
    const struct fl_cli_command *command = call->command;
    if (call->args_count < command->args_min)
        return fl_cli_usage(command, "%s needs %s", command->name, command->args);
    if (command->rest && call->args_count > command->args_max)
        return fl_cli_usage(command, "write -- before your command: faultline %s -- %.60s …",
                            command->name, call->args[command->args_max]);
    if (command->args_max >= 0 && call->args_count > command->args_max)
        return fl_cli_usage(command, "%s does not take \"%.60s\"", command->name,
                            call->args[command->args_max]);
    return 0;
}

static int call_run(const struct fl_cli_command *command, int argc, char **argv)
{
    char program[PATH_BYTES] = {0};
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    const char **args = fl_new_array(const char *, (size_t)argc + 1);
    struct fl_cli_call *call = fl_new(struct fl_cli_call);
    call->command = command;
    call->program = len > 0 ? program : "faultline";
    call->args = args;

    int code = call_take(call, argv, args);
    if (code == 0) code = call_check_args(call);
    if (code == 0) code = command->run(call);
    free(call);
    free(args);
    return code;
}

int fl_cli_main(int argc, char **argv)
{
    if (argc < 2) {
        fl_help_program(stderr);
        return FL_EX_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    const struct fl_cli_command *command = fl_cli_find(name);
    char hint[80];
    if (command == NULL && name[0] == '-')
        return fl_cli_usage(NULL, "unknown option %.60s; a command comes first", name);
    if (command == NULL)
        return fl_cli_usage(NULL, "unknown command \"%.60s\"%s", name,
                            fl_cli_nearest(name, hint, sizeof hint));
    if (wants_help(argv + 2)) {
        fl_help_command(command, stdout);
        return FL_EX_PASS;
    }
    int code = call_run(command, argc, argv + 2);
    if (fflush(stdout) != 0 && code == FL_EX_PASS) code = FL_EX_INTERNAL;
    return code;
}
