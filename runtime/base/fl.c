#include "runtime/base/fl.h"

#include <errno.h>
#include <execinfo.h>
#include <unistd.h>

#include "runtime/base/failpoint.h"

void fl_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "faultline: %s:%d: assertion failed: %s\n", file, line, condition);
    fflush(stderr);
    void *frames[48];
    int count = backtrace(frames, (int)FL_COUNT(frames));
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    abort();
}

void *fl_alloc(size_t bytes)
{
    void *ptr = FL_FAIL("libc/mm/calloc") ? NULL : calloc(1, bytes == 0 ? 1 : bytes);
    FL_ASSERT(ptr != NULL);
    return ptr;
}

void *fl_alloc_array(size_t item_bytes, size_t count)
{
    void *ptr = FL_FAIL("libc/mm/calloc") ? NULL : calloc(count == 0 ? 1 : count, item_bytes);
    FL_ASSERT(ptr != NULL);
    return ptr;
}

void *fl_realloc(void *ptr, size_t bytes)
{
    void *moved = FL_FAIL("libc/mm/realloc") ? NULL : realloc(ptr, bytes == 0 ? 1 : bytes);
    FL_ASSERT(moved != NULL);
    return moved;
}

char *fl_strdup(const char *text)
{
    char *copy = FL_FAIL("libc/str/strdup") ? NULL : strdup(text);
    FL_ASSERT(copy != NULL);
    return copy;
}

char *fl_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    FL_ASSERT(len >= 0);
    return text;
}

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {0, "ok"},
    {FL_EFULL, "full"},
    {FL_ERANGE, "out of range"},
    {FL_EBADMSG, "bad message"},
    {FL_ENOPROC, "no such process"},
    {FL_ETIMEOUT, "timeout"},
    {FL_ETAKEN, "name is taken"},
    {FL_ENOTFOUND, "not found"},
    {FL_EPARSE, "could not be read"},
    {FL_ESTATE, "wrong state"},
    {FL_EIO, "input/output error"},
    {FL_ECALLSELF, "called itself"},
    {FL_EDIED, "died before it answered"},
    {FL_EREFUSED, "refused"},
    {FL_EIGNORE, "ignored"},
    {FL_EBADRETURN, "bad return value"},
    {FL_EBADSTRATEGY, "invalid strategy"},
    {FL_EBADINTENSITY, "invalid restart intensity"},
    {FL_EBADPERIOD, "invalid period"},
    {FL_EBADAUTOSHUTDOWN, "invalid auto_shutdown"},
    {FL_ENOID, "missing id"},
    {FL_ENOSERVER, "missing server"},
    {FL_EBADRESTART, "invalid restart type"},
    {FL_EBADSHUTDOWN, "invalid shutdown"},
    {FL_EBADTYPE, "invalid child type"},
    {FL_EBADSIGNIFICANT, "invalid combination with significant"},
    {FL_EDUPLICATE, "duplicate child"},
    {FL_EPRESENT, "already present"},
    {FL_ERUNNING, "running"},
    {FL_ERESTARTING, "restarting"},
    {FL_EWRONGKIND, "not for this kind of supervisor"},
};

const char *fl_code_name(int code)
{
    for (size_t i = 0; i < FL_COUNT(code_names); i++)
        if (code_names[i].code == code) return code_names[i].name;
    const char *text = code < 0 && code > -4096 ? strerrordesc_np(-code) : NULL;
    return text != NULL ? text : "unknown error";
}

int fl_err_set(struct fl_err *err, int code, const char *format, ...)
{
    if (err == NULL) return code;
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

int fl_err_prefix(struct fl_err *err, const char *format, ...)
{
    if (err == NULL) return FL_EIO;
    char rest[sizeof err->text];
    memcpy(rest, err->text, sizeof rest);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text)
        snprintf(err->text + used, sizeof err->text - (size_t)used, "%s", rest);
    return err->code;
}
