/* check_queue.c: what became of every job that the queue promised to keep. */
#include "reports/checker.h"

/* One thing that happened to a job. */
struct job_event {
    uint64_t key;
    fl_ns t;
    uint8_t kind;
    uint8_t outcome;
};

struct job_events {
    struct job_event *at;
    size_t count, cap;
    bool drained;  /* the queue told what it still held */
    uint64_t left; /* how many that were */
};

static void events_add(struct job_events *events, const struct fl_op *op)
{
    if (events->count == events->cap) {
        events->cap = events->cap == 0 ? 1024 : events->cap * 2;
        events->at = fl_realloc(events->at, events->cap * sizeof *events->at);
    }
    events->at[events->count++] = (struct job_event){op->key, op->done_ns, op->kind, op->outcome};
}

static int by_key_and_time(const void *a, const void *b)
{
    const struct job_event *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->t < y->t ? -1 : x->t > y->t;
}

static void gather_load(struct job_events *events, const struct fl_rec_load *load)
{
    for (size_t i = 0; i < load->ops.count; i++)
        if (load->ops.at[i].kind == FL_OP_ENQUEUE) events_add(events, &load->ops.at[i]);
    for (size_t i = 0; i < load->obs.count; i++) {
        const struct fl_op *op = &load->obs.at[i];
        if (op->kind == FL_OBS_LEASED || op->kind == FL_OBS_DONE || op->kind == FL_OBS_DONE_MAYBE)
            events_add(events, op);
        if (op->kind == FL_OBS_LEFT) {
            events->left = op->info > events->left ? op->info : events->left;
            events->drained = true;
        }
    }
}

/* What is known of one job. */
struct job {
    uint64_t key;
    fl_ns ack_ns;
    bool acked, maybe_put, maybe_done;
    unsigned done, leased;
};

static struct job sum_up(const struct job_events *events, size_t from, size_t until)
{
    struct job job = {.key = events->at[from].key};
    for (size_t i = from; i < until; i++) {
        const struct job_event *event = &events->at[i];
        job.done += event->kind == FL_OBS_DONE;
        job.maybe_done |= event->kind == FL_OBS_DONE_MAYBE;
        job.leased += event->kind == FL_OBS_LEASED;
        if (event->kind != FL_OP_ENQUEUE) continue;
        job.maybe_put |= event->outcome == FL_UNKNOWN;
        if (event->outcome == FL_OK) {
            job.acked = true;
            job.ack_ns = event->t;
        }
    }
    return job;
}

/* Acknowledged and never done: lost, except for as many as the queue still held; all of them may
 * still be there when it was never asked. */
static void judge_missing(struct fl_check_results *out, size_t lost_row,
                          const struct job_events *events, const struct job *missing, size_t count)
{
    struct fl_check_result *lost = &out->rows[lost_row];
    uint64_t held = !events->drained ? count : events->left < count ? events->left : count;
    lost->indeterminate += held;
    if (!events->drained && count > 0) {
        lost->state = FL_CHECK_CANNOT_TELL;
        snprintf(lost->why, sizeof lost->why,
                 "%zu acknowledged jobs were not completed, and nothing says what the queue still "
                 "held at the end",
                 count);
        return;
    }
    /* Which of them the queue held is unknown; the oldest are named. */
    for (size_t i = 0; i + held < count; i++) {
        fl_checker_offend(lost, missing[i].key);
        fl_checker_lost(out, lost->load, missing[i].key, missing[i].ack_ns);
    }
    if (held > 0)
        snprintf(lost->why, sizeof lost->why, "%llu jobs were still in the queue at the end",
                 (unsigned long long)held);
}

static int by_ack(const void *a, const void *b)
{
    const struct job *x = a, *y = b;
    if (x->ack_ns != y->ack_ns) return x->ack_ns < y->ack_ns ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void judge_jobs(struct fl_check_results *out, const struct fl_rec_load *load,
                       const struct job_events *events)
{
    size_t first = out->count;
    fl_checker_row(out, "queue lost", "lost", load);
    fl_checker_row(out, "queue duplicated", "duplicated", load);
    fl_checker_row(out, "queue redelivered", NULL, load);
    struct job *missing = fl_new_array(struct job, events->count + 1);
    size_t missing_count = 0;
    for (size_t i = 0, until; i < events->count; i = until) {
        for (until = i + 1; until < events->count && events->at[until].key == events->at[i].key;)
            until++;
        struct job job = sum_up(events, i, until);
        struct fl_check_result *rows = &out->rows[first];
        rows[0].looked_at += job.acked;
        rows[1].looked_at += job.done > 0;
        rows[2].looked_at += job.leased > 0;
        if (job.done > 1) fl_checker_offend(&rows[1], job.key);
        if (job.leased > 1) fl_checker_offend(&rows[2], job.key);
        bool open = job.done == 0;
        if (open && job.acked && !job.maybe_done)
            missing[missing_count++] = job;
        else if (open && (job.acked || job.maybe_put))
            rows[0].indeterminate++;
    }
    if (missing_count > 0) qsort(missing, missing_count, sizeof *missing, by_ack);
    judge_missing(out, first, events, missing, missing_count);
    free(missing);
}

void fl_check_queue(struct fl_check_results *out, const struct fl_record *record,
                    const char *service)
{
    struct job_events events = {0};
    const struct fl_rec_load *first = NULL;
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_rec_load *load = &record->loads[i];
        if (strcmp(load->workload, "queue") != 0 || strcmp(load->service, service) != 0) continue;
        if (first == NULL) first = load;
        gather_load(&events, load);
    }
    if (events.count > 0) qsort(events.at, events.count, sizeof *events.at, by_key_and_time);
    judge_jobs(out, first, &events);
    free(events.at);
}
