/* ask.h: what people, rooms and the writer ask of each other: one layout, passed on as it is.
 *
 * A person's process packs a request; the room passes changes on to the writer; pages are asked of
 * the writer at once. The answer comes back the same way. */
#ifndef FL_CHAT_ASK_H
#define FL_CHAT_ASK_H

#include "services/chat/archive.h"

/** A call with this tag carries a request, to a room (changes) or to the writer (all). */
#define FL_CHAT_ASK 0x63680001

struct fl_chat_ask {
    uint32_t kind; /* enum fl_archive_kind */
    uint32_t room_len, user_len, id_len, body_len;
    int32_t limit;
    int64_t seq;
};
struct fl_chat_answer {
    int32_t code; /* of the operation: the call itself may fail too */
    bool existed, more;
    int64_t seq, number, last, at_ms, said_ms;
    uint32_t rows_len; /* they follow */
};
/** Appends a request. */
void fl_chat_ask_put(const struct fl_archive_op *op, struct fl_buf *out);
/** Reads one; views point into bytes. False: it is none. */
bool fl_chat_ask_read(struct fl_str bytes, struct fl_archive_op *out);
/** Appends the answer of an operation. */
void fl_chat_answer_put(const struct fl_archive_op *op, struct fl_buf *out);
/** Reads an answer; rows points into data. False: it is none. */
bool fl_chat_answer_read(const void *data, size_t len, struct fl_chat_answer *out,
                         struct fl_str *rows);
/** Takes the next row and its JSON off the front of rows; false: that was all. */
bool fl_chat_row_next(struct fl_str *rows, struct fl_archive_row *row, struct fl_str *json);

#endif
