/* list.h: what runs: the services of the figures file (docs/figures.md), for the page.
 *
 * Thread: the process's own. */
#ifndef FL_LANDING_LIST_H
#define FL_LANDING_LIST_H

#include "runtime/base/json.h"
#include "runtime/server.h"

#define FL_LIST_NAME "list"
#define FL_LIST_TOPIC "list"
enum { FL_LIST_FIGURES_MAX = 1 << 20 };

/* One instance that runs. */
struct fl_list_entry {
    pid_t pid; /* 0: none at present */
    int port;
    int restarts;
    bool is_ready;
};

/** The process that feeds the list; args: const struct fl_service_opts *. */
extern const struct fl_server fl_list_server;

/** Reads the figures now; NULL: they cannot be read. cJSON_Delete it. It may wait. */
cJSON *fl_list_read(struct fl_self *self, const char *figures_path);
/** The instance of this name. False: there is none. */
bool fl_list_find(const cJSON *figures, const char *instance, struct fl_list_entry *out);
/** Appends {"services":[{"instance","service","help","state","pid","port","restarts"}]}, without
 * those that are a part of Faultline itself. */
void fl_list_put(struct fl_buf *out, const cJSON *figures);

#endif
