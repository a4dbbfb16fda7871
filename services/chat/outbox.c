#include "services/chat/outbox.h"

void fl_outbox_item_free(void *ptr)
{
    struct fl_outbox_item *item = ptr;
    free(item->bytes);
    free(item);
}

static void outbox_drop(void *ptr)
{
    struct fl_outbox *outbox = ptr;
    struct fl_outbox_item *next;
    for (struct fl_outbox_item *item = outbox->first; item != NULL; item = next) {
        next = item->next;
        fl_outbox_item_free(item);
    }
}

void fl_outbox_init(struct fl_self *self, struct fl_outbox *outbox, uint32_t tag, size_t count_max,
                    fl_ns timeout_ns)
{
    FL_ASSERT(outbox->first == NULL);
    outbox->tag = tag;
    outbox->count_max = count_max;
    outbox->timeout_ns = timeout_ns;
    fl_self_own(self, outbox, outbox_drop);
}

static void outbox_send(struct fl_self *self, struct fl_outbox *outbox, struct fl_outbox_item *item)
{
    item->sent_ref = fl_call_async(self, outbox->to, outbox->tag, item->bytes, item->len,
                                   outbox->timeout_ns);
}

int fl_outbox_add(struct fl_self *self, struct fl_outbox *outbox, struct fl_str bytes,
                  struct fl_str cookie)
{
    if (outbox->count == outbox->count_max) return FL_EFULL;
    struct fl_outbox_item *item = fl_alloc(sizeof *item + cookie.len + 1);
    item->bytes = fl_alloc(bytes.len + 1);
    item->len = bytes.len;
    item->cookie_len = (uint32_t)cookie.len;
    if (bytes.len > 0) memcpy(item->bytes, bytes.at, bytes.len);
    if (cookie.len > 0) memcpy(item->cookie, cookie.at, cookie.len);
    if (outbox->last != NULL)
        outbox->last->next = item;
    else
        outbox->first = item;
    outbox->last = item;
    outbox->count++;
    if (outbox->to.bits != 0) outbox_send(self, outbox, item);
    return 0;
}

void fl_outbox_to(struct fl_self *self, struct fl_outbox *outbox, struct fl_pid to)
{
    FL_ASSERT(outbox->to.bits == 0);
    outbox->to = to;
    if (to.bits == 0) return;
    for (struct fl_outbox_item *item = outbox->first; item != NULL; item = item->next)
        outbox_send(self, outbox, item);
}

/* Nothing that it still owed an answer for will be answered; all of it is to be asked again before
 * anything new is, or the order would be lost. */
static void outbox_forget_target(struct fl_self *self, struct fl_outbox *outbox)
{
    outbox->to = FL_NO_PID;
    for (struct fl_outbox_item *item = outbox->first; item != NULL; item = item->next) {
        if (item->sent_ref != 0) fl_call_abandon(self, item->sent_ref);
        item->sent_ref = 0;
    }
}

struct fl_outbox_item *fl_outbox_answer(struct fl_self *self, struct fl_outbox *outbox,
                                        uint64_t ref, int code)
{
    struct fl_outbox_item *before = NULL, *item = outbox->first;
    while (item != NULL && item->sent_ref != ref) {
        before = item;
        item = item->next;
    }
    if (item == NULL) return NULL;
    if (code == FL_EDIED || code == FL_ENOPROC) {
        item->sent_ref = 0;
        outbox_forget_target(self, outbox);
        return NULL;
    }
    if (before != NULL)
        before->next = item->next;
    else
        outbox->first = item->next;
    if (outbox->last == item) outbox->last = before;
    outbox->count--;
    item->next = NULL;
    return item;
}
