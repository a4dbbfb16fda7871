#include "reports/stats.h"

#include <math.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

#define DIGIT_BITS 11
#define DIGITS 6
#define RADIX_FROM 2048 /* below, qsort is as good and needs no memory */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Doubles that are not negative are in the order of their bits: millions of latencies are sorted
 * digit by digit, some ten times as fast as by comparison. */
static void radix_sort(double *values, size_t count)
{
    double *spare = fl_new_array(double, count), *from = values, *to = spare;
    size_t *starts = fl_new_array(size_t, (size_t)1 << DIGIT_BITS);
    for (int digit = 0; digit < DIGITS; digit++) {
        const int shift = digit * DIGIT_BITS;
        const uint64_t mask = (1 << DIGIT_BITS) - 1;
        memset(starts, 0, sizeof *starts << DIGIT_BITS);
        for (size_t i = 0; i < count; i++)
            starts[bits_of(from[i]) >> shift & mask]++;
        for (size_t k = 0, sum = 0; k <= mask; k++) {
            size_t here = starts[k];
            starts[k] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[bits_of(from[i]) >> shift & mask]++] = from[i];
        double *swap = from;
        from = to;
        to = swap;
    }
    free(starts);
    free(spare); /* an even number of digits: the result is back in values */
}

void fl_stats_sort(double *values, size_t count)
{
    if (count < 2) return;
    bool negative = false;
    for (size_t i = 0; i < count; i++)
        negative |= values[i] < 0;
    if (count < RADIX_FROM || negative)
        qsort(values, count, sizeof *values, by_value);
    else
        radix_sort(values, count);
}

double fl_stats_quantile(const double *sorted, size_t count, double q)
{
    if (count == 0) return 0;
    double rank = ceil(q * (double)count - 1e-9);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return sorted[index < count ? index : count - 1];
}

static double binomial(size_t n, size_t k, double p)
{
    double a = (double)n, b = (double)k;
    return exp(lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) + b * log(p) +
               (a - b) * log1p(-p));
}

/* The number of values below the quantile is binomial(n, q). Cut at most 2.5 % off each end. */
bool fl_stats_interval(size_t count, double q, size_t *low, size_t *high)
{
    double below = 0, above = 0;
    size_t lowest = 0, highest = count;
    if (count == 0 || q <= 0 || q >= 1) return false;
    while (lowest < count && below + binomial(count, lowest, q) <= 0.025)
        below += binomial(count, lowest++, q);
    while (highest > 0 && above + binomial(count, highest, q) <= 0.025)
        above += binomial(count, highest--, q);
    /* order statistics lowest … highest + 1, counted from 1 */
    if (lowest < 1 || highest + 1 > count) return false;
    *low = lowest - 1;
    *high = highest;
    return true;
}

size_t fl_stats_needed(double q)
{
    return q <= 0 || q >= 1 ? 1 : (size_t)ceil(log(0.05) / log(q));
}

void fl_stats_spread(struct fl_spread *out, double *values, size_t count)
{
    *out = (struct fl_spread){.count = count};
    if (count == 0) return;
    fl_stats_sort(values, count);
    for (size_t i = 0; i < count; i++)
        out->censored += isinf(values[i]) != 0;
    out->min = values[0];
    out->median = fl_stats_quantile(values, count, 0.5);
    out->p95 = fl_stats_quantile(values, count, 0.95);
    out->max = values[count - 1];
    size_t low, high;
    out->has_interval = fl_stats_interval(count, 0.5, &low, &high);
    if (out->has_interval) {
        out->median_low = values[low];
        out->median_high = values[high];
    }
}
