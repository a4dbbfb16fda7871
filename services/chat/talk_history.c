#include "services/chat/talk.h"

#include "runtime/request.h"
#include "services/chat/writer.h"
#include "services/wire/jscan.h"

#define HISTORY_WITHIN fl_s(5)
#define HISTORY_AGAIN_NS fl_ms(50)
#define HISTORY_TRIES 100
#define HISTORY_JOIN_ROWS 50 /* to somebody who is new */
#define HISTORY_ROWS 50      /* of a page, unless asked for otherwise */

/* Asks the writer and waits. The answer is where it came in, until this process waits again: with
 * ten thousand people who come at once, a buffer for the largest one in each would be gigabytes. */
static int history_ask(struct fl_self *self, struct fl_talk *talk, const struct fl_archive_op *op,
                       struct fl_response *out)
{
    int rc = FL_ENOPROC;
    talk->out.len = 0;
    fl_chat_ask_put(op, &talk->out);
    for (int i = 0; i < HISTORY_TRIES && (rc == FL_ENOPROC || rc == FL_EDIED); i++) {
        struct fl_pid writer = fl_whereis(fl_self_node(self), FL_WRITER_NAME);
        if (i > 0) fl_pause(self, HISTORY_AGAIN_NS);
        if (writer.bits == 0) continue;
        rc = fl_call_view(self, writer, FL_CHAT_ASK, talk->out.at, talk->out.len, HISTORY_WITHIN,
                          out);
    }
    return rc;
}

static void history_put_rows(struct fl_str rows, struct fl_buf *out)
{
    struct fl_archive_row row;
    struct fl_str json;
    bool more = false;
    fl_buf_puts(out, "\"messages\":[");
    while (fl_chat_row_next(&rows, &row, &json)) {
        if (more) fl_buf_putc(out, ',');
        more = true;
        fl_buf_add(out, json.at, json.len);
    }
    fl_buf_putc(out, ']');
}

int fl_talk_read(struct fl_self *self, struct fl_talk *talk, int64_t since, struct fl_buf *out)
{
    struct fl_chat_answer answer;
    struct fl_str rows;
    struct fl_response got;
    const struct fl_archive_op op = {
        .kind = since < 0 ? FL_ARCHIVE_PAGE : FL_ARCHIVE_SINCE,
        .room = fl_str_of(talk->name),
        .seq = since < 0 ? 0 : since,
        .limit = since < 0 ? HISTORY_JOIN_ROWS : FL_ARCHIVE_PAGE_MAX,
    };
    int rc = history_ask(self, talk, &op, &got);
    if (rc == 0 && !fl_chat_answer_read(got.data, got.len, &answer, &rows)) rc = FL_EBADMSG;
    if (rc == 0) rc = answer.code;
    if (rc == 0) {
        talk->last = answer.last;
        fl_buf_printf(out, "{\"seq\":%lld,", (long long)answer.last);
        history_put_rows(rows, out);
        fl_buf_printf(out, ",\"%s\":%s}", since < 0 ? "more" : "gap",
                      answer.more ? "true" : "false");
    }
    return rc;
}

int64_t fl_talk_number(struct fl_str payload, const char *key, int64_t fallback)
{
    struct fl_str text = fl_jscan_get(payload, key);
    int64_t number = 0;
    if (text.len == 0 || text.len > 15) return fallback;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return fallback;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

/* Other events of this client wait until it is answered; what is broadcast waits too. */
void fl_talk_history(struct fl_channel *ch, struct fl_talk *talk,
                     const struct fl_channel_event *event)
{
    struct fl_self *self = fl_channel_self(ch);
    struct fl_chat_answer answer;
    struct fl_str rows;
    struct fl_response got;
    const struct fl_archive_op op = {
        .kind = FL_ARCHIVE_PAGE,
        .room = fl_str_of(talk->name),
        .seq = fl_talk_number(event->payload, "before", 0),
        .limit = (int)(fl_talk_number(event->payload, "limit", HISTORY_ROWS) % 1000000),
    };
    int rc = history_ask(self, talk, &op, &got);
    if (rc == 0 && !fl_chat_answer_read(got.data, got.len, &answer, &rows)) rc = FL_EBADMSG;
    if (rc == 0) rc = answer.code;
    if (rc == 0) {
        talk->out.len = 0;
        fl_buf_putc(&talk->out, '{');
        history_put_rows(rows, &talk->out);
        fl_buf_printf(&talk->out, ",\"more\":%s}", answer.more ? "true" : "false");
        fl_channel_reply(ch, event->ref, "ok", (struct fl_str){talk->out.at, talk->out.len});
        fl_buf_fini(&talk->out);
    } else {
        fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"overloaded\"}"));
    }
}
