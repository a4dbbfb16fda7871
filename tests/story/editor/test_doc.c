/* A document's process: what it says yes and no to, and what it does when its storage does not
 * work. */
#include "tests/support/testkit.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "services/editor/doc.h"
#include "services/editor/edit.h"
#include "services/editor/scribe.h"

struct world {
    struct fl_node *node;
    struct fl_docs docs;
    struct fl_scribe_opts scribe;
    char *folder;
    struct fl_pid asker;
    const char *doc;
    struct fl_buf request; /* what the asker will say */
    uint32_t tag;
    int code; /* of the answer */
    char answer[4096];
    size_t answer_len;
    int told; /* operations that were broadcast */
};

/* Opens the document, says what the world has prepared, and hears what is told. */
static void asker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct world *w = *(struct world **)state;
    struct fl_pid doc;
    if (msg->tag == FL_DOC_OP) w->told++;
    if (msg->tag != 1) return;
    int code = fl_doc_open(self, &w->docs, w->doc, &doc);
    if (code == 0)
        code = fl_call(self, doc, w->tag, w->request.at, w->request.len, w->answer,
                       sizeof w->answer - 1, &w->answer_len, fl_s(60));
    w->code = code;
    if (code == 0) w->answer[w->answer_len] = '\0';
}

static int asker_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *w = *(struct world **)state = (struct world *)(uintptr_t)args;
    fl_pubsub_subscribe(self, w->docs.pubsub, "doc/paper");
    return 0;
}

static const struct fl_server asker_server = {
    .name = "asker",
    .state_bytes = sizeof(struct world *),
    .on_init = asker_on_init,
    .on_cast = asker_on_cast,
};

static void world_start(struct world *w, int64_t pages_max)
{
    /* SQLite runs on these stacks only because a simulated node has no pool */
    const struct fl_node_opts node = {.simulated = true, .seed = 1, .stack_bytes = 1 << 20};
    w->scribe = (struct fl_scribe_opts){w->folder, "editor", 0, pages_max};
    w->docs.instance = "editor";
    w->doc = "paper";
    assert_int_equal(fl_node_new(&w->node, &node, NULL), 0);
    assert_int_equal(fl_pubsub_start(w->node, NULL, &w->docs.pubsub), 0);
    const struct fl_child scribe = {.id = FL_SCRIBE_NAME,
                                    .name = FL_SCRIBE_NAME,
                                    .server = &fl_scribe_server,
                                    .args = &w->scribe};
    const struct fl_sup_opts top = {.max_restarts = 10, .children = &scribe, .children_count = 1};
    const struct fl_sup_opts docs = {
        .strategy = FL_DYNAMIC, .max_restarts = 10, .name = FL_DOCS_NAME};
    const struct fl_spawn_opts asker = {.args = w, .shard = -1};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(w->node, NULL, &top, &pid), 0);
    assert_int_equal(fl_sup_start(w->node, NULL, &docs, &pid), 0);
    assert_int_equal(fl_node_spawn(w->node, &asker_server, &asker, &w->asker), 0);
}

static void world_end(struct world *w)
{
    fl_node_free(w->node);
    fl_pubsub_free(w->docs.pubsub);
}

static int set_up(void **state)
{
    struct world *w = fl_new(struct world);
    w->folder = testkit_folder();
    world_start(w, 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    world_end(w);
    fl_buf_fini(&w->request);
    testkit_remove(w->folder);
    free(w);
    return 0;
}

static int ask(struct world *w, uint32_t tag)
{
    w->tag = tag;
    w->code = 1;
    assert_int_equal(fl_node_send(w->node, w->asker, 1, NULL, 0), 0);
    fl_sim_run(w->node, fl_s(30));
    return w->code;
}

static int submit(struct world *w, int64_t seq, int64_t base, const char *op)
{
    w->request.len = 0;
    fl_doc_put_submit(&w->request, FL_STR("me"), seq, base, FL_STR("Me"), fl_str_of(op));
    return ask(w, FL_DOC_SUBMIT);
}

static const char *sync_since(struct world *w, int64_t since)
{
    w->request.len = 0;
    fl_doc_put_sync(&w->request, since, FL_STR("me"));
    assert_int_equal(ask(w, FL_DOC_SYNC), 0);
    return w->answer;
}

static void what_is_sent_twice_is_in_once_and_told_once(void **state)
{
    struct world *w = *state;
    assert_int_equal(submit(w, 1, 0, "[\"one\"]"), 0);
    assert_int_equal(submit(w, 1, 0, "[\"one\"]"), 0);
    assert_int_equal(w->told, 1);
    assert_string_equal(sync_since(w, -1), "{\"rev\":1,\"text\":\"one\"}");
}

static void what_came_meanwhile_is_told_and_what_was_missed_can_be_had(void **state)
{
    struct world *w = *state;
    assert_int_equal(submit(w, 1, 0, "[\"b\"]"), 0);
    assert_int_equal(submit(w, 2, 0, "[\"a\"]"), 0); /* of the empty text: behind what was first */
    assert_string_equal(sync_since(w, 1),
                        "{\"rev\":2,\"ops\":[{\"rev\":2,\"client\":\"me\",\"seq\":2,\"by\":\"Me\","
                        "\"op\":[1,\"a\"]}],\"more\":false}");
    assert_string_equal(sync_since(w, 2), "{\"rev\":2,\"ops\":[],\"more\":false}");
}

static void no_and_why(void **state)
{
    struct world *w = *state;
    assert_int_equal(submit(w, 1, 0, "[\"ab\xf0\x9f\x98\x80\"]"), 0);
    assert_int_equal(submit(w, 2, 2, "[4,\"x\"]"), FL_ESTATE);    /* from the future */
    assert_int_equal(submit(w, 2, 1, "[3,\"x\"]"), FL_EBADMSG);   /* of another text */
    assert_int_equal(submit(w, 2, 1, "[3,\"x\",1]"), FL_EBADMSG); /* cuts a pair */
    assert_int_equal(submit(w, 2, 1, "[4,\"\\r\"]"), FL_EBADMSG);
    assert_int_equal(submit(w, 0, 1, "[4,\"x\"]"), FL_EBADMSG);
    assert_int_equal(submit(w, 2, 1, "[4,\"x\"]"), 0);
    w->request.len = 0;
    fl_buf_puts(&w->request, "nonsense");
    assert_int_equal(ask(w, FL_DOC_SUBMIT), FL_EBADMSG);
    assert_int_equal(ask(w, FL_DOC_SYNC), FL_EBADMSG);
    assert_int_equal(ask(w, 77), FL_EBADMSG);
}

static void a_text_has_a_largest_size(void **state)
{
    struct world *w = *state;
    struct fl_buf op = {0};
    int64_t rev = 0;
    int code = 0;
    for (size_t len = 0; code == 0; len += 100000, rev++) {
        op.len = 0;
        fl_buf_puts(&op, "[");
        if (len > 0) fl_buf_printf(&op, "%zu,", len);
        fl_buf_puts(&op, "\"");
        for (int i = 0; i < 100000; i++)
            fl_buf_putc(&op, 'x');
        fl_buf_puts(&op, "\"]");
        code = submit(w, rev + 1, rev, op.at);
    }
    fl_buf_fini(&op);
    assert_int_equal(rev, 6);           /* five went in, the sixth would have been too much */
    assert_int_equal(code, FL_EBADMSG); /* no text is that long, so this is no edit of one */
    assert_int_equal(submit(w, 9, 0, "[\"y\"]"), 0); /* and of an old base, moved here, still is */
}

static void who_is_behind_what_is_in_memory_is_told_so_and_finds_it_in_the_archive(void **state)
{
    struct world *w = *state;
    char op[32];
    for (int i = 0; i < 520; i++) {
        if (i == 0)
            snprintf(op, sizeof op, "[\"x\"]");
        else
            snprintf(op, sizeof op, "[%d,\"x\"]", i);
        assert_int_equal(submit(w, i + 1, i, op), 0);
    }
    assert_int_equal(fl_control_exit(w->node, "doc/paper", fl_reason_of(FL_EXIT_CRASH)), 0);
    fl_sim_run(w->node, fl_s(1)); /* a text was kept at 500, it goes on from there */
    assert_int_equal(submit(w, 900, 499, "[499,\"y\"]"), FL_ESTATE);
    assert_int_equal(submit(w, 520, 519, "[519,\"x\"]"), 0); /* sent again: it was in */
    sync_since(w, 518);
    assert_non_null(strstr(w->answer, "\"rev\":520,\"client\":\"me\",\"seq\":520"));
    sync_since(w, 498);
    assert_non_null(strstr(w->answer, "{\"rev\":520,\"ops\":[{\"rev\":499,"));
}

static void a_document_that_nobody_needs_ends_and_is_back_when_somebody_does(void **state)
{
    struct world *w = *state;
    assert_int_equal(submit(w, 1, 0, "[\"stays\"]"), 0);
    assert_int_not_equal(fl_whereis(w->node, "doc/paper").bits, 0);
    fl_sim_run(w->node, fl_s(400));
    assert_int_equal(fl_whereis(w->node, "doc/paper").bits, 0);
    assert_string_equal(sync_since(w, -1), "{\"rev\":1,\"text\":\"stays\"}");
}

static void what_is_stored_wrong_is_an_error_of_that_document_only(void **state)
{
    struct world *w = *state;
    char *path = fl_format("%s/editor.db", w->folder);
    struct fl_doc_archive *archive = NULL;
    const struct fl_doc_archive_opts opts = {.path = path};
    const struct fl_doc_archive_row row = {.seq = 1, .client = FL_STR("x"), .edit = FL_STR("[7]")};
    fl_sim_run(w->node, fl_s(1));
    assert_int_equal(fl_doc_archive_open(&archive, &opts, NULL), 0);
    assert_int_equal(fl_doc_archive_begin(archive, NULL), 0);
    assert_int_equal(fl_doc_archive_append(archive, FL_STR("paper"), 0, &row, 1, NULL), 0);
    assert_int_equal(fl_doc_archive_commit(archive, NULL), 0);
    fl_doc_archive_close(archive);
    free(path);
    assert_int_equal(submit(w, 1, 0, "[\"a\"]"), FL_EIO);
    assert_int_equal(submit(w, 1, 0, "[\"a\"]"), FL_EIO);
    w->doc = "other";
    assert_int_equal(submit(w, 1, 0, "[\"a\"]"), 0);
}

static void a_full_disk_takes_nothing_back_and_a_larger_one_goes_on(void **state)
{
    struct world *w = *state;
    world_end(w);
    world_start(w, 28);
    int64_t rev = 0;
    char op[64];
    int code = submit(w, 1, 0, "[\"0123456789012345678901234567890123456789\"]");
    while (code == 0 && rev < 5000) {
        rev++;
        snprintf(op, sizeof op, "[%lld,\"0123456789012345678901234567890123456789\"]",
                 (long long)rev * 40);
        code = submit(w, rev + 1, rev, op);
    }
    assert_int_equal(code, FL_EFULL);
    char head[32];
    snprintf(head, sizeof head, "{\"rev\":%lld,\"ops\":[]", (long long)rev);
    assert_non_null(strstr(sync_since(w, rev), head));
    world_end(w);
    world_start(w, 0);
    assert_int_equal(submit(w, rev + 1, rev, op), 0);
    assert_int_equal(submit(w, rev + 1, rev, op), 0);
    assert_non_null(strstr(sync_since(w, rev), "\"more\":false"));
}

static void a_writer_that_crashes_is_a_moment_without_answers(void **state)
{
    struct world *w = *state;
    assert_int_equal(submit(w, 1, 0, "[\"a\"]"), 0);
    for (int i = 1; i <= 5; i++) {
        char op[32];
        assert_int_equal(fl_control_exit(w->node, FL_SCRIBE_NAME, fl_reason_of(FL_EXIT_CRASH)), 0);
        snprintf(op, sizeof op, "[%d,\"a\"]", i);
        int code = submit(w, i + 1, i, op);
        assert_true(code == 0 || code == FL_EDIED);
        if (code != 0) assert_int_equal(submit(w, i + 1, i, op), 0);
    }
    assert_string_equal(sync_since(w, -1), "{\"rev\":6,\"text\":\"aaaaaa\"}");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_is_sent_twice_is_in_once_and_told_once),
        STORY(what_came_meanwhile_is_told_and_what_was_missed_can_be_had),
        STORY(no_and_why),
        STORY(a_text_has_a_largest_size),
        STORY(who_is_behind_what_is_in_memory_is_told_so_and_finds_it_in_the_archive),
        STORY(a_document_that_nobody_needs_ends_and_is_back_when_somebody_does),
        STORY(what_is_stored_wrong_is_an_error_of_that_document_only),
        STORY(a_full_disk_takes_nothing_back_and_a_larger_one_goes_on),
        STORY(a_writer_that_crashes_is_a_moment_without_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
