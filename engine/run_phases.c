/* The clockwork of a run: each phase begins at its instant, and every way to the end goes through
 * the same three steps: heal what is in effect, let the load account for itself, stop. */
#include "engine/run_state.h"

#include <signal.h>
#include <unistd.h>

#include "engine/exit_codes.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

#define TICK_MS 200
#define HEAL_WITHIN fl_s(5)
#define DRAIN_WITHIN fl_s(15)  /* beyond the load worker's own limit: it is stuck */
#define HURRIED_WITHIN fl_s(4) /* the same after Ctrl-C */
#define TOLD_ONCE_WITHIN fl_ms(500)

const char *const fl_run_phase_names[FL_PHASES] = {"boot", "warm",  "storm",
                                                   "calm", "drain", "stop"};
const char *const fl_run_end_names[FL_ENDS] = {
    "", "complete", "interrupted", "restart limit", "not started", "trouble"};

static void on_phase_timer(uv_timer_t *timer);

static void enter(struct fl_run *run, enum fl_run_phase phase)
{
    run->phase = phase;
    fl_journal_fact(run->journal, fl_now(), "phase", "\"phase\":\"%s\"", fl_run_phase_names[phase]);
}

static void wait_until(struct fl_run *run, fl_ns at_ns)
{
    fl_ns left_ns = at_ns - fl_now();
    uint64_t ms = left_ns <= 0 ? 0 : (uint64_t)((left_ns + FL_NS_PER_MS - 1) / FL_NS_PER_MS);
    uv_update_time(run->loop);
    uv_timer_start(&run->phase_timer, on_phase_timer, ms, 0);
}

static void close_timers(struct fl_run *run);

static void stop(struct fl_run *run)
{
    if (run->phase == FL_STOP) return;
    enter(run, FL_STOP);
    fl_fleet_stopping(run->fleet);
    fl_run_ui_stopping(run->ui);
    fl_links_close(run->links);
    run->links = NULL;
    fl_load_client_close(run->load);
    run->load = NULL;
    close_timers(run);
    fl_node_stop(run->node, 0);
}

static void stop_when_settled(struct fl_run *run)
{
    if (run->ending && run->healed && run->load_done) stop(run);
}

static void on_healed(void *cx)
{
    struct fl_run *run = cx;
    run->healed = true;
    stop_when_settled(run);
}

void fl_run_on_load_done(void *cx)
{
    struct fl_run *run = cx;
    run->load_done = true;
    stop_when_settled(run);
}

/* The load gives up what is in flight; where none runs there is nothing to wait for. */
static void hurry(struct fl_run *run)
{
    if (run->load != NULL) fl_load_client_send(run->load, "{\"op\":\"stop\"}");
    if (run->load == NULL || run->t0_ns == 0) run->load_done = true;
    wait_until(run, fl_now() + HURRIED_WITHIN);
}

/* Heals, lets the load drain (or ends it), and stops once both are done or the time is over. */
static void wind_down(struct fl_run *run, bool in_time)
{
    run->ending = true;
    if (run->t0_ns != 0)
        enter(run, FL_DRAIN);
    else
        run->phase = FL_DRAIN; /* nothing is in flight yet, so there is nothing to tell */
    if (in_time)
        wait_until(run, fl_now() + DRAIN_WITHIN);
    else
        hurry(run);
    if (run->injector != NULL)
        fl_injector_heal(run->injector, HEAL_WITHIN, on_healed, run);
    else
        on_healed(run);
}

void fl_run_end(struct fl_run *run, enum fl_run_end_reason end, const char *detail)
{
    if (run->end == FL_END_NONE) {
        run->end = end;
        run->end_detail = detail == NULL ? NULL : fl_strdup(detail);
    }
    if (!run->ending) wind_down(run, end == FL_END_COMPLETE);
}

void fl_run_trouble(struct fl_run *run, const char *format, ...)
{
    if (run->phase == FL_STOP) return;
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    struct fl_buf quoted = {0};
    fl_json_put_str(&quoted, fl_str_of(what));
    fl_journal_fact(run->journal, fl_now(), "harness.trouble", "\"what\":%s", quoted.at);
    fl_buf_fini(&quoted);
    fl_run_end(run, FL_END_TROUBLE, what);
    if (run->load == NULL && !run->load_done)
        fl_run_on_load_done(run); /* nobody left to wait for */
}

static void storm(struct fl_run *run)
{
    enter(run, FL_STORM);
    fl_ns zero_ns = run->t0_ns + run->scenario->warmup_ns;
    wait_until(run, zero_ns + run->scenario->duration_ns);
    if (run->opts->load_only) return;
    struct fl_injector_world world = {.cx = run->fleet,
                                      .pid_of = fl_fleet_pid_of,
                                      .control_of = fl_fleet_control_of,
                                      .instances_of = fl_fleet_instances_of,
                                      .will_end = fl_fleet_will_end,
                                      .links = run->links};
    struct fl_err err = {0};
    if (fl_injector_new(&run->injector, run->loop, run->plan, &world, run->journal, &err) != 0) {
        fl_run_trouble(run, "%s", err.text);
        return;
    }
    fl_injector_start(run->injector, zero_ns);
}

static void on_phase_timer(uv_timer_t *timer)
{
    struct fl_run *run = timer->data;
    const struct fl_scenario *scenario = run->scenario;
    fl_ns storm_ns = run->t0_ns + scenario->warmup_ns, calm_ns = storm_ns + scenario->duration_ns;
    switch (run->phase) {
    case FL_WARM:
        storm(run);
        break;
    case FL_STORM:
        enter(run, FL_CALM);
        wait_until(run, calm_ns + scenario->calm_ns);
        break;
    case FL_CALM:
        fl_run_end(run, FL_END_COMPLETE, NULL);
        break;
    case FL_DRAIN:
        if (!run->load_done && run->end == FL_END_COMPLETE)
            fl_journal_fact(run->journal, fl_now(), "harness.trouble",
                            "\"what\":\"the load worker did not account for everything in time\"");
        stop(run);
        break;
    default:
        break;
    }
}

void fl_run_warm(struct fl_run *run)
{
    /* a moment ahead, so that the worker has its orders before the first arrival is due */
    run->t0_ns = fl_now() + fl_ms(50);
    fl_live_zero(run->live, run->t0_ns);
    enter(run, FL_WARM);
    fl_journal_fact(run->journal, fl_now(), "load.zero", "\"t0_ns\":%lld", (long long)run->t0_ns);
    wait_until(run, run->t0_ns + run->scenario->warmup_ns);
}

static void on_tick(uv_timer_t *timer)
{
    struct fl_run *run = timer->data;
    char active[256] = "";
    if (run->injector != NULL) fl_injector_active(run->injector, active, sizeof active);
    fl_live_tick(run->live, run->fleet, fl_run_phase_names[run->phase], active);
    if (fl_journal_broken(run->journal) && !run->ending)
        fl_run_trouble(run, "the journal could not be written: is the disk full?");
    if (!run->ending && fl_guardian_is_lost(run->guardian))
        fl_run_trouble(run, "the guardian, which leaves nothing behind, was killed");
}

/* timeout(1), shells and a closing terminal tell the same thing two or three times. */
static bool is_told_again(const struct fl_run *run, int number)
{
    return number != SIGHUP && fl_now() - run->interrupted_ns > TOLD_ONCE_WITHIN;
}

static void on_interrupt(struct fl_run *run, int number)
{
    if (run->interrupted_ns != 0) {
        /* the guardian ends what still runs */
        if (is_told_again(run, number)) _exit(FL_EX_INTERRUPTED);
        return;
    }
    run->interrupted_ns = fl_now();
    fl_journal_fact(run->journal, run->interrupted_ns, "run.interrupted", "\"signal\":%d", number);
    if (!run->opts->quiet)
        fprintf(stderr,
                "\ninterrupted: healing, stopping and reporting (again to leave at once)\n");
    if (run->phase == FL_DRAIN && run->end == FL_END_COMPLETE) {
        run->end = FL_END_INTERRUPTED; /* what is in flight stays unknown */
        hurry(run);
        stop_when_settled(run);
    } else {
        fl_run_end(run, FL_END_INTERRUPTED, NULL);
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    on_interrupt(signal->data, number);
}

void fl_run_open_handles(struct fl_run *run)
{
    uv_timer_init(run->loop, &run->phase_timer);
    uv_timer_init(run->loop, &run->tick_timer);
    run->phase_timer.data = run->tick_timer.data = run;
    uv_timer_start(&run->tick_timer, on_tick, TICK_MS, TICK_MS);
    run->timers_open = true;

    int numbers[FL_INTERRUPTS_MAX];
    size_t count = fl_interrupt_signals(numbers);
    fl_interrupt_hold(true);
    bool came = fl_interrupt_came();
    for (size_t i = 0; i < count; i++) {
        uv_signal_init(run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
    fl_interrupt_hold(false);
    if (came) on_interrupt(run, SIGINT);
}

static void close_timers(struct fl_run *run)
{
    if (!run->timers_open) return;
    run->timers_open = false;
    uv_close((uv_handle_t *)&run->phase_timer, NULL);
    uv_close((uv_handle_t *)&run->tick_timer, NULL);
}

void fl_run_close_signals(struct fl_run *run)
{
    fl_interrupt_hold(true);
    uv_run(run->loop, UV_RUN_NOWAIT); /* hears what came until now */
    for (size_t i = 0; i < FL_COUNT(run->signals); i++)
        if (run->signals[i].data != NULL) uv_close((uv_handle_t *)&run->signals[i], NULL);
    fl_interrupt_note();
    fl_interrupt_hold(false);
}
