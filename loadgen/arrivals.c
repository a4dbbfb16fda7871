#include "loadgen/arrivals.h"

static void arrivals_advance(struct fl_arrivals *arrivals)
{
    if (arrivals->spacing == FL_SPACING_POISSON)
        arrivals->elapsed_ns += fl_rng_exp(&arrivals->rng, arrivals->gap_ns);
    else if (arrivals->spacing == FL_SPACING_SCATTERED)
        arrivals->elapsed_ns = ((double)arrivals->number + fl_rng_unit(&arrivals->rng)) *
                               arrivals->gap_ns;
    else /* multiplied, not added up: no rounding error grows with the length of a run */
        arrivals->elapsed_ns = arrivals->phase_ns + (double)arrivals->number * arrivals->gap_ns;
    arrivals->next_ns = arrivals->t0_ns + (fl_ns)arrivals->elapsed_ns;
}

void fl_arrivals_init(struct fl_arrivals *arrivals, const struct fl_arrivals_opts *opts)
{
    *arrivals = (struct fl_arrivals){
        .spacing = opts->spacing,
        .t0_ns = opts->t0_ns,
        .until_ns = opts->until_ns,
        .next_ns = FL_NEVER,
    };
    if (opts->rate_per_s <= 0) return;

    fl_rng_init_named(&arrivals->rng, opts->seed, opts->name);
    arrivals->gap_ns = (double)FL_NS_PER_S / opts->rate_per_s;
    arrivals->phase_ns = fl_rng_unit(&arrivals->rng) * arrivals->gap_ns;
    arrivals_advance(arrivals);
}

fl_ns fl_arrivals_next(const struct fl_arrivals *arrivals)
{
    return arrivals->next_ns < arrivals->until_ns ? arrivals->next_ns : FL_NEVER;
}

bool fl_arrivals_pop(struct fl_arrivals *arrivals, fl_ns now_ns, fl_ns *due_ns, uint64_t *number)
{
    fl_ns next_ns = fl_arrivals_next(arrivals);
    if (next_ns == FL_NEVER || next_ns > now_ns) return false;

    *due_ns = next_ns;
    *number = arrivals->number++;
    arrivals_advance(arrivals);
    return true;
}

void fl_arrivals_stop(struct fl_arrivals *arrivals, fl_ns at_ns)
{
    arrivals->until_ns = fl_ns_min(arrivals->until_ns, at_ns);
}
