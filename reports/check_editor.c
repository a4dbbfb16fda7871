/* check_editor.c: has everybody the same text in the end, and is every edit in it that was
 * acknowledged, once?
 *
 * An edit puts one token in and may take an earlier one of the same person out. What is looked at
 * is the text that each person has at the end of the history, and what became of each token. */
#include "reports/checker.h"

/* What is known of one token. */
struct token {
    uint64_t key;
    uint32_t document;
    fl_ns ack_ns;
    bool may_be_in; /* its edit was sent, and not refused */
    bool is_in, is_out, maybe_out, is_missed;
    uint32_t seen; /* how often it is in the text at the end */
};

struct text {
    uint64_t hash;
    uint32_t document, user;
};

struct editing {
    struct token *tokens; /* sorted by key once gathered */
    size_t tokens_count;
    struct text *texts; /* sorted by document, user */
    size_t texts_count;
};

static int by_key(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_document(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    if (x->document != y->document) return x->document < y->document ? -1 : 1;
    return x->user < y->user ? -1 : x->user > y->user;
}

static struct token *find_token(const struct editing *editing, uint64_t key)
{
    struct token wanted = {.key = key};
    if (editing->tokens_count == 0) return NULL;
    return bsearch(&wanted, editing->tokens, editing->tokens_count, sizeof wanted, by_key);
}

static void note_token(struct token *token, const struct fl_op *op)
{
    switch (op->kind) {
    case FL_OBS_EDIT_IN:
        token->is_in = true;
        token->ack_ns = op->done_ns;
        break;
    case FL_OBS_EDIT_OUT_MAYBE:
        token->maybe_out = true;
        break;
    case FL_OBS_EDIT_OUT:
        token->is_out = true;
        break;
    case FL_OBS_EDIT_MISSED:
        token->is_missed = true;
        break;
    case FL_OBS_TOKEN:
        token->seen++;
        break;
    default:
        break;
    }
}

static void gather(struct editing *editing, const struct fl_rec_load *load)
{
    editing->tokens = fl_new_array(struct token, load->ops.count + 1);
    editing->texts = fl_new_array(struct text, load->obs.count + 1);
    for (size_t i = 0; i < load->ops.count; i++) {
        const struct fl_op *op = &load->ops.at[i];
        if (op->kind != FL_OP_EDIT || op->key == 0 || op->sent_ns == 0) continue;
        editing->tokens[editing->tokens_count++] = (struct token){
            .key = op->key, .document = op->info, .may_be_in = op->outcome != FL_FAIL};
    }
    if (editing->tokens_count > 1)
        qsort(editing->tokens, editing->tokens_count, sizeof *editing->tokens, by_key);
    for (size_t i = 0; i < load->obs.count; i++) {
        const struct fl_op *op = &load->obs.at[i];
        struct token *token = find_token(editing, op->key);
        if (op->kind == FL_OBS_TEXT)
            editing->texts[editing->texts_count++] = (struct text){
                .hash = op->key, .document = op->info, .user = op->user};
        else if (token != NULL)
            note_token(token, op);
    }
    if (editing->texts_count > 1)
        qsort(editing->texts, editing->texts_count, sizeof *editing->texts, by_document);
}

/** The first text of a document that got to the end of the history, or NULL. */
static const struct text *text_of(const struct editing *editing, uint32_t document)
{
    size_t low = 0, high = editing->texts_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (editing->texts[middle].document < document)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < editing->texts_count && editing->texts[low].document == document; low++)
        if (editing->texts[low].hash != 0) return &editing->texts[low];
    return NULL;
}

static void cannot_tell(struct fl_check_result *row, size_t count, const char *what)
{
    if (count == 0 || row->state != FL_CHECK_VALID) return;
    row->state = FL_CHECK_CANNOT_TELL;
    snprintf(row->why, sizeof row->why, "%zu %s", count, what);
}

static void check_tokens(struct fl_check_results *out, const struct fl_rec_load *load,
                         const struct editing *editing)
{
    size_t first = out->count, blind = 0;
    fl_checker_row(out, "editor lost", "lost", load);
    fl_checker_row(out, "editor duplicated", "duplicated", load);
    struct fl_check_result *lost = &out->rows[first], *doubled = &out->rows[first + 1];
    for (size_t i = 0; i < editing->tokens_count; i++) {
        const struct token *token = &editing->tokens[i];
        bool is_read = text_of(editing, token->document) != NULL;
        bool may_be_out = token->is_out || token->maybe_out;
        lost->looked_at += token->is_in;
        lost->indeterminate += !token->is_in && token->may_be_in;
        doubled->looked_at += token->is_in || token->seen > 0;
        blind += token->is_in && !may_be_out && !token->is_missed && !is_read;
        if (token->is_missed || (token->is_in && !may_be_out && is_read && token->seen == 0)) {
            fl_checker_offend(lost, token->key);
            fl_checker_lost(out, load, token->key, token->ack_ns);
        }
        if (token->seen > 1 || (token->is_out && token->seen > 0))
            fl_checker_offend(doubled, token->key);
    }
    cannot_tell(lost, blind, "acknowledged edits are in documents whose end nobody has read");
}

static void check_texts(struct fl_check_results *out, const struct fl_rec_load *load,
                        const struct editing *editing)
{
    struct fl_check_result *row = fl_checker_row(out, "editor diverged", "diverged", load);
    size_t unread = 0;
    for (size_t i = 0; i < editing->texts_count; i++) {
        const struct text *text = &editing->texts[i], *first = text_of(editing, text->document);
        if (text->hash == 0) {
            unread++;
            continue;
        }
        row->looked_at++;
        if (text->hash != first->hash) fl_checker_offend(row, text->user + 1);
    }
    for (size_t i = 0; i < load->obs.count; i++) {
        const struct fl_op *op = &load->obs.at[i];
        if (op->kind == FL_OBS_EDIT_ASTRAY) fl_checker_offend(row, op->user + 1);
        if (op->kind != FL_OBS_TOKEN) continue;
        const struct token *token = find_token(editing, op->key);
        bool is_known = token != NULL && (token->may_be_in || token->is_in);
        if (!is_known) fl_checker_offend(row, op->key);
    }
    cannot_tell(row, unread, "people had not read the history to its end when the run ended");
}

void fl_check_editor(struct fl_check_results *out, const struct fl_rec_load *load)
{
    struct editing editing = {0};
    gather(&editing, load);
    check_tokens(out, load, &editing);
    check_texts(out, load, &editing);
    free(editing.tokens);
    free(editing.texts);
}
