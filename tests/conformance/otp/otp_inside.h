/* otp_inside.h: the three numbers of a shard that no process can see. The only place where the
 * cases know the runtime's insides; to be asked on shard 0, of what happens there. */
#ifndef FL_TESTS_OTP_INSIDE_H
#define FL_TESTS_OTP_INSIDE_H

#include "runtime/core.h"

/** How many messages were dropped because nobody had that pid. */
static inline uint64_t inside_dropped_dead(const struct fl_node *node)
{
    return node->shards[0].counts.dropped_dead;
}
/** How many answers came after their call had ended. */
static inline uint64_t inside_late_replies(const struct fl_node *node)
{
    return node->shards[0].counts.late_replies;
}
/** How many timers of processes run. */
static inline size_t inside_timers(const struct fl_node *node)
{
    return fl_timer_count(&node->shards[0]);
}

#endif
