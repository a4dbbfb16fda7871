/* load_client.h: the engine's end of the load worker's channel (loadgen/loadgen.h has the words).
 */
#ifndef FL_ENGINE_LOAD_CLIENT_H
#define FL_ENGINE_LOAD_CLIENT_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "runtime/base/fl.h"

struct fl_load_client;

struct fl_load_events {
    void *cx;
    void (*on_ready)(void *cx);
    void (*on_figures)(void *cx, const cJSON *figures); /* borrowed */
    void (*on_done)(void *cx);
    void (*on_trouble)(void *cx, const char *what);
    void (*on_lost)(void *cx); /* the worker closed its end; not after fl_load_client_close */
};

/** Takes fd. events is copied. Thread: the loop's. */
int fl_load_client_open(struct fl_load_client **out, uv_loop_t *loop, int fd_take,
                        const struct fl_load_events *events, struct fl_err *err);
/** Sends one line of JSON (without its newline). */
void fl_load_client_send(struct fl_load_client *client, const char *json);
/** Closes; frees itself when libuv lets go. NULL is fine. */
void fl_load_client_close(struct fl_load_client *client);

#endif
