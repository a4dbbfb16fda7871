#include "runtime/core.h"

/* An alias is a ref with one more bit, in the place of a pid: it finds its record, not a process,
 * so a send to it takes one look more. A monitor's ref can be one too. */

static struct fl_pid alias_pid(uint64_t ref)
{
    return (struct fl_pid){ref | FL_ID_ALIAS};
}

static struct fl_alias *alias_find(struct fl_shard *shard, uint64_t ref)
{
    uint8_t *record = fl_table_find(&shard->refs, ref);
    if (record == NULL || *record != FL_RECORD_ALIAS) return NULL;
    return FL_OWNER(record, struct fl_alias, record);
}

static void alias_free(struct fl_shard *shard, struct fl_alias *alias)
{
    fl_table_give(&shard->refs, alias->ref);
    fl_list_remove(&alias->of_owner);
    fl_cell_free(shard, alias, sizeof *alias);
}

struct fl_pid fl_alias(struct fl_self *self, enum fl_alias_mode mode)
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(mode == FL_ALIAS_EXPLICIT || mode == FL_ALIAS_REPLY);
    struct fl_alias *alias = fl_cell_new_zeroed(shard, sizeof *alias);
    alias->record = FL_RECORD_ALIAS;
    alias->mode = (uint8_t)mode;
    alias->owner = self;
    alias->ref = fl_table_take(&shard->refs, shard->id, alias);
    FL_ASSERT(alias->ref != 0);
    fl_list_push(&fl_proc_cold(self)->aliases, &alias->of_owner);
    return alias_pid(alias->ref);
}

bool fl_unalias(struct fl_self *self, struct fl_pid pid)
{
    struct fl_shard *shard = self->shard;
    if (!(pid.bits & FL_ID_ALIAS) || !fl_shard_has(shard, pid)) return false;
    uint64_t ref = pid.bits & ~FL_ID_ALIAS;
    struct fl_alias *alias = alias_find(shard, ref);
    if (alias != NULL && alias->owner == self) {
        alias_free(shard, alias);
        return true;
    }
    struct fl_monitor *monitor = fl_monitor_find(shard, ref);
    if (monitor == NULL || monitor->owner != self || monitor->alias == 0) return false;
    monitor->alias = 0; /* the monitor stays */
    if (monitor->is_spent) fl_monitor_drop(monitor);
    return true;
}

uint64_t fl_monitor_alias(struct fl_self *self, struct fl_pid other, enum fl_alias_mode mode,
                          struct fl_pid *alias)
{
    uint64_t ref = fl_monitor_add(self, fl_proc_find(self->shard, other), other);
    struct fl_monitor *monitor = fl_monitor_find(self->shard, ref);
    FL_ASSERT(monitor != NULL);
    monitor->alias = (uint8_t)(1 + mode);
    *alias = alias_pid(ref);
    return ref;
}

static struct fl_self *alias_of_monitor(struct fl_shard *shard, struct fl_sig *sig, uint64_t ref)
{
    struct fl_monitor *monitor = fl_monitor_find(shard, ref);
    if (monitor == NULL || monitor->alias == 0) return NULL;
    enum fl_alias_mode mode = (enum fl_alias_mode)(monitor->alias - 1);
    struct fl_self *owner = monitor->owner;
    if (mode == FL_ALIAS_DEMONITOR && monitor->has_fired) return NULL;
    if (mode == FL_ALIAS_REPLY_DEMONITOR)
        fl_monitor_drop(monitor);
    else if (mode == FL_ALIAS_REPLY)
        monitor->alias = 0;
    sig->ref = ref;
    return owner;
}

struct fl_self *fl_alias_resolve(struct fl_shard *shard, struct fl_sig *sig)
{
    if (!(sig->to.bits & FL_ID_ALIAS)) return NULL;
    uint64_t ref = sig->to.bits & ~FL_ID_ALIAS;
    struct fl_alias *alias = alias_find(shard, ref);
    if (alias == NULL) return alias_of_monitor(shard, sig, ref);
    struct fl_self *owner = alias->owner;
    sig->ref = ref;
    if (alias->mode == FL_ALIAS_REPLY) alias_free(shard, alias);
    return owner;
}

void fl_alias_drop_all(struct fl_self *self)
{
    struct fl_cold *cold = self->cold;
    FL_ASSERT(cold != NULL);
    while (!fl_list_is_empty(&cold->aliases))
        alias_free(self->shard, FL_OWNER(cold->aliases.next, struct fl_alias, of_owner));
}
