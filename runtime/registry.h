/* registry.h: processes found by keys, any number of them, with a value each (Elixir: Registry).
 *
 * A process registers itself, and only itself; its entries end with it, before anybody is told of
 * its end, so that a lookup never finds the dead. Registering, unregistering and the end of a
 * process take the same time in any crowd. The table is split by key, each part under its own lock;
 * nothing of yours is called while one is held. Thread: any thread of the node, for all that does
 * not take a `struct fl_self *`. A process under a key instead of a name: it registers itself in
 * its on_init and returns the code, so that FL_ETAKEN is what its starter gets. */
#ifndef FL_RUNTIME_REGISTRY_H
#define FL_RUNTIME_REGISTRY_H

#include "runtime/process.h"

struct fl_registry;

enum fl_registry_keys { FL_REGISTRY_UNIQUE = 0, FL_REGISTRY_DUPLICATE };

struct fl_registry_opts {
    enum fl_registry_keys keys;
    int partitions; /* 0: one a shard */
    /* Registered names of processes that hear of each register and unregister, up to a NULL; NULL:
     * none. Not copied. */
    const char *const *listeners;
};
/* What listeners get: casts with these tags; fl_registry_event_read reads them. */
enum { FL_REGISTRY_REGISTERED = 0x666c7265, FL_REGISTRY_UNREGISTERED };

/** An entry, as found; lives as long as the array that it is in. */
struct fl_registry_entry {
    const char *key;
    struct fl_pid pid;
    const void *value;
    size_t len; /* of value, bytes */
};

/** Makes one. Lives until fl_registry_free, and the last process that is in it (Elixir:
 * Registry.start_link). */
struct fl_registry *fl_registry_new(struct fl_node *node, const struct fl_registry_opts *opts);
/** Lets go of it: nobody may use it after; processes may still be in it. NULL is fine. */
void fl_registry_free(struct fl_registry *registry);

/** Puts me under this key; key and value are copied. Returns 0, or for unique keys FL_ETAKEN and
 * *taken_by (may be NULL), also when that is me (Elixir: register). */
int fl_registry_register(struct fl_self *self, struct fl_registry *registry, const char *key,
                         const void *value, size_t len, struct fl_pid *taken_by);
/** Removes all my entries of the key; returns how many (Elixir: unregister). */
size_t fl_registry_unregister(struct fl_self *self, struct fl_registry *registry, const char *key);
/** Decides about an entry. Called with no lock held; must not wait. */
typedef bool (*fl_registry_match_fn)(void *cx, const struct fl_registry_entry *entry);
/** Removes those of my entries of the key that match; returns how many (Elixir:
 * unregister_match). */
size_t fl_registry_unregister_match(struct fl_self *self, struct fl_registry *registry,
                                    const char *key, fl_registry_match_fn match, void *cx);
/** Adds the new value of an entry to `now`, given the old one. */
typedef void (*fl_registry_update_fn)(void *cx, const void *old, size_t old_len,
                                      struct fl_buf *now);
/** Changes the value of my entry of the key: FL_ENOTFOUND when I have none, FL_ESTATE when keys are
 * not unique (Elixir: update_value). */
int fl_registry_update_value(struct fl_self *self, struct fl_registry *registry, const char *key,
                             fl_registry_update_fn update, void *cx);

/** The entries of a key, in the order of their registration, in one block to free(); returns how
 * many. *out is NULL when there are none (Elixir: lookup). */
size_t fl_registry_lookup(struct fl_registry *registry, const char *key,
                          struct fl_registry_entry **out);
/** The process under a unique key, or the first of a duplicate one, or FL_NO_PID (Elixir:
 * whereis_name). */
struct fl_pid fl_registry_whereis(struct fl_registry *registry, const char *key);
/** The same for entries that match (Elixir: match). */
size_t fl_registry_match(struct fl_registry *registry, const char *key, fl_registry_match_fn match,
                         void *cx, struct fl_registry_entry **out);
/** The entries of all keys that fit the glob and match (NULL: all of them), in no order; looks at
 * every key (Elixir: select). */
size_t fl_registry_select(struct fl_registry *registry, const char *glob,
                          fl_registry_match_fn match, void *cx, struct fl_registry_entry **out);
/** The entries of a process, oldest first (Elixir: keys, values). */
size_t fl_registry_keys(struct fl_registry *registry, struct fl_pid pid,
                        struct fl_registry_entry **out);
/** How many entries there are (Elixir: count). */
size_t fl_registry_count(struct fl_registry *registry);
/** Calls fn once with the entries of the key, unless there are none; in the caller. Returns how
 * many (Elixir: dispatch). */
size_t fl_registry_dispatch(struct fl_registry *registry, const char *key,
                            void (*fn)(void *cx, const struct fl_registry_entry *entries,
                                       size_t count),
                            void *cx);

/** Keeps something about the registry itself; copied, replaces (Elixir: put_meta). */
void fl_registry_put_meta(struct fl_registry *registry, const char *key, const void *value,
                          size_t len);
/** Copies at most value_max bytes of it; *len (may be NULL) is its whole length. FL_ENOTFOUND
 * (Elixir: meta). */
int fl_registry_meta(struct fl_registry *registry, const char *key, void *value, size_t value_max,
                     size_t *len);

/** Reads what a listener got; false: no message of a registry. *entry points into msg (Elixir:
 * {register, …} and {unregister, …} messages). */
bool fl_registry_event_read(const struct fl_msg *msg, struct fl_registry_entry *entry);

/** Calls whoever has the key: FL_ENOPROC when nobody; else as fl_call (OTP: call to {via, …}). */
int fl_via_call(struct fl_self *self, struct fl_registry *registry, const char *key, uint32_t tag,
                const void *data, size_t len, void *reply, size_t reply_max, size_t *reply_len,
                fl_ns timeout_ns);
/** Sends to whoever has the key: FL_ENOPROC when nobody; else as fl_send (OTP: cast to {via, …}).
 */
int fl_via_send(struct fl_self *self, struct fl_registry *registry, const char *key, uint32_t tag,
                const void *data, size_t len);

#endif
