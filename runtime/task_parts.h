/* task_parts.h: what the files of tasks share and nobody else sees. */
#ifndef FL_RUNTIME_TASK_PARTS_H
#define FL_RUNTIME_TASK_PARTS_H

#include "runtime/task.h"

/* Before the args of every task, in its own memory. */
struct fl_task_run;
struct fl_task_head {
    _Alignas(16) fl_task_fn fn;
    struct fl_pid owner; /* FL_NO_PID: nobody wants the result */
    struct fl_pid alias; /* where the result goes; 0: it waits to be told */
    struct fl_task_run *run;
    uint32_t magic;
    bool is_linked;
};
#define FL_TASK_MAGIC 0x5441534bu
/* What a task supervisor is asked to start: this, then a head, then args. */
struct fl_task_order {
    _Alignas(16) struct fl_task_opts opts;
};
enum {
    FL_TASK_GO = 0x666c7467, /* to the task: the alias to answer to */
    FL_TASK_SUP_START = 1,
    FL_TASK_SUP_COUNT,
    FL_TASK_SUP_CHILDREN,
    FL_TASK_SUP_STOP,
};

/** The body of every task: args is a head and what follows it. */
void fl_task_body(struct fl_self *self, const void *args, size_t len);
/** Is this mine to wait for? */
bool fl_task_is_mine(struct fl_self *self, const struct fl_task *task);
/** Is this message a result or the DOWN of a task, whichever? */
bool fl_task_is_answer(const struct fl_msg *msg);
/** The answer of a task was received: it is answered for. */
void fl_task_settle(struct fl_self *self, struct fl_task *task, const struct fl_msg *msg,
                    struct fl_task_result *result);
/** Ends me as await does when a task ended like this. */
FL_NORETURN void fl_task_exit_like(struct fl_self *self, const struct fl_task_result *result);
/** Asks a supervisor to start a head with args. 0 and *pid, FL_EFULL, or FL_ENOPROC. */
int fl_task_sup_order(struct fl_self *self, const struct fl_task_opts *opts,
                      const struct fl_task_head *head, const void *args, size_t len,
                      struct fl_pid *pid);

#endif
