/* doc_load.c: a document as the archive has it. */
#include "services/editor/doc_inside.h"

#include "runtime/request.h"

#define LOAD_CALL_NS fl_s(10)
#define LOAD_AGAIN_NS fl_ms(50)
#define LOAD_TRIES_MAX 200

static void load_clear(struct doc *doc)
{
    fl_text_fini(&doc->text);
    fl_text_fini(&doc->saved);
    fl_past_fini(&doc->past);
    doc->committed = doc->sent = doc->snap_rev = 0;
    doc->snap_bytes = 0;
    doc->append_ref = 0;
}

/** Applies rows behind the head. */
static int load_rows(struct doc *doc, struct fl_str rows, uint32_t count)
{
    struct fl_doc_archive_row row;
    for (uint32_t i = 0; i < count; i++) {
        if (!fl_scribe_take_row(&rows, &row)) return FL_EBADMSG;
        if (row.rev != doc->past.head + 1) return FL_EBADMSG;
        if (fl_edit_parse(row.edit, &doc->incoming) != 0) return FL_EBADMSG;
        if (fl_edit_check(&doc->incoming, &doc->text) != 0) return FL_EBADMSG;
        fl_edit_apply(&doc->incoming, &doc->text);
        fl_edit_apply(&doc->incoming, &doc->saved);
        doc->snap_bytes += row.edit.len;
        fl_past_push(&doc->past, &row, &doc->incoming);
    }
    return 0;
}

/** The answer is where it came in, until this process waits again: it may be megabytes, and mostly
 * is not, so that a place for the largest one would be most of what a service's memory grows by. */
static int load_ask(struct fl_self *self, struct doc *doc, uint32_t kind, int64_t rev,
                    struct fl_response *out)
{
    struct fl_pid scribe = fl_whereis(fl_self_node(self), FL_SCRIBE_NAME);
    doc->out.len = 0;
    fl_scribe_put_ask(&doc->out, (struct fl_scribe_ask){.kind = kind, .rev = rev},
                      fl_str_of(doc->args.name), FL_STR(""));
    return fl_call_view(self, scribe, FL_SCRIBE_ASK, doc->out.at, doc->out.len, LOAD_CALL_NS, out);
}

/** FL_EBADMSG: what is there makes no sense. Other errors may pass. */
static int load_once(struct fl_self *self, struct doc *doc)
{
    load_clear(doc);
    struct fl_scribe_answer answer;
    struct fl_str text, rows;
    struct fl_response got;
    int code = load_ask(self, doc, FL_SCRIBE_TEXT, INT64_MAX, &got);
    if (code != 0) return code;
    if (!fl_scribe_read_answer(got.data, got.len, &answer, &text, &rows)) return FL_EBADMSG;
    if (fl_text_add_utf8(&doc->text, text) != 0) return FL_EBADMSG;
    if (fl_text_add_utf8(&doc->saved, text) != 0) return FL_EBADMSG;
    if (doc->text.len > FL_TEXT_UNITS_MAX) return FL_EBADMSG;
    doc->past.head = doc->snap_rev = answer.rev;
    code = load_rows(doc, rows, answer.rows);
    while (code == 0 && answer.more) {
        code = load_ask(self, doc, FL_SCRIBE_SINCE, doc->past.head, &got);
        if (code != 0) return code;
        if (!fl_scribe_read_answer(got.data, got.len, &answer, &text, &rows)) return FL_EBADMSG;
        code = load_rows(doc, rows, answer.rows);
    }
    if (code == 0 && doc->past.head != answer.head) code = FL_EBADMSG;
    doc->committed = doc->sent = doc->past.head;
    return code;
}

bool doc_load(struct fl_self *self, struct doc *doc)
{
    int code = FL_ENOPROC;
    for (int i = 0; i < LOAD_TRIES_MAX; i++) {
        code = load_once(self, doc);
        if (code == 0 || code == FL_EBADMSG) break;
        fl_pause(self, LOAD_AGAIN_NS); /* whoever writes is being restarted */
    }
    if (code == FL_EBADMSG) {
        fprintf(stderr, "%s: what is stored of %s makes no sense after revision %lld\n",
                doc->args.docs->instance, doc->full_name, (long long)doc->past.head);
        doc->broken = true;
    } else if (code != 0) {
        fl_self_fail(self, code);
    }
    return code == 0;
}
