/* partition.h: the same child N times, and a key that says which (OTP: PartitionSupervisor).
 *
 * One process that everybody calls is a queue; N of them are N queues, on N shards if asked. A
 * partition supervisor is a one_for_one supervisor (sup.h) with fl_sup_opts.partitions: its
 * children have the ids "0", "1", and are registered as `name/0`, `name/1`, and so on; counting and
 * nesting are a supervisor's. */
#ifndef FL_RUNTIME_PARTITION_H
#define FL_RUNTIME_PARTITION_H

#include "runtime/sup.h"

/** Starts one: opts.name, and one child that is repeated opts.partitions times (0: once a shard)
 * and spread over the shards unless it says otherwise. As fl_sup_start. (OTP:
 * PartitionSupervisor.start_link/1) */
int fl_partition_start(struct fl_node *node, struct fl_self *self, const struct fl_sup_opts *opts,
                       struct fl_pid *out);
/** How many partitions there are under this name; 0: no such supervisor. Any thread. (OTP:
 * PartitionSupervisor.partitions/1) */
uint32_t fl_partition_count(struct fl_node *node, const char *name);
/** The partition of a number: |key| modulo how many there are. FL_NO_PID when there is none, or
 * while it is restarted. Any thread. (OTP: {:via, PartitionSupervisor, {name, key}}) */
struct fl_pid fl_partition_of(struct fl_node *node, const char *name, int64_t key);
/** The partition of a text, by a hash that is the same everywhere and always; else as
 * fl_partition_of (OTP: phash2 of the key). Any thread. */
struct fl_pid fl_partition_of_text(struct fl_node *node, const char *name, const char *key);
/** Which of `count` partitions a number belongs to. */
uint32_t fl_partition_index(int64_t key, uint32_t count);
/** Which of `count` partitions a text belongs to. */
uint32_t fl_partition_index_text(const char *key, uint32_t count);

#endif
