#include "services/queue/keeper.h"

#include "runtime/base/clock.h"
#include "services/queue/group.h"
#include "services/services.h"

#define KEEPER_ASK_WITHIN_NS fl_s(5)
/* tags */
enum { KEEPER_ASK = 1, KEEPER_OPEN, KEEPER_FLUSH };

struct keeper {
    const struct fl_service_opts *opts;
    struct fl_held_store *held; /* NULL until it is open */
    struct fl_group *next;      /* what the next commit will hold; NULL: nothing yet */
    fl_ns wall_ns;              /* wall time at the node clock's zero */
};

/** Work for a pool thread: opening may replay a long log. */
struct keeper_opening {
    char *path;
    struct fl_store *store;
    struct fl_err err;
};

static int keeper_open_work(void *arg)
{
    struct keeper_opening *opening = arg;
    /* The OS process checked the file when it started (queue.c), and a crash of mine harms no file:
     * be back at once. */
    struct fl_store_opts opts = {.path = opening->path, .unchecked = true};
    return fl_store_open(&opening->store, &opts, &opening->err);
}

static void keeper_opening_free(void *arg)
{
    struct keeper_opening *opening = arg;
    fl_store_close(opening->store);
    free(opening->path);
    free(opening);
}

/** Opens the store unless it is open. False: I am ending. */
static bool keeper_open(struct fl_self *self, struct keeper *keeper)
{
    if (keeper->held != NULL) return true;
    struct keeper_opening *opening = fl_new(struct keeper_opening);
    opening->path = fl_format("%s/queue.db", keeper->opts->folder);
    int code = fl_blocking(self, keeper_open_work, opening, keeper_opening_free);
    if (code == 0) {
        keeper->held = fl_held_store_new(opening->store);
        opening->store = NULL;
        fl_self_own(self, keeper->held, fl_held_store_release);
    } else {
        fprintf(stderr, "%s: %s\n", keeper->opts->instance, opening->err.text);
        fl_self_fail(self, code);
    }
    keeper_opening_free(opening);
    return code == 0;
}

/** Commits what was collected, off this thread, and answers. New calls wait in the mailbox. */
static void keeper_flush(struct fl_self *self, struct keeper *keeper)
{
    struct fl_group *group = keeper->next;
    if (group == NULL) return;
    keeper->next = NULL;
    fl_self_disown(self, group); /* from here on fl_blocking frees it when I die */

    group->now_ms = (keeper->wall_ns + fl_self_now(self)) / FL_NS_PER_MS;
    int code = fl_blocking(self, fl_group_commit, group, fl_group_free);
    for (size_t i = 0; i < group->askers_count; i++) {
        const struct fl_group_asker *asker = &group->askers[i];
        fl_self_reply(self, asker->from, asker->ref, asker->answer.at, asker->answer.len);
    }
    if (code != 0) fprintf(stderr, "%s: %s\n", keeper->opts->instance, group->err.text);
    fl_group_free(group);
    /* A full disk may have room again; anything else needs a fresh look at the file, and after a
     * failed fsync nothing less can be trusted. */
    if (code != 0 && code != FL_EFULL) fl_self_fail(self, code);
}

static int keeper_on_init(struct fl_self *self, void *state, const void *args)
{
    struct keeper *keeper = state;
    keeper->opts = args;
    /* Wall time is read once: leases must not end because somebody sets the clock meanwhile. */
    keeper->wall_ns = fl_wall_now() - fl_self_now(self);
    return fl_send(self, fl_self_pid(self), KEEPER_OPEN, NULL, 0);
}

/** Adds the call to the next group, which is committed once all that is in the mailbox was. */
static void keeper_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    if (!keeper_open(self, keeper)) return;

    int code = keeper->next != NULL ? fl_group_add(keeper->next, msg) : FL_EFULL;
    if (code == FL_EFULL) {
        keeper_flush(self, keeper);
        keeper->next = fl_group_new(keeper->held);
        fl_self_own(self, keeper->next, fl_group_free);
        code = fl_group_add(keeper->next, msg);
        int queued = fl_send(self, fl_self_pid(self), KEEPER_FLUSH, NULL, 0);
        if (code == 0 && queued != 0) keeper_flush(self, keeper); /* my mailbox is full */
    }
    if (code != 0) fl_self_reply_error(self, msg->from, msg->ref, code);
}

static void keeper_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct keeper *keeper = state;
    if (msg->tag == KEEPER_OPEN) keeper_open(self, keeper);
    if (msg->tag == KEEPER_FLUSH) keeper_flush(self, keeper);
}

const struct fl_server fl_keeper_server = {
    .name = "store",
    .state_bytes = sizeof(struct keeper),
    .on_init = keeper_on_init,
    .on_call = keeper_on_call,
    .on_cast = keeper_on_cast,
};

void fl_keeper_put(struct fl_buf *request, const struct fl_store_op *op)
{
    struct fl_keeper_ask ask = {
        .kind = (uint32_t)op->kind,
        .key_len = (uint32_t)op->key.len,
        .payload_len = (uint32_t)op->payload.len,
        .max = op->max,
        .delay_ms = op->delay_ms,
        .visibility_ms = op->visibility_ms,
        .retry_ms = op->retry_ms,
        .id = op->id,
        .lease = op->lease,
    };
    fl_buf_add(request, &ask, sizeof ask);
    if (op->key.len > 0) fl_buf_add(request, op->key.at, op->key.len);
    if (op->payload.len > 0) fl_buf_add(request, op->payload.at, op->payload.len);
}

int fl_keeper_ask(struct fl_self *self, struct fl_buf *request, size_t count, size_t json_max,
                  struct fl_buf *hold, const struct fl_keeper_answer **answers, struct fl_str *json)
{
    struct fl_pid store = fl_whereis(fl_self_node(self), FL_KEEPER_NAME);
    size_t rows = count * sizeof(struct fl_keeper_answer), reply_max = rows + json_max;
    fl_buf_reserve(hold, reply_max);
    /* Should I be killed while I wait, nobody else would free these. */
    fl_self_own(self, request->at, free);
    fl_self_own(self, hold->at, free);
    int code = fl_call(self, store, KEEPER_ASK, request->at, request->len, hold->at, reply_max,
                       &hold->len, KEEPER_ASK_WITHIN_NS);
    fl_self_disown(self, request->at);
    fl_self_disown(self, hold->at);
    fl_buf_fini(request);

    if (code == 0 && hold->len < rows) code = FL_EBADMSG;
    if (code != 0) return code;
    *answers = (const void *)hold->at;
    *json = (struct fl_str){hold->at + rows, hold->len - rows};
    return 0;
}
