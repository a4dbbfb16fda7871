#include "runtime/signals.h"

#include <signal.h>

#include "runtime/core.h"

struct watch {
    struct fl_port port;
    uv_signal_t handle;
    struct fl_shard *shard;
    int number;
};

/* What says that this thread's own program is broken cannot wait for a loop. */
static const int not_ours[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

static bool signals_can_watch(int number)
{
    for (size_t i = 0; i < FL_COUNT(not_ours); i++)
        if (not_ours[i] == number) return false;
    return number > 0 && number < NSIG;
}

static void watch_on_closed(uv_handle_t *handle)
{
    struct watch *watch = FL_OWNER(handle, struct watch, handle);
    watch->shard->handles_open--;
    free(watch);
}

static void watch_close(struct fl_port *port)
{
    struct watch *watch = FL_OWNER(port, struct watch, port);
    FL_ASSERT(port->owner != NULL);
    port->owner = NULL;
    uv_close((uv_handle_t *)&watch->handle, watch_on_closed);
}

static struct watch *watch_find(const struct fl_self *self, int number)
{
    if (self->cold == NULL || fl_list_is_empty(&self->cold->ports)) return NULL;
    const struct fl_list *ports = &self->cold->ports;
    for (struct fl_list *at = ports->next; at != ports; at = at->next) {
        struct fl_port *port = FL_OWNER(at, struct fl_port, of_owner);
        if (port->close != watch_close) continue; /* another kind of port */
        struct watch *watch = FL_OWNER(port, struct watch, port);
        if (watch->number == number) return watch;
    }
    return NULL;
}

static void watch_on_signal(uv_signal_t *handle, int number)
{
    struct watch *watch = FL_OWNER(handle, struct watch, handle);
    struct fl_self *owner = watch->port.owner;
    FL_ASSERT(watch->number == number);
    if (owner == NULL) return; /* closing */
    fl_node_send(watch->shard->node, owner->pid, (uint32_t)number, NULL, 0);
}

int fl_signals_watch(struct fl_self *self, int number, struct fl_err *err)
{
    struct fl_shard *shard = self->shard;
    if (!signals_can_watch(number))
        return fl_err_set(err, FL_ERANGE, "signal %d cannot be watched", number);
    if (shard->node->opts.simulated)
        return fl_err_set(err, FL_ESTATE, "a simulated node gets no signals");
    if (watch_find(self, number) != NULL)
        return fl_err_set(err, FL_ESTATE, "signal %d is watched already", number);
    struct watch *watch = fl_new(struct watch);
    watch->shard = shard;
    watch->number = number;
    watch->port.owner = self;
    watch->port.close = watch_close;
    int rc = uv_signal_init(&shard->loop, &watch->handle);
    if (rc != 0) { /* no descriptors are left */
        free(watch);
        return fl_err_set(err, rc, "cannot watch signal %d: %s", number, uv_strerror(rc));
    }
    shard->handles_open++;
    rc = uv_signal_start(&watch->handle, watch_on_signal, number);
    if (rc != 0) {
        watch_close(&watch->port);
        return fl_err_set(err, rc, "cannot watch signal %d: %s", number, uv_strerror(rc));
    }
    fl_port_add(self, &watch->port);
    return 0;
}

int fl_signals_unwatch(struct fl_self *self, int number)
{
    struct watch *watch = watch_find(self, number);
    if (watch == NULL) return FL_ENOTFOUND;
    FL_ASSERT(watch->port.owner == self);
    fl_list_remove(&watch->port.of_owner);
    watch_close(&watch->port);
    return 0;
}
