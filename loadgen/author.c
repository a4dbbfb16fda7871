#include "loadgen/author_inside.h"

#include "runtime/base/clock.h"

#define AGAIN_MS 100 /* after "again" */
#define PARTS_MAX ((size_t)8 << 20)

static struct fl_author *author_of(struct fl_member *member)
{
    return FL_OWNER(member, struct fl_author, member);
}

static void author_on_retry(uv_timer_t *timer);

void author_retry_in(struct fl_author *author, uint64_t ms)
{
    uv_timer_start(&author->retry, author_on_retry, ms, 0);
}

void author_push(struct fl_author *author, const char *event, struct fl_buf *payload_take)
{
    uint64_t ref;
    fl_member_push(&author->member, event, (struct fl_str){payload_take->at, payload_take->len},
                   &ref);
    fl_buf_fini(payload_take);
}

void author_sync(struct fl_author *author)
{
    struct fl_buf ask = {0};
    if (author->member.state != FL_MEMBER_JOINED) return;
    author->is_syncing = true;
    fl_buf_printf(&ask, "{\"client\":\"%s\",\"since\":", author->id);
    if (author->replica.is_known)
        fl_buf_printf(&ask, "%lld}", (long long)author->replica.rev);
    else
        fl_buf_puts(&ask, "null}");
    author_push(author, "sync", &ask);
    author_retry_in(author, AUTHOR_PATIENCE_MS);
}

static void author_on_retry(uv_timer_t *timer)
{
    author_sync(FL_OWNER(timer, struct fl_author, retry));
}

void author_observe(struct fl_author *author, enum fl_op_kind kind, uint64_t key)
{
    fl_load_observe(author->load, kind, fl_now(), key, author->index, author->document);
}

/* ---- hearing ---- */

/** One revision of the history. */
static void author_hear(struct fl_author *author, const cJSON *op)
{
    struct fl_replica *replica = &author->replica;
    int64_t rev = fl_json_int(op, "rev", 0);
    if (!replica->is_known || rev <= replica->rev) return;
    if (rev > replica->rev + 1) {
        if (!author->is_syncing) author_sync(author);
        return;
    }
    if (fl_replica_apply(replica, cJSON_GetObjectItemCaseSensitive(op, "op")) != 0) {
        author_observe(author, FL_OBS_EDIT_ASTRAY, author->edit.key);
        replica->is_known = false; /* read it all anew */
        author_sync(author);
        return;
    }
    bool is_mine = author->edit.key != 0 && fl_json_int(op, "seq", 0) == author->seq &&
                   strcmp(fl_json_text(op, "client", ""), author->id) == 0;
    if (is_mine) author_acknowledged(author);
}

static void author_on_op(struct fl_author *author, const cJSON *op)
{
    author_hear(author, op);
    author_go(author);
}

/** The history is applied as far as it goes: what is in flight still is not in it. */
static void author_caught_up(struct fl_author *author)
{
    author->is_syncing = false;
    uv_timer_stop(&author->retry);
    author->is_at_end = author->wants_end;
    if (author->edit.key == 0) {
        author_go(author);
        return;
    }
    if (author->edit.is_stale) author_make(author);
    author_send(author);
}

static void author_on_state(struct fl_author *author, const cJSON *state)
{
    const char *text = fl_json_text(state, "text", NULL);
    int64_t rev = fl_json_int(state, "rev", 0);
    if (text != NULL) {
        /* What goes in while it is written is told apart: it may be older than what came. */
        bool is_reset = fl_json_bool(state, "reset", false);
        if (is_reset || !author->replica.is_known || rev > author->replica.rev)
            fl_replica_load(&author->replica, rev, text);
        size_t at, len;
        struct fl_author_edit *edit = &author->edit;
        if (edit->key != 0 && (fl_json_int(state, "seen", 0) >= author->seq ||
                               fl_replica_find(&author->replica, edit->key, &at, &len)))
            author_acknowledged(author);
        edit->is_stale = true;
    }
    const cJSON *op;
    cJSON_ArrayForEach(op, cJSON_GetObjectItemCaseSensitive(state, "ops"))
    {
        author_hear(author, op);
    }
    if (!author->replica.is_known) return; /* it went astray: asked anew */
    if (fl_json_bool(state, "more", false))
        author_sync(author);
    else
        author_caught_up(author);
}

static void author_on_refused(struct fl_author *author, const cJSON *refused)
{
    const char *why = fl_json_text(refused, "why", "");
    bool is_mine = author->edit.key != 0 && fl_json_int(refused, "seq", 0) == author->seq &&
                   strcmp(fl_json_text(refused, "client", ""), author->id) == 0;
    if (!is_mine) return;
    if (strcmp(why, "again") == 0) {
        author_retry_in(author, AGAIN_MS);
    } else if (strcmp(why, "behind") == 0) {
        author->edit.is_stale = true;
        author_sync(author);
    } else {
        author_settle(author, FL_FAIL, FL_OPERR_STATUS);
        author_go(author);
    }
}

static void author_on_again(struct fl_author *author, const cJSON *again)
{
    (void)again;
    author_retry_in(author, AGAIN_MS);
}

static void author_on_head(struct fl_author *author, const cJSON *head)
{
    bool is_behind = fl_json_int(head, "rev", 0) > author->replica.rev;
    if (!author->is_syncing && (is_behind || author->edit.key != 0)) author_sync(author);
}

static void author_take(struct fl_author *author, struct fl_str event, struct fl_str payload);

/** A piece of what is too large for one event. */
static void author_on_part(struct fl_author *author, const cJSON *part)
{
    int64_t at = fl_json_int(part, "at", 0), next = fl_json_int(part, "next", -1);
    if (at == 0) author->parts.len = 0;
    if ((size_t)at != author->parts.len || author->parts.len > PARTS_MAX) return;
    fl_buf_puts(&author->parts, fl_json_text(part, "json", ""));
    if (next >= 0) {
        struct fl_buf ask = {0};
        fl_buf_printf(&ask, "{\"at\":%lld}", (long long)next);
        author_push(author, "part", &ask);
        author_retry_in(author, AUTHOR_PATIENCE_MS);
        return;
    }
    struct fl_buf whole = author->parts;
    author->parts = (struct fl_buf){0};
    author_take(author, fl_str_of(fl_json_text(part, "event", "")),
                (struct fl_str){whole.at, whole.len});
    fl_buf_fini(&whole);
}

static const struct {
    const char *event;
    void (*take)(struct fl_author *author, const cJSON *payload);
} author_events[] = {
    {"op", author_on_op},       {"state", author_on_state}, {"refused", author_on_refused},
    {"again", author_on_again}, {"head", author_on_head},   {"part", author_on_part},
};

static void author_take(struct fl_author *author, struct fl_str event, struct fl_str payload)
{
    for (size_t i = 0; i < FL_COUNT(author_events); i++) {
        if (!fl_str_is(event, author_events[i].event)) continue;
        cJSON *tree = cJSON_ParseWithLength(payload.at, payload.len);
        author_events[i].take(author, tree);
        cJSON_Delete(tree);
        return;
    }
}

static void author_on_push(struct fl_member *member, const struct fl_channel_msg *msg, fl_ns at_ns)
{
    (void)at_ns;
    author_take(author_of(member), msg->event, msg->payload);
}

static void author_on_joined(struct fl_member *member, fl_ns at_ns)
{
    (void)at_ns;
    struct fl_author *author = author_of(member);
    struct fl_buf hello = {0};
    fl_buf_printf(&hello, "{\"client\":\"%s\",\"name\":\"author %u\"}", author->id, author->index);
    author_push(author, "hello", &hello);
    author_sync(author);
}

static void author_on_parted(struct fl_member *member, fl_ns at_ns)
{
    (void)at_ns;
    struct fl_author *author = author_of(member);
    author->is_syncing = author->wants_end = author->is_at_end = false;
    author->parts.len = 0;
    uv_timer_stop(&author->retry);
}

/* ---- its owner's side ---- */

void fl_author_start(struct fl_author *author, const struct fl_author_opts *opts)
{
    static const struct fl_member_events events = {
        .on_joined = author_on_joined,
        .on_parted = author_on_parted,
        .on_push = author_on_push,
    };
    struct fl_load *load = opts->load;
    *author = (struct fl_author){.load = load,
                                 .index = opts->index,
                                 .document = opts->document,
                                 .kept_max = opts->keep,
                                 .kept = fl_new_array(uint64_t, opts->keep)};
    snprintf(author->id, sizeof author->id, "load-%d-%u", load->index, opts->index);
    fl_rng_init(&author->rng, load->seed ^ fl_hash64(~(uint64_t)opts->index));
    uv_timer_init(load->host->loop, &author->retry);
    char topic[64];
    snprintf(topic, sizeof topic, "doc:load-%d-%u", load->index, opts->document);
    struct fl_member_opts member = {
        .events = &events, .load = load, .user = opts->index, .topic = topic, .params = "{}"};
    fl_member_init(&author->member, &member);
    fl_member_start(&author->member);
}

bool fl_author_is_idle(const struct fl_author *author)
{
    return author->edit.key == 0 && author->first == NULL &&
           author->member.state == FL_MEMBER_JOINED && author->replica.is_known;
}

bool fl_author_end(struct fl_author *author)
{
    if (!author->wants_end && author->is_syncing) return false; /* that asked too early */
    if (!author->wants_end) {
        author->wants_end = true;
        author_sync(author);
    }
    return author->is_at_end;
}

void fl_author_stop(struct fl_author *author)
{
    fl_member_stop(&author->member);
    uv_close((uv_handle_t *)&author->retry, NULL);
}

void fl_author_fini(struct fl_author *author)
{
    fl_member_fini(&author->member);
    fl_replica_fini(&author->replica);
    fl_buf_fini(&author->edit.op);
    fl_buf_fini(&author->parts);
    free(author->kept);
}
