#include "services/chat/page.h"

#include "runtime/request.h"
#include "services/chat/writer.h"
#include "services/wire/jscan.h"

#define MESSAGES_WITHIN fl_s(5)
#define MESSAGES_TRIES 60
#define MESSAGES_AGAIN_NS fl_ms(50)
#define MESSAGES_PAGE 50

struct page_text {
    struct page_text *next;
    char text[];
};

void fl_page_forget_texts(struct fl_live *live, struct room_page *page)
{
    while (page->texts != NULL) {
        struct page_text *first = page->texts;
        page->texts = first->next;
        fl_self_free(fl_live_self(live), first);
    }
}

static struct fl_str messages_keep(struct fl_live *live, struct room_page *page,
                                   const struct fl_buf *bytes)
{
    struct page_text *kept = fl_self_alloc(fl_live_self(live), sizeof *kept + bytes->len + 1);
    if (bytes->len > 0) memcpy(kept->text, bytes->at, bytes->len);
    kept->next = page->texts;
    page->texts = kept;
    return (struct fl_str){kept->text, bytes->len};
}

static int64_t messages_number(struct fl_str json, const char *key)
{
    struct fl_str text = fl_jscan_get(json, key);
    int64_t number = 0;
    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        number = number * 10 + (text.at[i] - '0');
    return number;
}

/* Shows a message, or shows it anew; at: FL_LIVE_LAST or FL_LIVE_FIRST. */
static void messages_put(struct fl_live *live, struct room_page *page, struct fl_str json, int at)
{
    struct fl_buf text = {0}; /* nothing waits before it is freed */
    struct page_message message = {
        .seq = messages_number(json, "seq"),
        .at_ms = messages_number(json, "at"),
        .is_edited = fl_jscan_get(json, "edited_at").at != NULL,
        .is_erased = fl_jscan_get(json, "deleted").at != NULL,
    };
    struct fl_str body = fl_jscan_get(json, "body");
    snprintf(message.dom_id, sizeof message.dom_id, "m-%lld", (long long)message.seq);
    fl_jscan_get_text(json, "user", &text);
    message.user = messages_keep(live, page, &text);
    message.hue = fl_page_hue(message.user);
    fl_page_letter(message.user, message.letter);
    text.len = 0;
    message.is_data = !message.is_erased && fl_jscan_text(body, &text) != 0;
    if (message.is_data) fl_buf_add(&text, body.at, body.len);
    message.text = messages_keep(live, page, &text);
    fl_buf_fini(&text);
    fl_live_stream_put(&page->messages, message.dom_id, at, &message);
    if (page->oldest == 0 || message.seq < page->oldest) page->oldest = message.seq;
    fl_page_note_typing(page, message.user, 0, fl_self_now(fl_live_self(live)));
}

/* Asks the writer and waits. The rows are where the answer came in, until this process waits again:
 * a buffer for the largest one would be there for as long as the wait is, in every page. */
static int messages_ask(struct fl_live *live, const struct room_page *page,
                        enum fl_archive_kind kind, int64_t seq, struct fl_chat_answer *answer,
                        struct fl_str *rows)
{
    struct fl_self *self = fl_live_self(live);
    const struct fl_archive_op op = {
        .kind = kind,
        .room = fl_str_of(page->room),
        .seq = seq,
        .limit = kind == FL_ARCHIVE_PAGE ? MESSAGES_PAGE : FL_ARCHIVE_PAGE_MAX,
    };
    char ask[sizeof(struct fl_chat_ask) + FL_ROOM_NAME_MAX];
    struct fl_buf out = {0}; /* copied before anything waits */
    struct fl_response got = {0};
    int rc = FL_ENOPROC;
    fl_chat_ask_put(&op, &out);
    size_t ask_len = out.len;
    memcpy(ask, out.at, ask_len);
    fl_buf_fini(&out);
    for (int i = 0; i < MESSAGES_TRIES && (rc == FL_ENOPROC || rc == FL_EDIED); i++) {
        struct fl_pid writer = fl_whereis(fl_self_node(self), FL_WRITER_NAME);
        if (i > 0) fl_pause(self, MESSAGES_AGAIN_NS);
        if (writer.bits == 0) continue;
        rc = fl_call_view(self, writer, FL_CHAT_ASK, ask, ask_len, MESSAGES_WITHIN, &got);
    }
    if (rc == 0 && !fl_chat_answer_read(got.data, got.len, answer, rows)) rc = FL_EBADMSG;
    return rc == 0 ? answer->code : rc;
}

int fl_page_show_newest(struct fl_live *live, struct room_page *page)
{
    struct fl_chat_answer answer;
    struct fl_archive_row row;
    struct fl_str rows, json;
    int rc = messages_ask(live, page, FL_ARCHIVE_PAGE, 0, &answer, &rows);
    if (rc == 0) {
        page->last = answer.last;
        page->has_older = answer.more;
        page->oldest = 0;
        fl_live_stream_reset(&page->messages);
        while (fl_chat_row_next(&rows, &row, &json))
            messages_put(live, page, json, FL_LIVE_LAST);
    }
    return rc;
}

int fl_page_show_older(struct fl_live *live, struct room_page *page)
{
    struct fl_chat_answer answer;
    struct fl_archive_row row;
    struct fl_str rows, json;
    struct fl_str all[FL_ARCHIVE_PAGE_MAX];
    size_t count = 0;
    int rc = messages_ask(live, page, FL_ARCHIVE_PAGE, page->oldest, &answer, &rows);
    if (rc == 0) {
        page->has_older = answer.more;
        while (count < FL_COUNT(all) && fl_chat_row_next(&rows, &row, &json))
            all[count++] = json;
        while (count > 0)
            messages_put(live, page, all[--count], FL_LIVE_FIRST);
    }
    return rc;
}

/* All that came after the last one that is shown. */
static void messages_catch_up(struct fl_live *live, struct room_page *page)
{
    struct fl_chat_answer answer;
    struct fl_archive_row row;
    struct fl_str rows, json;
    int rc = messages_ask(live, page, FL_ARCHIVE_SINCE, page->last, &answer, &rows);
    if (rc == 0 && answer.more) {
        rc = fl_page_show_newest(live, page);
    } else if (rc == 0) {
        while (fl_chat_row_next(&rows, &row, &json))
            if (row.seq > page->last || row.seq >= page->oldest)
                messages_put(live, page, json, FL_LIVE_LAST);
        page->last = answer.last;
    }
    if (rc != 0) fl_self_fail(fl_live_self(live), rc); /* the page joins again */
}

static void messages_erase(struct fl_live *live, struct room_page *page, struct fl_str json)
{
    struct fl_buf erased = {0}; /* nothing waits before it is freed */
    fl_buf_add(&erased, json.at, json.len - 1);
    fl_buf_puts(&erased, ",\"body\":null,\"deleted\":true}");
    messages_put(live, page, (struct fl_str){erased.at, erased.len}, FL_LIVE_LAST);
    fl_buf_fini(&erased);
}

void fl_page_show_change(struct fl_live *live, struct room_page *page, const struct fl_msg *msg)
{
    struct fl_chat_change change = {0};
    if (msg->tag == FL_CHAT_UP && msg->len == sizeof change.number)
        memcpy(&change.number, msg->data, sizeof change.number);
    else if (msg->tag == FL_CHAT_CHANGE && msg->len > sizeof change)
        memcpy(&change, msg->data, sizeof change);
    if (change.number <= page->last) return;
    if (msg->tag == FL_CHAT_UP || change.number != page->last + 1) {
        messages_catch_up(live, page);
        return;
    }
    page->last = change.number;
    struct fl_str json = {(const char *)msg->data + sizeof change, msg->len - sizeof change};
    bool is_shown = change.kind == FL_ARCHIVE_SAY || change.seq >= page->oldest;
    if (is_shown && change.kind == FL_ARCHIVE_ERASE)
        messages_erase(live, page, json);
    else if (is_shown)
        messages_put(live, page, json, FL_LIVE_LAST);
}
