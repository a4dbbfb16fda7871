/* tasks.h: /tasks of the contract: a board that all views share. */
#ifndef FL_ACCEPT_TASKS_H
#define FL_ACCEPT_TASKS_H

#include "services/live/live.h"

#define TASKS_MAX 1000
#define TASKS_TITLE_MAX 120
#define TASKS_NAME "contract_tasks"

struct task {
    int32_t id;
    bool is_done;
    char title[TASKS_TITLE_MAX];
};
/* As a stream shows it. */
struct task_item {
    char dom_id[32];
    struct task task;
};
struct tasks {
    struct fl_live_stream items;
    int total;
    bool is_too_long;
    char draft[TASKS_TITLE_MAX];
};

extern const struct fl_live_view contract_tasks;
/** Starts the process that has the board. */
int contract_tasks_start(struct fl_node *node);

/* What views send to it: casts, but for TASKS_JOIN, a call that is answered with all tasks. */
enum {
    TASKS_JOIN = 0x746b0001, /* tell me of changes; answered by struct task … */
    TASKS_ADD,               /* a title, at the end */
    TASKS_ADD_TOP,           /* a title, at the top */
    TASKS_TOGGLE,            /* an int32_t id */
    TASKS_DELETE,            /* an int32_t id */
    /* to views: struct tasks_change */
    TASKS_CHANGED,
};
struct tasks_change {
    struct task task;
    int at; /* FL_LIVE_LAST, FL_LIVE_FIRST */
    bool is_gone;
    int total;
};

#endif
