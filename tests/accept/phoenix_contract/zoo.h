/* zoo.h: /zoo of the contract: a page of every shape that a template can have, drawn from the seed
 * in its query. Whoever was sent there from any other seed must see what a fresh page shows. */
#ifndef FL_ACCEPT_ZOO_H
#define FL_ACCEPT_ZOO_H

#include "services/live/live.h"

#define ZOO_CAGES_MAX 6
#define ZOO_BEASTS_MAX 8
#define ZOO_FEED_MAX 40

struct zoo_beast {
    int id, legs;
    const char *name;
    bool is_awake;
};
struct zoo_cage {
    int id;
    const char *sign; /* NULL: none */
    struct zoo_beast beasts[ZOO_BEASTS_MAX];
    size_t beasts_count;
};
struct zoo {
    int seed, weather; /* 0 … 3 */
    bool is_open, is_quiet;
    double price;
    const char *motto;
    struct zoo_cage cages[ZOO_CAGES_MAX];
    size_t cages_count;
    /* a stream, and what it should look like by now */
    struct fl_live_stream feed;
    int fed[ZOO_FEED_MAX + 8];
    size_t fed_count;
    int last_fed;
    char truth[ZOO_FEED_MAX * 12];
    /* two that keep the last three, and the first four */
    struct fl_live_stream recent, top;
    int last_seen;
    char recent_truth[64], top_truth[64];
};
struct zoo_feed {
    int id, seed;
};

extern const struct fl_live_view contract_zoo;

#endif
