#include "runtime/core.h"

/* fl_blocking: a job on libuv's thread pool, and who waits for it. */
struct job {
    uv_work_t work;
    struct fl_shard *shard;
    struct fl_pid pid;
    uint64_t ref;
    int (*fn)(void *arg);
    void *arg;
    void (*free_arg)(void *arg);
    int result;
    bool is_done, is_orphan;
};

static void job_drop(struct job *job)
{
    if (job->free_arg != NULL) job->free_arg(job->arg);
    free(job);
}

static void job_abandon(void *ptr)
{
    struct job *job = ptr;
    if (job->is_done)
        job_drop(job);
    else
        job->is_orphan = true;
}

static void job_run(uv_work_t *work)
{
    struct job *job = FL_OWNER(work, struct job, work);
    job->result = job->fn(job->arg);
}

static void job_after(uv_work_t *work, int status)
{
    struct job *job = FL_OWNER(work, struct job, work);
    FL_ASSERT(job->shard->jobs > 0);
    job->shard->jobs--;
    job->is_done = true;
    if (status != 0) job->result = status;
    if (job->is_orphan) {
        job_drop(job);
        return;
    }
    struct fl_self *self = fl_proc_find(job->shard, job->pid);
    FL_ASSERT(self != NULL && self->stack->wait.ref == job->ref);
    fl_call_end_wait(self, 0);
}

int fl_blocking(struct fl_self *self, int (*fn)(void *arg), void *arg, void (*free_arg)(void *arg))
{
    struct fl_shard *shard = self->shard;
    FL_ASSERT(shard->running == self);
    if (shard->is_simulated) return fn(arg); /* time stands still meanwhile */
    struct job *job = fl_new(struct job);
    struct fl_stack *stack = shard->stack;
    job->shard = shard;
    job->pid = self->pid;
    job->fn = fn;
    job->arg = arg;
    job->free_arg = free_arg;
    job->ref = fl_shard_next_ref(shard);
    stack->wait.ref = job->ref;
    stack->wait.job = job;
    stack->wait.on_abandon = job_abandon;
    stack->wait.must_finish = free_arg == NULL; /* arg may be on our stack */
    int rc = uv_queue_work(&shard->loop, &job->work, job_run, job_after);
    FL_ASSERT(rc == 0);
    shard->jobs++;
    fl_proc_park(self);
    int result = job->result;
    stack->wait = (struct fl_wait){0};
    free(job);
    return result;
}
