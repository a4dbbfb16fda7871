/* inspect_core.h: what the files of the inspection share. Internal. */
#ifndef FL_RUNTIME_INSPECT_CORE_H
#define FL_RUNTIME_INSPECT_CORE_H

#include "runtime/core.h"
#include "runtime/inspect.h"

/** Fills in what is seen of a process. On its shard. */
void fl_proc_describe(const struct fl_self *self, struct fl_proc_info *out);
/** Whom it has called and waits for, or FL_NO_PID. On its shard. */
struct fl_pid fl_proc_waits_for(const struct fl_self *self);
/** Appends a pid as a JSON string. */
void fl_pid_put_json(struct fl_buf *out, struct fl_pid pid);
/** Appends the counts of a shard. */
void fl_shard_put_json(struct fl_buf *out, const struct fl_shard_info *shard);
/** Appends the members of a process, without the braces. */
void fl_proc_put_json(struct fl_buf *out, const struct fl_proc_info *info);

/* inspect_sup.c: the only part that knows the insides of a supervisor */
struct fl_sup_view {
    const char *strategy; /* "one_for_one", … */
    int restarts;         /* within the period, up to now */
    int restarts_max;
    fl_ns within_ns;
    uint64_t children; /* all of them */
};
struct fl_sup_view_child {
    const char *id;     /* or NULL */
    const char *server; /* kind of process */
    const char *state;  /* "running", "restarting", "undefined" */
    struct fl_pid pid;  /* or FL_NO_PID */
};
/** What is seen of a supervisor. On its shard. */
struct fl_sup_view fl_sup_look(struct fl_self *self);
/** Calls fn for its children, the last started first, but not for more than so many. On its shard.
 */
void fl_sup_look_at_children(struct fl_self *self, size_t most,
                             void (*fn)(void *cx, const struct fl_sup_view_child *child), void *cx);

#endif
