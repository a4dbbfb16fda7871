#include "runtime/port.h"

/* When an owner ends, its mailbox goes unread: so what a message keeps alive is let go by the
 * port's own end, and a port stays in its owner's list for as long as a message points to it. */
static void endpoint_settle(struct fl_endpoint *end)
{
    if (end->is_told) return;
    if (end->is_closed) fl_list_remove(&end->port.of_owner);
    if (end->is_closed) end->port.owner = NULL;
    if (end->is_let_go) end->on_gone(end);
}

static void endpoint_on_close(uv_handle_t *handle)
{
    struct fl_endpoint *end = handle->data;
    FL_ASSERT(end->is_closed && !end->is_let_go);
    end->shard->handles_open--;
    end->is_let_go = true;
    endpoint_settle(end);
}

static void endpoint_on_owner_end(struct fl_port *port)
{
    struct fl_endpoint *end = FL_OWNER(port, struct fl_endpoint, port);
    end->is_told = false; /* the message is thrown away with the mailbox */
    if (end->is_closed)
        endpoint_settle(end);
    else
        fl_endpoint_close(end);
}

void fl_endpoint_open(struct fl_endpoint *end, struct fl_self *self, uv_handle_t *handle)
{
    FL_ASSERT(end->on_told != NULL && end->on_gone != NULL);
    end->shard = self->shard;
    end->shard->handles_open++;
    end->handle = handle;
    handle->data = end;
    end->port.owner = self;
    end->port.close = endpoint_on_owner_end;
    fl_port_add(self, &end->port);
}

static void endpoint_push(struct fl_endpoint *end);

/* is_told stays true while on_told runs: it may close the endpoint, and wait in the middle. */
static void endpoint_handle(struct fl_self *self, void *ptr)
{
    struct fl_endpoint *end = ptr;
    FL_ASSERT(end->is_told && end->port.owner == self);
    bool has_more = !end->is_closed && end->on_told(self, end);
    if (has_more && !end->is_closed) {
        endpoint_push(end);
        return;
    }
    end->is_told = false;
    endpoint_settle(end);
}

static void endpoint_push(struct fl_endpoint *end)
{
    struct fl_self *owner = end->port.owner;
    struct fl_sig *sig = fl_sig_new(end->shard, FL_SIG_PORT, owner->pid, owner->pid);
    sig->port.fn = endpoint_handle;
    sig->port.port = end;
    fl_box_push_sys(owner, sig);
}

void fl_endpoint_tell(struct fl_endpoint *end)
{
    if (end->is_told || end->is_closed) return;
    end->is_told = true;
    endpoint_push(end);
}

void fl_endpoint_close(struct fl_endpoint *end)
{
    if (end->is_closed) return;
    end->is_closed = true;
    uv_close(end->handle, endpoint_on_close);
    endpoint_settle(end);
}

void fl_port_add(struct fl_self *self, struct fl_port *port)
{
    FL_ASSERT(port->close != NULL);
    fl_list_push(&fl_proc_cold(self)->ports, &port->of_owner);
}

void fl_port_close_all(struct fl_self *self)
{
    struct fl_list *ports = &self->cold->ports;
    while (!fl_list_is_empty(ports)) {
        struct fl_port *port = FL_OWNER(ports->next, struct fl_port, of_owner);
        fl_list_remove(&port->of_owner);
        port->close(port);
    }
}
