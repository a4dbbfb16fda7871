/* push.c: what a channel says to its client. */
#include "services/web/channel_inside.h"

/* A connection that cannot take more is a client that does not read: it ends. */
static void channel_sent(struct fl_channel *ch, int rc)
{
    if (rc == FL_EFULL) fl_exit(ch->self, ch->conn, fl_reason_of(FL_EXIT_KILL));
}

void web_channel_begin(const struct fl_channel *ch, struct fl_buf *out, size_t payload_len)
{
    web_frame_begin(out, payload_len + ch->seat->topic_len + ch->seat->join_ref_len + 96);
}

void web_channel_send(struct fl_channel *ch, struct fl_buf *out, enum fl_ws_opcode opcode)
{
    struct fl_str frame = web_frame_end(out, opcode, ch->deflates);
    channel_sent(ch, fl_send(ch->self, ch->conn, WEB_FRAME, frame.at, frame.len));
    fl_buf_fini(out);
}

static struct fl_str channel_object(struct fl_str json)
{
    return json.len > 0 ? json : FL_STR("{}");
}

/* The first answer to the join's ref is the join's answer. */
static void channel_note_answer(struct fl_channel *ch, struct fl_str ref)
{
    if (ch->phase == CHANNEL_JOINING && ch->join_ref.at != NULL && fl_str_eq(ref, ch->join_ref))
        ch->join_answered = true;
}

void fl_channel_reply(struct fl_channel *ch, struct fl_str ref, const char *status,
                      struct fl_str response)
{
    if (ref.at == NULL) return;
    channel_note_answer(ch, ref);
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, response.len);
    fl_channel_put_reply(&out, web_seat_join_ref(ch->seat), ref, fl_channel_topic(ch), status,
                         channel_object(response));
    web_channel_send(ch, &out, FL_WS_TEXT);
}

void fl_channel_reply_binary(struct fl_channel *ch, struct fl_str ref, const char *status,
                             struct fl_str bytes)
{
    if (ref.at == NULL) return;
    channel_note_answer(ch, ref);
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, bytes.len);
    int rc = fl_channel_put_binary_reply(&out, web_seat_join_ref(ch->seat), ref,
                                         fl_channel_topic(ch), status, bytes);
    if (rc == 0)
        web_channel_send(ch, &out, FL_WS_BINARY);
    else
        fl_channel_reply(ch, ref, "error", FL_STR("{\"reason\":\"no room for it in a frame\"}"));
    fl_buf_fini(&out);
}

void web_channel_answer_join(struct fl_channel *ch)
{
    if (ch->phase == CHANNEL_JOINING && !ch->join_answered)
        fl_channel_reply(ch, ch->join_ref, "ok", FL_STR("{}"));
}

void web_channel_say_unmatched(struct fl_channel *ch, struct fl_str ref)
{
    if (ref.at == NULL) return;
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, 32);
    fl_channel_put_reply(&out, (struct fl_str){0}, ref, fl_channel_topic(ch), "error",
                         FL_STR("{\"reason\":\"unmatched topic\"}"));
    web_channel_send(ch, &out, FL_WS_TEXT);
}

void fl_channel_push(struct fl_channel *ch, const char *event, struct fl_str payload)
{
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, payload.len);
    fl_channel_put(&out, web_seat_join_ref(ch->seat), (struct fl_str){0}, fl_channel_topic(ch),
                   event, channel_object(payload));
    web_channel_send(ch, &out, FL_WS_TEXT);
}

void fl_channel_push_binary(struct fl_channel *ch, const char *event, struct fl_str bytes)
{
    struct fl_buf out = {0};
    web_channel_begin(ch, &out, bytes.len);
    int rc = fl_channel_put_binary_push(&out, web_seat_join_ref(ch->seat), fl_channel_topic(ch),
                                        event, bytes);
    if (rc == 0) web_channel_send(ch, &out, FL_WS_BINARY);
    fl_buf_fini(&out);
}

void fl_channel_push_frame(struct fl_channel *ch, struct fl_shared *encoded)
{
    channel_sent(ch, fl_send_shared(ch->self, ch->conn, WEB_FRAME, fl_shared_retain(encoded)));
}

void fl_channel_disconnect(struct fl_channel *ch)
{
    fl_send(ch->self, ch->conn, WEB_DISCONNECT, NULL, 0);
}

void fl_channel_subscribe(struct fl_channel *ch, struct fl_pubsub *pubsub, const char *topic)
{
    web_channel_answer_join(ch); /* nothing may come before it */
    if (topic == NULL || fl_str_is(fl_channel_topic(ch), topic))
        web_frame_subscribe(ch->self, pubsub, fl_channel_topic(ch).at, ch->conn, ch->deflates);
    else
        fl_pubsub_subscribe(ch->self, pubsub, topic);
}
