/* check_chat.c: did everybody who was there hear every message that was acknowledged, once, and in
 * its sender's order?
 *
 * A member is asked about a message only when its membership covers the message from sent to done
 * (heard by all, or the deadline). Hearing it later than that is late, not lost. */
#include "reports/checker.h"

struct message {
    uint64_t key;
    uint32_t sender, room;
    fl_ns sent_ns, done_ns, ack_ns;
    bool acked, room_known;
};

struct hearing {
    uint64_t key;
    uint32_t user, room, sender;
    fl_ns sent_ns;
    size_t order;
    bool repeat;
};

struct membership {
    uint32_t room, user;
    fl_ns from_ns, until_ns;
    size_t order;
    bool parted;
};

struct chat {
    struct message *messages; /* sorted by key */
    size_t messages_count;
    struct hearing *hearings; /* sorted by key, user, order */
    size_t hearings_count;
    struct membership *members; /* sorted by room, user, time */
    size_t members_count;
    bool senders_hear; /* the service echoes a message to its sender */
};

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int by_key(const void *a, const void *b)
{
    const struct message *x = a, *y = b;
    return ORDER(x->key, y->key);
}

static int by_key_user(const void *a, const void *b)
{
    const struct hearing *x = a, *y = b;
    if (x->key != y->key) return ORDER(x->key, y->key);
    if (x->user != y->user) return ORDER(x->user, y->user);
    return ORDER(x->order, y->order);
}

static int by_user_sender(const void *a, const void *b)
{
    const struct hearing *x = a, *y = b;
    if (x->user != y->user) return ORDER(x->user, y->user);
    if (x->room != y->room) return ORDER(x->room, y->room);
    if (x->sender != y->sender) return ORDER(x->sender, y->sender);
    return ORDER(x->order, y->order);
}

static int by_room_user(const void *a, const void *b)
{
    const struct membership *x = a, *y = b;
    if (x->room != y->room) return ORDER(x->room, y->room);
    if (x->user != y->user) return ORDER(x->user, y->user);
    return ORDER(x->order, y->order);
}

static void sort(void *at, size_t count, size_t size, int (*order)(const void *, const void *))
{
    if (count > 1) qsort(at, count, size, order);
}

static struct message *find_message(const struct chat *chat, uint64_t key)
{
    struct message wanted = {.key = key};
    if (chat->messages_count == 0) return NULL;
    return bsearch(&wanted, chat->messages, chat->messages_count, sizeof wanted, by_key);
}

/* The first hearing at or after (key, user). */
static size_t hearing_at(const struct chat *chat, uint64_t key, uint32_t user)
{
    struct hearing wanted = {.key = key, .user = user};
    size_t low = 0, high = chat->hearings_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_key_user(&chat->hearings[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool was_heard(const struct chat *chat, uint64_t key, uint32_t user)
{
    size_t at = hearing_at(chat, key, user);
    return at < chat->hearings_count && chat->hearings[at].key == key &&
           chat->hearings[at].user == user;
}

static void gather_messages(struct chat *chat, const struct fl_rec_load *load)
{
    chat->messages = fl_new_array(struct message, load->ops.count + 1);
    for (size_t i = 0; i < load->ops.count; i++) {
        const struct fl_op *op = &load->ops.at[i];
        if (op->kind != FL_OP_SAY || op->sent_ns == 0 || op->key == 0) continue;
        chat->messages[chat->messages_count++] = (struct message){.key = op->key,
                                                                  .sender = op->user,
                                                                  .room = op->info,
                                                                  .sent_ns = op->sent_ns,
                                                                  .done_ns = op->done_ns};
    }
    sort(chat->messages, chat->messages_count, sizeof *chat->messages, by_key);
}

/* Joined and parted, in the order they were seen, become spans. A second joining without a parting
 * ends the first: the connection was lost unseen. */
static void pair_members(struct chat *chat)
{
    sort(chat->members, chat->members_count, sizeof *chat->members, by_room_user);
    for (size_t i = 0; i < chat->members_count; i++) {
        struct membership *one = &chat->members[i];
        const struct membership *next = i + 1 < chat->members_count ? one + 1 : NULL;
        bool same = next != NULL && next->room == one->room && next->user == one->user;
        one->until_ns = one->parted ? one->from_ns : same ? next->from_ns : FL_NEVER;
    }
}

static void gather(struct chat *chat, const struct fl_rec_load *load)
{
    gather_messages(chat, load);
    chat->hearings = fl_new_array(struct hearing, load->obs.count + 1);
    chat->members = fl_new_array(struct membership, load->obs.count + 1);
    for (size_t i = 0; i < load->obs.count; i++) {
        const struct fl_op *op = &load->obs.at[i];
        struct message *message = find_message(chat, op->key);
        if (op->kind == FL_OBS_SAID_ACK && message != NULL) {
            message->acked = true;
            message->ack_ns = op->done_ns;
        } else if (op->kind == FL_OBS_HEARD) {
            chat->hearings[chat->hearings_count++] = (struct hearing){
                .key = op->key, .user = op->user, .room = op->info, .order = i};
            if (message == NULL) continue;
            message->room = op->info;
            message->room_known = true;
            chat->senders_hear |= message->sender == op->user;
        } else if (op->kind == FL_OBS_JOINED || op->kind == FL_OBS_PARTED) {
            chat->members[chat->members_count++] = (struct membership){.room = op->info,
                                                                       .user = op->user,
                                                                       .from_ns = op->done_ns,
                                                                       .parted = op->kind ==
                                                                                 FL_OBS_PARTED,
                                                                       .order = i};
        }
    }
    sort(chat->hearings, chat->hearings_count, sizeof *chat->hearings, by_key_user);
    pair_members(chat);
}

static bool covers(const struct membership *member, const struct message *message)
{
    return !member->parted && member->from_ns <= message->sent_ns &&
           member->until_ns > message->done_ns;
}

/* Nobody heard it: its room is its sender's, if that had just one (else what the record says). */
static void guess_room(const struct chat *chat, struct message *message)
{
    size_t rooms = 0;
    uint32_t room = message->room;
    for (size_t i = 0; i < chat->members_count; i++) {
        const struct membership *member = &chat->members[i];
        if (member->user != message->sender || member->parted) continue;
        if (member->from_ns > message->sent_ns || member->until_ns <= message->sent_ns) continue;
        rooms++;
        room = member->room;
    }
    if (rooms == 1) message->room = room;
}

static size_t room_at(const struct chat *chat, uint32_t room)
{
    size_t low = 0, high = chat->members_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chat->members[middle].room < room)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void check_lost(struct fl_check_results *out, const struct fl_rec_load *load,
                       struct chat *chat)
{
    struct fl_check_result *row = fl_checker_row(out, "chat lost", "lost", load);
    for (size_t i = 0; i < chat->messages_count; i++) {
        struct message *message = &chat->messages[i];
        if (!message->room_known) guess_room(chat, message);
        if (!message->acked) {
            row->indeterminate++;
            continue;
        }
        row->looked_at++;
        for (size_t k = room_at(chat, message->room);
             k < chat->members_count && chat->members[k].room == message->room; k++) {
            const struct membership *member = &chat->members[k];
            if (member->user == message->sender && !chat->senders_hear) continue;
            if (!covers(member, message) || was_heard(chat, message->key, member->user)) continue;
            fl_checker_offend(row, message->key);
            fl_checker_lost(out, load, message->key, message->ack_ns);
            break; /* one lost message, however many missed it */
        }
    }
}

static void check_duplicated(struct fl_check_results *out, const struct fl_rec_load *load,
                             struct chat *chat)
{
    struct fl_check_result *row = fl_checker_row(out, "chat duplicated", "duplicated", load);
    row->looked_at = chat->hearings_count;
    for (size_t i = 1; i < chat->hearings_count; i++) {
        struct hearing *one = &chat->hearings[i];
        if (one->key != one[-1].key || one->user != one[-1].user) continue;
        one->repeat = true;
        fl_checker_offend(row, one->key);
    }
}

/* Only acknowledged messages are ordered: the order of others is not promised. */
static void check_reordered(struct fl_check_results *out, const struct fl_rec_load *load,
                            struct chat *chat)
{
    struct fl_check_result *row = fl_checker_row(out, "chat reordered", "reordered", load);
    size_t kept = 0;
    for (size_t i = 0; i < chat->hearings_count; i++) {
        struct hearing one = chat->hearings[i];
        const struct message *message = find_message(chat, one.key);
        if (one.repeat || message == NULL || !message->acked) continue;
        one.sender = message->sender;
        one.sent_ns = message->sent_ns;
        chat->hearings[kept++] = one;
    }
    chat->hearings_count = kept;
    sort(chat->hearings, kept, sizeof *chat->hearings, by_user_sender);
    row->looked_at = kept;
    fl_ns latest = 0;
    for (size_t i = 0; i < kept; i++) {
        const struct hearing *one = &chat->hearings[i];
        bool first = i == 0 || one->user != one[-1].user || one->sender != one[-1].sender ||
                     one->room != one[-1].room;
        if (!first && one->sent_ns < latest) fl_checker_offend(row, one->key);
        latest = first ? one->sent_ns : fl_ns_max(latest, one->sent_ns);
    }
}

void fl_check_chat(struct fl_check_results *out, const struct fl_rec_load *load)
{
    struct chat chat = {0};
    gather(&chat, load);
    check_lost(out, load, &chat);
    check_duplicated(out, load, &chat);
    check_reordered(out, load, &chat); /* last: it reorders the hearings itself */
    free(chat.messages);
    free(chat.hearings);
    free(chat.members);
}
