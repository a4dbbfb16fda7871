/* shop.h: a store in a folder of its own, and short ways to ask it. */
#ifndef FL_TEST_QUEUE_SHOP_H
#define FL_TEST_QUEUE_SHOP_H

#include "tests/support/testkit.h"

#include <sqlite3.h>

#include "services/queue/store.h"

struct shop {
    char *folder, *path;
    struct fl_store_opts opts;
    struct fl_store *store;
};

static inline int shop_open(void **state)
{
    struct shop *shop = fl_new(struct shop);
    shop->folder = testkit_folder();
    shop->path = fl_format("%s/queue.db", shop->folder);
    shop->opts = (struct fl_store_opts){.path = shop->path, .attempts_max = 3, .seed = 7};
    *state = shop;
    return fl_store_open(&shop->store, &shop->opts, NULL);
}

static inline int shop_close(void **state)
{
    struct shop *shop = *state;
    fl_store_close(shop->store);
    testkit_remove(shop->folder);
    free(shop->path);
    free(shop);
    return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, shop_open, shop_close)

static inline void reopen(struct shop *shop)
{
    fl_store_close(shop->store);
    shop->store = NULL;
    struct fl_err err = {0};
    if (fl_store_open(&shop->store, &shop->opts, &err) != 0) fail_msg("%s", err.text);
}

static inline void apply(struct shop *shop, struct fl_store_op *ops, size_t count, int64_t now_ms)
{
    struct fl_err err = {0};
    if (fl_store_apply(shop->store, ops, count, now_ms, &err) != 0) fail_msg("%s", err.text);
}

/** Applies one operation and gives its code; what it found is dropped. */
static inline int ask(struct shop *shop, struct fl_store_op op, int64_t now_ms)
{
    apply(shop, &op, 1, now_ms);
    fl_store_op_fini(&op);
    return op.code;
}

static inline struct fl_store_op op_enqueue(const char *key, const char *payload)
{
    return (struct fl_store_op){
        .kind = FL_STORE_ENQUEUE, .key = fl_str_of(key), .payload = fl_str_of(payload)};
}

static inline int64_t enqueue(struct shop *shop, const char *key, int64_t now_ms)
{
    struct fl_store_op op = op_enqueue(key, "{}");
    apply(shop, &op, 1, now_ms);
    assert_int_equal(op.code, 0);
    return op.id;
}

/** Leases one job of a queue (NULL: the default one), or gives one with id 0. */
static inline struct fl_store_job lease_from(struct shop *shop, const char *queue,
                                             int64_t visibility_ms, int64_t now_ms)
{
    struct fl_store_op op = {.kind = FL_STORE_LEASE,
                             .queue = fl_str_of(queue),
                             .max = 1,
                             .visibility_ms = visibility_ms};
    apply(shop, &op, 1, now_ms);
    assert_int_equal(op.code, 0);
    struct fl_store_job job = {0};
    if (op.jobs_count == 1) job = op.jobs[0];
    job.bytes = NULL;
    fl_store_op_fini(&op);
    return job;
}

static inline struct fl_store_job lease_one(struct shop *shop, int64_t visibility_ms,
                                            int64_t now_ms)
{
    return lease_from(shop, NULL, visibility_ms, now_ms);
}

static inline int ack(struct shop *shop, int64_t id, uint64_t lease, int64_t now_ms)
{
    return ask(shop, (struct fl_store_op){.kind = FL_STORE_ACK, .id = id, .lease = lease}, now_ms);
}

static inline struct fl_store_op fail_job(struct shop *shop, struct fl_store_job job,
                                          int64_t retry_ms, int64_t now_ms)
{
    struct fl_store_op op = {
        .kind = FL_STORE_FAIL, .id = job.id, .lease = job.lease, .retry_ms = retry_ms};
    apply(shop, &op, 1, now_ms);
    return op;
}

/** A queue as it stands; all zero when there is none. */
static inline struct fl_queue_info look(struct shop *shop, const char *queue, int64_t now_ms)
{
    struct fl_store_op op = {.kind = FL_STORE_STATS, .queue = fl_str_of(queue)};
    apply(shop, &op, 1, now_ms);
    struct fl_queue_info info = {0};
    if (op.queues_count == 1) info = op.queues[0];
    fl_store_op_fini(&op);
    return info;
}

/** Changes one setting of a queue. */
static inline int set(struct shop *shop, const char *queue, enum fl_queue_setting_id which,
                      int64_t value)
{
    struct fl_store_op op = {.kind = FL_STORE_QUEUE_SET, .queue = fl_str_of(queue)};
    op.change.has[which] = true;
    op.change.to.values[which] = value;
    return ask(shop, op, 0);
}

struct counts {
    int64_t scheduled, ready, leased, done, dead;
};

static inline void expect_jobs(struct shop *shop, const char *queue, int64_t now_ms,
                               struct counts want)
{
    struct fl_queue_info info = look(shop, queue, now_ms);
    assert_int_equal(info.jobs[FL_JOB_SCHEDULED], want.scheduled);
    assert_int_equal(info.jobs[FL_JOB_READY], want.ready);
    assert_int_equal(info.jobs[FL_JOB_LEASED], want.leased);
    assert_int_equal(info.jobs[FL_JOB_DONE], want.done);
    assert_int_equal(info.jobs[FL_JOB_DEAD], want.dead);
}

static inline void expect_stats(struct shop *shop, int64_t now_ms, struct counts want)
{
    expect_jobs(shop, NULL, now_ms, want);
}

#endif
