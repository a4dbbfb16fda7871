/* driver_chat.c: people in rooms. What one says is done once everyone has heard it who was in the
 * room when it was said, and stayed.
 *
 * Client's truth: who is in a room is who has had a yes to its join, and its first presence, and
 * has not lost it since. Behind one link there may be several instances that know nothing of each
 * other, so that one room is several *islands*. Nobody tells a client which one it is on, but the
 * presence does: everybody joins under a name that is new each time, and whoever sees another's
 * present name is on one island with it. In the journal each island is a room of its own. */
#include "loadgen/member.h"
#include "runtime/base/clock.h"

struct chat_user {
    struct fl_member member; /* first: its callbacks cross to here */
    struct chat *chat;
    uint32_t index, room;
    uint32_t epoch;         /* of its membership, part of its name */
    uint32_t island;        /* from 1; 0: not known yet */
    bool told;              /* the journal knows that it is in */
    struct chat_said *said; /* lately, a ring by ref: an answer may come after all have heard */
};

struct chat_said {
    uint64_t ref, key;
};

/** Something said that not everyone has heard yet. */
struct chat_word {
    struct fl_pending *pending;
    struct chat_user *speaker;
    uint64_t key;
    uint32_t info;                 /* the room and its island */
    struct chat_word *prev, *next; /* of the room */
    uint64_t *awaited;             /* a bit for each person of the room */
    uint32_t awaited_count;
    bool heard, acked; /* by somebody; by the server */
};

struct chat {
    struct fl_load *load;
    struct chat_user *users;
    uint32_t users_count, rooms_count, started_count;
    uint32_t turn;             /* who speaks next */
    struct chat_word **rooms;  /* open words of each */
    uint32_t *islands;         /* so far, of each room */
    struct chat_word **by_key; /* open words by number, a ring */
    uint64_t ring_mask, said_mask;
    size_t bitmap_words;
};

static struct chat_user *user_of(struct fl_member *member)
{
    return FL_OWNER(member, struct chat_user, member);
}

/* A person's place in its room's bitmap: users are dealt to rooms in turn. */
static uint32_t user_seat(const struct chat_user *user)
{
    return user->index / user->chat->rooms_count;
}

static uint64_t *word_bits(const struct chat_word *word, const struct chat_user *user,
                           uint64_t *bit)
{
    *bit = UINT64_C(1) << (user_seat(user) % 64);
    return &word->awaited[user_seat(user) / 64];
}

/* What the journal calls the room of this person's island. */
static uint32_t user_info(const struct chat_user *user)
{
    return user->room + (user->island - 1) * user->chat->rooms_count;
}

static bool user_is_in(const struct chat_user *user)
{
    return user->member.state == FL_MEMBER_JOINED && user->island != 0;
}

/* ---- words ---- */

static struct chat_word **chat_ring_at(struct chat *chat, uint64_t key)
{
    return &chat->by_key[key & chat->ring_mask];
}

static void word_free(struct chat *chat, struct chat_word *word)
{
    struct chat_word **room = &chat->rooms[word->speaker->room];
    if (word->prev != NULL)
        word->prev->next = word->next;
    else
        *room = word->next;
    if (word->next != NULL) word->next->prev = word->prev;

    *chat_ring_at(chat, word->key) = NULL;
    free(word->awaited);
    free(word);
}

static void word_new(struct chat_user *user, struct fl_pending *pending)
{
    struct chat *chat = user->chat;
    struct chat_word *word = fl_new(struct chat_word);
    word->pending = pending;
    word->speaker = user;
    word->key = pending->key;
    word->info = pending->info;
    word->awaited = fl_new_array(uint64_t, chat->bitmap_words);
    for (uint32_t i = user->room; i < chat->users_count; i += chat->rooms_count) {
        if (!user_is_in(&chat->users[i]) || chat->users[i].island != user->island) continue;
        uint64_t bit;
        *word_bits(word, &chat->users[i], &bit) |= bit;
        word->awaited_count++;
    }
    word->next = chat->rooms[user->room];
    if (word->next != NULL) word->next->prev = word;
    chat->rooms[user->room] = word;
    *chat_ring_at(chat, word->key) = word;
    pending->work = word;
}

static void word_settle(struct chat *chat, struct chat_word *word, enum fl_outcome outcome,
                        enum fl_op_error error, fl_ns done_ns)
{
    struct fl_pending *pending = word->pending;
    word_free(chat, word);
    fl_load_settle(pending, outcome, error, done_ns);
}

/* Someone is out of the expectation, by hearing or by leaving. True: word is settled and gone. */
static bool word_release(struct chat *chat, struct chat_word *word, const struct chat_user *user,
                         fl_ns now_ns)
{
    uint64_t bit;
    uint64_t *bits = word_bits(word, user, &bit);
    if ((*bits & bit) == 0) return false;
    *bits &= ~bit;
    if (--word->awaited_count > 0) return false;

    /* Whoever stayed has heard it, and that is so from now on: until now those who leave were
     * waited for. Where nobody stayed, the server's word must do. */
    if (word->heard || word->acked)
        word_settle(chat, word, FL_OK, FL_OPERR_NONE, now_ns);
    else
        word_settle(chat, word, FL_UNKNOWN, FL_OPERR_RESET, now_ns);
    return true;
}

/* ---- what a member notices ---- */

static void chat_on_joining(struct fl_member *member)
{
    struct chat_user *user = user_of(member);
    char params[64];
    user->epoch++;
    user->island = 0;
    snprintf(params, sizeof params, "{\"user\":\"load-%d-%u.%u\"}", user->chat->load->index,
             user->index, user->epoch);
    fl_member_set_params(member, params);
}

/* It is in once its join has had a yes and its island is known, in whichever order. */
static void user_tell(struct chat_user *user, fl_ns at_ns)
{
    if (user->told || !user_is_in(user)) return;
    user->told = true;
    fl_load_observe(user->chat->load, FL_OBS_JOINED, at_ns, 0, user->index, user_info(user));
}

static void chat_on_joined(struct fl_member *member, fl_ns at_ns)
{
    user_tell(user_of(member), at_ns);
}

/* The person of this load that goes by this name now, or NULL. */
static struct chat_user *chat_find_name(struct chat *chat, const char *name)
{
    char prefix[32], *rest = NULL;
    int len = snprintf(prefix, sizeof prefix, "load-%d-", chat->load->index);
    if (strncmp(name, prefix, (size_t)len) != 0) return NULL;
    unsigned long index = strtoul(name + len, &rest, 10);
    if (index >= chat->users_count || *rest != '.') return NULL;
    struct chat_user *user = &chat->users[index];
    return strtoul(rest + 1, &rest, 10) == user->epoch && *rest == '\0' ? user : NULL;
}

/* Everybody in the list is on this person's island. */
static void chat_on_presence(struct chat_user *user, struct fl_str payload, fl_ns at_ns)
{
    struct chat *chat = user->chat;
    cJSON *present = cJSON_ParseWithLength(payload.at, payload.len);
    const cJSON *item;
    uint32_t island = user->island;
    cJSON_ArrayForEach(item, present)
    {
        const struct chat_user *other = chat_find_name(chat, item->string);
        if (island == 0 && other != NULL && other->room == user->room) island = other->island;
    }
    if (island == 0) island = ++chat->islands[user->room];
    user->island = island;
    user_tell(user, at_ns);
    cJSON_ArrayForEach(item, present)
    {
        struct chat_user *other = chat_find_name(chat, item->string);
        if (other == NULL || other->room != user->room || other->island != 0) continue;
        other->island = island; /* its own list is still on the way */
        user_tell(other, at_ns);
    }
    cJSON_Delete(present);
}

static void chat_on_parted(struct fl_member *member, fl_ns at_ns)
{
    struct chat_user *user = user_of(member);
    struct chat *chat = user->chat;
    if (!user->told) return;
    user->told = false;
    fl_load_observe(chat->load, FL_OBS_PARTED, at_ns, 0, user->index, user_info(user));
    struct chat_word *next;
    for (struct chat_word *word = chat->rooms[user->room]; word != NULL; word = next) {
        next = word->next;
        word_release(chat, word, user, at_ns);
    }
}

/* The key that we put into a message, or 0. */
static uint64_t heard_key(struct fl_str payload)
{
    cJSON *message = cJSON_ParseWithLength(payload.at, payload.len);
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(message, "body");
    uint64_t key = strtoull(fl_json_text(body, "key", "0"), NULL, 16);
    cJSON_Delete(message);
    return key;
}

static void chat_on_push(struct fl_member *member, const struct fl_channel_msg *msg, fl_ns at_ns)
{
    struct chat_user *user = user_of(member);
    struct chat *chat = user->chat;
    if (fl_str_is(msg->event, "presence_state")) chat_on_presence(user, msg->payload, at_ns);
    if (!fl_str_is(msg->event, "new_msg") || user->island == 0) return;
    uint64_t key = heard_key(msg->payload);
    if (!fl_load_owns_key(chat->load, key)) return; /* of another load, or of a browser */

    fl_load_observe(chat->load, FL_OBS_HEARD, at_ns, key, user->index, user_info(user));
    struct chat_word *word = *chat_ring_at(chat, key);
    if (word == NULL || word->key != key) return; /* settled before: a late or second hearing */
    if (word->info != user_info(user)) return;
    uint64_t bit;
    if ((*word_bits(word, user, &bit) & bit) == 0) return; /* came in later, or twice */
    word->heard = true;
    word_release(chat, word, user, at_ns);
}

static void chat_on_reply(struct fl_member *member, uint64_t ref, bool ok, fl_ns at_ns)
{
    struct chat_user *user = user_of(member);
    struct chat *chat = user->chat;
    const struct chat_said *said = &user->said[ref & chat->said_mask];
    if (said->ref != ref) return;
    struct chat_word *word = *chat_ring_at(chat, said->key);
    if (word != NULL && word->key != said->key) word = NULL;
    if (ok) {
        if (word != NULL) word->acked = true;
        fl_load_observe(chat->load, FL_OBS_SAID_ACK, at_ns, said->key, user->index,
                        user_info(user));
    } else if (word != NULL) {
        word_settle(chat, word, FL_FAIL, FL_OPERR_STATUS, at_ns);
    }
}

static const struct fl_member_events chat_events = {
    .on_joining = chat_on_joining,
    .on_joined = chat_on_joined,
    .on_parted = chat_on_parted,
    .on_push = chat_on_push,
    .on_reply = chat_on_reply,
};

/* ---- the driver ---- */

static uint64_t chat_ring_mask(uint64_t least, double needed)
{
    uint64_t ring = least;
    while ((double)ring < needed && ring < (UINT64_C(1) << 24))
        ring *= 2;
    return ring - 1;
}

static int driver_chat_open(struct fl_load *load, struct fl_err *err)
{
    double rooms = 0;
    int rc = fl_settings_number(&load->settings, "rooms", &rooms, err);
    if (rc != 0) return rc;
    struct chat *chat = fl_new(struct chat);
    load->state = chat;
    chat->load = load;
    chat->users_count = (uint32_t)load->users;
    chat->rooms_count = (uint32_t)rooms;
    if (chat->rooms_count > chat->users_count) chat->rooms_count = chat->users_count;
    fl_load_add_stream(load, FL_OP_SAY, "says", load->rate_per_s, 0);

    /* Open words are those due within one timeout; twice that for a generator that is late. */
    double open_most = load->rate_per_s * (double)load->timeout_ns / (double)FL_NS_PER_S;
    chat->ring_mask = chat_ring_mask(1024, 2 * open_most);
    chat->said_mask = chat_ring_mask(16, 2 * open_most / load->users);
    chat->by_key = fl_new_array(struct chat_word *, chat->ring_mask + 1);
    chat->islands = fl_new_array(uint32_t, chat->rooms_count);
    chat->rooms = fl_new_array(struct chat_word *, chat->rooms_count);
    uint32_t seats = (chat->users_count + chat->rooms_count - 1) / chat->rooms_count;
    chat->bitmap_words = seats / 64 + 1;
    return 0;
}

static void driver_chat_start(struct fl_load *load, fl_ns t0_ns)
{
    (void)t0_ns;
    struct chat *chat = load->state;
    chat->users = fl_new_array(struct chat_user, chat->users_count);
    for (uint32_t i = 0; i < chat->users_count; i++) {
        struct chat_user *user = &chat->users[i];
        user->chat = chat;
        user->index = i;
        user->room = i % chat->rooms_count;
        user->said = fl_new_array(struct chat_said, chat->said_mask + 1);
        char topic[64];
        snprintf(topic, sizeof topic, "room:load-%u", user->room);
        struct fl_member_opts opts = {
            .events = &chat_events, .load = load, .user = i, .topic = topic, .params = "{}"};
        fl_member_init(&user->member, &opts);
        chat->started_count++;
        fl_member_start(&user->member);
    }
}

static void driver_chat_issue(struct fl_load *load, struct fl_pending *pending)
{
    struct chat *chat = load->state;
    struct chat_user *user = &chat->users[chat->turn];
    chat->turn = (chat->turn + 1) % chat->users_count;
    pending->user = user->index;
    pending->info = user->island != 0 ? user_info(user) : user->room;
    pending->key = fl_load_key(load, pending->number + 1);
    fl_ns now_ns = fl_now();
    if (!user_is_in(user)) { /* one who is not in the room cannot speak */
        fl_load_settle(pending, FL_FAIL, FL_OPERR_REFUSED, now_ns);
        return;
    }
    if (*chat_ring_at(chat, pending->key) != NULL) { /* we are later than twice the timeout */
        fl_load_settle(pending, FL_FAIL, FL_OPERR_UNSENT, now_ns);
        return;
    }
    word_new(user, pending);
    char payload[96];
    int len = snprintf(payload, sizeof payload, "{\"body\":{\"key\":\"%llx\"},\"id\":\"%llx\"}",
                       (unsigned long long)pending->key, (unsigned long long)pending->key);
    pending->sent_ns = now_ns;
    uint64_t ref = 0;
    bool sent = fl_member_push(&user->member, "new_msg", (struct fl_str){payload, (size_t)len},
                               &ref);
    FL_ASSERT(sent);
    user->said[ref & chat->said_mask] = (struct chat_said){.ref = ref, .key = pending->key};
}

static void driver_chat_drop(struct fl_load *load, struct fl_pending *pending)
{
    word_free(load->state, pending->work);
}

static void driver_chat_stop(struct fl_load *load)
{
    struct chat *chat = load->state;
    for (uint32_t i = 0; i < chat->started_count; i++)
        fl_member_stop(&chat->users[i].member);
}

static void driver_chat_fini(struct fl_load *load)
{
    struct chat *chat = load->state;
    for (uint32_t i = 0; i < chat->rooms_count; i++) {
        struct chat_word *next;
        for (struct chat_word *word = chat->rooms[i]; word != NULL; word = next) {
            next = word->next;
            free(word->awaited);
            free(word);
        }
    }
    for (uint32_t i = 0; i < chat->started_count; i++) {
        fl_member_fini(&chat->users[i].member);
        free(chat->users[i].said);
    }
    free(chat->users);
    free(chat->rooms);
    free(chat->islands);
    free(chat->by_key);
    free(chat);
}

const struct fl_driver fl_driver_chat = {
    .open = driver_chat_open,
    .start = driver_chat_start,
    .issue = driver_chat_issue,
    .drop = driver_chat_drop,
    .stop = driver_chat_stop,
    .fini = driver_chat_fini,
};
