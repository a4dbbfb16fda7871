/* lobby.c: the list of documents. */
#include "services/editor/page.h"

#include "runtime/base/clock.h"
#include "services/editor/editor_lobby.live.h"
#include "services/editor/scribe.h"

#define LOBBY_CALL_NS fl_s(5)
#define LOBBY_ANSWER_MAX ((size_t)32 << 10)

static void lobby_put_ago(char *out, size_t max, int64_t ago_ms)
{
    static const struct {
        int64_t ms;
        const char *word;
    } units[] = {{INT64_C(86400000), "day"}, {3600000, "hour"}, {60000, "minute"}};
    for (size_t i = 0; i < FL_COUNT(units); i++) {
        int64_t count = ago_ms / units[i].ms;
        if (count < 1) continue;
        snprintf(out, max, "%lld %s%s ago", (long long)count, units[i].word, count > 1 ? "s" : "");
        return;
    }
    snprintf(out, max, "just now");
}

static void lobby_take(struct fl_editor_lobby *lobby, const struct fl_doc_archive_row *row)
{
    struct fl_editor_lobby_entry *entry = &lobby->entries[lobby->count++];
    size_t len = row->client.len < FL_DOC_ARCHIVE_NAME_MAX ? row->client.len
                                                           : FL_DOC_ARCHIVE_NAME_MAX;
    memcpy(entry->name, row->client.at, len);
    entry->name[len] = '\0';
    entry->head = row->rev;
    fl_wall_format(row->at_ms * FL_NS_PER_MS, entry->changed, sizeof entry->changed);
    int64_t ago_ms = fl_wall_now() / FL_NS_PER_MS - row->at_ms;
    lobby_put_ago(entry->changed_words, sizeof entry->changed_words, ago_ms);
}

static int lobby_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    (void)req;
    struct fl_editor_lobby *lobby = state;
    struct fl_self *self = fl_live_self(live);
    lobby->problem = "";
    const struct fl_scribe_ask ask = {.kind = FL_SCRIBE_LIST, .most = FL_EDITOR_LOBBY_MAX};
    char *answer = fl_self_alloc(self, LOBBY_ANSWER_MAX);
    size_t len = 0;
    int code = fl_call_name(self, FL_SCRIBE_NAME, FL_SCRIBE_ASK, &ask, sizeof ask, answer,
                            LOBBY_ANSWER_MAX, &len, LOBBY_CALL_NS);
    struct fl_scribe_answer head;
    struct fl_str text, rows;
    struct fl_doc_archive_row row;
    if (code != 0 || !fl_scribe_read_answer(answer, len, &head, &text, &rows))
        lobby->problem = "The list of documents cannot be read now.";
    else
        while (lobby->count < FL_EDITOR_LOBBY_MAX && fl_scribe_take_row(&rows, &row))
            lobby_take(lobby, &row);
    fl_self_free(self, answer);
    return 0;
}

static void lobby_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct fl_editor_lobby *lobby = state;
    struct fl_str name = fl_str_trim(fl_live_value(event, "name"));
    if (!fl_str_is(event->name, "open")) return;
    if (!fl_doc_name_ok(name)) {
        lobby->problem = "A name has 1 to 64 letters, digits, dots, dashes or underscores.";
        return;
    }
    char path[FL_DOC_ARCHIVE_NAME_MAX + 16];
    snprintf(path, sizeof path, "/editor/%.*s", FL_ARG(name));
    fl_live_redirect(live, path);
}

const struct fl_live_view fl_editor_lobby_view = {
    .name = "editor.lobby",
    .state_bytes = sizeof(struct fl_editor_lobby),
    .view = &fl_template_editor_lobby,
    .title = "Documents",
    .on_mount = lobby_on_mount,
    .on_event = lobby_on_event,
};
