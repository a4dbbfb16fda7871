#include "runtime/base/hist.h"

static unsigned bucket_of(uint64_t value)
{
    if (value < (1u << FL_HIST_BITS)) return (unsigned)value;
    unsigned top = 63 - (unsigned)__builtin_clzll(value);
    unsigned low = (unsigned)(value >> (top - FL_HIST_BITS)) & ((1u << FL_HIST_BITS) - 1);
    return ((top - FL_HIST_BITS + 1) << FL_HIST_BITS) + low;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
    unsigned power = bucket >> FL_HIST_BITS, low = bucket & ((1u << FL_HIST_BITS) - 1);
    if (power == 0) return low;
    uint64_t from = (uint64_t)((1u << FL_HIST_BITS) | low) << (power - 1);
    return from + ((UINT64_C(1) << (power - 1)) - 1) / 2;
}

void fl_hist_reset(struct fl_hist *hist)
{
    memset(hist, 0, sizeof *hist);
}

void fl_hist_add(struct fl_hist *hist, fl_ns value_ns)
{
    uint64_t value = value_ns < 0 ? 0 : (uint64_t)value_ns;
    if (hist->count == 0 || value < hist->min_ns) hist->min_ns = value;
    if (value > hist->max_ns) hist->max_ns = value;
    hist->count++;
    hist->sum_ns += value;
    hist->buckets[bucket_of(value)]++;
}

void fl_hist_merge(struct fl_hist *into, const struct fl_hist *from)
{
    if (from->count == 0) return;
    if (into->count == 0 || from->min_ns < into->min_ns) into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns) into->max_ns = from->max_ns;
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    for (unsigned i = 0; i < FL_HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

fl_ns fl_hist_at(const struct fl_hist *hist, double q)
{
    FL_ASSERT(q >= 0 && q <= 1);
    if (hist->count == 0) return 0;
    /* nearest rank: the smallest value with at least q of all at or below it */
    double exact = q * (double)hist->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) rank++;
    /* the ends are exact, where their buckets are not */
    if (rank <= 1) return (fl_ns)hist->min_ns;
    if (rank >= hist->count) return (fl_ns)hist->max_ns;
    uint64_t seen = 0;
    for (unsigned i = 0; i < FL_HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen < rank) continue;
        uint64_t value = value_of(i);
        if (value > hist->max_ns) value = hist->max_ns;
        if (value < hist->min_ns) value = hist->min_ns;
        return (fl_ns)value;
    }
    return (fl_ns)hist->max_ns;
}
