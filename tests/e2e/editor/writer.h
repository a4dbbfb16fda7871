/* writer.h: a program that edits a document over a real WebSocket: the protocol of docs/editor.md,
 * one operation in flight. It has no buffer: it says the next thing when the last one came back. */
#ifndef FL_TEST_EDITOR_WRITER_H
#define FL_TEST_EDITOR_WRITER_H

#include "services/editor/edit.h"
#include "services/wire/jscan.h"
#include "tests/e2e/web/world.h"

struct writer {
    struct client client;
    const char *name, *doc;
    struct fl_text text;
    int64_t rev, seq, acknowledged;
    struct fl_edit flight, given, one, two;
    bool has_flight, synced;
    struct fl_buf said, heard;
};

static inline void writer_fini(struct writer *writer)
{
    client_close(&writer->client);
    fl_text_fini(&writer->text);
    fl_edit_fini(&writer->flight);
    fl_edit_fini(&writer->given);
    fl_edit_fini(&writer->one);
    fl_edit_fini(&writer->two);
    fl_buf_fini(&writer->said);
    fl_buf_fini(&writer->heard);
}

static inline void writer_say(struct writer *writer, const char *event, const char *payload)
{
    char *text = fl_format("[\"1\",\"2\",\"doc:%s\",\"%s\",%s]", writer->doc, event, payload);
    client_say(&writer->client, text);
    free(text);
}

static inline void writer_sync(struct writer *writer)
{
    char payload[96];
    writer->synced = false;
    if (writer->rev < 0)
        snprintf(payload, sizeof payload, "{\"since\":null,\"client\":\"%s\"}", writer->name);
    else
        snprintf(payload, sizeof payload, "{\"since\":%lld,\"client\":\"%s\"}",
                 (long long)writer->rev, writer->name);
    writer_say(writer, "sync", payload);
}

/** What is in flight is said, again if it was said before. */
static inline void writer_submit(struct writer *writer)
{
    writer->said.len = 0;
    fl_buf_printf(&writer->said,
                  "{\"client\":\"%s\",\"seq\":%lld,\"base\":%lld,\"op\":", writer->name,
                  (long long)writer->seq, (long long)writer->rev);
    fl_edit_print(&writer->flight, &writer->said);
    fl_buf_putc(&writer->said, '}');
    writer_say(writer, "op", writer->said.at);
}

/** Connects and joins; false: the server is not there. Does not wait. */
static inline bool writer_connect(struct writer *writer, const struct world *world)
{
    client_close(&writer->client);
    client_upgrade(&writer->client, world);
    writer_say(writer, "phx_join", "{}");
    writer_sync(writer);
    return true;
}

static inline void writer_open(struct writer *writer, const struct world *world, const char *name,
                               const char *doc)
{
    *writer = (struct writer){.name = name, .doc = doc, .rev = -1};
    writer->client.fd = -1;
    writer_connect(writer, world);
}

static inline void writer_take(struct writer *writer, struct fl_str op)
{
    int64_t rev = atoll(fl_jscan_get(op, "rev").at);
    if (writer->rev < 0 || rev <= writer->rev) return;
    if (rev != writer->rev + 1) {
        writer_sync(writer);
        return;
    }
    assert_int_equal(fl_edit_parse(fl_jscan_get(op, "op"), &writer->given), 0);
    char client[24];
    snprintf(client, sizeof client, "\"%s\"", writer->name);
    writer->rev = rev;
    if (writer->has_flight && fl_str_is(fl_jscan_get(op, "client"), client) &&
        atoll(fl_jscan_get(op, "seq").at) == writer->seq) {
        writer->has_flight = false;
        writer->acknowledged = writer->seq;
        return;
    }
    if (writer->has_flight) {
        fl_edit_transform(&writer->given, &writer->flight, &writer->one, &writer->two);
        fl_edit_move(&writer->given, &writer->one);
        fl_edit_move(&writer->flight, &writer->two);
    }
    assert_int_equal(fl_edit_check(&writer->given, &writer->text), 0);
    fl_edit_apply(&writer->given, &writer->text);
}

static inline void writer_state(struct writer *writer, struct fl_str state)
{
    assert_null(fl_jscan_get(state, "reset").at);
    if (fl_jscan_get(state, "text").at != NULL) {
        assert_true(writer->rev < 0);
        struct fl_buf text = {0};
        fl_text_add_utf8(&writer->text, fl_jscan_get_text(state, "text", &text));
        writer->rev = atoll(fl_jscan_get(state, "rev").at);
        fl_buf_fini(&text);
    } else {
        struct fl_str rest = fl_jscan_get(state, "ops"), op;
        fl_jscan_punct(&rest, '[');
        while (rest.len > 0 && rest.at[0] == '{' && fl_jscan_take(&rest, &op) == 0) {
            writer_take(writer, op);
            fl_jscan_punct(&rest, ',');
        }
        if (fl_str_is(fl_jscan_get(state, "more"), "true")) {
            writer_sync(writer);
            return;
        }
    }
    writer->synced = true;
    if (writer->has_flight) writer_submit(writer);
}

/** Hears one message; false: the connection is gone. */
static inline bool writer_hear(struct writer *writer)
{
    if (!client_next(&writer->client, &writer->heard)) return false;
    struct fl_str rest = {writer->heard.at, writer->heard.len}, part[5];
    if (!fl_jscan_punct(&rest, '[')) return true; /* a close */
    for (int i = 0; i < 5; i++) {
        if (fl_jscan_take(&rest, &part[i]) != 0) return true;
        fl_jscan_punct(&rest, ',');
    }
    if (fl_str_is(part[3], "\"state\"")) writer_state(writer, part[4]);
    if (fl_str_is(part[3], "\"op\"")) writer_take(writer, part[4]);
    bool ask = fl_str_is(part[3], "\"refused\"") || fl_str_is(part[3], "\"again\"") ||
               fl_str_is(part[3], "\"head\"");
    if (ask && strstr(writer->heard.at, "\"bad\"") != NULL) fail_msg("%s", writer->heard.at);
    if (ask && writer->synced) writer_sync(writer);
    return true;
}

/** Puts text in at a place, or as near as it can be. */
static inline void writer_put(struct writer *writer, size_t at, const char *text)
{
    uint16_t units[64];
    size_t count = 0;
    for (; text[count] != '\0' && count < FL_COUNT(units); count++)
        units[count] = (unsigned char)text[count];
    if (at > writer->text.len) at = writer->text.len;
    fl_edit_clear(&writer->flight);
    fl_edit_retain(&writer->flight, at);
    fl_edit_insert(&writer->flight, units, count);
    fl_edit_retain(&writer->flight, writer->text.len - at);
    fl_edit_apply(&writer->flight, &writer->text);
    writer->has_flight = true;
    writer->seq++;
    if (writer->synced) writer_submit(writer);
}

/** Hears until its text is there and nothing is in flight; false: the connection is gone. */
static inline bool writer_settle(struct writer *writer)
{
    while (writer->has_flight || !writer->synced)
        if (!writer_hear(writer)) return false;
    return true;
}

#endif
