#include "runtime/core.h"

/* Two processes of one shard are linked by two halves that know each other, so that an end or an
 * unlink is O(1) however many links the other side has. A link to another shard is one half here,
 * found by its pair. */

static uint64_t link_key(struct fl_pid owner, struct fl_pid peer)
{
    return fl_hash64(owner.bits) + peer.bits;
}

static struct fl_remote_link *link_find_remote(struct fl_self *self, struct fl_pid peer)
{
    struct fl_map_node *at = fl_map_find(&self->shard->links_by_pair, link_key(self->pid, peer));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_remote_link *remote = FL_OWNER(at, struct fl_remote_link, by_pair);
        if (remote->owner == self && fl_pid_eq(remote->link.peer, peer)) return remote;
    }
    return NULL;
}

/* One of the two sides has few links, mostly: both are walked at once, to the end of the shorter.
 */
static struct fl_link *link_find(struct fl_self *self, struct fl_self *other)
{
    const struct fl_list *mine = self->links.next, *its = other->links.next;
    if (mine == NULL || its == NULL) return NULL;
    for (; mine != &self->links && its != &other->links; mine = mine->next, its = its->next) {
        struct fl_link *a = FL_OWNER(mine, struct fl_link, of_owner);
        struct fl_link *b = FL_OWNER(its, struct fl_link, of_owner);
        if (fl_pid_eq(a->peer, other->pid)) return a;
        if (fl_pid_eq(b->peer, self->pid)) return b->mate;
    }
    return NULL;
}

static void link_free_remote(struct fl_remote_link *remote)
{
    struct fl_shard *shard = remote->owner->shard;
    fl_map_remove(&shard->links_by_pair, &remote->by_pair);
    fl_list_remove(&remote->link.of_owner);
    fl_cell_free(shard, remote, sizeof *remote);
}

static void link_free_pair(struct fl_shard *shard, struct fl_link *link)
{
    struct fl_link *mate = link->mate;
    FL_ASSERT(mate->mate == link);
    fl_list_remove(&mate->of_owner);
    fl_list_remove(&link->of_owner);
    fl_cell_free(shard, mate, sizeof *mate);
    fl_cell_free(shard, link, sizeof *link);
}

void fl_link_pair(struct fl_self *a, struct fl_self *b)
{
    FL_ASSERT(a->shard == b->shard);
    struct fl_link *x = fl_cell_new(a->shard, sizeof *x), *y = fl_cell_new(a->shard, sizeof *y);
    *x = (struct fl_link){.peer = b->pid, .mate = y};
    *y = (struct fl_link){.peer = a->pid, .mate = x};
    fl_list_push(&a->links, &x->of_owner);
    fl_list_push(&b->links, &y->of_owner);
    if (FL_UNLIKELY(a->flags & FL_PROC_TRACED)) fl_trace_other(a, FL_TRACE_LINK, b->pid);
    if (FL_UNLIKELY(b->flags & FL_PROC_TRACED)) fl_trace_other(b, FL_TRACE_LINK, a->pid);
}

void fl_link_on_remote(struct fl_self *self, struct fl_pid peer)
{
    if (link_find_remote(self, peer) != NULL) return;
    struct fl_remote_link *remote = fl_cell_new_zeroed(self->shard, sizeof *remote);
    remote->owner = self;
    remote->link.peer = peer;
    fl_map_add(&self->shard->links_by_pair, &remote->by_pair, link_key(self->pid, peer));
    fl_list_push(&self->links, &remote->link.of_owner);
    if (FL_UNLIKELY(self->flags & FL_PROC_TRACED)) fl_trace_other(self, FL_TRACE_LINK, peer);
}

bool fl_link_drop_remote(struct fl_self *self, struct fl_pid peer)
{
    struct fl_remote_link *remote = link_find_remote(self, peer);
    if (remote == NULL) return false;
    link_free_remote(remote);
    return true;
}

static void link_send(struct fl_self *self, enum fl_sig_kind kind, struct fl_pid other)
{
    struct fl_sig *sig = fl_sig_new(self->shard, kind, other, self->pid);
    fl_signal_send(self->shard->node, sig);
}

static void link_noproc(struct fl_self *self, struct fl_pid other)
{
    struct fl_sig *sig = fl_sig_new(self->shard, FL_SIG_EXIT, self->pid, other);
    sig->reason = fl_reason_of(FL_EXIT_NOPROC);
    fl_signal_send(self->shard->node, sig);
}

void fl_link_both(struct fl_self *self, struct fl_pid other)
{
    struct fl_shard *shard = self->shard;
    if (fl_pid_eq(self->pid, other) || other.bits == 0) return;
    if (fl_shard_has(shard, other)) {
        struct fl_self *neighbour = fl_proc_find(shard, other);
        if (neighbour == NULL)
            link_noproc(self, other);
        else if (link_find(self, neighbour) == NULL)
            fl_link_pair(self, neighbour);
    } else if (fl_proc_shard(shard->node, other) == NULL) {
        link_noproc(self, other);
    } else if (link_find_remote(self, other) == NULL) {
        fl_link_on_remote(self, other);
        link_send(self, FL_SIG_LINK, other);
    }
}

void fl_link(struct fl_self *self, struct fl_pid other)
{
    fl_link_both(self, other);
}

void fl_unlink(struct fl_self *self, struct fl_pid other)
{
    if (FL_UNLIKELY(self->flags & FL_PROC_TRACED)) fl_trace_other(self, FL_TRACE_UNLINK, other);
    struct fl_shard *shard = self->shard;
    if (shard->is_simulated) fl_sim_flush(shard, other, self->pid); /* none comes later */
    if (!fl_shard_has(shard, other)) {
        if (fl_link_drop_remote(self, other)) link_send(self, FL_SIG_UNLINK, other);
        return;
    }
    struct fl_self *neighbour = fl_proc_find(shard, other);
    struct fl_link *link = neighbour == NULL ? NULL : link_find(self, neighbour);
    if (link != NULL) link_free_pair(shard, link);
}

void fl_unlink_flush(struct fl_self *self, struct fl_pid other)
{
    fl_unlink(self, other);
    struct fl_sig *before = NULL;
    for (struct fl_sig **at = &self->box_head; *at != NULL;) {
        if ((*at)->kind == FL_SIG_EXIT && fl_pid_eq((*at)->from, other)) {
            self->flags |= FL_PROC_RESCAN;
            fl_sig_free(self->shard, fl_box_take(self, at, before));
        } else {
            before = *at;
            at = &before->next;
        }
    }
}

void fl_link_break_all(struct fl_self *self)
{
    struct fl_shard *shard = self->shard;
    const struct fl_reason *reason = fl_proc_reason(self);
    while (!fl_list_is_empty(&self->links)) {
        struct fl_link *link = FL_OWNER(self->links.next, struct fl_link, of_owner);
        struct fl_sig *sig = fl_sig_new(shard, FL_SIG_EXIT, link->peer, self->pid);
        sig->reason = *reason;
        sig->flags = FL_SIG_IS_LINK;
        if (link->mate != NULL)
            link_free_pair(shard, link);
        else
            link_free_remote(FL_OWNER(link, struct fl_remote_link, link));
        fl_signal_send(shard->node, sig);
    }
}
