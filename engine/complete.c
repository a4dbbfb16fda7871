/* complete.c: completion scripts, made from the table of commands. */
#include "engine/cli.h"

static void put_words(const char *const *words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        printf("%s%s", i > 0 ? " " : "", words[i]);
}

static void put_options(const struct fl_cli_command *command)
{
    for (const struct fl_cli_option *o = command->options; o != NULL && o->name != NULL; o++)
        printf("--%s ", o->name);
    printf("--help");
}

static void put_commands(void)
{
    const char *gap = "";
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++) {
        if (row->hidden) continue;
        printf("%s%s", gap, row->name);
        gap = " ";
    }
}

static void complete_bash(void)
{
    puts("# bash completion for faultline; source <(faultline completion bash)");
    puts("_faultline() {");
    puts("    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options= words=");
    puts("    COMPREPLY=()");
    puts("    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("        COMPREPLY=($(compgen -W \"");
    put_commands();
    puts(" --help --version\" -- \"$word\"))");
    puts("        return");
    puts("    fi");
    puts("    case $command in");
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++) {
        if (row->hidden) continue;
        printf("    %s) options=\"", row->name);
        put_options(row);
        printf("\" words=\"");
        if (row->run == fl_cli_help)
            put_commands();
        else
            put_words(row->words);
        puts("\" ;;");
    }
    puts("    esac");
    puts("    case $word in");
    puts("    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;");
    puts("    *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); fi "
         ";;");
    puts("    esac");
    puts("}");
    puts("complete -o default -F _faultline faultline");
}

/* Text inside '…' of a zsh spec: quotes, brackets and colons mean something there. */
static void put_zsh(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:", *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void complete_zsh_command(const struct fl_cli_command *row)
{
    printf("    %s) _arguments", row->name);
    for (const struct fl_cli_option *o = row->options; o != NULL && o->name != NULL; o++) {
        printf(" '%s--%s[", o->repeats ? "*" : "", o->name);
        put_zsh(o->help);
        printf("]");
        if (o->value != NULL) printf(":%s:_files", o->name);
        printf("'");
    }
    printf(" '--help[print help]'");
    printf(" '*:argument:");
    if (row->words != NULL || row->run == fl_cli_help) {
        printf("(");
        if (row->run == fl_cli_help)
            put_commands();
        else
            put_words(row->words);
        printf(")");
    } else {
        printf("_files");
    }
    puts("' ;;");
}

static void complete_zsh(void)
{
    puts("#compdef faultline");
    puts("# zsh completion for faultline; put it into a folder of $fpath as _faultline");
    puts("_faultline() {");
    puts("    local -a commands=(");
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++) {
        if (row->hidden) continue;
        printf("        '%s:", row->name);
        put_zsh(row->help);
        puts("'");
    }
    puts("    )");
    puts("    if (( CURRENT == 2 )); then _describe command commands; return; fi");
    puts("    local command=$words[2]");
    puts("    shift words; (( CURRENT-- ))");
    puts("    case $command in");
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++)
        if (!row->hidden) complete_zsh_command(row);
    puts("    esac");
    puts("}");
    puts("if [ \"$funcstack[1]\" = _faultline ]; then _faultline \"$@\"; else compdef _faultline "
         "faultline; fi");
}

int fl_cli_completion(const struct fl_cli_call *call)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}};
    for (size_t i = 0; i < FL_COUNT(shells); i++) {
        if (strcmp(shells[i].name, call->args[0]) != 0) continue;
        shells[i].print();
        return FL_EX_PASS;
    }
    return fl_cli_usage(call->command, "no completion for \"%.40s\"; there is bash and zsh",
                        call->args[0]);
}
