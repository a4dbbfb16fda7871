#include "runtime/base/rng.h"

#include <math.h>
#include <sys/random.h>

uint64_t fl_hash64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t fl_hash_bytes(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return fl_hash64(hash);
}

void fl_rng_init(struct fl_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        rng->s[i] = fl_hash64(seed);
    }
}

void fl_rng_init_named(struct fl_rng *rng, uint64_t seed, const char *name)
{
    fl_rng_init(rng, fl_hash64(seed + 0x9e3779b97f4a7c15u) ^ fl_hash_bytes(name, strlen(name)));
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t fl_rng_next(struct fl_rng *rng)
{
    uint64_t *s = rng->s, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

int64_t fl_rng_between(struct fl_rng *rng, int64_t least, int64_t most)
{
    FL_ASSERT(least <= most);
    uint64_t span = (uint64_t)most - (uint64_t)least + 1;
    if (span == 0) return (int64_t)fl_rng_next(rng);
    uint64_t reject_below = (0 - span) %
                            span; /* the part of 2^64 that would be drawn once too often */
    uint64_t draw;
    do
        draw = fl_rng_next(rng);
    while (draw < reject_below);
    return (int64_t)((uint64_t)least + draw % span);
}

double fl_rng_unit(struct fl_rng *rng)
{
    return (double)(fl_rng_next(rng) >> 11) * 0x1.0p-53;
}

double fl_rng_exp(struct fl_rng *rng, double mean)
{
    return -mean * log1p(-fl_rng_unit(rng));
}

uint64_t fl_rng_fresh_seed(void)
{
    uint64_t seed = 0;
    ssize_t got = getrandom(&seed, sizeof seed, 0);
    FL_ASSERT(got == (ssize_t)sizeof seed);
    /* short enough to be typed again by a person */
    return seed % 1000000000;
}
