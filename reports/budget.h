/* budget.h: for each objective (a target `availability >= s`), how many operations might have gone
 * bad, how many did, and which fault spent them. */
#ifndef FL_REPORTS_BUDGET_H
#define FL_REPORTS_BUDGET_H

#include "reports/judge.h"

struct fl_budget {
    const struct fl_rec_target *rec;
    const struct fl_rec_load *load;
    double allowed;   /* (1 - s) × due */
    size_t spent;     /* bad operations */
    double burn;      /* spent ÷ allowed; infinite when nothing was allowed */
    size_t *by_fault; /* bad operations in each fault's window; free() */
    size_t unexplained;
};

/** The budget of a target, or false when it states no objective of that kind. */
bool fl_budget_of(struct fl_budget *out, const struct fl_judgement *judgement, size_t target);

#endif
