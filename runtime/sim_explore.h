/* sim_explore.h: runs one scenario in many orders, until one of them fails.
 *
 * Knows: node.h, sim.h. Thread: the calling one, start to end. */
#ifndef FL_RUNTIME_SIM_EXPLORE_H
#define FL_RUNTIME_SIM_EXPLORE_H

#include "runtime/node.h"

struct fl_sim_explore {
    /* Of every run; simulated or not. name is the program's: a schedule is of that program only.
     * Run i has seed + i. With FL_SIM_PCT and pct_steps 0, the first run is FL_SIM_FIFO and counts
     * the steps. */
    struct fl_node_opts node;
    unsigned runs;        /* at most; 0: 100 */
    fl_ns run_ns;         /* of virtual time, each; 0: 60 s */
    unsigned shrink_runs; /* at most, to find a simpler failing order; 0: 300 */
    bool is_quiet;        /* says nothing on stderr */
    bool ignores_env;     /* does not look at FL_SIM_REPLAY in the environment */
};

/** Starts the scenario in a fresh node; resets what cx remembers of the last run. 0, or a code that
 * ends the exploration. */
typedef int (*fl_sim_setup_fn)(struct fl_node *node, void *cx);
/** After the run: 0 when all is well, anything else is a failure. */
typedef int (*fl_sim_check_fn)(struct fl_node *node, void *cx);

struct fl_sim_found {
    bool has_failed;
    int code;            /* of the check */
    unsigned runs;       /* how many were made, without those of shrinking */
    uint64_t seed;       /* of the run that failed */
    uint64_t steps;      /* of the longest run */
    uint64_t runners;    /* most of any run (FL_SIM_PCT) */
    char *schedule;      /* that fails, shrunk; NULL when nothing failed */
    unsigned deviations; /* from first come, first served, in it */
    uint64_t trace_hash; /* of the run with that schedule */
    char *text; /* what to print: the seed and how to replay, or what went wrong; or NULL */
};

/** Runs setup, the scenario and check in one order after the other and stops at the first failure;
 * its order is made simpler while it still fails, then printed on stderr. With FL_SIM_REPLAY=string
 * in the environment, and the string of this program, that order alone is run. Returns 0, whether
 * or not something failed (found->has_failed); what setup returned; or FL_EPARSE, FL_ERANGE,
 * FL_EBADMSG for options, a string, or a replay that went another way (words in found->text). Free
 * with fl_sim_found_fini. */
int fl_sim_explore(const struct fl_sim_explore *explore, fl_sim_setup_fn setup,
                   fl_sim_check_fn check, void *cx, struct fl_sim_found *found);
/** Frees the schedule and the words. */
void fl_sim_found_fini(struct fl_sim_found *found);

#endif
