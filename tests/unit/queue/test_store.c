/* A job that was promised is kept: what the store does with groups, leases, retries, full disks
 * and writers that are killed in the middle. */
#include "tests/unit/queue/shop.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_same_key_twice_is_one_job_also_after_it_is_done(void **state)
{
    struct shop *shop = *state;
    struct fl_store_op ops[] = {op_enqueue("a", "1"), op_enqueue("b", "2"), op_enqueue("a", "3")};
    apply(shop, ops, 3, 100);
    assert_int_equal(ops[0].id, 1);
    assert_int_equal(ops[1].id, 2);
    assert_int_equal(ops[2].id, 1);
    assert_false(ops[0].existed);
    assert_true(ops[2].existed);

    struct fl_store_job job = lease_one(shop, 1000, 100);
    assert_int_equal(ack(shop, job.id, job.lease, 101), 0);
    reopen(shop);
    assert_int_equal(enqueue(shop, "a", 200), 1);
    expect_stats(shop, 200, (struct counts){.ready = 1, .done = 1});
}

static void a_lease_brings_the_oldest_jobs_with_their_bytes_and_hides_them(void **state)
{
    struct shop *shop = *state;
    struct fl_store_op in[] = {op_enqueue("a", "{\"n\":1}"), op_enqueue("b", ""),
                               op_enqueue("c", "x")};
    in[2].payload = (struct fl_str){"x\0y", 3};
    apply(shop, in, 3, 100);

    struct fl_store_op op = {.kind = FL_STORE_LEASE, .max = 2, .visibility_ms = 50};
    apply(shop, &op, 1, 100);
    assert_int_equal(op.jobs_count, 2);
    assert_true(fl_str_is(op.jobs[0].key, "a"));
    assert_true(fl_str_is(op.jobs[0].payload, "{\"n\":1}"));
    assert_int_equal(op.jobs[0].attempt, 1);
    assert_int_equal(op.jobs[1].payload.len, 0);
    assert_int_not_equal(op.jobs[0].lease, op.jobs[1].lease);
    fl_store_op_fini(&op);

    expect_stats(shop, 100, (struct counts){.ready = 1, .leased = 2});
    op.max = 1024;
    apply(shop, &op, 1, 100);
    assert_int_equal(op.jobs_count, 1);
    assert_memory_equal(op.jobs[0].payload.at, "x\0y", 3);
    fl_store_op_fini(&op);
    assert_int_equal(lease_one(shop, 50, 149).id, 0);
}

static void a_lease_that_ran_out_goes_to_another_and_the_first_is_refused(void **state)
{
    struct shop *shop = *state;
    int64_t id = enqueue(shop, "a", 100);
    struct fl_store_job slow = lease_one(shop, 50, 100);
    assert_int_equal(lease_one(shop, 50, 149).id, 0);

    struct fl_store_job other = lease_one(shop, 50, 150);
    assert_int_equal(other.id, id);
    assert_int_equal(other.attempt, 2);
    assert_int_equal(ack(shop, id, slow.lease, 151), FL_EREFUSED);
    assert_int_equal(ack(shop, id, other.lease, 151), 0);
    assert_int_equal(ack(shop, id, other.lease, 152), FL_EREFUSED);
    expect_stats(shop, 152, (struct counts){.done = 1});
}

static void a_late_or_made_up_acknowledgement_changes_nothing(void **state)
{
    struct shop *shop = *state;
    int64_t id = enqueue(shop, "a", 100);
    assert_int_equal(ack(shop, id, 0, 100), FL_EREFUSED); /* 0 is what an unleased job has */
    assert_int_equal(ack(shop, 77, 1, 100), FL_ENOTFOUND);
    assert_int_equal(ack(shop, 0, 1, 100), FL_ENOTFOUND);
    struct fl_store_job job = lease_one(shop, 50, 100);
    assert_int_equal(ack(shop, id, job.lease + 1, 110), FL_EREFUSED);
    assert_int_equal(ack(shop, id, job.lease, 150), FL_EREFUSED); /* its time is over */
    expect_stats(shop, 150, (struct counts){.ready = 1});
}

/** Fails a job again and again; gives the waits that it drew. */
static void draw_waits(struct shop *shop, int64_t waits_ms[], int count)
{
    set(shop, NULL, FL_SET_ATTEMPTS_MAX, count + 1);
    enqueue(shop, "a", 0);
    int64_t now_ms = 0;
    for (int i = 0; i < count; i++) {
        struct fl_store_job job = lease_one(shop, 1000, now_ms);
        assert_int_equal(job.attempt, i + 1);
        struct fl_store_op op = fail_job(shop, job, -1, now_ms);
        assert_int_equal(op.code, 0);
        waits_ms[i] = op.until_ms - now_ms;
        if (waits_ms[i] > 0) assert_int_equal(lease_one(shop, 1000, op.until_ms - 1).id, 0);
        now_ms = op.until_ms;
    }
}

static void the_ceiling_of_a_failed_jobs_wait_doubles_and_the_wait_is_drawn_below_it(void **state)
{
    struct shop *shop = *state;
    int64_t waits_ms[12], again_ms[12], highest_ms = 0;
    draw_waits(shop, waits_ms, 12);
    for (int i = 0; i < 12; i++) {
        int64_t ceiling_ms = INT64_C(500) << i < 60000 ? INT64_C(500) << i : 60000;
        assert_in_range(waits_ms[i], 0, ceiling_ms);
        if (waits_ms[i] > highest_ms) highest_ms = waits_ms[i];
    }
    assert_true(highest_ms > 10000);
    void *other;
    assert_int_equal(shop_open(&other), 0);
    draw_waits(other, again_ms, 12);
    assert_memory_equal(waits_ms, again_ms, sizeof waits_ms); /* the same seed */
    shop_close(&other);
}

static void a_job_that_fails_as_often_as_it_may_is_dead_and_says_why(void **state)
{
    struct shop *shop = *state;
    int64_t id = enqueue(shop, "a", 0);
    assert_false(fail_job(shop, lease_one(shop, 1000, 0), 10, 0).dead);
    expect_stats(shop, 0, (struct counts){.scheduled = 1});
    assert_false(fail_job(shop, lease_one(shop, 1000, 10), 0, 10).dead);
    struct fl_store_job job = lease_one(shop, 1000, 10);
    assert_int_equal(job.attempt, 3);
    assert_int_equal(fail_job(shop, (struct fl_store_job){.id = id, .lease = 9}, 0, 10).code,
                     FL_EREFUSED);
    struct fl_store_op last = {.kind = FL_STORE_FAIL,
                               .id = id,
                               .lease = job.lease,
                               .retry_ms = -1,
                               .payload = FL_STR("no such \0 address")};
    apply(shop, &last, 1, 20);
    assert_true(last.dead);
    assert_int_equal(lease_one(shop, 1000, 999999).id, 0);
    expect_stats(shop, 999999, (struct counts){.dead = 1});

    struct fl_store_op get = {.kind = FL_STORE_GET, .id = id};
    apply(shop, &get, 1, 999999);
    assert_int_equal(get.jobs[0].state, FL_JOB_DEAD);
    assert_int_equal(get.jobs[0].error.len, 17);
    assert_memory_equal(get.jobs[0].error.at, "no such \0 address", 17);
    fl_store_op_fini(&get);
}

static void a_job_that_kills_its_workers_is_dead_and_those_behind_it_are_not_hidden(void **state)
{
    struct shop *shop = *state;
    enqueue(shop, "poison", 0);
    for (int64_t now_ms = 0; now_ms < 30; now_ms += 10)
        assert_int_equal(lease_one(shop, 10, now_ms).id, 1);
    int64_t good = enqueue(shop, "good", 30);
    assert_int_equal(lease_one(shop, 10, 30).id, good);
    expect_stats(shop, 30, (struct counts){.leased = 1, .dead = 1});
}

static void one_bad_operation_does_not_spoil_its_group(void **state)
{
    struct shop *shop = *state;
    char *big = fl_alloc(FL_STORE_PAYLOAD_MAX + 1);
    struct fl_store_op ops[] = {
        op_enqueue("a", "1"),
        op_enqueue("", "no key"),
        op_enqueue("big", ""),
        {.kind = FL_STORE_ACK, .id = 9, .lease = 9},
        {.kind = FL_STORE_LEASE, .max = 1025, .visibility_ms = 10},
        {.kind = FL_STORE_LEASE, .max = 1, .visibility_ms = -1},
        op_enqueue("exact", ""),
    };
    ops[2].payload = (struct fl_str){big, FL_STORE_PAYLOAD_MAX + 1};
    ops[6].payload = (struct fl_str){big, FL_STORE_PAYLOAD_MAX};
    apply(shop, ops, FL_COUNT(ops), 100);
    const int want[] = {0, FL_ERANGE, FL_ERANGE, FL_ENOTFOUND, FL_ERANGE, FL_ERANGE, 0};
    for (size_t i = 0; i < FL_COUNT(want); i++)
        assert_int_equal(ops[i].code, want[i]);
    free(big);
    expect_stats(shop, 100, (struct counts){.ready = 2});
}

static void a_lease_stops_at_its_byte_limit_but_always_brings_one(void **state)
{
    struct shop *shop = *state;
    char *big = fl_alloc(FL_STORE_PAYLOAD_MAX);
    for (int i = 0; i < 6; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        struct fl_store_op op = op_enqueue(key, "");
        op.payload = (struct fl_str){big, FL_STORE_PAYLOAD_MAX};
        apply(shop, &op, 1, 0);
    }
    free(big);
    struct fl_store_op op = {.kind = FL_STORE_LEASE, .max = 100, .visibility_ms = 10};
    apply(shop, &op, 1, 0);
    assert_int_equal(op.jobs_count, 3);
    fl_store_op_fini(&op);
    expect_stats(shop, 0, (struct counts){.ready = 3, .leased = 3});
}

static void a_full_queue_says_so_and_still_knows_its_keys(void **state)
{
    struct shop *shop = *state;
    shop->opts.jobs_max = 2;
    reopen(shop);
    struct fl_store_op ops[] = {op_enqueue("a", "1"), op_enqueue("b", "2"), op_enqueue("c", "3"),
                                op_enqueue("a", "1")};
    apply(shop, ops, 4, 0);
    assert_int_equal(ops[2].code, FL_EFULL);
    assert_int_equal(ops[3].code, 0);
    assert_int_equal(ops[3].id, ops[0].id);

    struct fl_store_job job = lease_one(shop, 10, 0);
    assert_int_equal(ack(shop, job.id, job.lease, 1), 0);
    assert_int_equal(enqueue(shop, "c", 2), 3);
}

static void old_done_jobs_are_forgotten_and_their_ids_stay_used(void **state)
{
    struct shop *shop = *state;
    shop->opts.done_max = 2;
    reopen(shop);
    char key[8];
    for (int i = 1; i <= 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(enqueue(shop, key, 0), i);
        struct fl_store_job job = lease_one(shop, 10, 0);
        assert_int_equal(ack(shop, job.id, job.lease, 0), 0);
    }
    expect_stats(shop, 0, (struct counts){.done = 2});
    reopen(shop);
    assert_int_equal(enqueue(shop, "k5", 0), 5); /* remembered */
    assert_int_equal(enqueue(shop, "k1", 0), 6); /* forgotten: a new job, a new id */
    assert_int_equal(ack(shop, 1, 5, 0), FL_EREFUSED);
}

static void a_full_disk_is_an_error_for_the_whole_group_and_loses_nothing(void **state)
{
    struct shop *shop = *state;
    enqueue(shop, "before", 0);
    shop->opts.pages_max = 48;
    reopen(shop);

    char *big = fl_alloc(FL_STORE_PAYLOAD_MAX);
    struct fl_store_op ops[6];
    const char *const keys[] = {"1", "2", "3", "4", "5", "6"};
    for (size_t i = 0; i < FL_COUNT(ops); i++) {
        ops[i] = op_enqueue(keys[i], "");
        ops[i].payload = (struct fl_str){big, FL_STORE_PAYLOAD_MAX};
    }
    struct fl_err err = {0};
    assert_int_equal(fl_store_apply(shop->store, ops, FL_COUNT(ops), 0, &err), FL_STORE_EDISK);
    assert_non_null(strstr(err.text, "full"));
    for (size_t i = 0; i < FL_COUNT(ops); i++)
        assert_int_equal(ops[i].code, FL_STORE_EDISK);
    free(big);

    expect_stats(shop, 0, (struct counts){.ready = 1});
    assert_int_equal(enqueue(shop, "after", 0), 2); /* and it goes on when there is room */
}

static void overwrite(const char *path, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void a_damaged_database_is_not_opened(void **state)
{
    struct shop *shop = *state;
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %d", i);
        enqueue(shop, key, 0);
    }
    fl_store_close(shop->store);
    shop->store = NULL;
    sqlite3 *db; /* from the log into the file, where the noise goes */
    assert_int_equal(sqlite3_open(shop->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), 0);
    sqlite3_close(db);

    char noise[8192];
    memset(noise, 0xa5, sizeof noise);
    overwrite(shop->path, 4096, noise, sizeof noise);
    struct fl_err err = {0};
    assert_int_equal(fl_store_open(&shop->store, &shop->opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, shop->path));

    overwrite(shop->path, 0, noise, 100);
    assert_int_equal(fl_store_open(&shop->store, &shop->opts, &err), FL_EIO);
    assert_null(shop->store);
}

static void somebody_elses_database_is_left_alone(void **state)
{
    struct shop *shop = *state;
    char *other = fl_format("%s/other.db", shop->folder);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE wages(who, much)", NULL, NULL, NULL);
    sqlite3_close(db);

    struct fl_store *store = NULL;
    struct fl_err err = {0};
    struct fl_store_opts opts = {.path = other};
    assert_int_equal(fl_store_open(&store, &opts, &err), FL_EIO);
    assert_non_null(strstr(err.text, "not a queue"));
    free(other);
}

static void two_stores_on_one_file_see_each_other_and_share_one_count(void **state)
{
    struct shop *shop = *state;
    struct fl_store *second = NULL;
    assert_int_equal(fl_store_open(&second, &shop->opts, NULL), 0);
    enqueue(shop, "a", 0);
    struct fl_store_op op = op_enqueue("b", "2");
    assert_int_equal(fl_store_apply(second, &op, 1, 0, NULL), 0);
    assert_int_equal(op.id, 2);
    assert_int_equal(enqueue(shop, "c", 0), 3);
    expect_stats(shop, 0, (struct counts){.ready = 3});
    fl_store_close(second);
}

/** The child: promises jobs, and says each promise aloud only after it was made. */
static void write_until_killed(const struct fl_store_opts *opts, int fd)
{
    struct fl_store *store = NULL;
    if (fl_store_open(&store, opts, NULL) != 0) _exit(1);
    for (uint32_t n = 0;; n += 4) {
        char keys[4][16];
        struct fl_store_op ops[4];
        for (uint32_t i = 0; i < 4; i++) {
            snprintf(keys[i], sizeof keys[i], "job %u", n + i);
            ops[i] = op_enqueue(keys[i], "{\"work\":true}");
        }
        if (fl_store_apply(store, ops, 4, 0, NULL) != 0) _exit(2);
        uint32_t promised = n + 4;
        if (write(fd, &promised, sizeof promised) != sizeof promised) _exit(3);
    }
}

static void every_job_promised_before_a_kill_is_there_after_it(void **state)
{
    struct shop *shop = *state;
    fl_store_close(shop->store);
    shop->store = NULL;
    for (int round = 0; round < 3; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) write_until_killed(&shop->opts, fds[1]);
        close(fds[1]);

        uint32_t promised = 0;
        while (promised < 400)
            assert_int_equal(read(fds[0], &promised, sizeof promised), sizeof promised);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fds[0], &promised, sizeof promised) == sizeof promised)
            continue; /* what it said before it died */
        close(fds[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);

        assert_int_equal(fl_store_open(&shop->store, &shop->opts, NULL), 0);
        for (uint32_t i = 0; i < promised; i++) {
            char key[16];
            snprintf(key, sizeof key, "job %u", i);
            struct fl_store_op op = op_enqueue(key, "");
            apply(shop, &op, 1, 0);
            assert_true(op.existed);
        }
        assert_int_equal(look(shop, NULL, 0).jobs[FL_JOB_READY] % 4, 0); /* whole groups only */
        fl_store_close(shop->store);
        shop->store = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_same_key_twice_is_one_job_also_after_it_is_done),
        STORY(a_lease_brings_the_oldest_jobs_with_their_bytes_and_hides_them),
        STORY(a_lease_that_ran_out_goes_to_another_and_the_first_is_refused),
        STORY(a_late_or_made_up_acknowledgement_changes_nothing),
        STORY(the_ceiling_of_a_failed_jobs_wait_doubles_and_the_wait_is_drawn_below_it),
        STORY(a_job_that_fails_as_often_as_it_may_is_dead_and_says_why),
        STORY(a_job_that_kills_its_workers_is_dead_and_those_behind_it_are_not_hidden),
        STORY(one_bad_operation_does_not_spoil_its_group),
        STORY(a_lease_stops_at_its_byte_limit_but_always_brings_one),
        STORY(a_full_queue_says_so_and_still_knows_its_keys),
        STORY(old_done_jobs_are_forgotten_and_their_ids_stay_used),
        STORY(a_full_disk_is_an_error_for_the_whole_group_and_loses_nothing),
        STORY(a_damaged_database_is_not_opened),
        STORY(somebody_elses_database_is_left_alone),
        STORY(two_stores_on_one_file_see_each_other_and_share_one_count),
        STORY(every_job_promised_before_a_kill_is_there_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
