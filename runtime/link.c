#include "runtime/core.h"

static uint64_t link_key(struct fl_pid owner, struct fl_pid peer)
{
    return fl_hash64(owner.bits) + peer.bits;
}

static struct fl_link *link_find(struct fl_self *self, struct fl_pid peer)
{
    struct fl_map_node *at = fl_map_find(&self->shard->links_by_pair, link_key(self->pid, peer));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_link *link = FL_OWNER(at, struct fl_link, by_pair);
        if (link->owner == self && fl_pid_eq(link->peer, peer)) return link;
    }
    return NULL;
}

static void link_free(struct fl_link *link)
{
    fl_map_remove(&link->owner->shard->links_by_pair, &link->by_pair);
    fl_list_remove(&link->of_owner);
    free(link);
}

bool fl_link_add(struct fl_self *self, struct fl_pid peer)
{
    if (link_find(self, peer) != NULL) return false;
    struct fl_link *link = fl_new(struct fl_link);
    link->owner = self;
    link->peer = peer;
    fl_map_add(&self->shard->links_by_pair, &link->by_pair, link_key(self->pid, peer));
    fl_list_push(&self->links, &link->of_owner);
    return true;
}

bool fl_link_drop(struct fl_self *self, struct fl_pid peer)
{
    struct fl_link *link = link_find(self, peer);
    if (link == NULL) return false;
    link_free(link);
    return true;
}

static void link_tell(struct fl_self *self, enum fl_sig_kind kind, struct fl_pid other)
{
    struct fl_sig *sig = fl_sig_new(self->shard, kind, other, self->pid);
    fl_signal_send(self->shard->node, sig);
}

void fl_link_both(struct fl_self *self, struct fl_pid other)
{
    if (fl_pid_eq(self->pid, other) || other.bits == 0) return;
    if (fl_link_add(self, other)) link_tell(self, FL_SIG_LINK, other);
}

void fl_link(struct fl_self *self, struct fl_pid other)
{
    fl_link_both(self, other);
}

void fl_unlink(struct fl_self *self, struct fl_pid other)
{
    if (fl_link_drop(self, other)) link_tell(self, FL_SIG_UNLINK, other);
}

void fl_link_break_all(struct fl_self *self)
{
    FL_ASSERT(self->reason != NULL);
    while (!fl_list_is_empty(&self->links)) {
        struct fl_link *link = FL_OWNER(self->links.next, struct fl_link, of_owner);
        struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_EXIT, link->peer, self->pid);
        sig->flags = FL_SIG_IS_LINK;
        sig->reason = *self->reason;
        link_free(link);
        fl_signal_send(self->shard->node, sig);
    }
}
