#include "runtime/agent.h"

#include "runtime/core.h"

enum { AGENT_DO = 0x666c6167, AGENT_STOP };

struct agent {
    void *state;
    struct fl_buf reply; /* here, so that it goes with an agent that is ended in the middle */
};

static void agent_drop(void *ptr)
{
    struct agent *agent = ptr;
    fl_buf_fini(&agent->reply);
}

static int agent_on_init(struct fl_self *self, void *state, const void *args)
{
    struct agent *agent = state;
    const struct fl_agent_opts *opts = args;
    FL_ASSERT(opts != NULL);
    agent->state = fl_self_alloc(self, opts->state_bytes);
    fl_self_own(self, agent, agent_drop);
    if (opts->init != NULL) opts->init(self, agent->state, opts->args, opts->len, NULL);
    return 0;
}

/* A request is the function and its args. */
static bool agent_do(struct fl_self *self, struct agent *agent, const struct fl_msg *msg)
{
    fl_agent_fn fn;
    if (msg->tag != AGENT_DO || msg->len < sizeof fn) return false;
    memcpy(&fn, msg->data, sizeof fn);
    FL_ASSERT(fn != NULL);
    agent->reply.len = 0;
    fn(self, agent->state, (const char *)msg->data + sizeof fn, msg->len - sizeof fn,
       &agent->reply);
    return true;
}

static void agent_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct agent *agent = state;
    struct fl_pid from = msg->from;
    uint64_t ref = msg->ref;
    if (!agent_do(self, agent, msg)) fl_self_fail(self, FL_EBADMSG);
    if (self->flags & (FL_PROC_ENDING | FL_PROC_DOOMED)) return; /* its end is the answer */
    fl_self_reply(self, from, ref, agent->reply.at, agent->reply.len);
}

static void agent_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_reason reason;
    if (msg->tag == AGENT_STOP && msg->len == sizeof reason) {
        memcpy(&reason, msg->data, sizeof reason);
        fl_self_exit(self, reason);
    } else if (!agent_do(self, state, msg)) {
        fl_self_fail(self, FL_EBADMSG);
    }
}

const struct fl_server fl_agent_server = {
    .name = "agent",
    .state_bytes = sizeof(struct agent),
    .on_init = agent_on_init,
    .on_call = agent_on_call,
    .on_cast = agent_on_cast,
};

int fl_agent_start(struct fl_self *self, const struct fl_agent_opts *opts, const char *name,
                   struct fl_pid *out)
{
    struct fl_spawn_opts spawn = {
        .name = name, .args = opts, .link_to = fl_self_pid(self), .shard = -1};
    FL_ASSERT(opts != NULL);
    return fl_spawn(self, &fl_agent_server, &spawn, out);
}

/* The function before its args, in memory that goes with the caller, which may be ended while it
 * waits. */
static void *agent_request(struct fl_self *self, fl_agent_fn fn, const void *args, size_t len)
{
    FL_ASSERT(fn != NULL);
    unsigned char *block = fl_self_alloc(self, sizeof fn + len);
    memcpy(block, &fn, sizeof fn);
    if (len > 0) memcpy(block + sizeof fn, args, len);
    return block;
}

int fl_agent_get_and_update(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn,
                            const void *args, size_t len, void *reply, size_t reply_max,
                            size_t *reply_len, fl_ns timeout_ns)
{
    void *block = agent_request(self, fn, args, len);
    int rc = fl_call(self, agent, AGENT_DO, block, sizeof fn + len, reply, reply_max, reply_len,
                     timeout_ns);
    fl_self_free(self, block);
    return rc;
}

int fl_agent_get(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                 size_t len, void *reply, size_t reply_max, size_t *reply_len, fl_ns timeout_ns)
{
    return fl_agent_get_and_update(self, agent, fn, args, len, reply, reply_max, reply_len,
                                   timeout_ns);
}

int fl_agent_update(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                    size_t len, fl_ns timeout_ns)
{
    return fl_agent_get_and_update(self, agent, fn, args, len, NULL, 0, NULL, timeout_ns);
}

int fl_agent_cast(struct fl_self *self, struct fl_pid agent, fl_agent_fn fn, const void *args,
                  size_t len)
{
    void *block = agent_request(self, fn, args, len);
    int rc = fl_send(self, agent, AGENT_DO, block, sizeof fn + len);
    fl_self_free(self, block);
    return rc;
}

static bool agent_is_down(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN && msg->ref == *(const uint64_t *)cx;
}

int fl_agent_stop(struct fl_self *self, struct fl_pid agent, struct fl_reason reason,
                  fl_ns timeout_ns)
{
    struct fl_msg msg;
    uint64_t gone = fl_monitor(self, agent);
    int rc = fl_send(self, agent, AGENT_STOP, &reason, sizeof reason);
    if (rc == 0) rc = fl_receive(self, agent_is_down, &gone, timeout_ns, &msg);
    if (rc != 0) {
        fl_demonitor(self, gone);
        return rc;
    }
    FL_ASSERT(msg.reason != NULL);
    if (msg.reason->kind == FL_EXIT_NOPROC) return FL_ENOPROC;
    return fl_reason_eq(msg.reason, &reason) ? 0 : FL_EDIED;
}
