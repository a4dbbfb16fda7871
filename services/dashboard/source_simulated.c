/* source_simulated.c: a shop that does not exist: numbers that look like something, the same ones
 * for the same seed. */
#include <math.h>

#include "runtime/base/rng.h"
#include "runtime/base/units.h"
#include "services/dashboard/source.h"

enum { SHOPS = 3 };

struct simulated {
    struct fl_rng rng;
    uint64_t ticks;
    double walk[SHOPS]; /* around 0 */
    int outage_left;
};

static int simulated_open(struct fl_self *self, void *state, const char *what,
                          const struct fl_service_opts *opts, struct fl_err *err)
{
    (void)self, (void)opts;
    struct simulated *sim = state;
    int64_t seed = 1;
    if (what[0] != '\0' && fl_parse_int(fl_str_of(what), 0, INT32_MAX, &seed, err) != 0)
        return fl_err_prefix(err, "simulated takes a seed: ");
    fl_rng_init_named(&sim->rng, (uint64_t)seed, "dashboard.simulated");
    return 0;
}

static int simulated_look(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                          struct fl_err *err)
{
    (void)self, (void)now_ns, (void)err;
    static const char *const shops[SHOPS] = {"north", "south", "web"};
    struct simulated *sim = state;
    double t_s = (double)sim->ticks++ / 10, queued = 0;
    if (sim->outage_left > 0)
        sim->outage_left--;
    else if (fl_rng_unit(&sim->rng) < 0.002)
        sim->outage_left = 30;
    for (int i = 0; i < SHOPS; i++) {
        sim->walk[i] = sim->walk[i] * 0.98 + (fl_rng_unit(&sim->rng) - 0.5) * 0.12;
        double wave = 1 + 0.5 * sin(t_s / (9 + 4 * i) + i) + sim->walk[i];
        double orders = fmax(0, 120 * (i + 1) * wave) * (sim->outage_left > 0 && i == 2 ? 0.1 : 1);
        double ms = 12 + 6 * i + 8 * fabs(sim->walk[i]) + fl_rng_exp(&sim->rng, 2) +
                    (sim->outage_left > 0 && i == 2 ? 180 : 0);
        queued += fmax(0, wave - 0.8) * 40;
        fl_sample_add(out, "orders", "/s", orders, "%s", shops[i]);
        fl_sample_add(out, "checkout p99", "ns", ms * 1e6, "%s", shops[i]);
    }
    fl_sample_add(out, "waiting orders", "", floor(queued), "waiting");
    return 0;
}

const struct fl_source fl_source_simulated = {
    .kind = "simulated",
    .what = "simulated, simulated:SEED",
    .help = "a shop that does not exist, for a look at the page",
    .state_bytes = sizeof(struct simulated),
    .every_ns = 100 * FL_NS_PER_MS,
    .open = simulated_open,
    .look = simulated_look,
};
