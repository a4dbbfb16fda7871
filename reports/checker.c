#include "reports/checker.h"

#include "reports/reports.h"

const struct fl_check fl_checks[] = {
    {"chat lost", "an acknowledged message that a member who was there all the time never heard"},
    {"chat duplicated", "a message that one member heard more than once"},
    {"chat reordered", "a message heard before an earlier one of the same sender"},
    {"queue lost", "an acknowledged job that was neither completed nor left in the queue"},
    {"queue duplicated", "a job whose completion was acknowledged more than once"},
    {"queue redelivered", "jobs given out more than once; for information, never a violation"},
    {"editor lost",
     "an acknowledged edit that is not in the text, and that its author did not take out"},
    {"editor duplicated",
     "an edit that is in the text more than once, or again after it was taken out"},
    {"editor diverged",
     "a text that is not like the others at the end, or that holds what nobody wrote"},
    {"dashboard diverged", "figures that a viewer was shown and that were not so within the bound"},
    {NULL, NULL},
};

const char *fl_check_state_name(enum fl_check_state state)
{
    static const char *const names[] = {"valid", "invalid", "cannot tell"};
    return names[state];
}

struct fl_check_result *fl_checker_row(struct fl_check_results *out, const char *check,
                                       const char *metric, const struct fl_rec_load *load)
{
    if (out->count == out->cap) {
        out->cap = out->cap == 0 ? 16 : out->cap * 2;
        out->rows = fl_realloc(out->rows, out->cap * sizeof *out->rows);
    }
    struct fl_check_result *row = &out->rows[out->count++];
    *row = (struct fl_check_result){.check = check, .metric = metric, .load = load};
    return row;
}

void fl_checker_offend(struct fl_check_result *row, uint64_t key)
{
    row->count++;
    if (row->metric != NULL) row->state = FL_CHECK_INVALID;
    for (size_t i = 0; i < row->offenders_count; i++)
        if (row->offenders[i] == key) return;
    if (row->offenders_count < FL_OFFENDERS_MAX) row->offenders[row->offenders_count++] = key;
}

void fl_checker_lost(struct fl_check_results *out, const struct fl_rec_load *load, uint64_t key,
                     fl_ns ack_ns)
{
    if (out->lost_count == out->lost_cap) {
        out->lost_cap = out->lost_cap == 0 ? 64 : out->lost_cap * 2;
        out->lost = fl_realloc(out->lost, out->lost_cap * sizeof *out->lost);
    }
    out->lost[out->lost_count++] = (struct fl_lost_write){
        .ack_ns = ack_ns, .key = key, .load = load};
}

/* Jobs that one load puts in may be taken out by another: all queue loads of a service are one. */
static bool is_first_of_service(const struct fl_record *record, size_t load)
{
    for (size_t i = 0; i < load; i++)
        if (strcmp(record->loads[i].workload, "queue") == 0 &&
            strcmp(record->loads[i].service, record->loads[load].service) == 0)
            return false;
    return true;
}

void fl_checker_run(struct fl_check_results *out, const struct fl_record *record)
{
    *out = (struct fl_check_results){0};
    for (size_t i = 0; i < record->loads_count; i++) {
        const struct fl_rec_load *load = &record->loads[i];
        if (strcmp(load->workload, "chat") == 0)
            fl_check_chat(out, load);
        else if (strcmp(load->workload, "queue") == 0 && is_first_of_service(record, i))
            fl_check_queue(out, record, load->service);
        else if (strcmp(load->workload, "editor") == 0)
            fl_check_editor(out, load);
        else if (strcmp(load->workload, "dashboard") == 0)
            fl_check_dashboard(out, load);
    }
    for (size_t i = 0; i < out->count; i++) {
        struct fl_check_result *row = &out->rows[i];
        if (row->metric == NULL || row->looked_at > 0 || row->state != FL_CHECK_VALID) continue;
        row->state = FL_CHECK_CANNOT_TELL;
        snprintf(row->why, sizeof row->why, "there was nothing to check");
    }
}

void fl_checker_fini(struct fl_check_results *results)
{
    free(results->rows);
    free(results->lost);
    *results = (struct fl_check_results){0};
}
