/* stage.h: makes the record of a run that never took place: its times, outages and losses are
 * known, so what is worked out from it can be checked exactly. Header only; each test is one
 * program. Times are milliseconds from the first arrival. */
#ifndef FL_TESTS_REPORTS_STAGE_H
#define FL_TESTS_REPORTS_STAGE_H

#include "tests/support/testkit.h"

#include "reports/judge.h"
#include "reports/render.h"
#include "runtime/base/journal.h"
#include "runtime/base/json.h"

#define ZERO_NS (INT64_C(1000) * FL_NS_PER_S)

struct stage {
    char *folder;
    struct fl_journal *engine, *load, *chat;
    struct fl_buf services, loads, faults, targets;
    int64_t warmup_ms, storm_ms, calm_ms;
    int loads_count, faults_count;
    uint64_t next_key;
    bool ended;
};

static inline fl_ns at_ms(int64_t ms)
{
    return ZERO_NS + fl_ms(ms);
}

static inline void stage_begin(struct stage *stage)
{
    struct fl_err err = {0};
    *stage = (struct stage){.folder = testkit_folder(),
                            .warmup_ms = 5000,
                            .storm_ms = 20000,
                            .calm_ms = 5000,
                            .next_key = 1};
    assert_int_equal(fl_journal_open(&stage->engine, stage->folder, "engine", &err), 0);
    assert_int_equal(fl_journal_open(&stage->load, stage->folder, "load", &err), 0);
    assert_int_equal(fl_journal_open(&stage->chat, stage->folder, "chat.1", &err), 0);
}

static inline int64_t stage_end_ms(const struct stage *stage)
{
    return stage->warmup_ms + stage->storm_ms + stage->calm_ms;
}

static inline int stage_load(struct stage *stage, const char *name, const char *workload,
                             const char *service, int rate_per_s)
{
    fl_buf_printf(&stage->loads,
                  "%s{\"index\":%d,\"name\":\"%s\",\"workload\":\"%s\",\"via\":\"%s\",\"service\":"
                  "\"%s\",\"users\":10,\"rate_per_s\":%d,\"timeout_ns\":5000000000,\"slow_ns\":0}",
                  stage->loads_count > 0 ? "," : "", stage->loads_count, name, workload, service,
                  service, rate_per_s);
    return stage->loads_count++;
}

static inline int stage_fault(struct stage *stage, int64_t at, int64_t lasts, const char *kind,
                              const char *aim, const char *target, const char *path)
{
    fl_buf_printf(&stage->faults,
                  "%s{\"index\":%d,\"kind\":\"%s\",\"class\":\"%s\",\"at_ns\":%lld,\"for_ns\":%lld,"
                  "\"aim\":\"%s\",\"target\":\"%s\",\"pick\":\"00\",\"path\":[%s],\"line\":%d}",
                  stage->faults_count > 0 ? "," : "", stage->faults_count, kind,
                  lasts > 0 ? "windowed" : "instant", (long long)fl_ms(at - stage->warmup_ms),
                  (long long)fl_ms(lasts), aim, target, path, 20 + stage->faults_count);
    return stage->faults_count++;
}

static inline void stage_target(struct stage *stage, const char *text)
{
    fl_buf_printf(&stage->targets, "%s{\"text\":\"%s\",\"line\":%d,\"column\":5}",
                  stage->targets.len > 0 ? "," : "", text, 40 + (int)(stage->targets.len > 0));
}

#define stage_fact(journal, ms, fact, ...) fl_journal_fact((journal), at_ms(ms), fact, __VA_ARGS__)

/* The injector acted at `at`, and it took hold a millisecond later. */
static inline void stage_inject(struct stage *stage, int fault, int64_t at, int64_t healed)
{
    stage_fact(stage->engine, at, "fault.requested", "\"fault\":%d", fault);
    stage_fact(stage->engine, at + 1, "fault.effect",
               "\"fault\":%d,\"evidence\":\"seen\",\"at_ns\":%lld", fault,
               (long long)at_ms(at + 1));
    if (healed > 0)
        stage_fact(stage->engine, healed, "fault.healed", "\"fault\":%d,\"evidence\":\"gone\"",
                   fault);
}

/* One operation that is due at `due` and done after `took` milliseconds. */
static inline void stage_op(struct stage *stage, int load, uint8_t kind, int64_t due, int64_t took,
                            enum fl_outcome outcome, enum fl_op_error error)
{
    struct fl_op op = {.due_ns = at_ms(due),
                       .sent_ns = error == FL_OPERR_UNSENT ? 0 : at_ms(due),
                       .done_ns = at_ms(due + took),
                       .key = stage->next_key++,
                       .load = (uint16_t)load,
                       .kind = kind,
                       .outcome = (uint8_t)outcome,
                       .error = (uint8_t)error};
    fl_journal_op(stage->load, &op);
}

/* Good operations, 2 ms each, due every `gap` ms in [from, until). */
static inline void stage_good(struct stage *stage, int load, int64_t from, int64_t until,
                              int64_t gap)
{
    for (int64_t due = from; due < until; due += gap)
        stage_op(stage, load, FL_OP_ARRIVAL, due, 2, FL_OK, FL_OPERR_NONE);
}

/* Refused ones, 1 ms each. */
static inline void stage_bad(struct stage *stage, int load, int64_t from, int64_t until,
                             int64_t gap)
{
    for (int64_t due = from; due < until; due += gap)
        stage_op(stage, load, FL_OP_ARRIVAL, due, 1, FL_FAIL, FL_OPERR_REFUSED);
}

static inline void stage_see(struct stage *stage, int load, uint8_t kind, int64_t at, uint32_t user,
                             uint64_t key, uint32_t info)
{
    struct fl_op op = {.due_ns = at_ms(at),
                       .done_ns = at_ms(at),
                       .key = key,
                       .info = info,
                       .user = user,
                       .load = (uint16_t)load,
                       .kind = kind,
                       .outcome = FL_OK};
    fl_journal_op(stage->load, &op);
}

static inline void stage_phases(struct stage *stage)
{
    const int64_t storm = stage->warmup_ms, calm = storm + stage->storm_ms;
    stage_fact(stage->engine, -1000, "run.start",
               "\"wall\":\"2026-01-02T03:04:05.678Z\",\"version\":\"0.1.0\",\"host\":\"stage\","
               "\"cpus\":2,\"kernel\":\"Linux 6.1\",\"pid\":1,\"seed\":\"7\"");
    stage_fact(stage->engine, -900, "phase", "\"phase\":\"boot\"");
    stage_fact(stage->engine, -1, "load.zero", "\"t0_ns\":%lld", (long long)at_ms(0));
    stage_fact(stage->engine, 0, "phase", "\"phase\":\"warm\"");
    stage_fact(stage->engine, storm, "phase", "\"phase\":\"storm\"");
    stage_fact(stage->engine, calm, "phase", "\"phase\":\"calm\"");
}

/* The run went through to its end. */
static inline void stage_complete(struct stage *stage)
{
    int64_t end = stage_end_ms(stage);
    stage_fact(stage->engine, end, "phase", "\"phase\":\"drain\"");
    stage_fact(stage->load, end + 100, "load.done", "\"due\":1");
    stage_fact(stage->engine, end + 200, "phase", "\"phase\":\"stop\"");
    stage_fact(stage->engine, end + 300, "run.end", "\"reason\":\"complete\",\"detail\":\"\"");
    stage->ended = true;
}

/* Writes plan.json and closes the journal; the folder is a run folder then. */
static inline void stage_close(struct stage *stage)
{
    struct fl_err err = {0};
    char *plan = fl_format(
        "{\"version\":1,\"scenario\":\"staged\",\"seed\":\"7\",\"phases\":{\"warmup_ns\":%lld,"
        "\"storm_ns\":%lld,\"calm_ns\":%lld},\"recovery\":{\"window_ns\":1000000000,\"epsilon\":"
        "0.01,\"settle_ns\":5000000000},\"services\":[],\"links\":[],\"loads\":[%s],\"faults\":[%s]"
        ",\"targets\":[%s]}",
        (long long)fl_ms(stage->warmup_ms), (long long)fl_ms(stage->storm_ms),
        (long long)fl_ms(stage->calm_ms), stage->loads.at != NULL ? stage->loads.at : "",
        stage->faults.at != NULL ? stage->faults.at : "",
        stage->targets.at != NULL ? stage->targets.at : "");
    char *path = fl_format("%s/plan.json", stage->folder);
    assert_int_equal(fl_file_write(path, plan, strlen(plan), &err), 0);
    free(path);
    free(plan);
    fl_journal_close(stage->engine);
    fl_journal_close(stage->load);
    fl_journal_close(stage->chat);
    stage->engine = stage->load = stage->chat = NULL;
}

struct judged {
    struct fl_record *record;
    struct fl_judgement j;
};

static inline void stage_judge(struct stage *stage, struct judged *out)
{
    struct fl_err err = {0};
    stage_close(stage);
    if (fl_record_open(&out->record, stage->folder, &err) != 0) fail_msg("%s", err.text);
    fl_judge(&out->j, out->record);
}

static inline void stage_over(struct stage *stage, struct judged *judged)
{
    if (judged != NULL) {
        fl_judge_fini(&judged->j);
        fl_record_free(judged->record);
    }
    fl_buf_fini(&stage->services);
    fl_buf_fini(&stage->loads);
    fl_buf_fini(&stage->faults);
    fl_buf_fini(&stage->targets);
    testkit_remove(stage->folder);
}

/* Milliseconds from the first arrival, -1 for never. */
static inline int64_t ms_of(fl_ns at)
{
    return at == FL_NEVER ? -1 : (at - ZERO_NS) / FL_NS_PER_MS;
}

#endif
