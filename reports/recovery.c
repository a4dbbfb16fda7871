#include "reports/recovery.h"

#include "reports/supervision.h"

#define WINDOW_OPS_LEAST 20

const char *const fl_instant_names[FL_INSTANTS] = {"requested", "effect",    "first_bad",
                                                   "detected",  "restarted", "ready",
                                                   "first_ok",  "steady",    "healed"};

static const struct {
    const char *name, *why;
} outcomes[] = {
    [FL_FAULT_OFF_PATH] = {"off path", ""},
    [FL_FAULT_ABSORBED] = {"absorbed", "no operation was bad"},
    [FL_FAULT_RIDDEN_OUT] = {"ridden out", "steady before it was healed"},
    [FL_FAULT_RECOVERED] = {"recovered", ""},
    [FL_FAULT_MISSED] = {"missed", "it hit nothing"},
    [FL_FAULT_NOT_DONE] = {"not done", "the run ended before it was injected"},
    [FL_FAULT_NO_LOAD] = {"no load", "no operation on its path was due"},
    [FL_FAULT_BROKEN] = {"broken before", "its load was broken before the first fault"},
    [FL_FAULT_NOT_HEALED] = {"not healed", "nothing says that it was undone"},
    [FL_FAULT_CUT_SHORT] = {"cut short", "the record ends before it could recover"},
    [FL_FAULT_OVERLAPPED] = {"overlapped", "not steady before the next fault on its path"},
    [FL_FAULT_BOTTLENECK] = {"bottleneck", "the load generator was the bottleneck"},
    [FL_FAULT_NOT_RECOVERED] = {"not recovered", "not steady before the end of the calm"},
};

const char *fl_recovery_outcome_name(enum fl_outcome_of_fault outcome)
{
    return outcomes[outcome].name;
}

bool fl_recovery_measured(enum fl_outcome_of_fault outcome)
{
    return outcome == FL_FAULT_ABSORBED || outcome == FL_FAULT_RIDDEN_OUT ||
           outcome == FL_FAULT_RECOVERED;
}

/* What one search works on. */
struct search {
    const struct fl_record *record;
    const struct fl_view *view;
    const struct fl_op *ops;
    size_t count;
    fl_ns requested, horizon;
    bool last;         /* the horizon is the end of the arrivals, not another fault */
    fl_ns blame_until; /* what goes bad and is due from here on is the next fault's */
};

/* The request of the next fault on the same path, or the end of calm. */
static void find_horizon(struct search *search, const struct fl_rec_fault *fault, size_t load)
{
    const struct fl_record *record = search->record;
    search->horizon = record->arrivals_end;
    search->last = true;
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_rec_fault *other = &record->faults[i];
        bool later = other->requested_ns > fault->requested_ns ||
                     (other->requested_ns == fault->requested_ns && other->index > fault->index);
        if (!other->on_path[load] || other->requested_ns == FL_NEVER || !later) continue;
        if (other->missed_ns != FL_NEVER || other->requested_ns >= search->horizon) continue;
        search->horizon = other->requested_ns;
        search->last = false;
    }
}

/* When an operation turned out to be bad: at its refusal, or once it was too late to be good. */
static fl_ns went_bad(const struct search *search, const struct fl_op *op)
{
    fl_ns late_ns = op->due_ns + search->view->slow_ns;
    return op->outcome == FL_FAIL ? op->done_ns : fl_ns_min(op->done_ns, late_ns);
}

/* What was in flight, and in time so far, when the next fault was requested, went bad by that one.
 */
static void find_blame(struct search *search)
{
    search->blame_until = search->horizon;
    if (search->last) return;
    fl_ns slow_ns = search->view->slow_ns;
    size_t i = fl_view_at(search->view, search->horizon - slow_ns);
    for (; i < search->count && search->ops[i].due_ns < search->horizon; i++) {
        if (search->view->good[i] || went_bad(search, &search->ops[i]) < search->horizon) continue;
        search->blame_until = search->ops[i].due_ns;
        return;
    }
}

/* The end of the window that starts with operation j: W long, or as long as it takes to hold 20
 * operations. Returns false when the arrivals end before the window does. */
static bool window_end(const struct search *search, size_t j, size_t *out_end)
{
    fl_ns until = search->ops[j].due_ns + search->record->window_ns;
    size_t end = fl_view_at(search->view, until);
    if (end - j < WINDOW_OPS_LEAST) {
        end = j + WINDOW_OPS_LEAST;
        if (end > search->count) return false;
        until = search->ops[end - 1].due_ns + 1;
    }
    *out_end = end;
    return until <= search->record->arrivals_end + 1;
}

/* At least 1 - ε of the window that starts with operation j are good. */
static bool window_is_good(const struct search *search, size_t j)
{
    size_t end;
    if (!window_end(search, j, &end)) return false;
    size_t bad = fl_view_bad(search->view, j, end);
    return (double)bad <= search->record->epsilon * (double)(end - j) + 1e-9;
}

/* The first bad operation that was in flight at the request, or came after it. One that an earlier
 * fault explains (due before that fault's window was over) is not this fault's. */
static size_t find_first_bad(const struct search *search, fl_ns explained_until)
{
    fl_ns timeout = search->view->load->timeout_ns;
    fl_ns longest = timeout > 0 ? 2 * timeout + FL_NS_PER_S : 60 * FL_NS_PER_S;
    size_t i = fl_view_at(search->view, search->requested - longest);
    for (; i < search->count && search->ops[i].due_ns < search->blame_until; i++) {
        if (search->view->good[i] || search->ops[i].done_ns < search->requested) continue;
        if (search->ops[i].due_ns < explained_until) continue;
        return i;
    }
    return search->count;
}

/* Earliest done of a good operation due at or after operation `from`; FL_NEVER: none. */
static fl_ns find_first_ok(const struct search *search, size_t from)
{
    fl_ns best = FL_NEVER;
    for (size_t j = from; j < search->count && search->ops[j].due_ns < best; j++)
        if (search->view->good[j] && search->ops[j].done_ns >= search->requested)
            best = fl_ns_min(best, search->ops[j].done_ns);
    return best;
}

/* As first ok, of those that start a good window. */
static fl_ns find_steady(const struct search *search, size_t from)
{
    fl_ns best = FL_NEVER, stop = fl_ns_min(search->horizon, search->record->arrivals_end + 1);
    for (size_t j = from; j < search->count; j++) {
        const struct fl_op *op = &search->ops[j];
        if (op->due_ns >= best || op->due_ns >= stop) break;
        if (!search->view->good[j] || op->done_ns < search->requested || op->done_ns >= best)
            continue;
        if (window_is_good(search, j)) best = op->done_ns;
    }
    return best;
}

/* The window in which a bad operation i makes a relapse or not: as any other, but what is due
 * behind the horizon is the next fault's, so that near it the last W before it are looked at. */
static void relapse_window(const struct search *search, size_t i, size_t steady, size_t *from,
                           size_t *end)
{
    size_t last = fl_view_at(search->view, search->blame_until);
    *from = i;
    if (window_end(search, i, end) && *end <= last) return;
    size_t back = fl_view_at(search->view, search->horizon - search->record->window_ns);
    if (last - back < WINDOW_OPS_LEAST)
        back = last > WINDOW_OPS_LEAST ? last - WINDOW_OPS_LEAST : 0;
    *from = back < steady ? steady : back < i ? back : i;
    *end = last;
}

/* A relapse: bad operations (one alone is none) within `settle` after steady and before the
 * horizon, and more than ε of their window. Returns the first of them, or count. */
static size_t find_relapse(const struct search *search, fl_ns steady_ns, fl_ns watched_until)
{
    fl_ns until = fl_ns_min(watched_until, search->blame_until);
    size_t steady = fl_view_at(search->view, steady_ns);
    for (size_t i = steady; i < search->count && search->ops[i].due_ns < until; i++) {
        size_t from, end;
        if (search->view->good[i]) continue;
        relapse_window(search, i, steady, &from, &end);
        size_t bad = fl_view_bad(search->view, from, end);
        if (bad >= 2 && (double)bad > search->record->epsilon * (double)(end - from) + 1e-9)
            return i;
    }
    return search->count;
}

static void conclude(struct fl_recovery *out, const struct search *search,
                     const struct fl_rec_fault *fault)
{
    fl_ns steady = out->at[FL_AT_STEADY], healed = out->at[FL_AT_HEALED];
    bool complete = search->record->end_reason != NULL &&
                    strcmp(search->record->end_reason, "complete") == 0;
    if (steady == FL_NEVER || steady > search->horizon) {
        out->at[FL_AT_STEADY] = FL_NEVER;
        out->outcome = !search->last ? FL_FAULT_OVERLAPPED
                       : complete    ? FL_FAULT_NOT_RECOVERED
                                     : FL_FAULT_CUT_SHORT;
        return;
    }
    if (fault->windowed && healed == FL_NEVER) {
        out->outcome = FL_FAULT_NOT_HEALED;
        return;
    }
    fl_ns from = fault->windowed ? healed : out->at[FL_AT_REQUESTED];
    out->outcome = steady > from ? FL_FAULT_RECOVERED : FL_FAULT_RIDDEN_OUT;
    out->recovery_ns = steady > from ? steady - from : 0;
    if (steady <= from) out->adaptation_ns = steady - out->at[FL_AT_REQUESTED];
}

static void count_window(struct fl_recovery *out, const struct search *search, size_t first_bad)
{
    fl_ns steady = out->at[FL_AT_STEADY], healed = out->at[FL_AT_HEALED];
    bool over = fl_recovery_measured(out->outcome) || out->outcome == FL_FAULT_NOT_HEALED;
    out->over_ns = search->horizon;
    if (over) {
        out->over_ns = search->requested;
        if (steady != FL_NEVER) out->over_ns = fl_ns_max(out->over_ns, steady);
        if (healed != FL_NEVER) out->over_ns = fl_ns_max(out->over_ns, healed);
        if (out->outcome == FL_FAULT_NOT_HEALED) out->over_ns = search->horizon;
    }
    size_t from = fl_view_at(search->view, search->requested);
    if (first_bad < from) from = first_bad;
    size_t until = fl_view_at(search->view, out->over_ns);
    out->due = until > from ? until - from : 0;
    out->bad = fl_view_bad(search->view, from, until);
}

/* The recovery of one fault that took place, on one load of its path. */
static void find_one(struct fl_recovery *out, struct search *search,
                     const struct fl_rec_fault *fault, fl_ns explained_until)
{
    const struct fl_record *record = search->record;
    size_t first_bad = find_first_bad(search, explained_until);
    out->horizon_ns = search->horizon;
    out->recovery_ns = FL_NEVER;
    out->resolution_ns = fl_view_gap(search->view);

    size_t due = fl_view_at(search->view, search->horizon) -
                 fl_view_at(search->view, search->requested);
    if (search->view->baseline.due == 0 || (due == 0 && first_bad == search->count)) {
        out->outcome = FL_FAULT_NO_LOAD;
    } else if (search->view->baseline.broken) {
        out->outcome = FL_FAULT_BROKEN;
    } else if (first_bad == search->count) {
        bool healed = !fault->windowed || out->at[FL_AT_HEALED] != FL_NEVER;
        out->outcome = healed ? FL_FAULT_ABSORBED : FL_FAULT_NOT_HEALED;
        if (healed) out->recovery_ns = 0;
    } else {
        out->at[FL_AT_FIRST_BAD] = search->ops[first_bad].due_ns;
        out->at[FL_AT_FIRST_OK] = find_first_ok(search, first_bad);
        fl_ns steady = find_steady(search, first_bad);
        while (steady != FL_NEVER && steady <= search->horizon) {
            fl_ns watched = steady;
            if (out->at[FL_AT_HEALED] != FL_NEVER)
                watched = fl_ns_max(watched, out->at[FL_AT_HEALED]);
            size_t relapse = find_relapse(search, steady, watched + record->settle_ns);
            if (relapse == search->count) break;
            out->relapses++;
            steady = find_steady(search, relapse);
        }
        out->at[FL_AT_STEADY] = steady;
        conclude(out, search, fault);
    }
    count_window(out, search, first_bad);
}

/* Where the fault before this one, on the same load, was over: what was due before is its. */
static fl_ns explained_by_earlier(const struct fl_record *record, const struct fl_fault_view *all,
                                  size_t fault, size_t load)
{
    fl_ns until = 0;
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_rec_fault *other = all[i].fault;
        if (i == fault || other == NULL || !other->on_path[load]) continue;
        if (other->requested_ns == FL_NEVER || other->missed_ns != FL_NEVER) continue;
        if (other->requested_ns > record->faults[fault].requested_ns) continue;
        if (all[i].loads[load].over_ns != FL_NEVER)
            until = fl_ns_max(until, all[i].loads[load].over_ns);
    }
    return fl_ns_min(until, record->faults[fault].requested_ns);
}

bool fl_recovery_covers(const struct fl_fault_view *faults, size_t count, int load, fl_ns t)
{
    for (size_t i = 0; i < count; i++) {
        const struct fl_recovery *recovery = &faults[i].loads[load];
        if (recovery->outcome == FL_FAULT_OFF_PATH || recovery->over_ns == FL_NEVER) continue;
        fl_ns from = fl_ns_min(recovery->at[FL_AT_REQUESTED], recovery->at[FL_AT_FIRST_BAD]);
        if (t >= from && t < recovery->over_ns) return true;
    }
    return false;
}

void fl_recovery_bounds(const struct fl_recovery *recovery, fl_ns *low, fl_ns *high)
{
    *low = 0;
    *high = FL_NEVER;
    if (fl_recovery_measured(recovery->outcome)) {
        *low = *high = recovery->recovery_ns;
    } else if (recovery->outcome == FL_FAULT_NOT_RECOVERED) {
        *low = FL_NEVER;
    } else if (recovery->outcome == FL_FAULT_BOTTLENECK) {
        *low = recovery->low_ns;
        *high = recovery->high_ns;
    }
}

void fl_recovery_fault_bounds(const struct fl_fault_view *fault, const struct fl_record *record,
                              fl_ns *low, fl_ns *high)
{
    bool any = false;
    *low = *high = 0;
    for (size_t i = 0; i < record->loads_count; i++) {
        if (!fault->fault->on_path[i]) continue;
        fl_ns own_low = 0, own_high = 0;
        fl_recovery_bounds(&fault->loads[i], &own_low, &own_high);
        *low = fl_ns_max(*low, own_low);
        *high = fl_ns_max(*high, own_high);
        any = true;
    }
    if (!any) *high = FL_NEVER;
}

void fl_recovery_settle(struct fl_fault_view *fault, const struct fl_record *record)
{
    bool any = false;
    fault->worst = -1;
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_recovery *one = &fault->loads[i];
        if (!fault->fault->on_path[i]) continue;
        any = true;
        const struct fl_recovery *worst = fault->worst < 0 ? NULL : &fault->loads[fault->worst];
        /* absorbed, ridden out and recovered differ by the figure, the others by their kind */
        if (worst == NULL || one->outcome > worst->outcome ||
            (one->outcome == worst->outcome && one->recovery_ns > worst->recovery_ns))
            fault->worst = (int)i;
    }
    if (fault->worst >= 0) {
        const struct fl_recovery *worst = &fault->loads[fault->worst];
        fault->outcome = worst->outcome;
        fault->recovery_ns = worst->recovery_ns;
        memcpy(fault->at, worst->at, sizeof fault->at);
    } else {
        fault->outcome = FL_FAULT_NO_LOAD;
        fault->recovery_ns = FL_NEVER;
    }
    snprintf(fault->why, sizeof fault->why, "%s",
             any ? outcomes[fault->outcome].why : "no load is on its path");
    if (fault->outcome == FL_FAULT_MISSED && fault->fault->missed_why != NULL)
        snprintf(fault->why, sizeof fault->why, "it hit nothing: %s", fault->fault->missed_why);
}

/* Faults by the time of their request, so that each finds the one before it judged. */
static size_t *in_order(const struct fl_record *record)
{
    size_t *order = fl_new_array(size_t, record->faults_count + 1);
    for (size_t i = 0; i < record->faults_count; i++) {
        size_t k = i;
        for (; k > 0 && record->faults[order[k - 1]].requested_ns > record->faults[i].requested_ns;
             k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    return order;
}

static void find_on_load(const struct fl_record *record, const struct fl_view *view,
                         struct fl_fault_view *all, size_t fault, size_t load)
{
    const struct fl_rec_fault *rec = &record->faults[fault];
    struct fl_recovery *out = &all[fault].loads[load];
    memcpy(out->at, all[fault].at, sizeof out->at);
    out->recovery_ns = FL_NEVER;
    out->over_ns = FL_NEVER;
    out->outcome = FL_FAULT_OFF_PATH;
    if (!rec->on_path[load]) return;
    if (rec->requested_ns == FL_NEVER) {
        out->outcome = FL_FAULT_NOT_DONE;
        return;
    }
    if (rec->missed_ns != FL_NEVER) {
        out->outcome = FL_FAULT_MISSED;
        return;
    }
    struct search search = {.record = record,
                            .view = view,
                            .ops = view->load->ops.at,
                            .count = view->load->ops.count,
                            .requested = rec->requested_ns};
    find_horizon(&search, rec, load);
    find_blame(&search);
    find_one(out, &search, rec, explained_by_earlier(record, all, fault, load));
}

struct fl_fault_view *fl_recovery_find(const struct fl_record *record, const struct fl_view *views)
{
    struct fl_fault_view *all = fl_new_array(struct fl_fault_view, record->faults_count + 1);
    for (size_t i = 0; i < record->faults_count; i++) {
        all[i].fault = &record->faults[i];
        all[i].rpo_ns = FL_NEVER;
        all[i].loads = fl_new_array(struct fl_recovery, record->loads_count + 1);
        for (size_t k = 0; k < record->loads_count; k++)
            all[i].loads[k].over_ns = FL_NEVER;
        fl_supervision_instants(record, &record->faults[i], all[i].at);
    }
    size_t *order = in_order(record);
    for (size_t i = 0; i < record->faults_count; i++) {
        for (size_t k = 0; k < record->loads_count; k++)
            find_on_load(record, &views[k], all, order[i], k);
        fl_recovery_settle(&all[order[i]], record);
    }
    free(order);
    return all;
}

void fl_recovery_free(struct fl_fault_view *faults, size_t count)
{
    for (size_t i = 0; faults != NULL && i < count; i++)
        free(faults[i].loads);
    free(faults);
}
