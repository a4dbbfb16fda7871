/* check_dashboard.c: was what viewers were shown ever so, within the bound? */
#include "reports/checker.h"

void fl_check_dashboard(struct fl_check_results *out, const struct fl_rec_load *load)
{
    struct fl_check_result *row = fl_checker_row(out, "dashboard diverged", "diverged", load);
    for (size_t i = 0; i < load->ops.count; i++)
        row->looked_at += load->ops.at[i].kind == FL_OP_VIEW && load->ops.at[i].outcome == FL_OK;
    for (size_t i = 0; i < load->obs.count; i++) {
        if (load->obs.at[i].kind != FL_OBS_VIEW_UNTRUE) continue;
        row->looked_at++;
        fl_checker_offend(row, load->obs.at[i].key);
    }
}
