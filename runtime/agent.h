/* agent.h: state that others share, in a process of its own (Elixir: Agent).
 *
 * What is done to the state is a function that runs inside the agent, one at a time. Its args are
 * copied to it, what it adds to `reply` is copied back: nothing is shared, so a caller that gives
 * up or is killed leaves nothing dangling. A function that fails ends the agent (fl_self_fail) and
 * its callers get FL_EDIED. Thread: a process of the node. */
#ifndef FL_RUNTIME_AGENT_H
#define FL_RUNTIME_AGENT_H

#include "runtime/server.h"

/** Runs inside the agent: `self` is the agent, which memory of fl_self_alloc then belongs to. */
typedef void (*fl_agent_fn)(struct fl_self *self, void *state, const void *args, size_t len,
                            struct fl_buf *reply);

struct fl_agent_opts {
    size_t state_bytes; /* zeroed */
    fl_agent_fn init;   /* makes the first state; reply is NULL; NULL: zero is a valid one */
    const void *args;   /* of init */
    size_t len;
};
/** The server, for trees: args is a `const struct fl_agent_opts *`. */
extern const struct fl_server fl_agent_server;

/** Starts one that is linked to me and waits for init (Elixir: Agent.start_link). name may be NULL.
 * Codes of fl_spawn. */
int fl_agent_start(struct fl_self *self, const struct fl_agent_opts *opts, const char *name,
                   struct fl_pid *out);
/** Reads the state: fn should change nothing. Copies at most reply_max bytes of what it added
 * (*reply_len, may be NULL, is how many). Codes of fl_call (Elixir: Agent.get). */
int fl_agent_get(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                 size_t len, void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns);
/** Changes the state, and returns once that is done. Codes of fl_call (Elixir: Agent.update). */
int fl_agent_update(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                    size_t len, fl_ns timeout_ns);
/** Both at once (Elixir: Agent.get_and_update). */
int fl_agent_get_and_update(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn,
                            const void *args, size_t len, void *reply, size_t reply_max,
                            size_t *reply_len, fl_ns timeout_ns);
/** Changes the state some time after; nobody hears of it. Codes of fl_send (Elixir: Agent.cast). */
int fl_agent_cast(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                  size_t len);
/** Ends it, after what it was asked before, and waits for that. Returns 0, FL_ENOPROC, FL_EDIED (it
 * ended with another reason), or FL_ETIMEOUT, and it lives on until it gets to it (Elixir:
 * Agent.stop). */
int fl_agent_stop(struct fl_self *self, struct fl_pid agent, struct fl_reason reason,
                  fl_ns timeout_ns);

#endif
