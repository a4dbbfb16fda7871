/* port.h: what the ports of the runtime share: one libuv handle that a process owns, and that tells
 * it of things by messages of its mailbox, one at a time. Internal.
 *
 * Knows: core.h. Does not know: what comes in. Thread: its shard's. */
#ifndef FL_RUNTIME_PORT_H
#define FL_RUNTIME_PORT_H

#include "runtime/core.h"

struct fl_endpoint {
    struct fl_port port; /* in its owner's list until it is closed and its last message is gone */
    struct fl_shard *shard;
    uv_handle_t *handle;
    /* The message reached the front of the mailbox: handle one thing; true: there is more. */
    bool (*on_told)(struct fl_self *self, struct fl_endpoint *end);
    void (*on_gone)(struct fl_endpoint *end); /* libuv let go and no message points here: free */
    bool is_told, is_closed, is_let_go;
};

/** Makes self the owner; handle is initialised on its shard's loop. on_told and on_gone are set. */
void fl_endpoint_open(struct fl_endpoint *end, struct fl_self *self, uv_handle_t *handle);
/** Something waits for the owner: on_told will run. Any number of times until then: once. */
void fl_endpoint_tell(struct fl_endpoint *end);
/** Closes it; on_gone comes later. Twice is fine. */
void fl_endpoint_close(struct fl_endpoint *end);

#endif
