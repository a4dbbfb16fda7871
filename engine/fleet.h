/* fleet.h: the processes under test: started and supervised by the runtime, watched until ready.
 *
 * Every start, readiness, exit and restart is a fact in the journal. Thread: the loop's. */
#ifndef FL_ENGINE_FLEET_H
#define FL_ENGINE_FLEET_H

#include "engine/guardian.h"
#include "engine/scenario.h"
#include "runtime/base/journal.h"
#include "runtime/control.h"
#include "runtime/node.h"

struct fl_fleet;

/** What the run wants to hear. Each is called on the loop's thread. */
struct fl_fleet_events {
    void *cx;
    void (*on_all_ready)(void *cx); /* once */
    void (*on_boot_failed)(void *cx,
                           const char *why); /* before on_all_ready; with its log's tail */
    void (*on_up)(void *cx, const char *service, const char *instance, int port, bool up);
    void (*on_exit)(void *cx, const char *instance, pid_t pid, fl_ns at_ns);
    void (*on_limit)(void *cx, const char *instance);
};

struct fl_fleet_opts {
    const struct fl_scenario *scenario;
    const char *run_folder;
    const char *program; /* for reference services */
    struct fl_journal *journal;
    struct fl_guardian *guardian;
    struct fl_fleet_events events;
};

/** Draws ports and makes data folders; starts nothing. */
int fl_fleet_new(struct fl_fleet **out, const struct fl_fleet_opts *opts, struct fl_err *err);
/** Starts every instance under one supervisor. Fails when one cannot be started at all. */
int fl_fleet_start(struct fl_fleet *fleet, struct fl_node *node, struct fl_err *err);
/** From now on no exit is a surprise, and nobody is waited for to become ready. */
void fl_fleet_stopping(struct fl_fleet *fleet);
/** The node says that something happened to a runtime process: restarts become facts. */
void fl_fleet_note(struct fl_fleet *fleet, const struct fl_note *note);
/** Frees, once the node has stopped. NULL is fine. */
void fl_fleet_free(struct fl_fleet *fleet);

/** As the injector asks (chaos/injector.h): cx is the fleet. */
pid_t fl_fleet_pid_of(void *fleet, const char *instance);
/** The control client of a running reference service, or NULL. */
struct fl_control_client *fl_fleet_control_of(void *fleet, const char *instance);
/** Calls fn for each instance of a service. */
void fl_fleet_instances_of(void *fleet, const char *service,
                           void (*fn)(void *cx, const char *instance), void *fn_cx);
/** The next exit of this instance is asked for, or no longer. */
void fl_fleet_will_end(void *fleet, const char *instance, bool will);
/** The port of an instance, or 0. */
int fl_fleet_port_of(const struct fl_fleet *fleet, const char *instance);
/** Appends the `processes` array of figures.json; returns the restarts of all. */
int fl_fleet_put_json(const struct fl_fleet *fleet, struct fl_buf *buf);

#endif
