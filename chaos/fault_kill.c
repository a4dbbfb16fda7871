/* fault_kill.c: a signal to an instance's OS process. The evidence is its exit, as its supervisor
 * saw it. */
#include <errno.h>
#include <signal.h>

#include "chaos/injection.h"
#include "chaos/target.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

static const fl_ns kill_horizon_ns = 10 * FL_NS_PER_S;

struct kill_fault {
    pid_t pid;
    int signal;
    char instance[64];
};

static void kill_tell(struct fl_injection *injection, bool will)
{
    const struct fl_injector_world *world = fl_injection_world(injection);
    const struct kill_fault *own = fl_injection_own(injection, sizeof *own);
    if (world->will_end != NULL) world->will_end(world->cx, own->instance, will);
}

static void kill_on_exit(struct fl_injection *injection, fl_ns at_ns)
{
    const struct kill_fault *own = fl_injection_own(injection, sizeof *own);
    fl_injection_effect(injection, at_ns, "exit of pid %d seen after signal %d", (int)own->pid,
                        own->signal);
}

static void kill_on_horizon(struct fl_injection *injection)
{
    const struct kill_fault *own = fl_injection_own(injection, sizeof *own);
    fl_injection_forget_exit(injection);
    kill_tell(injection, false);
    fl_injection_missed(injection, "pid %d still runs %d s after signal %d", (int)own->pid,
                        (int)(kill_horizon_ns / FL_NS_PER_S), own->signal);
}

void fl_fault_kill_begin(struct fl_injection *injection)
{
    struct kill_fault *own = fl_injection_own(injection, sizeof *own);
    own->signal = (int)fl_json_int(fl_injection_settings(injection), "signal", SIGKILL);
    char *instance = fl_target_choose(injection, &own->pid);
    if (own->pid == 0) {
        fl_injection_missed(injection, "%s is down", fl_injection_target(injection));
        free(instance);
        return;
    }
    fl_injection_requested(injection, instance);
    fl_injection_on_exit(injection, instance, own->pid, kill_on_exit);
    fl_injection_wake(injection, fl_now() + kill_horizon_ns, kill_on_horizon);
    snprintf(own->instance, sizeof own->instance, "%s", instance);
    free(instance);
    kill_tell(injection, true);
    if (kill(own->pid, own->signal) != 0) {
        int why = errno;
        fl_injection_forget_exit(injection);
        kill_tell(injection, false);
        fl_injection_missed(injection, "signal %d to pid %d: %s", own->signal, (int)own->pid,
                            strerror(why));
    }
}
