/* Is what a report says true? The server under test writes down when it served; every figure is
 * held against that. Nothing here depends on how fast the machine is: what it was late by is in the
 * record (the operations, the generator's lag), and is allowed for. */
#include "tests/support/testkit.h"

#include <signal.h>

#include "runtime/base/journal.h"
#include "runtime/base/json.h"
#include "tests/support/program.h"

#define RATE 200
#define GAP_NS (FL_NS_PER_S / RATE)
#define SLOW_NS fl_ms(400)
#define DEADLINE_MS 120000

/* When the server was out: certainly in [from, until], possibly in [maybe_from, maybe_until]. In a
 * silent one nothing is refused; answers come at its end, or late. */
struct outage {
    fl_ns from, until, maybe_from, maybe_until;
    bool silent;
};

struct word {
    fl_ns at_ns;
    char text[16];
};

struct health {
    fl_ns from_ns, until_ns, lag_ns;
};

/* One run, as its report, its journal and the server tell it. */
struct run {
    struct program *program;
    const char *name;
    cJSON *report;
    struct word *words; /* of the server */
    size_t words_count;
    struct outage *outages;
    size_t outages_count;
    struct fl_op *ops;
    size_t ops_count, ops_cap;
    struct health *health;
    size_t health_count;
    fl_ns zero_ns, storm_ns;
    int pid;           /* of the server's first start */
    bool slow_machine; /* an answer took SLOW_NS without an outage */
};

struct runs {
    struct run faults, own;
};

/* ---- reading ---- */

static char *run_path(const struct run *run, const char *name)
{
    return fl_format("%s/runs/%s/latest%s%s", run->program->folder, run->name,
                     name[0] != '\0' ? "/" : "", name);
}

static void on_op(void *cx, const struct fl_op *op)
{
    struct run *run = cx;
    if (!fl_op_is_arrival(op)) return;
    if (run->ops_count == run->ops_cap) {
        run->ops_cap = run->ops_cap == 0 ? 4096 : 2 * run->ops_cap;
        run->ops = fl_realloc(run->ops, run->ops_cap * sizeof *run->ops);
    }
    run->ops[run->ops_count++] = *op;
}

static void on_fact(void *cx, const char *writer, const char *line)
{
    (void)writer;
    struct run *run = cx;
    cJSON *json = cJSON_Parse(line);
    const char *fact = fl_json_text(json, "fact", "");
    fl_ns t = fl_json_int(json, "t", 0);
    if (strcmp(fact, "load.zero") == 0) run->zero_ns = fl_json_int(json, "t0_ns", 0);
    if (strcmp(fact, "phase") == 0 && strcmp(fl_json_text(json, "phase", ""), "storm") == 0)
        run->storm_ns = t;
    if (strcmp(fact, "proc.start") == 0 && run->pid == 0)
        run->pid = (int)fl_json_int(json, "pid", 0);
    if (strcmp(fact, "load.health") == 0) {
        run->health = fl_realloc(run->health, (run->health_count + 1) * sizeof *run->health);
        fl_ns from = run->health_count > 0 ? run->health[run->health_count - 1].until_ns : 0;
        run->health[run->health_count++] = (struct health){from, t,
                                                           fl_json_int(json, "lag_max_ns", 0)};
    }
    cJSON_Delete(json);
}

static int by_due(const void *a, const void *b)
{
    const struct fl_op *x = a, *y = b;
    return x->due_ns < y->due_ns ? -1 : x->due_ns > y->due_ns;
}

static void read_words(struct run *run)
{
    char *path = fl_format("%s/%s.log", run->program->folder, run->name), *text = NULL;
    struct fl_err err = {0};
    if (fl_file_read(&text, NULL, path, &err) != 0) fail_msg("%s", err.text);
    struct fl_str rest = fl_str_of(text);
    while (rest.len > 0) {
        struct fl_str line = fl_str_cut(&rest, '\n');
        struct word word = {.at_ns = strtoll(line.at, NULL, 10)};
        const char *blank = memchr(line.at, ' ', line.len);
        if (blank == NULL) continue; /* cut short by a kill */
        int len = (int)(line.at + line.len - blank - 1);
        snprintf(word.text, sizeof word.text, "%.*s", len, blank + 1);
        run->words = fl_realloc(run->words, (run->words_count + 1) * sizeof *run->words);
        run->words[run->words_count++] = word;
    }
    free(text);
    free(path);
}

/* The first time the server said so at or after from; FL_NEVER: it did not. */
static fl_ns said(const struct run *run, const char *text, fl_ns from)
{
    for (size_t i = 0; i < run->words_count; i++)
        if (run->words[i].at_ns >= from && strcmp(run->words[i].text, text) == 0)
            return run->words[i].at_ns;
    return FL_NEVER;
}

static void run_read(struct run *run)
{
    struct fl_err err = {0};
    char *folder = run_path(run, ""), *report = run_path(run, "report.json");
    int rc = fl_json_load(&run->report, report, &err);
    if (rc == 0) rc = fl_journal_read_ops(folder, on_op, run, &err);
    if (rc == 0) rc = fl_journal_read_facts(folder, on_fact, run, &err);
    if (rc != 0) fail_msg("%s\n%s\n%s", err.text, run->program->out, run->program->err);
    qsort(run->ops, run->ops_count, sizeof *run->ops, by_due);
    read_words(run);
    free(folder);
    free(report);
}

/* ---- what the record allows for ---- */

static fl_ns latency_of(const struct fl_op *op)
{
    return op->done_ns - op->due_ns;
}

static bool is_good(const struct fl_op *op)
{
    return op->outcome == FL_OK && latency_of(op) <= SLOW_NS;
}

/* How late the generator was in these seconds. */
static fl_ns lag_in(const struct run *run, fl_ns from, fl_ns until)
{
    fl_ns lag = 0;
    for (size_t i = 0; i < run->health_count; i++)
        if (run->health[i].until_ns >= from && run->health[i].from_ns <= until)
            lag = fl_ns_max(lag, run->health[i].lag_ns);
    return lag;
}

/* The longest that a good operation took that was due then. */
static fl_ns latency_in(const struct run *run, fl_ns from, fl_ns until)
{
    fl_ns latency = 0;
    for (size_t i = 0; i < run->ops_count; i++) {
        const struct fl_op *op = &run->ops[i];
        if (op->due_ns >= from && op->due_ns <= until && is_good(op))
            latency = fl_ns_max(latency, latency_of(op));
    }
    return latency;
}

/* One gap between arrivals, one latency, and what the generator was late by. */
static fl_ns allowance(const struct run *run, fl_ns from, fl_ns until)
{
    return GAP_NS + latency_in(run, from, until + GAP_NS) + lag_in(run, from, until);
}

/* What an outage may seem longer by: what was in flight when it began, and what came first after
 * it. */
static fl_ns outage_allowance(const struct run *run, const struct outage *outage)
{
    return GAP_NS + lag_in(run, outage->from, outage->until) +
           latency_in(run, outage->maybe_from - fl_ms(300), outage->maybe_from) +
           latency_in(run, outage->maybe_until, outage->maybe_until + fl_ms(100));
}

static void add_outage(struct run *run, struct outage outage)
{
    run->outages = fl_realloc(run->outages, (run->outages_count + 1) * sizeof *run->outages);
    run->outages[run->outages_count++] = outage;
}

static const struct outage *outage_at(const struct run *run, fl_ns from, fl_ns until)
{
    for (size_t i = 0; i < run->outages_count; i++)
        if (run->outages[i].maybe_until >= from && run->outages[i].maybe_from <= until)
            return &run->outages[i];
    return NULL;
}

/* Every operation against the server's own word: none that was refused while it served, none that
 * went well while it did not. */
static void check_operations(struct run *run)
{
    for (size_t i = 0; i < run->ops_count; i++) {
        const struct fl_op *op = &run->ops[i];
        const struct outage *outage = outage_at(run, op->due_ns, op->done_ns);
        long long at_ms = (op->due_ns - run->zero_ns) / FL_NS_PER_MS;
        if (op->outcome != FL_OK && op->error != FL_OPERR_TIMEOUT && outage == NULL)
            fail_msg("%s: the operation due at %lld ms failed (%s), and nothing was wrong",
                     run->name, at_ms, fl_op_error_names[op->error]);
        if (op->outcome == FL_OK && latency_of(op) > SLOW_NS && outage == NULL)
            run->slow_machine = true;
        if (!is_good(op) || outage == NULL) continue;
        fl_ns until = outage->until - lag_in(run, op->due_ns, op->done_ns);
        if (outage->silent) until -= SLOW_NS;
        if (op->due_ns > outage->from && op->due_ns < until)
            fail_msg("%s: the operation due at %lld ms went well during an outage", run->name,
                     at_ms);
    }
    if (run->slow_machine)
        print_message("%s: the machine was too slow for upper bounds\n", run->name);
}

/* ---- the faults of the plan ---- */

static const char faults_yaml[] = "recovery: {window: 500ms, settle: 300ms}\n"
                                  "faults:\n"
                                  "  - {at: 500ms, kill: web}\n"
                                  "  - {at: 3s, kill: web, signal: TERM}\n"
                                  "  - {at: 5500ms, kill: web}\n"
                                  "  - {at: 8s, for: 700ms, pause: web}\n"
                                  "  - {at: 10500ms, kill: web}\n";

/* An instant of the report, on the journal's clock. */
static fl_ns instant(const struct run *run, const cJSON *fault, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(cJSON_GetObjectItem(fault, "at_ns"), name);
    return cJSON_IsNumber(item) ? run->zero_ns + (fl_ns)item->valuedouble : FL_NEVER;
}

static struct outage outage_of(const struct run *run, const cJSON *fault)
{
    fl_ns requested = instant(run, fault, "requested"), effect = instant(run, fault, "effect");
    if (strcmp(fl_json_text(fault, "kind", ""), "pause") == 0) {
        fl_ns awake = said(run, "awake", effect); /* it says nothing while it is stopped */
        return (struct outage){effect, awake, requested, awake, .silent = true};
    }
    /* the end of the process is the latest that it can have served; a polite one says it itself */
    fl_ns closed = said(run, "closed", requested), opening = said(run, "opening", requested);
    return (struct outage){.from = closed < opening ? closed : effect,
                           .until = opening,
                           .maybe_from = requested,
                           .maybe_until = said(run, "open", requested)};
}

/* Longer than the outage, and by at most a gap, a latency and a lag. */
static void check_recovery(const struct run *run, const cJSON *fault, const struct outage *outage)
{
    fl_ns requested = instant(run, fault, "requested"), healed = instant(run, fault, "healed");
    fl_ns steady = instant(run, fault, "steady");
    fl_ns recovery = fl_json_int(fault, "recovery_ns", -1);
    fl_ns from = healed != FL_NEVER ? healed : requested;
    assert_true(steady != FL_NEVER);
    assert_int_equal(recovery, fl_ns_max(0, steady - from));

    assert_true(steady >= outage->until);
    assert_true(healed == FL_NEVER || healed <= outage->until); /* seeing it undone comes later */
    if (healed == FL_NEVER) assert_true(recovery >= outage->until - outage->from);
    fl_ns longest = outage->maybe_until + allowance(run, outage->maybe_until, steady);
    print_message(
        "  %s: out for %.3f ms, recovery %.3f ms, steady %.3f ms after, allowed %.3f ms\n",
        fl_json_text(fault, "kind", ""), (double)(outage->until - outage->from) / 1e6,
        (double)recovery / 1e6, (double)(steady - outage->maybe_until) / 1e6,
        (double)(longest - outage->maybe_until) / 1e6);
    if (!run->slow_machine) assert_true(steady <= longest);
}

static void a_recovery_is_the_outage_and_at_most_a_gap_a_latency_and_a_lag_more(void **state)
{
    struct run *run = &((struct runs *)*state)->faults;
    const cJSON *faults = cJSON_GetObjectItem(run->report, "faults"), *fault;
    assert_int_equal(cJSON_GetArraySize(faults), 5);
    cJSON_ArrayForEach(fault, faults) add_outage(run, outage_of(run, fault));
    check_operations(run);
    size_t i = 0;
    cJSON_ArrayForEach(fault, faults)
    {
        const struct outage *outage = &run->outages[i++];
        const char *outcome = fl_json_text(fault, "outcome", "");
        fl_ns horizon = i < run->outages_count ? run->outages[i].maybe_from : FL_NEVER;
        fl_ns late = outage->maybe_until + fl_ms(500) +
                     allowance(run, outage->maybe_until, outage->maybe_until + fl_s(1));
        if (strcmp(outcome, "recovered") == 0 || strcmp(outcome, "ridden out") == 0)
            check_recovery(run, fault, outage);
        else if (strcmp(outcome, "absorbed") == 0) /* then nobody was due in it */
            assert_true(outage->until - outage->from <=
                        GAP_NS + lag_in(run, outage->from, outage->until));
        else if (strcmp(outcome, "overlapped") != 0 || late < horizon)
            fail_msg("%s: %s", outcome, fl_json_text(fault, "why", ""));
    }
}

/* ---- outages that no fault explains ---- */

static const char own_yaml[] = "recovery: {window: 300ms, settle: 300ms}\n"
                               "faults: []\n";
#define OWN_ARGS                                                                  \
    ", refuse, 500, 20, refuse, 1500, 200, hang, 2600, 700, refuse, 4300, 1000, " \
    "slow, 6300, 1400"

static void find_own_outages(struct run *run)
{
    for (fl_ns at = 0; (at = said(run, "closing", at)) != FL_NEVER; at++) {
        fl_ns open = said(run, "open", at);
        if (open == FL_NEVER) break; /* the end of the run */
        add_outage(run, (struct outage){said(run, "closed", at), said(run, "opening", at), at, open,
                                        .silent = false});
    }
    static const char *const silent[][2] = {{"hang", "hung"}, {"slow", "slowed"}};
    for (size_t i = 0; i < FL_COUNT(silent); i++) {
        fl_ns from = said(run, silent[i][0], 0), until = said(run, silent[i][1], 0);
        add_outage(run, (struct outage){from, until, from, until, .silent = true});
    }
}

/* How long this one must have been felt at least: an answer is late by SLOW_NS before it is bad. */
static fl_ns felt_least(const struct run *run, const struct outage *outage)
{
    fl_ns felt = outage->until - outage->from - GAP_NS - lag_in(run, outage->from, outage->until);
    return outage->silent ? felt - SLOW_NS : felt;
}

static void each_outage_is_in_an_incident(const struct run *run, const cJSON *incidents)
{
    for (size_t i = 0; i < run->outages_count; i++) {
        const struct outage *outage = &run->outages[i];
        bool seen = felt_least(run, outage) <= 0;
        const cJSON *incident;
        cJSON_ArrayForEach(incident, incidents)
        {
            fl_ns from = run->zero_ns + fl_json_int(incident, "from_ns", 0);
            fl_ns until = run->zero_ns + fl_json_int(incident, "until_ns", 0);
            fl_ns lag = lag_in(run, outage->from, outage->until);
            seen |= from <= outage->from + GAP_NS &&
                    until >= outage->until - GAP_NS - lag - (outage->silent ? SLOW_NS : 0);
        }
        if (!seen) fail_msg("outage %zu is in no incident", i);
    }
}

static void each_incident_is_an_outage(const struct run *run, const cJSON *incidents)
{
    const cJSON *incident;
    cJSON_ArrayForEach(incident, incidents)
    {
        fl_ns from = run->zero_ns + fl_json_int(incident, "from_ns", 0);
        fl_ns until = run->zero_ns + fl_json_int(incident, "until_ns", 0);
        const struct outage *first = outage_at(run, from, until);
        assert_non_null(first);
        /* what was in flight when it began is part of it */
        assert_true(from >= first->maybe_from - outage_allowance(run, first));
    }
}

/* The sum of the report against the sum of the truth. */
static void check_unavailable(const struct run *run)
{
    const cJSON *load = cJSON_GetObjectItem(run->report, "loads")->child;
    fl_ns unavailable = fl_json_int(load, "unavailable_ns", -1), least = 0, most = 0;
    for (size_t i = 0; i < run->outages_count; i++) {
        const struct outage *outage = &run->outages[i];
        least += fl_ns_max(0, felt_least(run, outage));
        most += outage->maybe_until - outage->maybe_from + outage_allowance(run, outage);
        if (outage->silent) most -= SLOW_NS;
    }
    print_message("  unavailable %.3f ms, between %.3f ms and %.3f ms\n", (double)unavailable / 1e6,
                  (double)least / 1e6, (double)most / 1e6);
    assert_true(unavailable >= least);
    if (!run->slow_machine) assert_true(unavailable <= most);
}

static void outages_that_nobody_planned_are_incidents_as_long_as_they_were(void **state)
{
    struct run *run = &((struct runs *)*state)->own;
    const cJSON *incidents = cJSON_GetObjectItem(run->report, "incidents");
    find_own_outages(run);
    assert_int_equal(run->outages_count, 5);
    check_operations(run);
    each_outage_is_in_an_incident(run, incidents);
    if (!run->slow_machine) each_incident_is_an_outage(run, incidents);
    check_unavailable(run);
}

/* ---- figures against the journal ---- */

static int by_value(const void *a, const void *b)
{
    const fl_ns *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Nearest rank; what did not succeed stands at its deadline. */
static fl_ns percentile(const fl_ns *sorted, size_t count, size_t hundredths)
{
    size_t rank = (count * hundredths + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

static void check_figures(const struct run *run)
{
    const cJSON *load = cJSON_GetObjectItem(run->report, "loads")->child;
    fl_ns *latencies = fl_new_array(fl_ns, run->ops_count);
    size_t due = 0, good = 0;
    for (size_t i = 0; i < run->ops_count; i++) {
        const struct fl_op *op = &run->ops[i];
        if (op->due_ns < run->storm_ns) continue;
        good += is_good(op);
        latencies[due++] = op->outcome == FL_OK ? latency_of(op)
                                                : fl_ns_max(latency_of(op), fl_s(2));
    }
    qsort(latencies, due, sizeof *latencies, by_value);
    assert_int_equal(fl_json_int(load, "due", -1), due);
    assert_int_equal(fl_json_int(load, "good", -1), good);
    assert_int_equal(fl_json_int(load, "p50_ns", -1), percentile(latencies, due, 50));
    assert_int_equal(fl_json_int(load, "p99_ns", -1), percentile(latencies, due, 99));
    assert_int_equal(fl_json_int(load, "max_ns", -1), latencies[due - 1]);
    free(latencies);
}

static void counts_and_percentiles_are_those_of_the_journal(void **state)
{
    struct runs *runs = *state;
    check_figures(&runs->faults);
    check_figures(&runs->own);
}

/* ---- the two runs, side by side ---- */

static void run_start(struct run *run, const char *name, const char *server_args, const char *more,
                      const char *storm)
{
    run->program = program_new();
    run->name = name;
    run->zero_ns = run->storm_ns = FL_NEVER;
    program_write(run->program, "scenario.yaml",
                  "faultline: 1\nname: %s\nseed: 7\nwarmup: 2s\nduration: %s\ncalm: 3s\n"
                  "services:\n"
                  "  web:\n"
                  "    command: [%s, \"${port}\", %s/%s.log%s]\n"
                  "    ready: {tcp: \"${port}\"}\n"
                  "load:\n"
                  "  asks: {workload: tcp, to: web, rate: %d/s, timeout: 2s, slow: 400ms,\n"
                  "         send: \"ask\\n\", expect: \"ok\"}\n"
                  "%s"
                  /* so wide that the generator's lag is no reason not to judge */
                  "targets: [\"recovery max < 120s\", \"availability(asks) >= 1%%\"]\n",
                  name, storm, FL_OUTAGE_SERVER, run->program->folder, name, server_args, RATE,
                  more);
    const char *const argv[] = {NULL, "run", "scenario.yaml", NULL};
    program_start(run->program, argv);
}

static void run_free(struct run *run)
{
    program_free(run->program);
    cJSON_Delete(run->report);
    free(run->words);
    free(run->outages);
    free(run->ops);
    free(run->health);
}

static int make_runs(void **state)
{
    struct runs *runs = fl_new(struct runs);
    *state = runs;
    run_start(&runs->faults, "faults", ", late-starts, \"0,0,300,20,1000\"", faults_yaml, "12s");
    run_start(&runs->own, "own", OWN_ARGS, own_yaml, "9s");

    program_expect_output(runs->own.program, "storm", DEADLINE_MS);
    struct run facts = {.program = runs->own.program, .name = "own"};
    char *folder = run_path(&facts, "");
    assert_int_equal(fl_journal_read_facts(folder, on_fact, &facts, NULL), 0);
    assert_true(facts.pid > 0);
    kill(facts.pid, SIGUSR1);
    free(facts.health);
    free(folder);

    program_wait(runs->own.program, DEADLINE_MS);
    program_wait(runs->faults.program, DEADLINE_MS);
    run_read(&runs->own);
    run_read(&runs->faults);
    return 0;
}

static int free_runs(void **state)
{
    struct runs *runs = *state;
    run_free(&runs->faults);
    run_free(&runs->own);
    free(runs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recovery_is_the_outage_and_at_most_a_gap_a_latency_and_a_lag_more),
        cmocka_unit_test(outages_that_nobody_planned_are_incidents_as_long_as_they_were),
        cmocka_unit_test(counts_and_percentiles_are_those_of_the_journal),
    };
    return cmocka_run_group_tests(tests, make_runs, free_runs);
}
