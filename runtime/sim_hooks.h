/* sim_hooks.h: where the runtime asks the simulated world. Included by core.h, and by nothing else.
 *
 * All but fl_sim_open, fl_sim_close and fl_sim_has_work are for shards that are simulated. */
#ifndef FL_RUNTIME_SIM_HOOKS_H
#define FL_RUNTIME_SIM_HOOKS_H

/** Opens the world of a simulated shard. FL_ERANGE, FL_EPARSE with words. */
int fl_sim_open(struct fl_shard *shard, struct fl_err *err);
/** Closes it, with all messages that are on their way; none is fine. */
void fl_sim_close(struct fl_shard *shard);
/** Puts a process into the simulated run queue. */
void fl_sim_push(struct fl_self *self);
/** Takes one out that is in it. */
void fl_sim_remove(struct fl_self *self);
/** One step: chooses who goes on and takes it out of the queue. NULL: nobody could, or the step was
 * a delivery or a jump of time. */
struct fl_self *fl_sim_pop(struct fl_shard *shard);
/** Can anybody go on, or anything be delivered? False for a shard that is not simulated. */
bool fl_sim_has_work(const struct fl_shard *shard);
/** How many messages a process handles before others may run. */
int fl_sim_quantum(const struct fl_shard *shard);
/** A process is about to look for a message: lets others run first when it had its quantum. */
void fl_sim_on_receive(struct fl_self *self);
/** Keeps a signal on its way when delivery is delayed: then takes it and returns true. */
bool fl_sim_hold(struct fl_shard *shard, struct fl_sig *sig);
/** Delivers at once what one process has on its way to another; false when nothing was. */
bool fl_sim_flush(struct fl_shard *shard, struct fl_pid from, struct fl_pid to);
/** May this timeout fire? Else it is as if it took for ever. */
bool fl_sim_may_fire(const struct fl_shard *shard, const struct fl_timer *timer);

#endif
