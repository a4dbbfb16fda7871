/* line.c: a document over a plain channel, `doc:NAME`, for programs: loads, tests, bridges. */
#include "services/editor/editor.h"

static void line_push(void *cx, const char *event, struct fl_str payload)
{
    fl_channel_push(cx, event, payload);
}

static int line_on_join(struct fl_channel *ch, void *state, const struct fl_channel_event *join)
{
    struct fl_str name = fl_channel_topic(ch);
    fl_str_cut(&name, ':');
    int code = fl_guest_come(state, fl_channel_self(ch), fl_channel_args(ch), name, line_push, ch);
    if (code != 0) {
        fl_channel_reply(
            ch, join->ref, "error",
            FL_STR("{\"reason\":\"a document's name has 1 to 64 of A-Z a-z 0-9 . _ -\"}"));
        return code;
    }
    fl_channel_reply(ch, join->ref, "ok", FL_STR("{}"));
    return 0;
}

static void line_on_event(struct fl_channel *ch, void *state, const struct fl_channel_event *event)
{
    bool ok = !event->binary && fl_guest_on_event(state, event->event, event->payload);
    if (ok)
        fl_channel_reply(ch, event->ref, "ok", FL_STR("{}"));
    else
        fl_channel_reply(ch, event->ref, "error", FL_STR("{\"reason\":\"no such event\"}"));
}

static void line_on_message(struct fl_channel *ch, void *state, const struct fl_msg *msg)
{
    (void)ch;
    fl_guest_on_message(state, msg);
}

static void line_on_reply(struct fl_channel *ch, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    (void)ch;
    fl_guest_on_reply(state, ref, code, data, len);
}

const struct fl_channel_server fl_editor_channels[] = {
    {
        .topic = "doc:*",
        .state_bytes = sizeof(struct fl_guest),
        .on_join = line_on_join,
        .on_event = line_on_event,
        .on_message = line_on_message,
        .on_reply = line_on_reply,
    },
    {0},
};
