/* task_sup.h: a supervisor of tasks (Elixir: Task.Supervisor).
 *
 * A set of temporary processes that end with it: nothing is restarted. Adding one and the end of
 * one are O(1). Put it into a tree: fl_child.server = &fl_task_sup_server, .args = the options. */
#ifndef FL_RUNTIME_TASK_SUP_H
#define FL_RUNTIME_TASK_SUP_H

#include "runtime/server.h"
#include "runtime/task.h"

struct fl_task_sup_opts {
    size_t max_children; /* 0: no limit */
    fl_ns shutdown_ns;   /* how long tasks may take to end when it ends; 0: 5 s */
};

/** The server; args of it is a `const struct fl_task_sup_opts *`, or NULL. */
extern const struct fl_server fl_task_sup_server;

/** Starts one that is linked to me (Elixir: Task.Supervisor.start_link). Codes of fl_spawn. opts
 * and name may be NULL. */
int fl_task_sup_start(struct fl_self *self, const struct fl_task_sup_opts *opts, const char *name,
                      struct fl_pid *out);
/** Starts a task whose result nobody wants (Elixir: Task.Supervisor.start_child). Returns 0,
 * FL_EFULL (max_children, or too many processes), or FL_ENOPROC. out may be NULL. */
int fl_task_sup_start_child(struct fl_self *self, struct fl_pid sup, fl_task_fn fn,
                            const void *args, size_t len, struct fl_pid *out);
/** How many tasks it has, or FL_ENOPROC (Elixir: length(children)). pids gets the first pids_max of
 * them in no order; NULL: none. */
int64_t fl_task_sup_children(struct fl_self *self, struct fl_pid sup, struct fl_pid *pids,
                             size_t pids_max);
/** Ends one of its tasks by shutdown, kill after its shutdown time, and waits for that. Returns 0,
 * FL_ENOTFOUND (not one of them) or FL_ENOPROC (Elixir: terminate_child). */
int fl_task_sup_stop_child(struct fl_self *self, struct fl_pid sup, struct fl_pid task);

#endif
