#include "tests/story/runtime/player.h"

#include "runtime/registry.h"

/* Registries: processes by key. OTP cases 185 to 191, and 72 (via). */

static struct fl_registry *registry_of(struct world *w)
{
    return w->cx;
}

static void open_registry(struct world *w, struct fl_registry_opts opts)
{
    opts.partitions = 3;
    fl_registry_free(registry_of(w));
    w->cx = fl_registry_new(w->node, &opts);
}

static int setup(void **state)
{
    world_setup(state);
    open_registry(*state, (struct fl_registry_opts){.keys = FL_REGISTRY_UNIQUE});
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fl_registry_free(registry_of(w)); /* with processes still in it */
    w->cx = NULL;
    return world_teardown(state);
}

static int put(struct fl_self *self, struct world *w, const char *key, const char *value)
{
    return fl_registry_register(self, registry_of(w), key, value, strlen(value), NULL);
}

/* Writes down the values under a key. */
static void show(struct world *w, const char *key)
{
    struct fl_registry_entry *entries;
    size_t count = fl_registry_lookup(registry_of(w), key, &entries);
    write_down(w, "%s:", key);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(entries[i].key, key);
        write_down(w, " %.*s", (int)entries[i].len, (const char *)entries[i].value);
    }
    write_down(w, "\n");
    free(entries);
}

static void stays(struct fl_self *self, struct world *w)
{
    put(self, w, "lobby", "first");
    fl_pause(self, fl_s(10));
}

/* ---- 185: unique keys */

static void wants_it_too(struct fl_self *self, struct world *w)
{
    struct fl_pid owner = FL_NO_PID;
    struct fl_registry *registry = registry_of(w);
    int rc = fl_registry_register(self, registry, "lobby", NULL, 0, &owner);
    write_down(w, "second: %s\n", fl_code_name(rc));
    assert_true(fl_pid_eq(owner, fl_registry_whereis(registry, "lobby")));
    assert_int_equal(put(self, w, "attic", "mine"), 0);
    rc = fl_registry_register(self, registry, "attic", NULL, 0, &owner);
    write_down(w, "again: %s\n", fl_code_name(rc));
    assert_true(fl_pid_eq(owner, fl_self_pid(self)));
    show(w, "lobby");
    show(w, "attic");
    show(w, "cellar");
    write_down(w, "%zu entries\n", fl_registry_count(registry));
}

static void c185_a_unique_key_has_one_owner_who_cannot_have_it_twice(void **state)
{
    struct world *w = *state;
    world_play(w, stays, 0);
    world_play(w, wants_it_too, 0);
    expect_diary(w,
                 "second: name is taken\nagain: name is taken\nlobby: first\nattic: mine\ncellar:\n"
                 "2 entries\n");
    assert_int_equal(fl_registry_count(registry_of(w)), 1); /* the second one has ended */
}

static void longer(void *cx, const void *old, size_t old_len, struct fl_buf *now)
{
    fl_buf_printf(now, "%.*s and %s", (int)old_len, (const char *)old, (const char *)cx);
}

static void updates(struct fl_self *self, struct world *w)
{
    struct fl_registry *registry = registry_of(w);
    put(self, w, "attic", "dust");
    assert_int_equal(fl_registry_update_value(self, registry, "attic", longer, "mice"), 0);
    show(w, "attic");
    int rc = fl_registry_update_value(self, registry, "lobby", longer, "mice");
    write_down(w, "not mine: %s\n", fl_code_name(rc));
    write_down(w, "gone: %zu", fl_registry_unregister(self, registry, "attic"));
    write_down(w, " %zu", fl_registry_unregister(self, registry, "attic"));
    write_down(w, " %zu\n", fl_registry_unregister(self, registry, "lobby"));
    show(w, "attic");
    assert_int_equal(put(self, w, "attic", "new"), 0);
    show(w, "attic");
}

static void only_the_owner_changes_a_value(void **state)
{
    struct world *w = *state;
    world_play(w, stays, 0);
    world_play(w, updates, 0);
    expect_diary(w, "attic: dust and mice\nnot mine: not found\ngone: 1 0 0\nattic:\nattic: new\n");
}

/* ---- 186: duplicate keys */

static bool starts_with_b(void *cx, const struct fl_registry_entry *entry)
{
    return entry->len > 0 && *(const char *)entry->value == 'b';
}

static void has_many(struct fl_self *self, struct world *w)
{
    struct fl_registry *registry = registry_of(w);
    struct fl_registry_entry *entries;
    put(self, w, "lobby", "ant");
    put(self, w, "lobby", "bee");
    put(self, w, "lobby", "bug");
    put(self, w, "loft", "bat");
    show(w, "lobby");
    write_down(w, "match: %zu",
               fl_registry_match(registry, "lobby", starts_with_b, NULL, &entries));
    free(entries);
    write_down(w, ", select: %zu",
               fl_registry_select(registry, "lo*", starts_with_b, NULL, &entries));
    free(entries);
    write_down(w, ", none: %zu\n", fl_registry_select(registry, "x*", NULL, NULL, &entries));
    assert_null(entries);
    size_t count = fl_registry_keys(registry, fl_self_pid(self), &entries);
    for (size_t i = 0; i < count; i++)
        write_down(w, "%s ", entries[i].key);
    free(entries);
    write_down(w, "are my keys\n");
    size_t gone = fl_registry_unregister_match(self, registry, "lobby", starts_with_b, NULL);
    write_down(w, "gone: %zu\n", gone);
    show(w, "lobby");
    write_down(w, "gone: %zu\n", fl_registry_unregister(self, registry, "lobby"));
    show(w, "lobby");
    show(w, "loft");
    assert_int_equal(fl_registry_update_value(self, registry, "loft", longer, "x"), FL_ESTATE);
}

static void c186_a_duplicate_key_has_many_and_all_of_mine_go_at_once(void **state)
{
    struct world *w = *state;
    open_registry(w, (struct fl_registry_opts){.keys = FL_REGISTRY_DUPLICATE});
    world_play(w, stays, 0);
    world_play(w, has_many, 0);
    expect_diary(w, "lobby: first ant bee bug\nmatch: 2, select: 3, none: 0\n"
                    "lobby lobby lobby loft are my keys\ngone: 2\nlobby: first ant\ngone: 1\n"
                    "lobby: first\nloft: bat\n");
}

/* ---- 188: the dead */

static void dies_and_is_looked_up(struct fl_self *self, struct world *w)
{
    char text[96];
    struct fl_msg msg;
    fl_self_trap_exits(self, true);
    struct fl_pid who = fl_registry_whereis(registry_of(w), "lobby");
    fl_link(self, who);
    fl_monitor(self, who);
    fl_exit(self, who, fl_reason_of(FL_EXIT_KILL));
    for (int i = 0; i < 2; i++) {
        fl_receive(self, NULL, NULL, FL_NEVER, &msg);
        write_down(w, "%s: %s, ", msg.kind == FL_MSG_EXIT ? "exit" : "down",
                   fl_reason_show(msg.reason, text, sizeof text));
        show(w, "lobby");
    }
}

static void c188_whoever_learns_of_an_end_finds_no_entry(void **state)
{
    struct world *w = *state;
    world_play(w, stays, 0);
    world_play(w, dies_and_is_looked_up, 0);
    expect_diary(w, "exit: killed, lobby:\ndown: killed, lobby:\n");
}

/* ---- 189: listeners */

static void hears(struct fl_self *self, struct world *w)
{
    struct fl_msg msg;
    struct fl_registry_entry entry;
    assert_int_equal(fl_self_register(self, "listener"), 0);
    while (fl_receive(self, NULL, NULL, fl_s(20), &msg) == 0) {
        assert_true(fl_registry_event_read(&msg, &entry));
        assert_true(entry.pid.bits != 0);
        write_down(w, "%s %s=%.*s\n", msg.tag == FL_REGISTRY_REGISTERED ? "in" : "out", entry.key,
                   (int)entry.len, (const char *)entry.value);
    }
}

static void comes_and_goes(struct fl_self *self, struct world *w)
{
    put(self, w, "a", "1");
    put(self, w, "b", "2");
    put(self, w, "b", "3"); /* taken */
    fl_registry_unregister(self, registry_of(w), "a");
}

static void c189_listeners_hear_of_each_once_also_at_an_end(void **state)
{
    static const char *const listeners[] = {"listener", "nobody", NULL};
    struct world *w = *state;
    open_registry(w, (struct fl_registry_opts){.listeners = listeners});
    world_play(w, hears, 0);
    world_play(w, comes_and_goes, 0);
    expect_diary(w, "in a=1\nin b=2\nout a=1\nout b=2\n");
}

/* ---- 190: dispatch */

static void on_dispatch(void *cx, const struct fl_registry_entry *entries, size_t count)
{
    write_down((struct world *)cx, "called with %zu: %s\n", count, entries[0].key);
}

static void dispatches(struct fl_self *self, struct world *w)
{
    put(self, w, "lobby", "x");
    fl_registry_dispatch(registry_of(w), "lobby", on_dispatch, w);
    fl_registry_dispatch(registry_of(w), "cellar", on_dispatch, w);
}

static void c190_dispatch_is_not_called_for_an_empty_key(void **state)
{
    struct world *w = *state;
    open_registry(w, (struct fl_registry_opts){.keys = FL_REGISTRY_DUPLICATE});
    world_play(w, stays, 0);
    world_play(w, dispatches, 0);
    expect_diary(w, "called with 2: lobby\n");
}

/* ---- 191: a crowd */

static void joins(struct fl_self *self, const void *args, size_t len)
{
    struct fl_registry *registry;
    memcpy(&registry, args, sizeof registry);
    fl_registry_register(self, registry, "crowd", NULL, 0, NULL);
    fl_registry_register(self, registry, "crowd", NULL, 0, NULL);
    fl_receive(self, NULL, NULL, FL_NEVER, &(struct fl_msg){0});
}

static void c191_a_crowd_of_one_key_ends_in_linear_time(void **state)
{
    enum { CROWD = 1000 };
    struct world *w = *state;
    struct fl_pid pids[CROWD];
    open_registry(w, (struct fl_registry_opts){.keys = FL_REGISTRY_DUPLICATE});
    struct fl_registry *registry = registry_of(w);
    for (int i = 0; i < CROWD; i++) {
        fl_node_spawn_run(w->node, joins, &registry, sizeof(struct fl_registry *), NULL, &pids[i]);
        if (i % 100 == 99) fl_sim_run(w->node, 0);
    }
    assert_int_equal(fl_registry_count(registry), 2 * CROWD);
    for (int i = 0; i < CROWD; i++)
        fl_node_exit(w->node, pids[i], fl_reason_of(FL_EXIT_KILL));
    fl_sim_run(w->node, 0);
    assert_int_equal(fl_registry_count(registry), 0);
    assert_int_equal(fl_registry_whereis(registry, "crowd").bits, 0);
}

/* ---- via, meta */

static void serves(struct fl_self *self, struct world *w)
{
    struct fl_msg msg;
    put(self, w, "room", "");
    while (fl_receive(self, NULL, NULL, fl_s(5), &msg) == 0) {
        write_down(w, "%s %u\n", msg.kind == FL_MSG_CALL ? "call" : "cast", msg.tag);
        fl_self_reply(self, msg.from, msg.ref, "yes", 3);
    }
}

static void calls_via(struct fl_self *self, struct world *w)
{
    char reply[8];
    size_t len = 0;
    struct fl_registry *registry = registry_of(w);
    int rc = fl_via_call(self, registry, "room", 1, NULL, 0, reply, 8, &len, fl_s(1));
    write_down(w, "room: %s %.*s\n", fl_code_name(rc), (int)len, reply);
    assert_int_equal(fl_via_send(self, registry, "room", 2, NULL, 0), 0);
    rc = fl_via_call(self, registry, "moor", 1, NULL, 0, reply, 8, &len, fl_s(1));
    write_down(w, "moor: %s\n", fl_code_name(rc));
    assert_int_equal(fl_via_send(self, registry, "moor", 2, NULL, 0), FL_ENOPROC);
}

static void c72_a_key_is_a_name_and_a_missing_one_is_nobody(void **state)
{
    struct world *w = *state;
    world_play(w, serves, 0);
    world_play(w, calls_via, 0);
    expect_diary(w, "call 1\nroom: ok yes\nmoor: no such process\ncast 2\n");
}

static void a_registry_remembers_things_about_itself(void **state)
{
    struct world *w = *state;
    struct fl_registry *registry = registry_of(w);
    char text[4];
    size_t len = 0;
    assert_int_equal(fl_registry_meta(registry, "motto", text, 4, NULL), FL_ENOTFOUND);
    fl_registry_put_meta(registry, "motto", "onward", 6);
    fl_registry_put_meta(registry, "motto", "upward!", 7);
    assert_int_equal(fl_registry_meta(registry, "motto", text, 4, &len), 0);
    assert_int_equal(len, 7);
    assert_memory_equal(text, "upwa", 4);
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(c185_a_unique_key_has_one_owner_who_cannot_have_it_twice),
        STORY(only_the_owner_changes_a_value),
        STORY(c186_a_duplicate_key_has_many_and_all_of_mine_go_at_once),
        STORY(c188_whoever_learns_of_an_end_finds_no_entry),
        STORY(c189_listeners_hear_of_each_once_also_at_an_end),
        STORY(c190_dispatch_is_not_called_for_an_empty_key),
        STORY(c191_a_crowd_of_one_key_ends_in_linear_time),
        STORY(c72_a_key_is_a_name_and_a_missing_one_is_nobody),
        STORY(a_registry_remembers_things_about_itself),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
