/* driver_editor.c: people who write in shared documents. An edit is done once its own client has
 * it back out of the history: that is when the page says "saved".
 *
 * At the end everybody reads the history to its end; the journal then holds what each one's text
 * hashes to, and, once a document, every token that is in it. */
#include "loadgen/author.h"
#include "runtime/base/clock.h"

struct editor {
    struct fl_author *authors;
    uint32_t authors_count, documents, keep, started_count, turn;
};

static int driver_editor_open(struct fl_load *load, struct fl_err *err)
{
    double documents = 0, keep = 0;
    int rc = fl_settings_number(&load->settings, "documents", &documents, err);
    if (rc == 0) rc = fl_settings_number(&load->settings, "keep", &keep, err);
    if (rc != 0) return rc;
    struct editor *editor = fl_new(struct editor);
    load->state = editor;
    editor->authors_count = (uint32_t)load->users;
    editor->documents = (uint32_t)documents;
    editor->keep = (uint32_t)keep;
    if (editor->documents > editor->authors_count) editor->documents = editor->authors_count;
    fl_load_add_stream(load, FL_OP_EDIT, "edits", load->rate_per_s, 0);
    return 0;
}

static void driver_editor_start(struct fl_load *load, fl_ns t0_ns)
{
    (void)t0_ns;
    struct editor *editor = load->state;
    editor->authors = fl_new_array(struct fl_author, editor->authors_count);
    for (uint32_t i = 0; i < editor->authors_count; i++) {
        struct fl_author_opts opts = {
            .load = load, .index = i, .document = i % editor->documents, .keep = editor->keep};
        fl_author_start(&editor->authors[i], &opts);
        editor->started_count++;
    }
}

static void driver_editor_issue(struct fl_load *load, struct fl_pending *pending)
{
    struct editor *editor = load->state;
    struct fl_author *author = &editor->authors[editor->turn];
    editor->turn = (editor->turn + 1) % editor->authors_count;
    pending->user = author->index;
    pending->info = author->document;
    pending->key = fl_load_key(load, pending->number + 1);
    fl_author_write(author, pending);
}

static void driver_editor_drop(struct fl_load *load, struct fl_pending *pending)
{
    struct editor *editor = load->state;
    fl_author_drop(&editor->authors[pending->user], pending);
}

static bool driver_editor_drain(struct fl_load *load)
{
    struct editor *editor = load->state;
    for (uint32_t i = 0; i < editor->started_count; i++)
        if (!fl_author_is_idle(&editor->authors[i])) return false;
    bool all = true;
    for (uint32_t i = 0; i < editor->started_count; i++)
        all &= fl_author_end(&editor->authors[i]); /* every one is asked */
    return all;
}

/** Writes down every token of a text. */
static void editor_tell_tokens(struct fl_load *load, const struct fl_author *author, fl_ns now_ns)
{
    struct fl_str rest = {author->replica.text.at, author->replica.text.len};
    uint64_t key;
    while (fl_token_take(&rest, &key))
        fl_load_observe(load, FL_OBS_TOKEN, now_ns, key, author->index, author->document);
}

static void driver_editor_drained(struct fl_load *load)
{
    struct editor *editor = load->state;
    bool *told = fl_new_array(bool, editor->documents);
    fl_ns now_ns = fl_now();
    for (uint32_t i = 0; i < editor->started_count; i++) {
        const struct fl_author *author = &editor->authors[i];
        uint64_t hash = author->is_at_end ? fl_replica_hash(&author->replica) : 0;
        fl_load_observe(load, FL_OBS_TEXT, now_ns, hash, i, author->document);
        if (!author->is_at_end || told[author->document]) continue;
        told[author->document] = true;
        editor_tell_tokens(load, author, now_ns);
    }
    free(told);
}

static void driver_editor_stop(struct fl_load *load)
{
    struct editor *editor = load->state;
    for (uint32_t i = 0; i < editor->started_count; i++)
        fl_author_stop(&editor->authors[i]);
}

static void driver_editor_fini(struct fl_load *load)
{
    struct editor *editor = load->state;
    for (uint32_t i = 0; i < editor->started_count; i++)
        fl_author_fini(&editor->authors[i]);
    free(editor->authors);
    free(editor);
}

const struct fl_driver fl_driver_editor = {
    .open = driver_editor_open,
    .start = driver_editor_start,
    .issue = driver_editor_issue,
    .drop = driver_editor_drop,
    .drain = driver_editor_drain,
    .drained = driver_editor_drained,
    .stop = driver_editor_stop,
    .fini = driver_editor_fini,
};
