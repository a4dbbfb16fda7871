/* fault_pause.c: SIGSTOP and SIGCONT. A signal sent is not a process stopped: the kernel's state
 * letter is the evidence, both ways. */
#include <errno.h>
#include <signal.h>

#include "chaos/injection.h"
#include "chaos/target.h"
#include "runtime/base/clock.h"
#include "runtime/base/proc_state.h"

static const fl_ns pause_look_every_ns = 250 * FL_NS_PER_US;
static const fl_ns pause_stop_within_ns = 2 * FL_NS_PER_S;

struct pause_fault {
    pid_t pid;
    fl_ns until_ns;
};

static struct pause_fault *pause_of(struct fl_injection *injection)
{
    return fl_injection_own(injection, sizeof(struct pause_fault));
}

static void pause_on_exit(struct fl_injection *injection, fl_ns at_ns)
{
    if (!fl_injection_is_settled(injection))
        fl_injection_missed(injection, "the process ended before it was seen stopped");
    else
        fl_injection_healed(injection, "pid %d ended", (int)pause_of(injection)->pid);
}

static void pause_look(struct fl_injection *injection)
{
    const struct pause_fault *own = pause_of(injection);
    char state = fl_proc_state(own->pid);
    if (state == 'T' || state == 't') {
        fl_injection_effect(injection, fl_now(), "pid %d in state %c", (int)own->pid, state);
    } else if (fl_now() < own->until_ns) {
        fl_injection_wake(injection, fl_now() + pause_look_every_ns, pause_look);
    } else {
        kill(own->pid, SIGCONT);
        fl_injection_forget_exit(injection);
        fl_injection_missed(injection, "pid %d in state %c, not T, after SIGSTOP", (int)own->pid,
                            state == 0 ? '-' : state);
    }
}

void fl_fault_pause_begin(struct fl_injection *injection)
{
    struct pause_fault *own = pause_of(injection);
    char *instance = fl_target_choose(injection, &own->pid);
    if (own->pid == 0) {
        fl_injection_missed(injection, "%s is down", fl_injection_target(injection));
        free(instance);
        return;
    }
    own->until_ns = fl_now() + pause_stop_within_ns;
    fl_injection_requested(injection, instance);
    fl_injection_on_exit(injection, instance, own->pid, pause_on_exit);
    free(instance);
    if (kill(own->pid, SIGSTOP) != 0) {
        int why = errno;
        fl_injection_forget_exit(injection);
        fl_injection_missed(injection, "SIGSTOP to pid %d: %s", (int)own->pid, strerror(why));
        return;
    }
    pause_look(injection);
}

static void pause_look_again(struct fl_injection *injection)
{
    const struct pause_fault *own = pause_of(injection);
    char state = fl_proc_state(own->pid);
    if (state == 0)
        fl_injection_healed(injection, "pid %d is gone", (int)own->pid);
    else if (state != 'T' && state != 't')
        fl_injection_healed(injection, "pid %d in state %c", (int)own->pid, state);
    else /* as long as it takes; heal() has the deadline */
        fl_injection_wake(injection, fl_now() + pause_look_every_ns, pause_look_again);
}

void fl_fault_pause_end(struct fl_injection *injection)
{
    const struct pause_fault *own = pause_of(injection);
    if (fl_injection_is_shared(injection, own->pid)) {
        fl_injection_healed(injection, "pid %d is kept stopped by a later pause", (int)own->pid);
        return;
    }
    kill(own->pid, SIGCONT);
    pause_look_again(injection);
}
