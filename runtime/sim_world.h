/* sim_world.h: what the files of the simulated world share.
 *
 * Knows: core.h. Everything here belongs to the one shard of a simulated node. */
#ifndef FL_RUNTIME_SIM_WORLD_H
#define FL_RUNTIME_SIM_WORLD_H

#include "runtime/core.h"

/* ---- sim_queue.c: who could go on, in the order in which they became able to */

struct fl_sim_channel;
struct fl_sim_entry {
    uint64_t key;                   /* names the candidate through a run, and in the next */
    uint32_t *at;                   /* where it keeps its place in the queue; NULL: a gap */
    struct fl_self *self;           /* a process that can run, or */
    struct fl_sim_channel *channel; /* a pair of processes with a message that can be delivered */
};
struct fl_sim_queue {
    struct fl_sim_entry *entries;
    uint32_t *sums; /* Fenwick tree of how many of entries are no gaps */
    uint32_t cap, tail, count;
};
/** Appends a candidate; its place goes to *entry.at, and is kept up to date there. */
void fl_sim_queue_push(struct fl_sim_queue *queue, struct fl_sim_entry entry);
/** Takes out what is at this place. */
void fl_sim_queue_remove(struct fl_sim_queue *queue, uint32_t at);
/** The place of the candidate that `index` others have waited longer than. */
uint32_t fl_sim_queue_at(const struct fl_sim_queue *queue, uint32_t index);
/** Frees what the queue allocated. */
void fl_sim_queue_fini(struct fl_sim_queue *queue);

/* ---- sim_schedule.c: which one does, and the record of it */

#define FL_SIM_DEVIATIONS_MAX (1u << 22) /* beyond this a schedule is no short string any more */

/* A choice that was not the first candidate. */
struct fl_sim_deviation {
    uint32_t choice; /* the how manieth choice, from 1 */
    uint32_t index;
};
struct fl_sim_script {
    struct fl_sim_deviation *deviations;
    size_t count, cap;
    uint64_t seed;
    uint64_t choices;     /* how many there were */
    uint32_t fingerprint; /* of all of them */
};
/** Appends one. */
void fl_sim_script_add(struct fl_sim_script *script, struct fl_sim_deviation deviation);
/** Frees what it allocated; it is empty after. */
void fl_sim_script_fini(struct fl_sim_script *script);

struct fl_sim {
    struct fl_shard *shard;
    const struct fl_sim_opts *opts; /* of the node */
    struct fl_sim_queue queue;
    fl_ns end_ns; /* of fl_sim_run: time does not jump past it */
    uint64_t hash, steps, choices;
    int taken; /* messages, by whoever runs, since it was chosen */
    struct fl_rng rng;
    /* the record */
    struct fl_sim_script record;
    uint64_t choices_hash;
    bool is_too_long;
    /* the replay */
    struct fl_sim_script replay;
    size_t replay_next;
    bool is_lenient; /* the script was edited: follow it as far as it makes sense */
    struct fl_err diverged;
    /* PCT */
    uint64_t *changes; /* step numbers */
    unsigned changes_count;
    struct fl_map priorities;
    /* delayed delivery */
    struct fl_rng latency_rng;
    struct fl_map channels;
};

#define FL_SIM_KEY_TIME UINT64_C(1) /* of the candidate "time goes on": no pid, no pair */

/** Reads the options of the node. FL_ERANGE or FL_EPARSE with words. */
int fl_sim_schedule_init(struct fl_sim *sim, struct fl_err *err);
/** Frees what it allocated. */
void fl_sim_schedule_fini(struct fl_sim *sim);
/** One step: the index of the candidate that goes on; queue.count is time, when with_time. */
uint32_t fl_sim_choose(struct fl_sim *sim, bool with_time);
/** Puts a fact into the trace hash. */
void fl_sim_mix(struct fl_sim *sim, uint64_t fact);
/** From now on the node follows this script where it can, whatever its scheduler. Copies it. */
void fl_sim_follow(struct fl_node *node, const struct fl_sim_script *script);
/** The record so far; deviations stay the node's. NULL: too long. */
const struct fl_sim_script *fl_sim_record(const struct fl_node *node);

/* ---- sim_string.c: a script as a word */

/** Writes it for the program of this name; free with free(). */
char *fl_sim_string_render(const struct fl_sim_script *script, const char *program);
/** Reads it. FL_EPARSE: no schedule, or cut, or mistyped; FL_ENOTFOUND: of another program. */
int fl_sim_string_parse(const char *text, const char *program, struct fl_sim_script *script,
                        struct fl_err *err);

/* ---- sim_delivery.c: messages on their way */

/** Hands over the message that a pair has waited with longest. */
void fl_sim_deliver(struct fl_sim *sim, struct fl_sim_channel *channel);
/** Frees all that is on its way. */
void fl_sim_delivery_fini(struct fl_sim *sim);

#endif
