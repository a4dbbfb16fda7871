/* replica.h: a page without a browser: keeps a copy of a document as docs/editor.md says, types at
 * random, loses its connection and finds it again. A server process: what it finds wrong aborts,
 * for the checks of cmocka jump, and not out of a process. */
#ifndef FL_TEST_EDITOR_REPLICA_H
#define FL_TEST_EDITOR_REPLICA_H

#include "services/editor/doc.h"
#include "services/wire/jscan.h"
#include "tests/support/testkit.h"
#include "tests/unit/editor/random_edit.h"

#define REPLICA_CALL_NS fl_s(20)

enum { REPLICA_TICK = 1, REPLICA_AGAIN, REPLICA_REST, REPLICA_AWAY };

/** What the world keeps of one, beyond its process. */
struct replica {
    const struct fl_docs *docs;
    char name[8]; /* its client id */
    const char *doc;
    bool only_inserts, no_cuts;
    int edits_left;
    struct fl_pid pid;
    struct fl_rng rng;

    bool online, syncing, resend, resting, away;
    int64_t rev, seq; /* rev -1: no text yet */
    uint64_t sync_ref, submit_ref;
    struct fl_text base, text; /* at rev; with what is in flight and in the buffer */
    struct fl_edit flight, buffer, given, one, two;
    bool has_flight, has_buffer;
    size_t inserted;      /* units, in all */
    int64_t acknowledged; /* its last seq that came back */
    int resets, sent_again;
    struct fl_buf out;
};

static inline void replica_fini(struct replica *replica)
{
    fl_text_fini(&replica->base);
    fl_text_fini(&replica->text);
    fl_edit_fini(&replica->flight);
    fl_edit_fini(&replica->buffer);
    fl_edit_fini(&replica->given);
    fl_edit_fini(&replica->one);
    fl_edit_fini(&replica->two);
    fl_buf_fini(&replica->out);
}

static inline bool replica_is_quiet(const struct replica *replica)
{
    return replica->online && !replica->syncing && !replica->has_flight && !replica->has_buffer;
}

/** What was said may still arrive; answers will not. */
static inline void replica_down(struct fl_self *self, struct replica *replica)
{
    char topic[FL_DOC_FULL_NAME_MAX];
    fl_doc_full_name(replica->doc, topic);
    fl_pubsub_unsubscribe(self, replica->docs->pubsub, topic);
    replica->online = replica->syncing = false;
    replica->sync_ref = replica->submit_ref = 0;
}

static inline void replica_submit(struct fl_self *self, struct replica *replica)
{
    struct fl_pid doc;
    struct fl_buf op = {0};
    replica->resend = false;
    replica->submit_ref = 0;
    if (!replica->no_cuts && !replica->resting && fl_rng_between(&replica->rng, 0, 11) == 0) {
        replica_down(self, replica); /* and this one is lost */
        return;
    }
    if (fl_doc_open(self, replica->docs, replica->doc, &doc) == 0) {
        replica->out.len = 0;
        fl_edit_print(&replica->flight, &op);
        fl_doc_put_submit(&replica->out, fl_str_of(replica->name), replica->seq, replica->rev,
                          FL_STR("somebody"), (struct fl_str){op.at, op.len});
        replica->submit_ref = fl_call_async(self, doc, FL_DOC_SUBMIT, replica->out.at,
                                            replica->out.len, REPLICA_CALL_NS);
        if (fl_rng_between(&replica->rng, 0, 9) == 0) /* the network says it twice */
            fl_call_async(self, doc, FL_DOC_SUBMIT, replica->out.at, replica->out.len,
                          REPLICA_CALL_NS);
    }
    fl_buf_fini(&op);
    fl_timer_start(self, fl_s(30), REPLICA_AGAIN); /* in case no answer comes */
}

static inline void replica_sync(struct fl_self *self, struct replica *replica)
{
    struct fl_pid doc;
    replica->syncing = true;
    if (fl_doc_open(self, replica->docs, replica->doc, &doc) != 0) {
        fl_timer_start(self, fl_ms(20), REPLICA_AGAIN);
        return;
    }
    replica->out.len = 0;
    fl_doc_put_sync(&replica->out, replica->rev, fl_str_of(replica->name));
    replica->sync_ref = fl_call_async(self, doc, FL_DOC_SYNC, replica->out.at, replica->out.len,
                                      REPLICA_CALL_NS);
}

static inline void replica_flush(struct fl_self *self, struct replica *replica)
{
    if (replica->has_flight || !replica->has_buffer || !replica->online || replica->syncing) return;
    fl_edit_move(&replica->flight, &replica->buffer);
    replica->has_flight = true;
    replica->has_buffer = false;
    replica->seq++;
    replica_submit(self, replica);
}

/** Moves an edit of the base over what is not in the history yet, and does it to the text. */
static inline void replica_other(struct replica *replica, struct fl_edit *edit)
{
    struct fl_edit *mine[] = {replica->has_flight ? &replica->flight : NULL,
                              replica->has_buffer ? &replica->buffer : NULL};
    for (size_t i = 0; i < FL_COUNT(mine); i++) {
        if (mine[i] == NULL) continue;
        fl_edit_transform(edit, mine[i], &replica->one, &replica->two);
        fl_edit_move(edit, &replica->one);
        fl_edit_move(mine[i], &replica->two);
    }
    FL_ASSERT(fl_edit_check(edit, &replica->text) == 0);
    fl_edit_apply(edit, &replica->text);
}

/** The text as it is: a difference to what we had, as one edit of others. */
static inline void replica_whole(struct replica *replica, struct fl_str object, bool reset)
{
    struct fl_buf text = {0};
    struct fl_text now = {0};
    struct fl_str utf8 = fl_jscan_get_text(object, "text", &text);
    FL_ASSERT(fl_text_add_utf8(&now, utf8) == 0);
    fl_buf_fini(&text);
    if (reset) {
        replica->resets++;
        int64_t seen = atoll(fl_jscan_get(object, "seen").at);
        if (replica->has_flight && seen >= replica->seq) {
            fl_edit_apply(&replica->flight, &replica->base);
            replica->has_flight = false;
            replica->acknowledged = replica->seq;
        }
    }
    fl_edit_clear(&replica->given);
    fl_edit_delete(&replica->given, replica->base.len);
    uint16_t *units = fl_alloc((now.len + 1) * sizeof *units);
    fl_text_read(&now, 0, now.len, units);
    fl_edit_insert(&replica->given, units, now.len);
    free(units);
    replica_other(replica, &replica->given);
    fl_text_fini(&replica->base);
    replica->base = now;
}

/** An operation of the history; false: some are missing before it. */
static inline bool replica_op(struct replica *replica, struct fl_str object)
{
    int64_t rev = atoll(fl_jscan_get(object, "rev").at);
    if (rev <= replica->rev) return true;
    if (replica->rev < 0 || rev > replica->rev + 1) return false;
    FL_ASSERT(fl_edit_parse(fl_jscan_get(object, "op"), &replica->given) == 0);
    FL_ASSERT(fl_edit_check(&replica->given, &replica->base) == 0);
    fl_edit_apply(&replica->given, &replica->base);
    replica->rev = rev;
    char quoted[16];
    snprintf(quoted, sizeof quoted, "\"%s\"", replica->name);
    if (replica->has_flight && fl_str_is(fl_jscan_get(object, "client"), quoted) &&
        atoll(fl_jscan_get(object, "seq").at) == replica->seq) {
        replica->has_flight = false;
        replica->acknowledged = replica->seq;
    } else {
        replica_other(replica, &replica->given);
    }
    return true;
}

static inline void replica_state(struct fl_self *self, struct replica *replica,
                                 struct fl_str object)
{
    if (fl_jscan_get(object, "text").at != NULL) {
        replica_whole(replica, object, fl_jscan_get(object, "reset").at != NULL);
        replica->rev = atoll(fl_jscan_get(object, "rev").at);
    } else {
        struct fl_str rest = fl_jscan_get(object, "ops"), op;
        FL_ASSERT(fl_jscan_punct(&rest, '['));
        while (rest.len > 0 && rest.at[0] == '{') {
            FL_ASSERT(fl_jscan_take(&rest, &op) == 0);
            FL_ASSERT(replica_op(replica, op));
            fl_jscan_punct(&rest, ',');
        }
        if (fl_str_is(fl_jscan_get(object, "more"), "true")) {
            replica_sync(self, replica);
            return;
        }
    }
    replica->syncing = false;
    if (replica->has_flight && replica->resend) {
        replica->sent_again++;
        replica_submit(self, replica);
    }
    replica_flush(self, replica);
}

static inline void replica_up(struct fl_self *self, struct replica *replica)
{
    char topic[FL_DOC_FULL_NAME_MAX];
    fl_doc_full_name(replica->doc, topic);
    fl_pubsub_subscribe(self, replica->docs->pubsub, topic);
    replica->online = true;
    replica->resend = replica->has_flight;
    replica_sync(self, replica);
}

static inline void replica_type(struct fl_self *self, struct replica *replica)
{
    if (replica->rev < 0 || replica->edits_left == 0) return;
    replica->edits_left--;
    struct fl_edit typed = {0};
    if (replica->only_inserts) {
        size_t at = random_step(&replica->rng, &replica->text, 0, SIZE_MAX);
        uint16_t units[6];
        fl_edit_retain(&typed, at);
        fl_edit_insert(&typed, units, random_units(&replica->rng, FL_COUNT(units), units));
        fl_edit_retain(&typed, replica->text.len - at);
    } else {
        random_edit_near(&replica->rng, &replica->text, 40, &typed);
    }
    replica->inserted += typed.units_len;
    fl_edit_apply(&typed, &replica->text);
    if (replica->has_buffer) {
        fl_edit_compose(&replica->buffer, &typed, &replica->one);
        fl_edit_move(&replica->buffer, &replica->one);
        fl_edit_fini(&typed);
    } else {
        fl_edit_move(&replica->buffer, &typed);
        replica->has_buffer = true;
    }
    replica_flush(self, replica);
}

static inline void replica_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct replica *replica = *(struct replica **)state;
    if (tag == REPLICA_AGAIN && replica->online && (replica->has_flight || replica->syncing)) {
        replica->resend = replica->has_flight;
        replica_sync(self, replica);
    }
    if (tag != REPLICA_TICK) return;
    int64_t what = fl_rng_between(&replica->rng, 0, 29);
    if (replica->resting) what = replica->online ? 29 : 0;
    if (what < 4 && !replica->online && !replica->away)
        replica_up(self, replica);
    else if (what == 4 && replica->online && !replica->no_cuts)
        replica_down(self, replica);
    else if (!replica->resting)
        replica_type(self, replica);
    fl_timer_start(self, fl_ms(fl_rng_between(&replica->rng, 1, 20)), REPLICA_TICK);
}

static inline void replica_on_reply(struct fl_self *self, void *state, uint64_t ref, int code,
                                    const void *data, size_t len)
{
    struct replica *replica = *(struct replica **)state;
    if (ref == replica->sync_ref && code == 0) {
        replica->sync_ref = 0;
        replica_state(self, replica, (struct fl_str){data, len});
    } else if (ref == replica->sync_ref || (ref == replica->submit_ref && code != 0)) {
        FL_ASSERT(code != FL_EBADMSG);
        FL_ASSERT(code != FL_ERANGE);
        fl_timer_start(self, fl_ms(20), REPLICA_AGAIN);
    }
}

static inline void replica_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct replica *replica = *(struct replica **)state;
    struct fl_str object = {msg->data, msg->len};
    if (msg->tag == REPLICA_REST) {
        replica->resting = true;
        replica->away = false;
    }
    if (msg->tag == REPLICA_AWAY) replica->away = true;
    if (msg->tag == REPLICA_AWAY && replica->online) replica_down(self, replica);
    if (!replica->online || replica->syncing) return;
    if (msg->tag == FL_DOC_OP && !replica_op(replica, object)) replica_sync(self, replica);
    if (msg->tag == FL_DOC_HEAD) {
        replica->resend = replica->has_flight;
        replica_sync(self, replica);
    }
    if (msg->tag == FL_DOC_OP) replica_flush(self, replica);
}

static inline int replica_on_init(struct fl_self *self, void *state, const void *args)
{
    struct replica *replica = *(struct replica **)state = (struct replica *)(uintptr_t)args;
    replica->rev = -1;
    fl_timer_start(self, fl_ms(1), REPLICA_TICK); /* comes up by itself */
    return 0;
}

static const struct fl_server replica_server = {
    .name = "replica",
    .state_bytes = sizeof(struct replica *),
    .on_init = replica_on_init,
    .on_cast = replica_on_cast,
    .on_reply = replica_on_reply,
    .on_timer = replica_on_timer,
};

#endif
