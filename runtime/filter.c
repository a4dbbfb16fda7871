#include "runtime/filter.h"

#include "runtime/pid.h"

#define REORDER_WITHIN_DEFAULT fl_ms(100) /* when nothing comes that it could be swapped with */

static void filter_free(struct fl_filter *filter)
{
    FL_ASSERT(filter->oldest == NULL);
    free(filter->from_name);
    free(filter);
}

static struct fl_filter *filter_find(struct fl_node *node, uint64_t id)
{
    struct fl_filter *filter = node->filters;
    while (filter != NULL && filter->id != id)
        filter = filter->of_node;
    return filter;
}

/* With the lock. */
static void filter_settle(struct fl_filter *filter)
{
    if (!filter->is_over || !filter->is_let_go) return;
    struct fl_filter **slot = &filter->node->filters;
    while (*slot != filter)
        slot = &(*slot)->of_node;
    *slot = filter->of_node;
    filter_free(filter);
}

void fl_filter_let_go(struct fl_filter *filter)
{
    struct fl_node *node = filter->node;
    FL_ASSERT(filter->oldest == NULL);
    pthread_mutex_lock(&node->filters_lock);
    filter->is_let_go = true;
    filter_settle(filter);
    pthread_mutex_unlock(&node->filters_lock);
}

bool fl_filter_is_over(struct fl_filter *filter)
{
    pthread_mutex_lock(&filter->node->filters_lock);
    bool is_over = filter->is_over;
    pthread_mutex_unlock(&filter->node->filters_lock);
    return is_over;
}

/* On the shard of the process, in order with what was sent before. */
static void filter_install(struct fl_shard *shard, void *cx)
{
    struct fl_filter *filter = cx;
    struct fl_self *self = fl_proc_find(shard, filter->to);
    if (self == NULL || fl_filter_is_over(filter)) {
        fl_filter_let_go(filter);
        return;
    }
    fl_filter_attach(filter, self);
}

static int filter_check(const struct fl_filter_opts *opts, struct fl_err *err)
{
    if (opts->kind < FL_FILTER_DROP || opts->kind > FL_FILTER_REORDER)
        return fl_err_set(err, FL_ERANGE, "no such kind of filter: %d", (int)opts->kind);
    if (!(opts->probability >= 0 && opts->probability <= 1))
        return fl_err_set(err, FL_ERANGE, "a probability is 0 to 1, not %g", opts->probability);
    if (opts->delay_ns < 0 || opts->delay_ns > FL_NEVER / 2)
        return fl_err_set(err, FL_ERANGE, "a delay is not negative");
    return 0;
}

static int filter_aim(struct fl_filter *filter, const char *who, const char *from,
                      struct fl_err *err)
{
    filter->to = fl_control_find(filter->node, who);
    if (filter->to.bits == 0) return fl_err_set(err, FL_ENOPROC, "no such process: %s", who);
    if (from != NULL && !fl_pid_parse(from, &filter->from)) filter->from_name = fl_strdup(from);
    return 0;
}

int fl_control_filter(struct fl_node *node, const char *who, const char *from,
                      const struct fl_filter_opts *opts, uint64_t *id, struct fl_err *err)
{
    int rc = filter_check(opts, err);
    if (rc != 0) return rc;
    struct fl_filter *filter = fl_new(struct fl_filter);
    filter->node = node;
    filter->opts = *opts;
    rc = filter_aim(filter, who, from, err);
    if (rc != 0) {
        filter_free(filter);
        return rc;
    }
    if (opts->probability == 0) filter->opts.probability = 1;
    if (opts->kind == FL_FILTER_REORDER && opts->delay_ns == 0)
        filter->opts.delay_ns = REORDER_WITHIN_DEFAULT;
    pthread_mutex_lock(&node->filters_lock);
    filter->id = ++node->filter_id_last;
    filter->of_node = node->filters;
    node->filters = filter;
    *id = filter->id;
    char stream[40];
    snprintf(stream, sizeof stream, "filter %llu", (unsigned long long)filter->id);
    if (opts->seed != 0)
        fl_rng_init(&filter->rng, opts->seed);
    else
        fl_rng_init_named(&filter->rng, node->opts.seed, stream);
    pthread_mutex_unlock(&node->filters_lock);
    fl_shard_ask(fl_proc_shard(node, filter->to), filter_install, filter);
    return 0;
}

/* By number: it may have gone meanwhile. Nobody but this shard lets it go. */
static void filter_on_ended(struct fl_shard *shard, void *cx)
{
    struct fl_node *node = shard->node;
    pthread_mutex_lock(&node->filters_lock);
    struct fl_filter *filter = filter_find(node, (uint64_t)(uintptr_t)cx);
    pthread_mutex_unlock(&node->filters_lock);
    if (filter != NULL && filter->self != NULL) fl_filter_detach(filter);
}

int fl_control_unfilter(struct fl_node *node, uint64_t id, struct fl_filter_counts *counts)
{
    struct fl_pid to = FL_NO_PID;
    pthread_mutex_lock(&node->filters_lock);
    struct fl_filter *filter = filter_find(node, id);
    bool is_known = filter != NULL && !filter->is_over;
    if (is_known) {
        to = filter->to;
        if (counts != NULL) *counts = filter->counts;
        filter->is_over = true;
        filter_settle(filter);
    }
    pthread_mutex_unlock(&node->filters_lock);
    if (!is_known) return FL_ENOTFOUND;
    fl_shard_ask(fl_proc_shard(node, to), filter_on_ended, (void *)(uintptr_t)id);
    return 0;
}

int fl_control_filter_counts(struct fl_node *node, uint64_t id, struct fl_filter_counts *counts)
{
    pthread_mutex_lock(&node->filters_lock);
    struct fl_filter *filter = filter_find(node, id);
    bool is_known = filter != NULL && !filter->is_over;
    if (is_known) *counts = filter->counts;
    pthread_mutex_unlock(&node->filters_lock);
    return is_known ? 0 : FL_ENOTFOUND;
}

void fl_filters_fini(struct fl_node *node)
{
    while (node->filters != NULL) {
        struct fl_filter *filter = node->filters;
        FL_ASSERT(filter->self == NULL);
        node->filters = filter->of_node;
        filter_free(filter);
    }
}
