#include "chaos/alarms.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/base/clock.h"

struct fl_alarms {
    uv_poll_t poll;
    int fd;
    bool closed;
    fl_ns armed_ns;         /* what the timerfd is set to; FL_NEVER: not armed */
    struct fl_alarm **heap; /* [1 … count]; the earliest is at 1 */
    size_t count, cap;
    uint64_t orders;
};

static bool alarms_before(const struct fl_alarm *a, const struct fl_alarm *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void alarms_place(struct fl_alarms *alarms, struct fl_alarm *alarm, size_t place)
{
    FL_ASSERT(place >= 1);
    alarms->heap[place] = alarm;
    alarm->place = place;
}

static void alarms_sift(struct fl_alarms *alarms, struct fl_alarm *alarm, size_t place)
{
    while (place > 1 && alarms_before(alarm, alarms->heap[place / 2])) {
        alarms_place(alarms, alarms->heap[place / 2], place);
        place /= 2;
    }
    for (;;) {
        size_t child = 2 * place;
        if (child > alarms->count) break;
        if (child < alarms->count && alarms_before(alarms->heap[child + 1], alarms->heap[child]))
            child++;
        if (!alarms_before(alarms->heap[child], alarm)) break;
        alarms_place(alarms, alarms->heap[child], place);
        place = child;
    }
    alarms_place(alarms, alarm, place);
}

static void alarms_arm(struct fl_alarms *alarms)
{
    /* Only ever earlier: one that was taken back wakes us for nothing once, and saves a system call
     * for each of the others. */
    fl_ns first_ns = alarms->count == 0 ? FL_NEVER : alarms->heap[1]->at_ns;
    if (first_ns >= alarms->armed_ns) return;
    alarms->armed_ns = first_ns;
    fl_ns at_ns = fl_ns_max(first_ns, 1); /* 0 would disarm */
    struct itimerspec spec = {
        .it_value = {.tv_sec = at_ns / FL_NS_PER_S, .tv_nsec = at_ns % FL_NS_PER_S}};
    int rc = timerfd_settime(alarms->fd, TFD_TIMER_ABSTIME, &spec, NULL);
    FL_ASSERT(rc == 0);
}

static void alarms_on_fire(uv_poll_t *poll, int status, int events)
{
    struct fl_alarms *alarms = FL_OWNER(poll, struct fl_alarms, poll);
    FL_ASSERT(status == 0);
    uint64_t times = 0;
    ssize_t got = read(alarms->fd, &times, sizeof times);
    FL_ASSERT(got == (ssize_t)sizeof times || (got < 0 && errno == EAGAIN));
    alarms->armed_ns = FL_NEVER;

    /* Alarms set from here on wait for the next turn, so that none can starve the loop. */
    uint64_t newest = alarms->orders;
    fl_ns now_ns = fl_now();
    while (!alarms->closed && alarms->count > 0) {
        struct fl_alarm *alarm = alarms->heap[1];
        if (alarm->at_ns > now_ns || alarm->order > newest) break;
        fl_alarms_unset(alarms, alarm);
        alarm->fn(alarm);
    }
    if (!alarms->closed) alarms_arm(alarms);
}

int fl_alarms_open(struct fl_alarms **out, uv_loop_t *loop, struct fl_err *err)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return fl_err_set(err, FL_EIO, "timerfd: %s", strerror(errno));
    struct fl_alarms *alarms = fl_new(struct fl_alarms);
    alarms->fd = fd;
    alarms->armed_ns = FL_NEVER;
    int rc = uv_poll_init(loop, &alarms->poll, fd);
    if (rc != 0) {
        close(fd);
        free(alarms);
        return fl_err_set(err, rc, "timerfd poll: %s", uv_strerror(rc));
    }
    rc = uv_poll_start(&alarms->poll, UV_READABLE, alarms_on_fire);
    FL_ASSERT(rc == 0);
    *out = alarms;
    return 0;
}

static void alarms_on_close(uv_handle_t *handle)
{
    struct fl_alarms *alarms = FL_OWNER(handle, struct fl_alarms, poll);
    free(alarms->heap);
    free(alarms);
}

void fl_alarms_close(struct fl_alarms *alarms)
{
    if (alarms == NULL) return;
    FL_ASSERT(!alarms->closed);
    for (size_t i = 1; i <= alarms->count; i++)
        alarms->heap[i]->place = 0;
    alarms->count = 0;
    alarms->closed = true;
    uv_poll_stop(&alarms->poll);
    close(alarms->fd);
    uv_close((uv_handle_t *)&alarms->poll, alarms_on_close);
}

void fl_alarms_set(struct fl_alarms *alarms, struct fl_alarm *alarm, fl_ns at_ns)
{
    FL_ASSERT(!alarms->closed);
    FL_ASSERT(alarm->fn != NULL);
    fl_alarms_unset(alarms, alarm);
    if (alarms->count + 2 > alarms->cap) {
        alarms->cap = alarms->cap == 0 ? 64 : 2 * alarms->cap;
        alarms->heap = fl_realloc(alarms->heap,
                                  alarms->cap * sizeof *alarms->heap); /* NOLINT: pointers */
    }
    alarm->at_ns = at_ns;
    alarm->order = ++alarms->orders;
    alarms_sift(alarms, alarm, ++alarms->count);
    alarms_arm(alarms);
}

void fl_alarms_unset(struct fl_alarms *alarms, struct fl_alarm *alarm)
{
    if (alarm->place == 0) return;
    FL_ASSERT(alarm->place <= alarms->count);
    FL_ASSERT(alarms->heap[alarm->place] == alarm);
    struct fl_alarm *last = alarms->heap[alarms->count--];
    if (last != alarm) alarms_sift(alarms, last, alarm->place);
    alarm->place = 0;
}
