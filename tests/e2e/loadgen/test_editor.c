/* The editor load against a small document server in a thread of this process, which moves no edits
 * ("behind": make it anew), and loses connections, refuses and lies when the story asks for it. */
#include "tests/e2e/loadgen/phoenix.h"

#include "loadgen/replica.h"

#define REVISIONS_MAX 4096

struct mishap {
    int cut_before;    /* so many edits are thrown away with their connection */
    int cut_after;     /* so many are in, and their connection is cut before anybody hears of it */
    int again;         /* so many are refused for now */
    int full;          /* so many are refused for good */
    int crash;         /* so many crash the channel that they came over */
    int twice;         /* so many are put in twice */
    int lie;           /* so many are told to others as something else */
    bool is_compacted; /* whoever was away gets the whole text */
};

struct revision {
    char client[40];
    int64_t seq;
    char *op;
};

struct editor {
    struct phoenix phoenix;
    struct mishap mishap;
    struct fl_replica doc;
    struct revision history[REVISIONS_MAX]; /* of revision i + 1 */
    int put_in;
};

static struct editor *editor_of(struct client *client)
{
    return FL_OWNER(client->server, struct editor, phoenix);
}

static void put_revision(const struct editor *editor, int64_t rev, struct fl_buf *out)
{
    const struct revision *one = &editor->history[rev - 1];
    fl_buf_printf(out, "{\"rev\":%lld,\"client\":\"%s\",\"seq\":%lld,\"by\":\"\",\"op\":%s}",
                  (long long)rev, one->client, (long long)one->seq, one->op);
}

static void answer_sync(struct client *client, const cJSON *ask)
{
    struct editor *editor = editor_of(client);
    struct fl_buf state = {0};
    int64_t since = fl_json_int(ask, "since", -1), head = editor->doc.rev, seen = 0;
    fl_buf_printf(&state, "{\"rev\":%lld,", (long long)head);
    if (since < 0 || editor->mishap.is_compacted) {
        for (int64_t rev = 1; rev <= head; rev++)
            if (strcmp(editor->history[rev - 1].client, fl_json_text(ask, "client", "")) == 0)
                seen = editor->history[rev - 1].seq;
        fl_buf_printf(&state, "\"text\":\"%s\"",
                      editor->doc.text.len > 0 ? editor->doc.text.at : "");
        if (since >= 0) fl_buf_printf(&state, ",\"reset\":true,\"seen\":%lld", (long long)seen);
    } else {
        fl_buf_puts(&state, "\"ops\":[");
        for (int64_t rev = since + 1; rev <= head; rev++) {
            if (rev > since + 1) fl_buf_putc(&state, ',');
            put_revision(editor, rev, &state);
        }
        fl_buf_puts(&state, "],\"more\":false");
    }
    fl_buf_putc(&state, '}');
    client_push(client, "state", (struct fl_str){state.at, state.len});
    fl_buf_fini(&state);
}

static void refuse(struct client *client, const cJSON *ask, const char *why)
{
    char text[160];
    int len = snprintf(text, sizeof text, "{\"client\":\"%s\",\"seq\":%lld,\"why\":\"%s\"}",
                       fl_json_text(ask, "client", ""), (long long)fl_json_int(ask, "seq", 0), why);
    client_push(client, "refused", (struct fl_str){text, (size_t)len});
}

/* It is the next revision. */
static void put_in(struct editor *editor, const cJSON *ask, const char *op)
{
    cJSON *tree = cJSON_Parse(op);
    assert_int_equal(fl_replica_apply(&editor->doc, tree), 0);
    cJSON_Delete(tree);
    struct revision *one = &editor->history[editor->doc.rev - 1];
    snprintf(one->client, sizeof one->client, "%s", fl_json_text(ask, "client", ""));
    one->seq = fl_json_int(ask, "seq", 0);
    one->op = fl_strdup(op);
    editor->put_in++;
}

static void tell(struct editor *editor, int64_t rev, const struct client *author, bool lie)
{
    for (int i = 0; i < editor->phoenix.count; i++) {
        struct client *client = &editor->phoenix.clients[i];
        if (client->closing || client->topic[0] == '\0') continue;
        struct fl_buf event = {0};
        put_revision(editor, rev, &event);
        char *quote = lie && client != author ? strstr(event.at, " \"") : NULL;
        if (quote != NULL) quote[-1] = quote[-1] == '0' ? '1' : '0'; /* the key's last digit */
        client_push(client, "op", (struct fl_str){event.at, event.len});
        fl_buf_fini(&event);
    }
}

/* The token that an operation puts in, once more, at the front. */
static void put_in_again(struct editor *editor, const cJSON *ask, const char *op)
{
    const char *from = strchr(op, '"');
    size_t len = (size_t)(strchr(from + 1, '"') - from) + 1;
    char *again = fl_format("[%.*s,%zu]", (int)len, from, editor->doc.text.len);
    put_in(editor, ask, again);
    editor->history[editor->doc.rev - 1].client[0] = '\0';
    free(again);
    tell(editor, editor->doc.rev, NULL, false);
}

static bool is_in(const struct editor *editor, const cJSON *ask)
{
    for (int64_t rev = fl_json_int(ask, "base", 0) + 1; rev <= editor->doc.rev; rev++)
        if (editor->history[rev - 1].seq == fl_json_int(ask, "seq", 0) &&
            strcmp(editor->history[rev - 1].client, fl_json_text(ask, "client", "")) == 0)
            return true;
    return false;
}

static bool takes(int *left)
{
    return *left > 0 && (*left)-- > 0;
}

static void take_edit(struct client *client, const cJSON *ask)
{
    struct editor *editor = editor_of(client);
    struct mishap *mishap = &editor->mishap;
    if (takes(&mishap->cut_before)) {
        client->closing = true;
    } else if (takes(&mishap->crash)) {
        client_crash(client);
    } else if (takes(&mishap->again)) {
        refuse(client, ask, "again");
    } else if (is_in(editor, ask)) {
        return; /* it has come as an op */
    } else if (fl_json_int(ask, "base", -1) != editor->doc.rev) {
        refuse(client, ask, "behind");
    } else if (takes(&mishap->full)) {
        refuse(client, ask, "full");
    } else {
        char *op = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(ask, "op"));
        put_in(editor, ask, op);
        if (takes(&mishap->cut_after))
            client->closing = true;
        else
            tell(editor, editor->doc.rev, client, takes(&mishap->lie));
        if (takes(&mishap->twice)) put_in_again(editor, ask, op);
        cJSON_free(op);
    }
}

static void editor_on_event(struct client *client, const struct fl_channel_msg *msg)
{
    cJSON *ask = cJSON_ParseWithLength(msg->payload.at, msg->payload.len);
    if (fl_str_is(msg->event, "sync")) answer_sync(client, ask);
    if (fl_str_is(msg->event, "op")) take_edit(client, ask);
    cJSON_Delete(ask);
}

/* ---- what the journal says ---- */

struct written {
    struct tally tally;
    int in, out, missed, astray, texts, texts_unread, texts_unlike, tokens;
    int tokens_twice;
    uint64_t hash, last_tokens[256];
};

static void note_written(void *cx, const struct fl_op *op)
{
    struct written *written = cx;
    tally_op(&written->tally, op);
    written->in += op->kind == FL_OBS_EDIT_IN;
    written->out += op->kind == FL_OBS_EDIT_OUT;
    written->missed += op->kind == FL_OBS_EDIT_MISSED;
    written->astray += op->kind == FL_OBS_EDIT_ASTRAY;
    if (op->kind == FL_OBS_TEXT) {
        written->texts++;
        written->texts_unread += op->key == 0;
        if (written->hash == 0) written->hash = op->key;
        written->texts_unlike += op->key != written->hash;
    }
    if (op->kind != FL_OBS_TOKEN) return;
    for (int i = 0; i < written->tokens; i++)
        written->tokens_twice += written->last_tokens[i] == op->key;
    assert_true(written->tokens < 256);
    written->last_tokens[written->tokens++] = op->key;
}

/* Four people in one document, each with five words at most, make 100 edits. */
static struct written run_writers(struct mishap mishap)
{
    static const struct phoenix_story story = {.on_event = editor_on_event};
    struct editor *editor = fl_new(struct editor);
    struct worker worker;
    char line[8192];
    editor->mishap = mishap;
    fl_replica_load(&editor->doc, 0, "");
    phoenix_start(&editor->phoenix, &story);
    worker_start(&worker, "{\"index\":0,\"name\":\"w\",\"workload\":\"editor\",\"via\":\"s\","
                          "\"service\":\"s\",\"seed\":\"7\",\"users\":4,\"rate_per_s\":100,"
                          "\"timeout_ns\":20000000000,\"settings\":{\"documents\":1,\"keep\":5}}");
    worker_expect(&worker, "ready", line, sizeof line);
    worker_order_start(&worker, &editor->phoenix.side.port, 1, fl_s(1), fl_s(20));
    worker_expect(&worker, "done", line, sizeof line);
    assert_int_equal(worker_wait(&worker), 0);
    phoenix_stop(&editor->phoenix);
    struct written written = {0};
    assert_int_equal(fl_journal_read_ops(worker.folder, note_written, &written, NULL), 0);
    assert_int_equal(written.tally.ops, 100);
    assert_int_equal(written.tally.out_of_order_times, 0);
    assert_int_equal(written.texts, 4);
    testkit_remove(worker.folder);
    for (int64_t rev = 0; rev < editor->doc.rev; rev++)
        free(editor->history[rev].op);
    fl_replica_fini(&editor->doc);
    free(editor);
    return written;
}

static void expect_everything_in_once(const struct written *written, int edits)
{
    assert_int_equal(written->tally.ok, edits);
    assert_int_equal(written->in, edits);
    assert_int_equal(written->out, edits - 20);
    assert_int_equal(written->tokens, 20);
    assert_int_equal(written->tokens_twice, 0);
    assert_int_equal(written->missed, 0);
    assert_int_equal(written->astray, 0);
    assert_int_equal(written->texts_unread, 0);
    assert_int_equal(written->texts_unlike, 0);
}

static void every_edit_gets_in_once_and_all_texts_are_equal(void **state)
{
    (void)state;
    struct written written = run_writers((struct mishap){0});
    expect_everything_in_once(&written, 100);
}

static void an_edit_survives_its_connection_whether_it_was_in_or_not(void **state)
{
    (void)state;
    struct written written = run_writers((struct mishap){.cut_before = 3, .cut_after = 3});
    expect_everything_in_once(&written, 100);
}

static void an_edit_survives_its_channel_and_a_server_that_is_busy(void **state)
{
    (void)state;
    struct written written = run_writers((struct mishap){.crash = 3, .again = 5});
    expect_everything_in_once(&written, 100);
}

static void who_was_away_for_too_long_gets_the_text_and_knows_what_of_his_is_in(void **state)
{
    (void)state;
    struct written written = run_writers(
        (struct mishap){.cut_before = 3, .cut_after = 3, .is_compacted = true});
    expect_everything_in_once(&written, 100);
}

static void what_is_refused_for_good_did_not_happen(void **state)
{
    (void)state;
    struct written written = run_writers((struct mishap){.full = 4});
    expect_everything_in_once(&written, 96);
    assert_int_equal(written.tally.fail, 4);
    assert_int_equal(written.tally.errors[FL_OPERR_STATUS], 4);
}

/* What the checkers will hold against a server is in the journal. */
static void an_edit_that_is_in_twice_and_one_that_was_told_wrong_are_written_down(void **state)
{
    (void)state;
    struct written twice = run_writers((struct mishap){.twice = 1});
    assert_int_equal(twice.tokens, 21);
    struct written lied = run_writers((struct mishap){.lie = 100});
    assert_true(lied.texts_unlike > 0 || lied.astray > 0 || lied.missed > 0);
}

int main(int argc, char **argv)
{
    int code = 0;
    if (rig_is_worker(argc, argv, &code)) return code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edit_gets_in_once_and_all_texts_are_equal),
        cmocka_unit_test(an_edit_survives_its_connection_whether_it_was_in_or_not),
        cmocka_unit_test(an_edit_survives_its_channel_and_a_server_that_is_busy),
        cmocka_unit_test(who_was_away_for_too_long_gets_the_text_and_knows_what_of_his_is_in),
        cmocka_unit_test(what_is_refused_for_good_did_not_happen),
        cmocka_unit_test(an_edit_that_is_in_twice_and_one_that_was_told_wrong_are_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
