/* rng.h: seeded random streams. Every draw in Faultline comes from one of these.
 *
 * xoshiro256** seeded by SplitMix64 (Blackman and Vigna, 2018). A named sub-stream depends only on
 * the seed and the name, so that adding a fault does not move another fault's draws. */
#ifndef FL_BASE_RNG_H
#define FL_BASE_RNG_H

#include "runtime/base/fl.h"

struct fl_rng {
    uint64_t s[4];
};

/** Starts a stream from a seed. */
void fl_rng_init(struct fl_rng *rng, uint64_t seed);
/** Starts the sub-stream of this name: the same seed and name give the same draws. */
void fl_rng_init_named(struct fl_rng *rng, uint64_t seed, const char *name);
/** The next 64 bits. */
uint64_t fl_rng_next(struct fl_rng *rng);
/** Uniform in [least, most], both included, without bias. */
int64_t fl_rng_between(struct fl_rng *rng, int64_t least, int64_t most);
/** Uniform in [0, 1). */
double fl_rng_unit(struct fl_rng *rng);
/** Exponential with this mean, for Poisson arrivals. */
double fl_rng_exp(struct fl_rng *rng, double mean);
/** A seed from the operating system, for a scenario without one. */
uint64_t fl_rng_fresh_seed(void);
/** SplitMix64's finalizer: a good 64-bit hash of one number. */
uint64_t fl_hash64(uint64_t value);
/** FNV-1a of bytes, finalized by fl_hash64. */
uint64_t fl_hash_bytes(const void *bytes, size_t len);

#endif
