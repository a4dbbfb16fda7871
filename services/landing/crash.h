/* crash.h: crashes what a reader chose, and says how long it took until it was back: a process of
 * its own for each, so that nobody waits.
 *
 * Knows: `look` (services/look), the list. Does not know: pages. */
#ifndef FL_LANDING_CRASH_H
#define FL_LANDING_CRASH_H

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "runtime/process.h"

/* What is to be crashed; texts are cut to fit. */
struct fl_crash_order {
    uint64_t id;              /* of whoever orders */
    const char *figures_path; /* lives as long as the node */
    bool is_service;          /* SIGKILL to an instance and all that it started; else a process */
    char instance[64];
    pid_t node;                                    /* the OS process that it lives in */
    char pid[48], parent[48], place[64], name[80]; /* place: its id under its supervisor */
};
/* How it went. */
struct fl_crash_result {
    uint64_t id;
    bool is_crashed, is_back;
    fl_ns took_ns;
    char words[96]; /* why not */
};
enum { FL_CRASHED = 0x63720001 };

/** Starts it; the result comes to me as a cast FL_CRASHED. 0, or a code of fl_spawn_run. */
int fl_crash_start(struct fl_self *self, const struct fl_crash_order *order);
/** The pid of the child at this place in a tree of watch.h: of the supervisor `parent` ("": at the
 * top) with this id (or "": this name); NULL: it is not there, or between two lives. Borrowed. */
const char *fl_crash_find(const cJSON *tree, const char *parent, const char *id);

#endif
