/* scenario.h: a scenario file, read, checked and turned into structs (docs/scenario.md).
 *
 * Knows: the tables of services, workloads, faults and targets. Does not know: seeds being drawn,
 * ports, processes. Everything in a scenario is owned by it and read-only after parsing. */
#ifndef FL_ENGINE_SCENARIO_H
#define FL_ENGINE_SCENARIO_H

#include <cjson/cJSON.h>

#include "chaos/fault.h"
#include "loadgen/loadgen.h"
#include "runtime/base/str.h"
#include "runtime/sup.h"
#include "services/services.h"

enum {
    FL_SCENARIO_SERVICES_MAX = 64,
    FL_SCENARIO_INSTANCES_MAX = 32,
    FL_SCENARIO_LINKS_MAX = 64,
    FL_SCENARIO_LOADS_MAX = 64,
    FL_SCENARIO_FAULTS_MAX = 10000, /* planned, after `every` */
    FL_SCENARIO_USERS_MAX = 20000,
    FL_SCENARIO_PROBLEMS_MAX = 20,
};

/** How we learn that an instance serves. */
enum fl_ready_kind {
    FL_READY_STARTED = 0, /* it runs: nothing better is known */
    FL_READY_TCP,         /* text: a port, with ${port} not yet put in */
    FL_READY_HTTP,        /* text: a path on ${port} that answers 2xx */
    FL_READY_EXEC,        /* argv: a command that exits with 0 */
    FL_READY_LOG, /* text: a POSIX extended regular expression that a line of output matches */
};

struct fl_scenario_ready {
    enum fl_ready_kind kind;
    const char *text;
    const char *const *argv; /* NULL-terminated, ${…} not yet put in */
    fl_ns within_ns;         /* standard 15 s */
};

struct fl_scenario_stop {
    int signal;      /* standard SIGTERM */
    fl_ns within_ns; /* standard 5 s */
};

/** One entry of `services`: either row (use) or argv (command) is set. */
struct fl_scenario_service {
    const char *name;
    const struct fl_service *row; /* a reference service, or NULL */
    const char *const *argv;      /* NULL-terminated, ${…} not yet put in; NULL with row */
    const char *const *env;       /* NULL-terminated `K=V`, ${…} not yet put in; never NULL */
    const char *dir;              /* its data folder, or NULL: one in the run folder */
    int port;                     /* of the first instance, the next ones follow; 0: free ones */
    int instances_count;          /* 1 … 32 */
    const char *const *instances; /* `chat`, or `chat.1 chat.2` when there are several */
    struct fl_scenario_ready ready;
    struct fl_scenario_stop stop;
    int line;
};

/** One entry of `links`. */
struct fl_scenario_link {
    const char *name;
    const char *to; /* as written: a service or one instance */
    const struct fl_scenario_service *service;
    int instance; /* index in service->instances, or -1: spread over all of them */
    int line;
};

/** One entry of `load`. */
struct fl_scenario_load {
    const char *name;
    const struct fl_workload *row;
    const char *via;                           /* as written: a link, a service or one instance */
    const struct fl_scenario_link *link;       /* with `through`, else NULL */
    const struct fl_scenario_service *service; /* what is behind it */
    int instance;                              /* index in service->instances, or -1 */
    int users;                                 /* 0: as many slots as rate × timeout needs */
    double rate_per_s;                         /* 0: only users close it */
    fl_ns timeout_ns, slow_ns;                 /* slow 0: from the baseline */
    cJSON *settings;                           /* converted params of the row, standards included */
    int line;
};

/** One entry of `faults`; every_ns > 0 makes several injections of it. */
struct fl_scenario_fault {
    const struct fl_fault *row;
    const char *target;
    const struct fl_scenario_service *service; /* hit, for process and runtime aims */
    const struct fl_scenario_link *link;       /* hit, for link aims */
    fl_ns at_ns;                               /* without every */
    fl_ns every_ns, jitter_ns, from_ns, until_ns;
    fl_ns for_ns; /* windowed faults */
    cJSON *settings;
    const char *const *watch; /* NULL-terminated load names, or NULL: work the path out */
    int line, column;
};

/** One line of `targets`. */
struct fl_scenario_target {
    const char *text;
    int line, column;
};

struct fl_scenario {
    const char *path;        /* as given, for messages */
    const char *source;      /* the file's text, as it was */
    const char *const *sets; /* the overrides that were applied to it, as given; NULL-terminated */
    const char *name;
    bool has_seed;
    uint64_t seed;
    fl_ns warmup_ns, duration_ns, calm_ns;
    struct {
        enum fl_strategy strategy;
        int max_restarts;
        fl_ns within_ns;
    } supervision;
    struct {
        fl_ns window_ns;
        double epsilon;
        fl_ns settle_ns;
    } recovery;

    struct fl_scenario_service *services;
    size_t services_count;
    struct fl_scenario_link *links;
    size_t links_count;
    struct fl_scenario_load *loads;
    size_t loads_count;
    struct fl_scenario_fault *faults;
    size_t faults_count;
    struct fl_scenario_target *targets;
    size_t targets_count;

    struct fl_scenario_block *blocks; /* private: all memory of the above */
};

/** Everything that is wrong with a file, in its order. */
struct fl_problems {
    size_t count;                          /* kept; never more than fit */
    size_t more;                           /* found and not kept */
    char *lines[FL_SCENARIO_PROBLEMS_MAX]; /* `file:line:col: what is wrong, what would be right` */
    int64_t places[FL_SCENARIO_PROBLEMS_MAX]; /* line << 24 | column; 0: the file, -1: --set */
};

struct fl_scenario_opts {
    const char *path;        /* how messages name it */
    const char *const *sets; /* NULL-terminated `key.path=value`, or NULL */
    bool skip_programs;      /* do not ask whether commands can be found on this machine */
};

/** Reads and checks a scenario from memory. On success *out is to be freed with fl_scenario_free;
 * else FL_EPARSE and at least one problem. problems must be zero; free with fl_problems_fini. */
int fl_scenario_parse(struct fl_scenario **out, struct fl_str text,
                      const struct fl_scenario_opts *opts, struct fl_problems *problems);
/** The same from the file opts->path. */
int fl_scenario_load(struct fl_scenario **out, const struct fl_scenario_opts *opts,
                     struct fl_problems *problems);
/** Frees a scenario. NULL is fine. */
void fl_scenario_free(struct fl_scenario *scenario);
/** Frees what it holds. */
void fl_problems_fini(struct fl_problems *problems);

/** Could a fault with this target (a service, an instance, a glob; for runtime aims what stands
 * before the colon) hit this instance? */
bool fl_scenario_hits(const struct fl_scenario_fault *fault,
                      const struct fl_scenario_service *service, int instance);

/** What ${port}, ${dir} and ${instance} stand for. */
struct fl_scenario_vars {
    int port;
    const char *dir;
    const char *instance;
};
/** Text with its ${…} put in. The scenario was checked, so every name is known. Free with free().
 */
char *fl_scenario_expand(const char *text, const struct fl_scenario_vars *vars);

/** Reads a seed: up to 16 hexadecimal digits, `0x` before them allowed. The same digits come back
 * from fl_seed_show, so what a report prints can be typed after --seed. */
int fl_seed_parse(struct fl_str text, uint64_t *out, struct fl_err *err);
/** Writes a seed as fl_seed_parse reads it; out needs 17 bytes. Returns out. */
const char *fl_seed_show(uint64_t seed, char *out, size_t out_len);

#endif
