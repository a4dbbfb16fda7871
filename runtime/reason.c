#include "runtime/process.h"

static const char *const kind_words[] = {
    [FL_EXIT_NORMAL] = "normal",
    [FL_EXIT_SHUTDOWN] = "shutdown",
    [FL_EXIT_KILL] = "kill",
    [FL_EXIT_KILLED] = "killed",
    [FL_EXIT_NOPROC] = "noproc",
    [FL_EXIT_ERROR] = "error",
    [FL_EXIT_CRASH] = "crash",
    [FL_EXIT_OS] = "os",
    [FL_EXIT_NOCONNECTION] = "noconnection",
};

struct fl_reason fl_reason_of(enum fl_exit_kind kind)
{
    FL_ASSERT((size_t)kind < FL_COUNT(kind_words));
    return (struct fl_reason){.kind = kind};
}

struct fl_reason fl_reason_with(enum fl_exit_kind kind, int code, const char *format, ...)
{
    struct fl_reason reason = fl_reason_of(kind);
    reason.code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(reason.detail, sizeof reason.detail, format, args);
    va_end(args);
    return reason;
}

bool fl_reason_eq(const struct fl_reason *a, const struct fl_reason *b)
{
    return a->kind == b->kind && a->code == b->code && a->signal == b->signal &&
           strncmp(a->detail, b->detail, sizeof a->detail) == 0;
}

bool fl_reason_is_quiet(const struct fl_reason *reason)
{
    if (reason->kind == FL_EXIT_OS) return reason->code == 0 && reason->signal == 0;
    return reason->kind == FL_EXIT_NORMAL || reason->kind == FL_EXIT_SHUTDOWN;
}

const char *fl_reason_show(const struct fl_reason *reason, char *out, size_t out_len)
{
    FL_ASSERT((size_t)reason->kind < FL_COUNT(kind_words));
    const char *word = kind_words[reason->kind];
    if (reason->kind == FL_EXIT_OS && reason->signal != 0)
        snprintf(out, out_len, "signal %d", reason->signal);
    else if (reason->kind == FL_EXIT_OS)
        snprintf(out, out_len, "exit status %d", reason->code);
    else if (reason->detail[0] != '\0')
        snprintf(out, out_len, "%s: %.*s", word, (int)sizeof reason->detail, reason->detail);
    else if (reason->code != 0)
        snprintf(out, out_len, "%s: %s", word, fl_code_name(reason->code));
    else
        snprintf(out, out_len, "%s", word);
    return out;
}
