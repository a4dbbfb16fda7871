/* help.c: what --help prints, from the table of commands. */
#include "engine/cli.h"
#include "engine/terminal.h"

static const char *bold(FILE *to)
{
    return fl_terminal_colour(to) ? "\x1b[1m" : "";
}

static const char *plain(FILE *to)
{
    return fl_terminal_colour(to) ? "\x1b[0m" : "";
}

void fl_help_program(FILE *to)
{
    fprintf(to, "%sfaultline%s breaks services on purpose and measures how they recover.\n\n",
            bold(to), plain(to));
    fprintf(to, "%sUsage%s  faultline COMMAND …\n\n%sCommands%s\n", bold(to), plain(to), bold(to),
            plain(to));
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++)
        if (!row->hidden) fprintf(to, "  %-12s %s\n", row->name, row->help);
    fprintf(to,
            "\n%sStart here%s\n"
            "  faultline run scenarios/quickstart.yaml      # about half a minute\n"
            "  faultline init -- COMMAND…                   # a scenario for your own program\n"
            "\nfaultline COMMAND --help says more about one of them.\n",
            bold(to), plain(to));
}

void fl_help_command(const struct fl_cli_command *command, FILE *to)
{
    fprintf(to, "%sfaultline %s%s: %s\n\n", bold(to), command->name, plain(to), command->help);
    fprintf(to, "%sUsage%s  faultline %s%s%s%s\n", bold(to), plain(to), command->name,
            command->options != NULL ? " [OPTIONS]" : "", command->args != NULL ? " " : "",
            command->args != NULL ? command->args : "");
    fprintf(to, "\n%sOptions%s\n", bold(to), plain(to));
    for (const struct fl_cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        fprintf(to, "  %-22s %s\n", left, o->help);
    }
    fprintf(to, "  %-22s %s\n", "--help", "print this page");
    if (command->examples != NULL) {
        fprintf(to, "\n%sExamples%s\n", bold(to), plain(to));
        struct fl_str rest = fl_str_of(command->examples);
        while (rest.len > 0) {
            struct fl_str line = fl_str_cut(&rest, '\n');
            fprintf(to, "  %.*s\n", FL_ARG(line));
        }
    }
    if (command->more != NULL) fprintf(to, "\n%s\n", command->more);
}

int fl_cli_help(const struct fl_cli_call *call)
{
    if (call->args_count == 0) {
        fl_help_program(stdout);
        return FL_EX_PASS;
    }
    const struct fl_cli_command *command = fl_cli_find(call->args[0]);
    char hint[80];
    if (command == NULL || command->hidden)
        return fl_cli_usage(NULL, "unknown command \"%.60s\"%s", call->args[0],
                            fl_cli_nearest(call->args[0], hint, sizeof hint));
    fl_help_command(command, stdout);
    return FL_EX_PASS;
}

int fl_cli_version(const struct fl_cli_call *call)
{
    (void)call;
    printf("faultline %s\n", FL_VERSION);
    return FL_EX_PASS;
}
