/* toxic.h: the table of toxics, what a link can do to the data that passes. Adding one is one file
 * toxic_<name>.c and one row in toxic.c.
 *
 * Knows: instants and settings. Does not know: sockets. */
#ifndef FL_CHAOS_TOXIC_H
#define FL_CHAOS_TOXIC_H

#include <cjson/cJSON.h>

#include "runtime/base/param.h"
#include "runtime/base/rng.h"

/** Which way data flows, as bits: from the client to the service, and back. */
enum fl_stream {
    FL_STREAM_UP = 1,
    FL_STREAM_DOWN = 2,
    FL_STREAM_BOTH = 3,
};

/** What one toxic remembers of one direction of one connection. */
struct fl_toxic_memory {
    uint64_t owner; /* the toxic's number; 0: fresh */
    struct fl_rng rng;
    fl_ns last_due_ns;
};

struct fl_toxic_type {
    const char *name;
    const char *help;
    const struct fl_param *params; /* NULL: none */
    size_t settings_bytes;
    /** Reads converted values (nanoseconds, …); absent ones are 0. NULL: no settings. */
    void (*read)(void *settings, const cJSON *json);
    /** When a chunk that came at arrived_ns may go on. NULL: lets everything pass. */
    fl_ns (*hold)(const void *settings, struct fl_toxic_memory *memory, fl_ns arrived_ns);
    /** While it is there the link is down: connections are reset, new ones refused. */
    bool cuts;
};

extern const struct fl_toxic_type fl_toxic_latency;
extern const struct fl_param fl_toxic_latency_params[];
extern const struct fl_toxic_type fl_toxic_cut;

/** The rows, ended by NULL. */
extern const struct fl_toxic_type *const fl_toxic_types[];
/** The type of this name, or NULL. */
const struct fl_toxic_type *fl_toxic_find(const char *name);
/** Reads `stream` of settings: upstream, downstream (also when absent), both; 0: another word. */
unsigned fl_toxic_stream(const cJSON *settings);

#endif
