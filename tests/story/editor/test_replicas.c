/* People who type at once, in a world where connections break, messages dawdle and come twice, and
 * processes crash: in the end all have one text, and what was acknowledged is in it, once. */
#include "tests/story/editor/replica.h"

#include "runtime/control.h"
#include "runtime/node.h"
#include "runtime/sup.h"
#include "services/editor/scribe.h"

#define REPLICAS 4

struct world {
    struct fl_node *node;
    struct fl_docs docs;
    struct fl_scribe_opts scribe;
    char *folder;
    uint64_t seed;
    struct replica replicas[REPLICAS];
    int crashes;
};

static void world_start_trees(struct world *w)
{
    const struct fl_child scribe = {.id = FL_SCRIBE_NAME,
                                    .name = FL_SCRIBE_NAME,
                                    .server = &fl_scribe_server,
                                    .args = &w->scribe};
    const struct fl_sup_opts top = {
        .max_restarts = 1000, .within_ns = fl_s(1), .children = &scribe, .children_count = 1};
    const struct fl_sup_opts docs = {
        .strategy = FL_DYNAMIC, .max_restarts = 1000, .within_ns = fl_s(1), .name = FL_DOCS_NAME};
    struct fl_pid pid;
    assert_int_equal(fl_sup_start(w->node, NULL, &top, &pid), 0);
    assert_int_equal(fl_sup_start(w->node, NULL, &docs, &pid), 0);
}

static struct world *world_open(uint64_t seed, int64_t keep_revs)
{
    struct world *w = fl_new(struct world);
    w->seed = seed;
    w->folder = testkit_folder();
    w->scribe = (struct fl_scribe_opts){w->folder, "editor", keep_revs, 0};
    /* SQLite runs on these stacks only because a simulated node has no pool */
    const struct fl_node_opts node = {
        .simulated = true,
        .seed = seed,
        .stack_bytes = 1 << 20,
        .mailbox_max = 10000,
        .sim = {.delivery = FL_SIM_DELAYED,
                .latency_least_ns = fl_ms(1) / 10,
                .latency_most_ns = fl_ms(15)},
    };
    assert_int_equal(fl_node_new(&w->node, &node, NULL), 0);
    w->docs.instance = "editor";
    assert_int_equal(fl_pubsub_start(w->node, NULL, &w->docs.pubsub), 0);
    world_start_trees(w);
    return w;
}

static void world_close(struct world *w)
{
    fl_node_free(w->node);
    fl_pubsub_free(w->docs.pubsub);
    for (int i = 0; i < REPLICAS; i++)
        replica_fini(&w->replicas[i]);
    testkit_remove(w->folder);
    free(w);
}

static void world_add(struct world *w, int i, int edits, bool only_inserts)
{
    struct replica *replica = &w->replicas[i];
    replica->docs = &w->docs;
    replica->doc = "paper";
    replica->edits_left = edits;
    replica->only_inserts = only_inserts;
    snprintf(replica->name, sizeof replica->name, "r%d", i);
    fl_rng_init_named(&replica->rng, w->seed, replica->name);
    const struct fl_spawn_opts opts = {.args = replica, .shard = -1};
    assert_int_equal(fl_node_spawn(w->node, &replica_server, &opts, &replica->pid), 0);
}

static bool world_is_quiet(const struct world *w)
{
    for (int i = 0; i < REPLICAS; i++)
        if (!replica_is_quiet(&w->replicas[i])) return false;
    return true;
}

/** No more typing; everybody finds back, and is told everything. */
static void world_settle(struct world *w)
{
    for (int i = 0; i < REPLICAS; i++)
        fl_node_send(w->node, w->replicas[i].pid, REPLICA_REST, NULL, 0);
    for (int i = 0; i < 600; i++) {
        fl_sim_run(w->node, fl_ms(500));
        if (i > 2 && world_is_quiet(w)) break;
    }
    fl_sim_run(w->node, fl_s(1));
    if (!world_is_quiet(w)) fail_msg("seed %llu does not settle", (unsigned long long)w->seed);
}

/* What the archive holds, looked at from outside. */
struct seen {
    struct fl_text text;
    struct fl_edit edit;
    int64_t seqs[REPLICAS]; /* the last of each */
    int64_t rows;
};

static bool seen_on_row(void *cx, const struct fl_doc_archive_row *row)
{
    struct seen *seen = cx;
    assert_int_equal(fl_edit_parse(row->edit, &seen->edit), 0);
    assert_int_equal(fl_edit_check(&seen->edit, &seen->text), 0);
    fl_edit_apply(&seen->edit, &seen->text);
    int number = row->client.at[1] - '0';
    assert_in_range(number, 0, REPLICAS - 1);
    assert_int_equal(row->seq, seen->seqs[number] + 1); /* each once, none left out */
    seen->seqs[number] = row->seq;
    seen->rows++;
    return true;
}

static void expect_one_text(struct world *w)
{
    for (int i = 0; i < REPLICAS; i++) {
        struct replica *replica = &w->replicas[i];
        assert_int_equal(replica->rev, w->replicas[0].rev);
        assert_true(same_text(&replica->text, &replica->base));
        assert_true(same_text(&replica->text, &w->replicas[0].text));
        assert_int_equal(replica->acknowledged, replica->seq);
        assert_int_equal(replica->edits_left, 0);
    }
}

/** Reads the whole history again, by itself. */
static void expect_archive_agrees(struct world *w)
{
    struct seen seen = {0};
    struct fl_doc_archive *archive = NULL;
    struct fl_err err;
    char *path = fl_format("%s/editor.db", w->folder);
    const struct fl_doc_archive_opts opts = {.path = path};
    assert_int_equal(fl_doc_archive_open(&archive, &opts, &err), 0);
    assert_int_equal(
        fl_doc_archive_rows(archive, FL_STR("paper"), 0, INT64_MAX, seen_on_row, &seen, &err), 0);
    fl_doc_archive_close(archive);
    assert_int_equal(seen.rows, w->replicas[0].rev);
    assert_true(same_text(&seen.text, &w->replicas[0].text));
    for (int i = 0; i < REPLICAS; i++)
        assert_int_equal(seen.seqs[i], w->replicas[i].seq);
    fl_text_fini(&seen.text);
    fl_edit_fini(&seen.edit);
    free(path);
}

/** Everybody types for a while; crash says who is to crash now and then. */
static void world_type(struct world *w, const char *const *crash)
{
    struct fl_rng rng;
    fl_rng_init_named(&rng, w->seed, "crashes");
    for (int step = 0; step < 400; step++) {
        fl_sim_run(w->node, fl_ms(20));
        if (crash == NULL || fl_rng_between(&rng, 0, 9) != 0) continue;
        const char *who = crash[fl_rng_between(&rng, 0, 1)];
        /* it may be dead already */
        if (fl_control_exit(w->node, who, fl_reason_of(FL_EXIT_CRASH)) == 0) w->crashes++;
    }
}

static void world_run(uint64_t seed, bool only_inserts, const char *const *crash)
{
    struct world *w = world_open(seed, 0);
    for (int i = 0; i < REPLICAS; i++)
        world_add(w, i, 60, only_inserts);
    world_type(w, crash);
    world_settle(w);
    expect_one_text(w);
    expect_archive_agrees(w);
    size_t inserted = 0;
    int sent_again = 0;
    for (int i = 0; i < REPLICAS; i++) {
        inserted += w->replicas[i].inserted;
        sent_again += w->replicas[i].sent_again;
    }
    assert_true(sent_again > 0);
    if (crash != NULL) assert_true(w->crashes > 5);
    if (only_inserts) assert_int_equal(w->replicas[0].text.len, inserted);
    world_close(w);
}

static void connections_break_and_all_have_one_text_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        world_run(seed, false, NULL);
}

static void nothing_that_was_typed_is_lost_or_there_twice(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 103; seed++)
        world_run(seed, true, NULL);
}

static const char *const both[] = {"doc/paper", FL_SCRIBE_NAME};

static void processes_crash_in_the_middle_and_nothing_is_lost_or_there_twice(void **state)
{
    (void)state;
    for (uint64_t seed = 201; seed <= 206; seed++)
        world_run(seed, seed % 2 == 0, both);
}

static void who_was_away_for_longer_than_the_history_reaches_merges_all_the_same(void **state)
{
    (void)state;
    struct world *w = world_open(301, 1); /* keeps what is behind the last text kept */
    for (int i = 0; i < REPLICAS; i++) {
        world_add(w, i, i == 0 ? 40 : 1200, true);
        w->replicas[i].no_cuts = true;
    }
    fl_sim_run(w->node, fl_ms(300));
    fl_node_send(w->node, w->replicas[0].pid, REPLICA_AWAY, NULL, 0);
    fl_sim_run(w->node, fl_s(40));
    /* what was in memory goes, too */
    assert_int_equal(fl_control_exit(w->node, "doc/paper", fl_reason_of(FL_EXIT_CRASH)), 0);
    world_settle(w);
    size_t inserted = 0;
    for (int i = 0; i < REPLICAS; i++)
        inserted += w->replicas[i].inserted;
    expect_one_text(w);
    assert_int_equal(w->replicas[0].resets, 1);
    assert_int_equal(w->replicas[0].text.len, inserted);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_break_and_all_have_one_text_in_the_end),
        cmocka_unit_test(nothing_that_was_typed_is_lost_or_there_twice),
        cmocka_unit_test(processes_crash_in_the_middle_and_nothing_is_lost_or_there_twice),
        cmocka_unit_test(who_was_away_for_longer_than_the_history_reaches_merges_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
