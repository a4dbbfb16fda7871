#include "reports/shift.h"

#include <math.h>

#include "reports/stats.h"

/* Two infinities do not differ: both are "later than we looked". */
static double difference(double fresh, double base)
{
    return isinf(fresh) && isinf(base) ? 0 : fresh - base;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* What ties take from the variance: the sum of t³ - t over groups of t equal values. */
static double tie_sum(const double *base, size_t n, const double *fresh, size_t m)
{
    double *all = fl_new_array(double, n + m + 1), sum = 0;
    if (n > 0) memcpy(all, base, n * sizeof *all);
    if (m > 0) memcpy(all + n, fresh, m * sizeof *all);
    fl_stats_sort(all, n + m);
    for (size_t i = 0, next; i < n + m; i = next) {
        for (next = i + 1; next < n + m && !(all[next] > all[i]); next++)
            ;
        double ties = (double)(next - i);
        sum += ties * ties * ties - ties;
    }
    free(all);
    return sum;
}

void fl_shift_measure(struct fl_shift *out, const double *base, size_t base_count,
                      const double *fresh, size_t fresh_count)
{
    const double n = (double)base_count, m = (double)fresh_count, total = n + m;
    size_t pairs = base_count * fresh_count;
    *out = (struct fl_shift){.p = 1};
    if (pairs == 0) return;
    double *differences = fl_new_array(double, pairs), larger = 0;
    for (size_t i = 0, k = 0; i < base_count; i++)
        for (size_t j = 0; j < fresh_count; j++, k++) {
            differences[k] = difference(fresh[j], base[i]);
            larger += differences[k] > 0 ? 1 : differences[k] < 0 ? 0 : 0.5;
        }
    qsort(differences, pairs, sizeof *differences, by_size);
    double tied = tie_sum(base, base_count, fresh, fresh_count);
    double variance = n * m / 12 * (total + 1 - tied / (total * (total - 1)));
    if (variance > 0) out->p = 0.5 * erfc((larger - n * m / 2 - 0.5) / sqrt(2 * variance));

    double middle = differences[pairs / 2];
    out->by = pairs % 2 == 1 || isinf(middle) ? middle : (middle + differences[pairs / 2 - 1]) / 2;
    double cut = floor(n * m / 2 - 1.96 * sqrt(n * m * (total + 1) / 12));
    size_t skip = cut > 0 ? (size_t)cut : 0;
    out->low = differences[skip];
    out->high = differences[pairs - 1 - skip];
    free(differences);
}

void fl_shift_holm(double *p, size_t count)
{
    size_t *order = fl_new_array(size_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t k = i;
        for (; k > 0 && p[order[k - 1]] > p[i]; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fmin(1, p[order[i]] * (double)(count - i)));
        p[order[i]] = most;
    }
    free(order);
}
