/* guest_past.c: versions of a document, and its text at one of them. */
#include "services/editor/guest_inside.h"

#include "runtime/base/json.h"
#include "services/editor/edit.h"

#define PAST_ROWS_BYTES_MAX ((uint32_t)4 << 20)

static struct fl_guest_ask *past_ask(struct fl_guest *guest, struct fl_scribe_ask ask, int kind)
{
    guest->out.len = 0;
    fl_scribe_put_ask(&guest->out, ask, fl_str_of(guest->name), FL_STR(""));
    struct fl_pid scribe = fl_whereis(fl_self_node(guest->self), FL_SCRIBE_NAME);
    return guest_call(guest, scribe, FL_SCRIBE_ASK, kind);
}

bool guest_on_history(struct fl_guest *guest, struct fl_str payload)
{
    struct fl_scribe_ask ask = {.kind = FL_SCRIBE_VERSIONS};
    ask.rev = guest_number(payload, "before", INT64_MAX);
    if (past_ask(guest, ask, GUEST_VERSIONS) == NULL) guest_versions(guest, FL_EFULL, NULL, 0);
    return true;
}

void guest_versions(struct fl_guest *guest, int code, const void *data, size_t len)
{
    struct fl_scribe_answer answer;
    struct fl_str text, rows;
    struct fl_doc_archive_row row;
    if (code == 0 && !fl_scribe_read_answer(data, len, &answer, &text, &rows)) code = FL_EBADMSG;
    if (code != 0) {
        guest_push(guest, "versions", FL_STR("{\"error\":\"the history cannot be read now\"}"));
        return;
    }
    guest->out.len = 0;
    fl_buf_puts(&guest->out, "{\"list\":[");
    for (uint32_t i = 0; i < answer.rows && fl_scribe_take_row(&rows, &row); i++) {
        fl_buf_printf(&guest->out,
                      "%s{\"rev\":%lld,\"first\":%lld,\"at_ms\":%lld,\"inserted\":%u,"
                      "\"deleted\":%u,\"by\":",
                      i > 0 ? "," : "", (long long)row.rev, (long long)row.seq,
                      (long long)row.at_ms, row.inserted, row.deleted);
        fl_json_put_str(&guest->out, row.by);
        fl_buf_puts(&guest->out, ",\"client\":");
        fl_json_put_str(&guest->out, row.client);
        fl_buf_putc(&guest->out, '}');
    }
    fl_buf_printf(&guest->out, "],\"floor\":%lld,\"more\":%s}", (long long)answer.floor,
                  answer.more ? "true" : "false");
    guest_push(guest, "versions", (struct fl_str){guest->out.at, guest->out.len});
}

bool guest_on_at(struct fl_guest *guest, struct fl_str payload)
{
    struct fl_scribe_ask ask = {.kind = FL_SCRIBE_TEXT, .most = PAST_ROWS_BYTES_MAX};
    ask.rev = guest_number(payload, "rev", -1);
    if (ask.rev < 0) return false;
    struct fl_guest_ask *sent = past_ask(guest, ask, GUEST_TEXT);
    if (sent != NULL)
        sent->number = ask.rev;
    else
        guest_text(guest, ask.rev, FL_EFULL, NULL, 0);
    return true;
}

/** The kept text and the rows behind it, to the text at rev. */
static int past_make_text(struct fl_text *text, int64_t rev, const void *data, size_t len)
{
    struct fl_scribe_answer answer;
    struct fl_str kept, rows;
    struct fl_doc_archive_row row;
    struct fl_edit edit = {0};
    if (!fl_scribe_read_answer(data, len, &answer, &kept, &rows)) return FL_EBADMSG;
    int code = fl_text_add_utf8(text, kept);
    int64_t at = answer.rev;
    for (uint32_t i = 0; i < answer.rows && code == 0; i++) {
        code = fl_scribe_take_row(&rows, &row) ? fl_edit_parse(row.edit, &edit) : FL_EBADMSG;
        if (code == 0) code = fl_edit_check(&edit, text);
        if (code == 0) fl_edit_apply(&edit, text);
        at = row.rev;
    }
    fl_edit_fini(&edit);
    return code == 0 && at != rev ? FL_ENOTFOUND : code;
}

void guest_text(struct fl_guest *guest, int64_t rev, int code, const void *data, size_t len)
{
    struct fl_text text = {0};
    if (code == 0) code = past_make_text(&text, rev, data, len);
    guest->out.len = 0;
    fl_buf_printf(&guest->out, "{\"rev\":%lld,", (long long)rev);
    if (code == 0) {
        fl_buf_puts(&guest->out, "\"text\":");
        fl_text_put_json(&text, &guest->out);
    } else {
        fl_buf_printf(&guest->out, "\"error\":\"%s\"",
                      code == FL_ENOTFOUND ? "this version is not kept any more"
                                           : "this version cannot be read now");
    }
    fl_text_fini(&text); /* pushing may wait, and I be killed there */
    fl_buf_putc(&guest->out, '}');
    guest_push(guest, "text", (struct fl_str){guest->out.at, guest->out.len});
    if (guest->out.cap > (size_t)1 << 20) fl_buf_fini(&guest->out);
}
