#include "services/queue/worker.h"

struct worker {
    struct fl_worker_args args;
    struct fl_buf out; /* of the handler that runs */
};

static void worker_fini(void *ptr)
{
    struct worker *worker = ptr;
    fl_buf_fini(&worker->out);
}

static int worker_on_init(struct fl_self *self, void *state, const void *args)
{
    struct worker *worker = state;
    memcpy(&worker->args, args, sizeof worker->args);
    fl_self_own(self, worker, worker_fini);
    return fl_send(self, worker->args.pool, FL_WORKER_READY, NULL, 0);
}

static void worker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct worker *worker = state;
    struct fl_worker_run run;
    if (msg->tag != FL_WORKER_RUN || msg->len < sizeof run) return;
    memcpy(&run, msg->data, sizeof run);
    const struct fl_pool_job job = {
        .id = run.id,
        .attempt = run.attempt,
        .queue = fl_str_of(run.queue),
        .payload = {(const char *)msg->data + sizeof run, msg->len - sizeof run},
    };
    struct fl_worker_ran ran = {.id = run.id};
    struct fl_buf *out = &worker->out;
    out->len = 0;
    fl_buf_add(out, &ran, sizeof ran);
    ran.code = worker->args.handler->run(self, &job, out);
    memcpy(out->at, &ran, sizeof ran);
    fl_send(self, worker->args.pool, FL_WORKER_RAN, out->at, out->len);
}

const struct fl_server fl_worker_server = {
    .name = "queue.worker",
    .state_bytes = sizeof(struct worker),
    .on_init = worker_on_init,
    .on_cast = worker_on_cast,
};
