/* worker_pool.c: workers are killed while they work, then the whole pool with its supervisor, and
 * no job is lost. `worker_pool` runs it on the real clock, `worker_pool --sim` in virtual time. */
#include "runtime/node.h"
#include "runtime/sup.h"

#define JOBS 20

/* Whom the monkey kills as soon as this job is begun. */
static const struct strike {
    uint32_t job;
    bool at_pool;
} strikes[] = {{3, false}, {8, false}, {12, true}, {17, false}};

/* ---- the queue: a job that is begun comes back when its worker ends ---- */

enum { QUEUE_TAKE = 1, QUEUE_DONE };
enum job_state { WAITS = 0, BEGUN, DONE };

struct job {
    enum job_state state;
    struct fl_pid worker;
    uint64_t monitor;
    int times_begun;
};

struct queue {
    struct job jobs[JOBS]; /* starts zeroed: all wait */
    int done_count;
};

/* The first job in this state that this worker has (FL_NO_PID: nobody), or JOBS. */
static int job_find(const struct queue *queue, enum job_state state, struct fl_pid worker)
{
    int i = 0;
    while (i < JOBS && (queue->jobs[i].state != state || !fl_pid_eq(queue->jobs[i].worker, worker)))
        i++;
    return i;
}

static void queue_take(struct fl_self *self, struct queue *queue, const struct fl_msg *msg)
{
    int number = job_find(queue, WAITS, FL_NO_PID);
    if (number == JOBS) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_ENOTFOUND);
        return;
    }
    struct job *job = &queue->jobs[number];
    job->state = BEGUN;
    job->worker = msg->from;
    job->monitor = fl_monitor(self, msg->from);
    fl_self_reply(self, msg->from, msg->ref, &number, sizeof number);
    if (job->times_begun++ > 0) return; /* the monkey strikes each once */
    fl_send_name(self, "monkey", (uint32_t)number, &msg->from, sizeof msg->from);
}

static void queue_done(struct fl_self *self, struct queue *queue, const struct fl_msg *msg)
{
    int number = job_find(queue, BEGUN, msg->from);
    if (number == JOBS) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EREFUSED);
        return;
    }
    fl_demonitor(self, queue->jobs[number].monitor);
    queue->jobs[number].state = DONE;
    fl_self_reply(self, msg->from, msg->ref, NULL, 0);
    if (++queue->done_count < JOBS) return;
    size_t again = 0;
    for (size_t i = 0; i < FL_COUNT(strikes); i++)
        again += queue->jobs[strikes[i].job].times_begun > 1;
    printf("%d of %d jobs are done, %zu of the %zu that were struck at a second try\n",
           queue->done_count, JOBS, again, FL_COUNT(strikes));
    fl_node_stop(fl_self_node(self), 0);
}

static void queue_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == QUEUE_TAKE)
        queue_take(self, state, msg);
    else
        queue_done(self, state, msg);
}

static void queue_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    struct queue *queue = state;
    struct job *job = &queue->jobs[job_find(queue, BEGUN, who)];
    job->state = WAITS;
    job->worker = FL_NO_PID;
}

static const struct fl_server queue_server = {
    .name = "queue",
    .state_bytes = sizeof(struct queue),
    .on_call = queue_on_call,
    .on_down = queue_on_down,
};

/* ---- a worker: takes a job, works on it, says so, for ever ---- */

static int worker_on_init(struct fl_self *self, void *state, const void *args)
{
    fl_self_continue(self, 0);
    return 0;
}

static void worker_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    int job;
    int code = fl_call_name(self, "queue", QUEUE_TAKE, NULL, 0, &job, sizeof job, NULL, fl_s(5));
    fl_pause(self, fl_ms(10)); /* the work, or a rest; the monkey strikes here */
    if (code == 0) code = fl_call_name(self, "queue", QUEUE_DONE, NULL, 0, NULL, 0, NULL, fl_s(5));
    if (code != 0 && code != FL_ENOTFOUND) fl_self_fail(self, code);
    fl_self_continue(self, 0);
}

static const struct fl_server worker_server = {
    .name = "worker",
    .on_init = worker_on_init,
    .on_continue = worker_on_continue,
};

/* ---- the monkey ---- */

/* The tag of a message to it is the job, the data who has it. */
static void monkey_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_pid victim;
    memcpy(&victim, msg->data, sizeof victim);
    for (size_t i = 0; i < FL_COUNT(strikes); i++) {
        if (strikes[i].job != msg->tag) continue;
        bool at_pool = strikes[i].at_pool;
        if (at_pool) victim = fl_whereis(fl_self_node(self), "pool");
        printf("job %u is begun: the %s is killed\n", msg->tag, at_pool ? "pool" : "worker");
        fl_exit(self, victim, fl_reason_of(FL_EXIT_KILL));
    }
}

static const struct fl_server monkey_server = {.name = "monkey", .on_cast = monkey_on_cast};

/* ---- the tree ---- */

static const struct fl_child workers[] = {
    {.id = "worker.1", .server = &worker_server},
    {.id = "worker.2", .server = &worker_server},
    {.id = "worker.3", .server = &worker_server},
    {.id = "worker.4", .server = &worker_server},
};
static const struct fl_sup_opts pool = {.max_restarts = 10,
                                        .within_ns = 5 * FL_NS_PER_S,
                                        .children = workers,
                                        .children_count = FL_COUNT(workers)};

static const struct fl_child children[] = {
    {.id = "queue", .name = "queue", .server = &queue_server},
    {.id = "monkey", .name = "monkey", .server = &monkey_server},
    {.id = "pool",
     .name = "pool",
     .server = &fl_sup_server,
     .args = &pool,
     .shutdown_ns = FL_NEVER},
};
static const struct fl_sup_opts tree = {.max_restarts = 3,
                                        .within_ns = 5 * FL_NS_PER_S,
                                        .children = children,
                                        .children_count = FL_COUNT(children)};

struct tally {
    int workers, pools;
};

static void tally_on_note(void *cx, const struct fl_note *note)
{
    struct tally *tally = cx;
    if (note->kind != FL_NOTE_RESTART) return;
    if (strcmp(note->name, "pool") == 0)
        tally->pools++;
    else
        tally->workers++;
}

int main(int argc, char **argv)
{
    bool simulated = argc > 1 && strcmp(argv[1], "--sim") == 0;
    struct tally tally = {0};
    struct fl_node_opts opts = {
        .simulated = simulated, .seed = 7, .on_note = tally_on_note, .note_cx = &tally};
    struct fl_node *node = NULL;
    struct fl_pid pid;
    int code = fl_node_new(&node, &opts, NULL);
    if (code == 0) code = fl_sup_start(node, NULL, &tree, &pid);
    if (code == 0 && simulated) fl_sim_run(node, fl_s(5));
    if (code == 0 && !simulated) code = fl_node_run(node);
    if (code != 0) fprintf(stderr, "worker_pool: %s\n", fl_code_name(code));
    printf("started again: %d workers, %d pool\n", tally.workers, tally.pools);
    fl_node_free(node);
    return code == 0 ? 0 : 1;
}
