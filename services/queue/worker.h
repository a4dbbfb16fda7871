/* worker.h: one worker of a pool: runs the handler on the job that it is handed. */
#ifndef FL_QUEUE_WORKER_H
#define FL_QUEUE_WORKER_H

#include "services/queue/pool.h"

/** Between a pool and its workers. */
enum fl_worker_tag {
    FL_WORKER_READY = 1, /* to the pool: I am here, give me work */
    FL_WORKER_RUN,       /* to the worker: struct fl_worker_run, payload */
    FL_WORKER_RAN,       /* to the pool: struct fl_worker_ran, result or words */
};
struct fl_worker_run {
    int64_t id;
    int attempt;
    char queue[FL_STORE_QUEUE_MAX + 1];
};
struct fl_worker_ran {
    int64_t id;
    int code; /* 0: done */
};
struct fl_worker_args {
    struct fl_pid pool;
    const struct fl_pool_handler *handler;
};

/** args: struct fl_worker_args, copied. */
extern const struct fl_server fl_worker_server;

#endif
