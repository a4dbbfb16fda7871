/* drain.c: the end of a site in good order: who is connected is told, and waited for.
 *
 * Connections live on any shard, so the list of them has a lock; it is taken once when a connection
 * comes and once when it goes. */
#include "services/web/inside.h"

void web_drain_add(struct web_conn *conn)
{
    struct web_boot *boot = conn->boot;
    pthread_mutex_lock(&boot->lock);
    conn->next = boot->conns;
    conn->link = &boot->conns;
    if (conn->next != NULL) conn->next->link = &conn->next;
    boot->conns = conn;
    pthread_mutex_unlock(&boot->lock);
}

void web_drain_remove(struct web_conn *conn)
{
    struct web_boot *boot = conn->boot;
    pthread_mutex_lock(&boot->lock);
    *conn->link = conn->next;
    if (conn->next != NULL) conn->next->link = conn->link;
    pthread_mutex_unlock(&boot->lock);
}

struct drain {
    struct web_boot *boot;
    struct fl_pid *pids; /* who was there when it began */
};

static void drain_fini(void *ptr)
{
    struct drain *drain = ptr;
    free(drain->pids);
    web_boot_release(drain->boot);
}

static int drain_on_init(struct fl_self *self, void *state, const void *args)
{
    struct drain *drain = state;
    drain->boot = web_boot_retain((struct web_boot *)(uintptr_t)args);
    fl_self_own(self, drain, drain_fini);
    fl_self_trap_exits(self, true);
    return 0;
}

static size_t drain_list(struct drain *drain)
{
    struct web_boot *boot = drain->boot;
    size_t count = 0, max = 0;
    pthread_mutex_lock(&boot->lock);
    for (struct web_conn *conn = boot->conns; conn != NULL; conn = conn->next)
        max++;
    drain->pids = fl_new_array(struct fl_pid, max + 1);
    for (struct web_conn *conn = boot->conns; conn != NULL; conn = conn->next)
        drain->pids[count++] = fl_self_pid(conn->self);
    pthread_mutex_unlock(&boot->lock);
    return count;
}

static bool is_down(void *cx, const struct fl_msg *msg)
{
    return msg->kind == FL_MSG_DOWN;
}

/* The listener has ended before: nobody else comes. Who is in the middle of a request reads the
 * flag when that is answered. */
static void drain_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct drain *drain = state;
    if (reason->kind != FL_EXIT_SHUTDOWN) return;
    atomic_store(&drain->boot->is_draining, true);
    size_t count = drain_list(drain);
    for (size_t i = 0; i < count; i++) {
        fl_monitor(self, drain->pids[i]);
        fl_send(self, drain->pids[i], WEB_DRAIN, NULL, 0);
    }
    fl_ns until_ns = fl_self_now(self) + drain->boot->site.drain_ns;
    struct fl_msg msg;
    while (count > 0) {
        fl_ns left_ns = fl_ns_max(until_ns - fl_self_now(self), 0);
        if (fl_receive(self, is_down, NULL, left_ns, &msg) != 0) return; /* those are cut */
        count--;
    }
}

const struct fl_server web_drain_server = {
    .name = "web.drain",
    .state_bytes = sizeof(struct drain),
    .on_init = drain_on_init,
    .on_terminate = drain_on_terminate,
};
