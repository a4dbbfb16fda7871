/* injector_state.h: what an injector and its injections hold. Private to injector.c (when things
 * happen) and injection.c (what a fault may ask and say). */
#ifndef FL_CHAOS_INJECTOR_STATE_H
#define FL_CHAOS_INJECTOR_STATE_H

#include "chaos/alarms.h"
#include "chaos/injection.h"

/* Where an injection is. Effect and missed are facts along the way, not states: a latency that
 * delayed nothing is missed when it ends. */
enum injection_state {
    INJECTION_WAITS = 0, /* for its time */
    INJECTION_BEGUN,
    INJECTION_ENDING, /* being undone */
    INJECTION_OVER,
};

struct fl_injection {
    struct fl_injector *injector;
    const struct fl_fault *fault;
    const char *target;    /* the plan's */
    const cJSON *settings; /* the plan's */
    int64_t index;
    fl_ns at_ns, for_ns; /* from the start of the storm */
    fl_ns planned_ns;    /* CLOCK_MONOTONIC */
    fl_ns undo_ns;       /* when its undoing began; 0: it has not */
    uint64_t pick;
    enum injection_state state;
    bool requested, settled, in_effect;
    struct fl_alarm turn; /* begins, then ends */
    struct fl_alarm wake; /* the fault's own */
    void (*on_wake)(struct fl_injection *injection);
    pid_t exit_pid; /* 0: no exit is waited for */
    char *exit_instance;
    void (*on_exit)(struct fl_injection *injection, fl_ns at_ns);
    void *own;
    void (*own_fini)(void *own);
    struct fl_injection_ask *asks;
};

struct fl_injection_ask {
    struct fl_injection *injection; /* NULL: that is gone */
    struct fl_injection_ask *next;
    void *tag;
    fl_ns until_ns; /* after this no answer comes */
};

struct fl_injector {
    struct fl_injector_world world;
    struct fl_journal *journal;
    uv_loop_t *loop;
    struct fl_alarms *alarms; /* NULL once healed */
    struct fl_injection *injections;
    size_t count;
    bool healing;
    struct fl_alarm finish;
    fl_ns heal_until_ns;
    void (*on_healed)(void *cx);
    void *healed_cx;
};

/** One more injection is over: when all are and healing was asked for, it is done. */
void fl_injector_look_healed(struct fl_injector *injector);
/** Ends the injection, whatever it waits for. */
void fl_injection_over(struct fl_injection *injection);
/** Leaves requests without an answer to themselves; before the injection's memory goes. */
void fl_injection_leave_asks(struct fl_injection *injection);

#endif
