/* talk_hear.c: a client gets every change of its room once, in order: one that comes again is
 * dropped, and where one is missing, because the room or this process's mailbox lost it, the writer
 * is asked. */
#include "services/chat/talk.h"

#include "services/chat/writer.h"

#define HEAR_FRAME 0x63680020 /* a cast: the encoded frame of a change */
#define HEAR_ASK_WITHIN fl_s(10)
#define HEAR_AGAIN_NS fl_ms(50)

/* Runs once for all channels of a shard. */
static bool hear_encode(void *cx, const struct fl_broadcast *what, struct fl_buf *frame)
{
    struct fl_chat_change change;
    if (what->tag != FL_CHAT_CHANGE || what->len < sizeof change) return false;
    memcpy(&change, what->data, sizeof change);
    struct fl_str payload = {(const char *)what->data + sizeof change, what->len - sizeof change};
    char topic[FL_ROOM_TOPIC_MAX];
    fl_chat_topic(what->topic + strlen("changes:"), topic);
    struct fl_shared *made = fl_web_frame(fl_str_of(topic), fl_chat_event(change.kind), payload);
    fl_buf_add(frame, fl_shared_data(made), fl_shared_len(made));
    fl_shared_release(made);
    return true;
}

void fl_talk_listen(struct fl_channel *ch, struct fl_talk *talk)
{
    struct fl_self *self = fl_channel_self(ch);
    const struct fl_fastlane lane = {
        .to = fl_self_pid(self), .tag = HEAR_FRAME, .encode = hear_encode};
    const struct fl_subscribe_opts opts = {.fastlane = &lane};
    char topic[FL_ROOM_TOPIC_MAX];
    fl_pubsub_subscribe_with(self, talk->chat->pubsub, fl_chat_changes(talk->name, topic), &opts);
}

/* The number that the frame of a change ends with: `…,"ver":7}]`. */
static int64_t hear_number(const char *bytes, size_t len)
{
    int64_t number = 0, power = 1;
    FL_ASSERT(len > 2);
    for (size_t at = len - 2; at-- > 0 && bytes[at] >= '0' && bytes[at] <= '9'; power *= 10)
        number += (bytes[at] - '0') * power;
    FL_ASSERT(number > 0);
    return number;
}

static void hear_missed(struct fl_channel *ch, struct fl_talk *talk, int64_t number)
{
    if (number <= talk->last) return;
    if (number > talk->behind) talk->behind = number;
    fl_talk_catch_up(ch, talk);
}

static void hear_frame(struct fl_channel *ch, struct fl_talk *talk, const struct fl_msg *msg)
{
    int64_t number = hear_number(msg->data, msg->len);
    if (number != talk->last + 1 || talk->asks_ref != 0) {
        hear_missed(ch, talk, number);
        return;
    }
    talk->last = number;
    fl_channel_push_frame(ch, msg->shared);
}

bool fl_talk_hear(struct fl_channel *ch, struct fl_talk *talk, const struct fl_msg *msg)
{
    int64_t number;
    if (msg->tag == HEAR_FRAME && msg->shared != NULL) {
        hear_frame(ch, talk, msg);
    } else if (msg->tag == FL_CHAT_UP && msg->len == sizeof number) {
        memcpy(&number, msg->data, sizeof number);
        hear_missed(ch, talk, number);
    } else {
        return false;
    }
    return true;
}

/* ---- what is missing */

void fl_talk_catch_up(struct fl_channel *ch, struct fl_talk *talk)
{
    if (talk->asks_ref != 0 || talk->behind <= talk->last) return;
    struct fl_self *self = fl_channel_self(ch);
    const struct fl_archive_op op = {
        .kind = FL_ARCHIVE_SINCE,
        .room = fl_str_of(talk->name),
        .seq = talk->last,
        .limit = FL_ARCHIVE_PAGE_MAX,
    };
    talk->out.len = 0;
    fl_chat_ask_put(&op, &talk->out);
    struct fl_pid writer = fl_whereis(fl_self_node(self), FL_WRITER_NAME);
    talk->asks_ref = fl_call_async(self, writer, FL_CHAT_ASK, talk->out.at, talk->out.len,
                                   HEAR_ASK_WITHIN);
}

static void hear_row(struct fl_channel *ch, const struct fl_talk *talk,
                     const struct fl_archive_row *row, struct fl_str json)
{
    bool is_new = row->seq > talk->last;
    if (is_new && row->is_erased) return; /* it came and went unseen */
    fl_channel_push(ch, is_new ? "new_msg" : row->is_erased ? "msg_deleted" : "msg_edited", json);
}

bool fl_talk_caught_up(struct fl_channel *ch, struct fl_talk *talk, uint64_t ref, int code,
                       struct fl_str data)
{
    struct fl_chat_answer answer;
    struct fl_archive_row row;
    struct fl_str rows, json;
    if (ref != talk->asks_ref || ref == 0) return false;
    talk->asks_ref = 0;
    if (code == 0 && !fl_chat_answer_read(data.at, data.len, &answer, &rows)) code = FL_EBADMSG;
    if (code == 0) code = answer.code;
    if (code != 0) {
        fl_timer_start(fl_channel_self(ch), HEAR_AGAIN_NS, FL_TALK_CATCH_UP);
        return true;
    }
    if (answer.more) { /* too much: the client joins anew and pages through it */
        fl_self_fail(fl_channel_self(ch), FL_ESTATE);
        return true;
    }
    while (fl_chat_row_next(&rows, &row, &json))
        hear_row(ch, talk, &row, json);
    if (answer.last > talk->last) talk->last = answer.last;
    fl_talk_catch_up(ch, talk);
    return true;
}
