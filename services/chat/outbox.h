/* outbox.h: calls in order to a process that may be replaced: what the dead one did not answer is
 * asked of its successor again, in the same order.
 *
 * So an operation may be done twice; ids make that harmless. The owner says whom to ask
 * (fl_outbox_to), and hands every answer to fl_outbox_answer. Thread: the owner's handlers. */
#ifndef FL_CHAT_OUTBOX_H
#define FL_CHAT_OUTBOX_H

#include "runtime/process.h"

/** A call under way. */
struct fl_outbox_item {
    struct fl_outbox_item *next;
    uint64_t sent_ref; /* 0: not sent, or to somebody who is dead */
    size_t len;
    char *bytes;
    uint32_t cookie_len;
    char cookie[]; /* what the owner gave along */
};
/** Zero, then fl_outbox_init. */
struct fl_outbox {
    struct fl_outbox_item *first, *last;
    size_t count, count_max;
    struct fl_pid to; /* FL_NO_PID: nobody is there */
    uint32_t tag;
    fl_ns timeout_ns;
};

/** An empty one; freed when the process ends. */
void fl_outbox_init(struct fl_self *self, struct fl_outbox *outbox, uint32_t tag, size_t count_max,
                    fl_ns timeout_ns);
/** Calls, or keeps it until somebody is there; bytes and cookie are copied. FL_EFULL: there are
 * too many. */
int fl_outbox_add(struct fl_self *self, struct fl_outbox *outbox, struct fl_str bytes,
                  struct fl_str cookie);
/** From now on this one is asked: at once, all that was not answered. FL_NO_PID: nobody. */
void fl_outbox_to(struct fl_self *self, struct fl_outbox *outbox, struct fl_pid to);
/** What on_reply got. The item that it answers, which is the caller's to free with
 * fl_outbox_item_free; NULL: not of here, or its process was dead, and outbox->to is FL_NO_PID
 * now. */
struct fl_outbox_item *fl_outbox_answer(struct fl_self *self, struct fl_outbox *outbox,
                                        uint64_t ref, int code);
/** Frees one. For fl_self_own too. */
void fl_outbox_item_free(void *item);

#endif
