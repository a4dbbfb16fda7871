#include "services/disk/clerk.h"

#include "runtime/base/clock.h"
#include "services/disk/held.h"

/* tags of its own casts */
enum { CLERK_OPEN = 1, CLERK_WORK };

/* ---- the batch */

static struct fl_clerk_batch *batch_new(struct fl_held *held)
{
    struct fl_clerk_batch *batch = fl_new(struct fl_clerk_batch);
    batch->held = fl_held_retain(held);
    return batch;
}

static void batch_free(void *ptr)
{
    struct fl_clerk_batch *batch = ptr;
    for (size_t i = 0; i < batch->count; i++) {
        free((char *)batch->asks[i].bytes.at);
        fl_buf_fini(&batch->asks[i].answer);
    }
    free(batch->asks);
    fl_held_release(batch->held);
    free(batch);
}

/** False: there is enough in it. */
static bool batch_add(struct fl_clerk_batch *batch, const struct fl_clerk_kind *kind,
                      const struct fl_msg *call)
{
    size_t weight = kind->weigh(call);
    bool is_full = batch->count == kind->asks_max || batch->weight + weight > kind->weight_max;
    if (is_full && batch->count > 0) return false;
    if (batch->count == batch->cap) {
        batch->cap = batch->cap == 0 ? 16 : batch->cap * 2;
        batch->asks = fl_realloc(batch->asks, batch->cap * sizeof *batch->asks);
    }
    char *bytes = fl_alloc(call->len + 1);
    if (call->len > 0) memcpy(bytes, call->data, call->len);
    batch->asks[batch->count++] = (struct fl_clerk_ask){
        .from = call->from, .ref = call->ref, .bytes = {bytes, call->len}};
    batch->weight += weight;
    return true;
}

/** What the pool's thread needs; freed by fl_blocking when the clerk dies meanwhile. */
struct clerk_job {
    const struct fl_clerk_kind *kind;
    const void *args;
    void *db;                     /* of an opening, until the clerk has it */
    struct fl_clerk_batch *batch; /* of work */
    struct fl_err err;
};

static void job_free(void *ptr)
{
    struct clerk_job *job = ptr;
    if (job->db != NULL) job->kind->close(job->db);
    if (job->batch != NULL) batch_free(job->batch);
    free(job);
}

static struct clerk_job *job_new(const struct fl_clerk *clerk)
{
    struct clerk_job *job = fl_new(struct clerk_job);
    job->kind = clerk->kind;
    job->args = clerk->args;
    return job;
}

static int job_open(void *ptr)
{
    struct clerk_job *job = ptr;
    return job->kind->open(&job->db, job->args, &job->err);
}

static int job_work(void *ptr)
{
    struct clerk_job *job = ptr;
    return job->kind->work(fl_held_thing(job->batch->held), job->batch);
}

/* ---- the process */

static void clerk_say(const struct fl_clerk *clerk, const struct fl_err *err)
{
    if (clerk->instance != NULL)
        fprintf(stderr, "%s: %s\n", clerk->instance, err->text);
    else
        fprintf(stderr, "%s\n", err->text);
}

/** Opens the database unless it is open: on the pool, for there may be a long log to replay. False:
 * I am ending. */
static bool clerk_open(struct fl_self *self, struct fl_clerk *clerk)
{
    if (clerk->held != NULL) return true;
    struct clerk_job *job = job_new(clerk);
    int code = fl_blocking(self, job_open, job, job_free);
    if (code == 0) {
        clerk->held = fl_held_new(job->db, clerk->kind->close);
        job->db = NULL;
        fl_self_own(self, clerk->held, fl_held_release);
    } else {
        clerk_say(clerk, &job->err);
        fl_self_fail(self, code);
    }
    job_free(job);
    return code == 0;
}

/** Does what was collected, off this thread, and answers. New calls wait in the mailbox. */
static void clerk_work(struct fl_self *self, struct fl_clerk *clerk)
{
    struct fl_clerk_batch *batch = clerk->next;
    if (batch == NULL) return;
    clerk->next = NULL;
    fl_self_disown(self, batch); /* from here on fl_blocking frees it when I die */
    batch->now_ms = (clerk->wall_ns + fl_self_now(self)) / FL_NS_PER_MS;
    struct clerk_job *job = job_new(clerk);
    job->batch = batch;
    int code = fl_blocking(self, job_work, job, job_free);
    for (size_t i = 0; i < batch->count; i++) {
        const struct fl_clerk_ask *ask = &batch->asks[i];
        if (ask->code == 0)
            fl_self_reply(self, ask->from, ask->ref, ask->answer.at, ask->answer.len);
        else
            fl_self_reply_error(self, ask->from, ask->ref, ask->code);
    }
    if (code != 0) clerk_say(clerk, &batch->err);
    job_free(job);
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code != 0 && code != FL_EFULL) fl_self_fail(self, code);
}

int fl_clerk_init(struct fl_self *self, struct fl_clerk *clerk, const struct fl_clerk_kind *kind,
                  const void *args, const char *instance)
{
    clerk->kind = kind;
    clerk->args = args;
    clerk->instance = instance;
    /* Wall time is read once: order must not depend on somebody who sets the clock. */
    clerk->wall_ns = fl_wall_now() - fl_self_now(self);
    return fl_send(self, fl_self_pid(self), CLERK_OPEN, NULL, 0);
}

void fl_clerk_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_clerk *clerk = state;
    if (msg->tag != clerk->kind->tag) {
        fl_self_reply_error(self, msg->from, msg->ref, FL_EBADMSG);
        return;
    }
    if (!clerk_open(self, clerk)) return;
    if (clerk->next != NULL && batch_add(clerk->next, clerk->kind, msg)) return;
    clerk_work(self, clerk);
    clerk->next = batch_new(clerk->held);
    fl_self_own(self, clerk->next, batch_free);
    bool fits = batch_add(clerk->next, clerk->kind, msg);
    FL_ASSERT(fits); /* an empty one takes anything */
    /* no room in my own mailbox: then it is done now */
    if (fl_send(self, fl_self_pid(self), CLERK_WORK, NULL, 0) != 0) clerk_work(self, clerk);
}

void fl_clerk_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == CLERK_OPEN) clerk_open(self, state);
    if (msg->tag == CLERK_WORK) clerk_work(self, state);
}
