/* bare_timer: how late a timerfd is on this machine in a process that does nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define COUNT 5000
#define GAP_NS INT64_C(1000000)

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(void)
{
    static int64_t late[COUNT];
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    int64_t due = now_ns() + GAP_NS;
    for (int i = 0; i < COUNT; i++, due += GAP_NS) {
        struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
        uint64_t rings;
        timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
        if (read(fd, &rings, sizeof rings) < 0) return 1;
        late[i] = now_ns() - due;
    }
    qsort(late, COUNT, sizeof *late, compare);
    printf("bare_timer.p50 %lld us\nbare_timer.p99 %lld us\nbare_timer.max %lld us\n",
           (long long)late[COUNT / 2] / 1000, (long long)late[COUNT * 99 / 100] / 1000,
           (long long)late[COUNT - 1] / 1000);
    return 0;
}
