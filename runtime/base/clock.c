#include "runtime/base/clock.h"

#include <time.h>

static fl_ns read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (fl_ns)ts.tv_sec * FL_NS_PER_S + ts.tv_nsec;
}

fl_ns fl_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

fl_ns fl_wall_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

fl_ns fl_cpu_now(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static fl_ns real_now(void *cx)
{
    (void)cx;
    return fl_now();
}

const struct fl_clock *fl_clock_real(void)
{
    static const struct fl_clock real = {.now = real_now};
    return &real;
}

void fl_wall_format(fl_ns wall_ns, char *out, size_t out_len)
{
    time_t seconds = (time_t)(wall_ns / FL_NS_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char text[24];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, out_len, "%s.%03dZ", text, (int)(wall_ns % FL_NS_PER_S / FL_NS_PER_MS));
}
