/* list.h: what runs: the services of the figures file (docs/figures.md), for the page.
 *
 * Thread: the process's own. */
#ifndef FL_LANDING_LIST_H
#define FL_LANDING_LIST_H

#include "runtime/base/json.h"
#include "runtime/server.h"

#define FL_LIST_NAME "list"
enum { FL_LIST_FIGURES_MAX = 1 << 20 };

/* One instance that runs; texts are cut to fit. */
struct fl_list_row {
    char instance[64], help[120], state[12];
    int pid; /* 0: none at present */
    int port, restarts;
};

/* Casts: WATCH from whoever wants to be told, once each time, that the list is another one; it is
 * answered by CHANGED when it next is. Who watches reads it after asking, so nothing is missed. */
enum { FL_LIST_WATCH = 0x6c690001, FL_LIST_CHANGED };

/** The process that watches the list; args: const struct fl_service_opts *. */
extern const struct fl_server fl_list_server;

/** Reads the figures now; NULL: they cannot be read. cJSON_Delete it. It may wait. */
cJSON *fl_list_read(struct fl_self *self, const char *figures_path);
/** The instance of this name. False: there is none. */
bool fl_list_find(const cJSON *figures, const char *instance, struct fl_list_row *out);
/** All of them, but those that are a part of Faultline itself; returns how many. */
size_t fl_list_rows(const cJSON *figures, struct fl_list_row *out, size_t max);

#endif
