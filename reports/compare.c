/* compare.c: did recovery become slower between two sets of runs? Worse needs both: p < 0.01, and a
 * shift beyond the tolerance. */
#include <math.h>

#include "reports/judge.h"
#include "reports/shift.h"
#include "runtime/base/units.h"

#define P_MOST 0.01
#define TOLERANCE_SHARE 0.10
#define TOLERANCE_NS ((double)(20 * FL_NS_PER_MS))

struct values {
    double *at;
    size_t count;
};

/* One kind of fault on both sides: 0 base, 1 new. */
struct kind {
    char *name;
    struct values sides[2];
    struct fl_shift shift;
    double median, tolerance;
    bool enough, worse;
};

struct comparison {
    struct kind *kinds;
    size_t count;
    char *made[2]; /* fingerprint of each side: which scenario on which host */
    bool mixed;    /* one side alone has several */
};

static struct kind *kind_of(struct comparison *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->kinds[i].name, name) == 0) return &all->kinds[i];
    all->kinds = fl_realloc(all->kinds, (all->count + 1) * sizeof *all->kinds);
    all->kinds[all->count] = (struct kind){.name = fl_strdup(name)};
    return &all->kinds[all->count++];
}

static void add_value(struct values *values, double value)
{
    values->at = fl_realloc(values->at, (values->count + 1) * sizeof *values->at);
    values->at[values->count++] = value;
}

static void add_fingerprint(struct comparison *all, const struct fl_record *record, int side)
{
    char *made = fl_format("%s on %s, %d cores, %s", record->scenario,
                           record->host != NULL ? record->host : "unknown host", record->cpus,
                           record->kernel != NULL ? record->kernel : "unknown kernel");
    if (all->made[side] != NULL && strcmp(all->made[side], made) != 0) all->mixed = true;
    free(all->made[side]);
    all->made[side] = made;
}

static int add_run(struct comparison *all, const char *folder, int side, struct fl_err *err)
{
    struct fl_record *record = NULL;
    struct fl_judgement judgement;
    int rc = fl_record_open(&record, folder, err);
    if (rc != 0) return rc;
    fl_judge(&judgement, record);
    for (size_t i = 0; i < record->faults_count; i++) {
        const struct fl_fault_view *fault = &judgement.faults[i];
        if (fl_recovery_measured(fault->outcome))
            add_value(&kind_of(all, fault->fault->kind)->sides[side], (double)fault->recovery_ns);
        else if (fault->outcome == FL_FAULT_NOT_RECOVERED)
            add_value(&kind_of(all, fault->fault->kind)->sides[side], INFINITY);
    }
    add_fingerprint(all, record, side);
    fl_judge_fini(&judgement);
    fl_record_free(record);
    return 0;
}

static void compare_kinds(struct comparison *all)
{
    double *p = fl_new_array(double, all->count + 1);
    for (size_t i = 0; i < all->count; i++) {
        struct kind *kind = &all->kinds[i];
        const struct values *base = &kind->sides[0], *fresh = &kind->sides[1];
        kind->enough = base->count >= FL_SHIFT_LEAST && fresh->count >= FL_SHIFT_LEAST;
        fl_shift_measure(&kind->shift, base->at, base->count, fresh->at, fresh->count);
        fl_stats_sort(base->at, base->count);
        kind->median = fl_stats_quantile(base->at, base->count, 0.5);
        kind->tolerance = fmax(TOLERANCE_NS,
                               isinf(kind->median) ? 0 : TOLERANCE_SHARE * kind->median);
        p[i] = kind->enough ? kind->shift.p : 1;
    }
    fl_shift_holm(p, all->count);
    for (size_t i = 0; i < all->count; i++) {
        struct kind *kind = &all->kinds[i];
        kind->shift.p = p[i];
        kind->worse = kind->enough && p[i] < P_MOST && kind->shift.by > kind->tolerance;
    }
    free(p);
}

static const char *show(double ns, char out[32])
{
    if (isinf(ns)) return ns > 0 ? "never" : "-never";
    return fl_show_ns((fl_ns)llround(ns), out, 32);
}

static char *words_of(const struct comparison *all)
{
    struct fl_buf out = {0};
    char a[32], b[32], c[32], d[32];
    fl_buf_putc(&out, '\n');
    for (size_t i = 0; i < all->count; i++) {
        const struct kind *kind = &all->kinds[i];
        fl_buf_printf(&out, "  %-10s %zu against %zu: ", kind->name, kind->sides[1].count,
                      kind->sides[0].count);
        if (!kind->enough) {
            fl_buf_printf(&out, "cannot tell, %d a side are needed\n", FL_SHIFT_LEAST);
            continue;
        }
        fl_buf_printf(&out, "%s; shift %s, 95 %% interval %s to %s, p %.4f, tolerance %s\n",
                      kind->worse ? "slower" : "no change detected", show(kind->shift.by, a),
                      show(kind->shift.low, b), show(kind->shift.high, c), kind->shift.p,
                      show(kind->tolerance, d));
    }
    return fl_buf_take(&out);
}

static void conclude(const struct comparison *all, bool force, struct fl_report_summary *out)
{
    size_t worse = 0, open = 0;
    const char *first_worse = "", *first_open = "";
    for (size_t i = 0; i < all->count; i++) {
        if (all->kinds[i].worse && worse++ == 0) first_worse = all->kinds[i].name;
        if (!all->kinds[i].enough && open++ == 0) first_open = all->kinds[i].name;
    }
    FL_ASSERT(all->made[0] != NULL && all->made[1] != NULL); /* there is a run on both sides */
    bool unlike = all->mixed || strcmp(all->made[0], all->made[1]) != 0;
    if (unlike && !force) {
        out->verdict = FL_CANNOT_TELL;
        snprintf(out->why, sizeof out->why,
                 "made by different scenarios or on different hosts: %.150s; %.150s", all->made[0],
                 all->made[1]);
    } else if (worse > 0) {
        out->verdict = FL_FAILED;
        snprintf(out->why, sizeof out->why, "recovery from %s became slower", first_worse);
    } else if (open > 0 || all->count == 0) {
        out->verdict = FL_CANNOT_TELL;
        snprintf(out->why, sizeof out->why,
                 all->count == 0 ? "there is no recovery to compare"
                                 : "too few recoveries from %s to tell",
                 first_open);
    } else {
        out->verdict = FL_PASS;
        snprintf(out->why, sizeof out->why, "no change detected");
    }
}

int fl_report_compare(const char *const *base, size_t base_count, const char *const *fresh,
                      size_t fresh_count, bool force, struct fl_report_summary *out,
                      struct fl_err *err)
{
    struct comparison all = {0};
    int rc = base_count > 0 && fresh_count > 0
                 ? 0
                 : fl_err_set(err, FL_ENOTFOUND, "there is no run to compare");
    for (size_t i = 0; i < base_count && rc == 0; i++)
        rc = add_run(&all, base[i], 0, err);
    for (size_t i = 0; i < fresh_count && rc == 0; i++)
        rc = add_run(&all, fresh[i], 1, err);
    if (rc == 0) {
        *out = (struct fl_report_summary){0};
        compare_kinds(&all);
        conclude(&all, force, out);
        out->text = words_of(&all);
    }
    for (size_t i = 0; i < all.count; i++) {
        free(all.kinds[i].name);
        free(all.kinds[i].sides[0].at);
        free(all.kinds[i].sides[1].at);
    }
    free(all.kinds);
    free(all.made[0]);
    free(all.made[1]);
    return rc;
}
