#include "tests/conformance/otp/otp_expect.h"

#include "runtime/registry.h"

/* The registry. Cases 185 to 191. Processes register themselves; the case asks from its own shard,
 * which may be another one. */

static struct fl_registry *open_registry(struct case_world *w, enum fl_registry_keys keys)
{
    return fl_registry_new(w->node, &(struct fl_registry_opts){.keys = keys});
}
#define AT(registry) .ref = (uintptr_t)(registry)

static struct fl_registry *registry_of(const struct case_order *order)
{
    return (struct fl_registry *)(uintptr_t)order->ref;
}

/* Under "key", with a value of one letter, which is the tag. */
ORDER(do_register)
{
    char value = (char)order->tag;
    struct fl_pid taken_by = FL_NO_PID;
    int rc = fl_registry_register(self, registry_of(order), "key", &value, 1, &taken_by);
    w->pids[0] = taken_by;
    note(w, "%s\n", rc == 0 ? "registered" : fl_code_name(rc));
}
ORDER(do_unregister)
{
    note(w, "%zu gone\n", fl_registry_unregister(self, registry_of(order), "key"));
}
static bool has_value(void *cx, const struct fl_registry_entry *entry)
{
    return entry->len == 1 && *(const char *)entry->value == *(const char *)cx;
}
ORDER(do_unregister_match)
{
    char value = (char)order->tag;
    note(w, "%zu gone\n",
         fl_registry_unregister_match(self, registry_of(order), "key", has_value, &value));
}

/* The values under the key, in order. */
static void lookup(struct fl_registry *registry, char *out)
{
    struct fl_registry_entry *entries = NULL;
    size_t count = fl_registry_lookup(registry, "key", &entries);
    for (size_t i = 0; i < count; i++)
        out[i] = *(const char *)entries[i].value;
    out[count] = '\0';
    free(entries);
}
#define expect_values(registry, text)                                               \
    do {                                                                            \
        char values_[64];                                                           \
        lookup((registry), values_);                                                \
        if (strcmp(values_, (text)) != 0)                                           \
            case_fail("expected the values %s under the key: %s", (text), values_); \
    } while (0)

/* A second owner is told who has it, and so is the owner itself. */
CASE(case_185_unique_second_owner_and_self_already_registered)
{
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_UNIQUE);
    struct fl_pid p = start(obey), q = start(obey);
    do_in(p, .fn = do_register, AT(registry), .tag = 'p');
    do_in(q, .fn = do_register, AT(registry), .tag = 'q');
    expect(fl_pid_eq(w->pids[0], p));
    do_in(p, .fn = do_register, AT(registry), .tag = 'x');
    expect(fl_pid_eq(w->pids[0], p));
    expect_diary("registered\nname is taken\nname is taken\n");
    expect_values(registry, "p");
    expect(fl_pid_eq(fl_registry_whereis(registry, "key"), p));
    fl_registry_free(registry);
}

/* Entries in order; unregister takes all of mine, and nobody else's. */
CASE(case_186_duplicate_entries_and_unregister_all)
{
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_DUPLICATE);
    struct fl_pid p = start(obey), q = start(obey);
    do_in(p, .fn = do_register, AT(registry), .tag = 'a');
    do_in(q, .fn = do_register, AT(registry), .tag = 'b');
    do_in(p, .fn = do_register, AT(registry), .tag = 'c');
    expect_values(registry, "abc");
    expect_eq(fl_registry_count(registry), 3);
    do_in(p, .fn = do_unregister, AT(registry));
    do_in(p, .fn = do_unregister, AT(registry));
    expect_diary("registered\nregistered\nregistered\n2 gone\n0 gone\n");
    expect_values(registry, "b");
    fl_registry_free(registry);
}

/* unregister_match takes those that match. */
CASE(case_186_unregister_match)
{
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_DUPLICATE);
    struct fl_pid p = start(obey), q = start(obey);
    do_in(p, .fn = do_register, AT(registry), .tag = 'a');
    do_in(p, .fn = do_register, AT(registry), .tag = 'b');
    do_in(q, .fn = do_register, AT(registry), .tag = 'a');
    do_in(p, .fn = do_unregister_match, AT(registry), .tag = 'a');
    expect_diary("registered\nregistered\nregistered\n1 gone\n");
    expect_values(registry, "ba");
    fl_registry_free(registry);
}

/* Whoever has its DOWN does not find the dead, in any of many rounds. */
CASE(case_188_lookup_hides_dead_owner_immediately)
{
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_UNIQUE);
    int rounds = case_times(w->simulated ? 40 : 400);
    for (int i = 0; i < rounds; i++) {
        uint64_t ref = 0;
        struct fl_pid p = start_watched(obey, &ref);
        do_in(p, .fn = do_register, AT(registry), .tag = 'a');
        tell(p, .fn = do_leave, .reason = BOOM);
        expect_down_with(ref, BOOM);
        if (fl_registry_whereis(registry, "key").bits != 0) case_fail("the dead is found");
        expect_values(registry, "");
        pthread_mutex_lock(&w->lock);
        w->diary[0] = '\0';
        pthread_mutex_unlock(&w->lock);
    }
    expect_eq(fl_registry_count(registry), 0);
    fl_registry_free(registry);
}

/* A listener hears of each once: registered, unregistered, and an end. */
CASE(case_189_listeners_see_register_and_unregister_once)
{
    static const char *const listeners[] = {"ear", NULL};
    struct fl_registry_opts opts = {.keys = FL_REGISTRY_UNIQUE, .listeners = listeners};
    struct fl_registry *registry = fl_registry_new(w->node, &opts);
    struct fl_pid ear = start_with(obey, .name = "ear"), p = start(obey);
    expect_alive(ear);
    do_in(p, .fn = do_register, AT(registry), .tag = 'a');
    expect_eq(next_seen(ear).tag, FL_REGISTRY_REGISTERED);
    do_in(p, .fn = do_unregister, AT(registry));
    expect_eq(next_seen(ear).tag, FL_REGISTRY_UNREGISTERED);
    do_in(p, .fn = do_register, AT(registry), .tag = 'b');
    expect_eq(next_seen(ear).tag, FL_REGISTRY_REGISTERED);
    tell(p, .fn = do_leave, .reason = BOOM);
    expect_eq(next_seen(ear).tag, FL_REGISTRY_UNREGISTERED);
    expect_sees_nothing(ear);
    fl_registry_free(registry);
}

static void count_entries(void *cx, const struct fl_registry_entry *entries, size_t count)
{
    size_t *calls = cx;
    calls[0]++;
    calls[1] += count;
}

/* The function is called once with all entries, and not at all without any. */
CASE(case_190_dispatch_not_called_for_empty_key)
{
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_DUPLICATE);
    struct fl_pid p = start(obey), q = start(obey);
    size_t calls[2] = {0};
    expect_eq(fl_registry_dispatch(registry, "key", count_entries, calls), 0);
    expect_eq(calls[0], 0);
    do_in(p, .fn = do_register, AT(registry), .tag = 'a');
    do_in(q, .fn = do_register, AT(registry), .tag = 'b');
    expect_eq(fl_registry_dispatch(registry, "key", count_entries, calls), 2);
    expect(calls[0] == 1 && calls[1] == 2);
    fl_registry_free(registry);
}

ORDER(do_register_often)
{
    for (uint32_t i = 0; i < order->tag; i++)
        fl_registry_register(self, registry_of(order), "key", "x", 1, NULL);
}

/* Many processes with many entries under one key are killed at once: none is left. */
CASE(case_191_a_crowd_of_one_key_is_cleaned_up)
{
    enum { CROWD = 20 };
    struct fl_registry *registry = open_registry(w, FL_REGISTRY_DUPLICATE);
    uint32_t each = (uint32_t)case_times(w->simulated ? 200 : 5000);
    uint64_t refs[CROWD];
    struct fl_pid pids[CROWD];
    for (int i = 0; i < CROWD; i++) {
        pids[i] = start_watched(obey, &refs[i]);
        do_in(pids[i], .fn = do_register_often, AT(registry), .tag = each);
    }
    expect_eq(fl_registry_count(registry), CROWD * each);
    for (int i = 0; i < CROWD; i++)
        fl_exit(self, pids[i], fl_reason_of(FL_EXIT_KILL));
    for (int i = 0; i < CROWD; i++)
        expect_down(refs[i], FL_EXIT_KILLED);
    expect_eq(fl_registry_count(registry), 0);
    fl_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_185_unique_second_owner_and_self_already_registered),
        cmocka_unit_test(case_186_duplicate_entries_and_unregister_all),
        cmocka_unit_test(case_186_unregister_match),
        cmocka_unit_test(case_188_lookup_hides_dead_owner_immediately),
        cmocka_unit_test(case_189_listeners_see_register_and_unregister_once),
        cmocka_unit_test(case_190_dispatch_not_called_for_empty_key),
        cmocka_unit_test(case_191_a_crowd_of_one_key_is_cleaned_up),
    };
    return cmocka_run_group_tests_name("the registry", tests, NULL, NULL);
}
