#include "chaos/fault.h"

#include "chaos/injection.h"
#include "chaos/toxic.h"

static const struct fl_param fault_kill_params[] = {
    {"signal", FL_PARAM_SIGNAL, false, 1, 64, "KILL", "the signal that is sent"},
    {0},
};

const struct fl_fault fl_faults[] = {
    {"kill", FL_AIM_PROCESS, FL_FAULT_INSTANT, fault_kill_params,
     "ends an OS process by a signal, without warning", fl_fault_kill_begin, NULL},
    {"pause", FL_AIM_PROCESS, FL_FAULT_WINDOWED, NULL,
     "stops an OS process (SIGSTOP) and lets it go on", fl_fault_pause_begin, fl_fault_pause_end},
    {"crash", FL_AIM_RUNTIME, FL_FAULT_INSTANT, NULL,
     "ends one runtime process inside a service, as service:glob names it", fl_fault_crash_begin,
     NULL},
    {"cut", FL_AIM_LINK, FL_FAULT_WINDOWED, NULL,
     "resets the connections of a link and refuses new ones", fl_fault_cut_begin,
     fl_fault_link_end},
    {"latency", FL_AIM_LINK, FL_FAULT_WINDOWED, fl_toxic_latency_params,
     "delays the data of a link", fl_fault_latency_begin, fl_fault_link_end},
    {0},
};

const struct fl_fault *fl_fault_find(const char *name)
{
    FL_ASSERT(name != NULL);
    for (size_t i = 0; fl_faults[i].name != NULL; i++)
        if (strcmp(fl_faults[i].name, name) == 0) return &fl_faults[i];
    return NULL;
}

const char *fl_aim_name(enum fl_aim aim)
{
    static const char *const names[] = {"none", "process", "runtime", "link"};
    FL_ASSERT(aim >= FL_AIM_PROCESS && aim <= FL_AIM_LINK);
    return names[aim];
}

const char *fl_fault_class_name(enum fl_fault_class fault_class)
{
    FL_ASSERT(fault_class == FL_FAULT_INSTANT || fault_class == FL_FAULT_WINDOWED);
    return fault_class == FL_FAULT_INSTANT ? "instant" : "windowed";
}
