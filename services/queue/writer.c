#include "services/queue/writer.h"

#include <pthread.h>
#include <stdatomic.h>

#define WRITER_SHARE_MIN 8

struct chain {
    struct fl_group *first, *last;
};

struct fl_writer {
    atomic_int refs;
    struct fl_node *node;
    struct fl_pid keeper;
    uint32_t done_tag;
    struct fl_store *store;

    pthread_mutex_t lock; /* of all below; held for a few instructions */
    struct chain next, done;
    size_t share; /* requests in one group, at most: see writer_adapt */
    struct fl_figures figures;
    bool runs;      /* somebody commits, or was told to */
    bool is_broken; /* the store has to be opened again */
    bool is_closed;
};

struct fl_writer *fl_writer_new(struct fl_node *node, struct fl_pid keeper, uint32_t done_tag,
                                struct fl_store *store_take)
{
    struct fl_writer *writer = fl_new(struct fl_writer);
    atomic_init(&writer->refs, 1);
    writer->node = node;
    writer->keeper = keeper;
    writer->done_tag = done_tag;
    writer->store = store_take;
    writer->share = FL_STORE_GROUP_MAX;
    int rc = pthread_mutex_init(&writer->lock, NULL);
    FL_ASSERT(rc == 0);
    return writer;
}

static struct fl_writer *writer_retain(struct fl_writer *writer)
{
    atomic_fetch_add(&writer->refs, 1);
    return writer;
}

static struct fl_group *chain_pop(struct chain *chain)
{
    struct fl_group *group = chain->first;
    if (group == NULL) return NULL;
    chain->first = group->next;
    if (chain->first == NULL) chain->last = NULL;
    group->next = NULL;
    return group;
}

static void chain_push(struct chain *chain, struct fl_group *group)
{
    if (chain->last != NULL)
        chain->last->next = group;
    else
        chain->first = group;
    chain->last = group;
}

static void chain_free(struct chain *chain)
{
    struct fl_group *group;
    while ((group = chain_pop(chain)) != NULL)
        fl_group_free(group);
}

void fl_writer_release(void *ptr)
{
    struct fl_writer *writer = ptr;
    if (atomic_fetch_sub(&writer->refs, 1) > 1) return;
    chain_free(&writer->next);
    chain_free(&writer->done);
    fl_store_close(writer->store);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

void fl_writer_close(void *ptr)
{
    struct fl_writer *writer = ptr;
    pthread_mutex_lock(&writer->lock);
    writer->is_closed = true;
    pthread_mutex_unlock(&writer->lock);
    fl_writer_release(writer);
}

int fl_writer_add(struct fl_writer *writer, struct fl_group_asker *asker, int64_t now_ms,
                  bool *kick)
{
    *kick = false;
    pthread_mutex_lock(&writer->lock);
    struct fl_group *last = writer->next.last;
    bool has_room = last != NULL && last->askers_count < writer->share;
    int code = has_room ? fl_group_add(last, asker) : FL_EFULL;
    if (code == FL_EFULL) {
        last = fl_group_new();
        code = fl_group_add(last, asker);
        if (code == 0)
            chain_push(&writer->next, last);
        else
            fl_group_free(last);
    }
    if (code == 0) {
        last->now_ms = now_ms;
        *kick = !writer->runs;
        writer->runs = true;
    }
    pthread_mutex_unlock(&writer->lock);
    return code;
}

struct fl_group *fl_writer_take(struct fl_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct fl_group *group = chain_pop(&writer->done);
    pthread_mutex_unlock(&writer->lock);
    return group;
}

void fl_writer_set_waiting(struct fl_writer *writer, size_t waiting)
{
    pthread_mutex_lock(&writer->lock);
    writer->figures.waiting = waiting;
    pthread_mutex_unlock(&writer->lock);
}

/** How many requests make a group? All that wait, as long as there is always a next group when one
 * is on the disk: then larger ones save fsyncs. But when all of them are answered at once, and the
 * disk is so fast that it waits for what they ask next, then fewer: so that some are asking while
 * others are written. */
static void writer_adapt(struct fl_writer *writer)
{
    size_t share = writer->share;
    if (writer->next.first == NULL)
        share -= share / 8;
    else if (writer->next.first != writer->next.last)
        share += 1 + share / 16;
    if (share < WRITER_SHARE_MIN) share = WRITER_SHARE_MIN;
    if (share > FL_STORE_GROUP_MAX) share = FL_STORE_GROUP_MAX;
    writer->share = share;
}

/** The next group, with the figures of now; NULL: there is none, and nobody commits any more. */
static struct fl_group *writer_begin(struct fl_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    bool goes_on = !writer->is_closed && !writer->is_broken;
    if (goes_on) writer_adapt(writer);
    struct fl_group *group = goes_on ? chain_pop(&writer->next) : NULL;
    if (group != NULL) group->figures = writer->figures;
    writer->runs = group != NULL;
    pthread_mutex_unlock(&writer->lock);
    return group;
}

/** True: the keeper has to be told; when it has not taken the last one yet, it was. */
static bool writer_end(struct fl_writer *writer, struct fl_group *group, int code)
{
    struct fl_figures *figures = &writer->figures;
    pthread_mutex_lock(&writer->lock);
    figures->commits += code == 0;
    figures->failures += code != 0;
    figures->operations += group->ops_count;
    figures->commit_ns += group->took_ns;
    writer->is_broken = code != 0 && code != FL_STORE_EDISK;
    bool tell = writer->done.first == NULL;
    chain_push(&writer->done, group);
    pthread_mutex_unlock(&writer->lock);
    return tell;
}

/** On a pool's thread, while the process below waits: commits until nothing is left. */
static int writer_run(void *ptr)
{
    struct fl_writer *writer = ptr;
    struct fl_group *group;
    while ((group = writer_begin(writer)) != NULL) {
        int code = fl_group_commit(group, writer->store);
        if (writer_end(writer, group, code))
            fl_node_send(writer->node, writer->keeper, writer->done_tag, NULL, 0);
    }
    return 0;
}

struct lender {
    struct fl_writer *writer;
};

static int lender_on_init(struct fl_self *self, void *state, const void *args)
{
    struct lender *lender = state;
    struct fl_writer *const *writer = args;
    lender->writer = writer_retain(*writer);
    fl_self_own(self, lender->writer, fl_writer_release);
    return 0;
}

static void lender_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    (void)msg;
    struct lender *lender = state;
    struct fl_writer *writer = writer_retain(lender->writer);
    fl_blocking(self, writer_run, writer, fl_writer_release);
    fl_writer_release(writer);
}

const struct fl_server fl_writer_server = {
    .name = "store.writer",
    .state_bytes = sizeof(struct lender),
    .on_init = lender_on_init,
    .on_cast = lender_on_cast,
};
