#include "engine/interrupt.h"

#include <signal.h>

size_t fl_interrupt_signals(int out[FL_INTERRUPTS_MAX])
{
    static const int always[] = {SIGINT, SIGTERM};
    size_t count = 0;
    for (size_t i = 0; i < FL_COUNT(always); i++)
        out[count++] = always[i];
    struct sigaction now;
    if (sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler != SIG_IGN) out[count++] = SIGHUP;
    FL_ASSERT(count <= FL_INTERRUPTS_MAX);
    return count;
}

static void set_all(void (*handler)(int))
{
    int numbers[FL_INTERRUPTS_MAX];
    size_t count = fl_interrupt_signals(numbers);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < count; i++)
        sigaction(numbers[i], &action, NULL);
}

/* In a signal handler: sigaction may be called there. */
static void on_first(int number)
{
    (void)number;
    set_all(SIG_IGN);
}

void fl_interrupt_note(void)
{
    set_all(on_first);
}

bool fl_interrupt_came(void)
{
    struct sigaction now;
    return sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void fl_interrupt_hold(bool hold)
{
    int numbers[FL_INTERRUPTS_MAX];
    size_t count = fl_interrupt_signals(numbers);
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
