/* otp_puppet.h: a server that writes every callback into the diary and obeys orders.
 *
 * Orders come as casts (tell, do_in) and as calls with the tag CASE_ORDER: then fl_self_msg(self)
 * is the call. CALL_ECHO, CALL_HOLD and CALL_DIE are calls of its own. */
#ifndef FL_TESTS_OTP_PUPPET_H
#define FL_TESTS_OTP_PUPPET_H

#include "tests/conformance/otp/otp_expect.h"

enum { CALL_ECHO = 1, CALL_HOLD, CALL_DIE };

struct puppet_args {
    struct case_world *world;
    int (*init)(struct fl_self *self, struct case_world *w); /* NULL: returns 0 */
};
struct puppet {
    struct case_world *world;
};

static inline struct case_world *puppet_world(void *state)
{
    return ((struct puppet *)state)->world;
}

static inline int puppet_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct puppet_args *mine = args;
    ((struct puppet *)state)->world = mine->world;
    return mine->init == NULL ? 0 : mine->init(self, mine->world);
}
static inline void puppet_on_continue(struct fl_self *self, void *state, uint32_t tag)
{
    struct case_world *w = puppet_world(state);
    note(w, "continue %u\n", tag);
    if (tag == 10) fl_self_continue(self, 11); /* a chain */
    if (tag == 20) fl_self_exit(self, BOOM);
}
static inline void puppet_on_timeout(struct fl_self *self, void *state)
{
    note(puppet_world(state), "timeout\n");
}
static inline void puppet_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct case_world *w = puppet_world(state);
    if (!case_obey_one(self, w, msg)) note(w, "cast %u\n", msg->tag);
}
static inline void puppet_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct case_world *w = puppet_world(state);
    struct case_order order;
    switch (msg->tag) {
    case CALL_ECHO:
        fl_self_reply(self, msg->from, msg->ref, msg->data, msg->len);
        break;
    case CALL_HOLD: /* somebody answers (pids[7], refs[7]) later */
        w->pids[7] = msg->from;
        w->refs[7] = msg->ref;
        atomic_fetch_add(&w->n[7], 1);
        break;
    case CALL_DIE:
        fl_self_exit(self, BOOM);
        break;
    default:
        memcpy(&order, msg->data, sizeof order);
        order.fn(self, w, &order);
        break;
    }
}
static inline void puppet_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    note(puppet_world(state), "timer %u\n", tag);
}
static inline void puppet_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                                   const void *data, size_t len)
{
    note(puppet_world(state), "reply %s %.*s\n", fl_code_name(code), (int)len,
         len == 0 ? "" : (const char *)data);
}
static inline void puppet_on_down(struct fl_self *self, void *state, uint64_t ref,
                                  struct fl_pid who, const struct fl_reason *reason)
{
    char text[96];
    note(puppet_world(state), "down %s\n", fl_reason_show(reason, text, sizeof text));
}
static inline void puppet_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                                  const struct fl_reason *reason)
{
    char text[96];
    note(puppet_world(state), "exit %s\n", fl_reason_show(reason, text, sizeof text));
}
static inline void puppet_on_terminate(struct fl_self *self, void *state,
                                       const struct fl_reason *reason)
{
    char text[96];
    note(puppet_world(state), "terminate %s\n", fl_reason_show(reason, text, sizeof text));
}

static const struct fl_server puppet_server = {
    .name = "puppet",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_continue = puppet_on_continue,
    .on_timeout = puppet_on_timeout,
    .on_cast = puppet_on_cast,
    .on_call = puppet_on_call,
    .on_timer = puppet_on_timer,
    .on_reply = puppet_on_reply,
    .on_down = puppet_on_down,
    .on_exit = puppet_on_exit,
    .on_terminate = puppet_on_terminate,
};

static inline int case_serve(struct fl_self *self, struct case_world *w,
                             const struct fl_server *server,
                             int (*init)(struct fl_self *, struct case_world *),
                             struct fl_spawn_opts opts, struct fl_pid *out)
{
    struct puppet_args args = {.world = w, .init = init};
    opts.args = &args;
    int rc = fl_spawn(self, server, &opts, out);
    if (rc == 0) case_adopt(w, *out);
    return rc;
}
/** Starts a puppet and says how that went: try_puppet(init, &pid, .name = "x"). */
#define try_puppet(init, out, ...)              \
    case_serve(self, w, &puppet_server, (init), \
               (struct fl_spawn_opts){.shard = w->there, __VA_ARGS__}, (out))

static inline struct fl_pid case_puppet(struct fl_self *self, struct case_world *w, const char *at,
                                        const struct fl_server *server, const char *name)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = w->there, .name = name};
    int rc = case_serve(self, w, server, NULL, opts, &pid);
    if (rc != 0) {
        case_record(w, at, "a server does not start: %s", fl_code_name(rc));
        fl_self_exit_now(self, fl_reason_of(FL_EXIT_ERROR));
    }
    return pid;
}
/** Starts one that must start, with this name or NULL. */
#define start_puppet(name) case_puppet(self, w, CASE_AT, &puppet_server, (name))
/** One of another make. */
#define start_server(server) case_puppet(self, w, CASE_AT, (server), NULL)

/** Calls, and says the code; the answer is not kept. */
static inline int call(struct fl_self *self, struct fl_pid to, uint32_t tag, fl_ns timeout_ns)
{
    return fl_call(self, to, tag, "word", 5, NULL, 0, NULL, timeout_ns);
}

static inline void slow_on_terminate(struct fl_self *self, void *state,
                                     const struct fl_reason *reason)
{
    note(puppet_world(state), "terminate begins\n");
    fl_pause(self, FL_NEVER);
}

/** A puppet that hangs in on_terminate. */
__attribute__((unused)) static const struct fl_server slow_server = {
    .name = "slow",
    .state_bytes = sizeof(struct puppet),
    .on_init = puppet_on_init,
    .on_cast = puppet_on_cast,
    .on_terminate = slow_on_terminate,
};

#endif
