/* presence.h: who is where: processes are tracked under a topic and a key, with some bytes about
 * them (Elixir: Phoenix.Tracker and Phoenix.Presence, their local half).
 *
 * A key is a person, say, and each tracked process of it a device. What is tracked is in the list
 * at once and out of it when its process ends, before anybody is told of that end. Changes are told
 * by the *tracker*, a process, in one diff for all that happened to a topic since the last: a crowd
 * that comes at once costs a few diffs, not one each. Diffs of a topic come in order, and an entry
 * that was ever told or listed is told again when it goes: whoever subscribes, then lists, then
 * applies every diff that comes (joins first, entries are the same by their refs) is always right
 * in the end. A diff may be told twice, after the tracker was killed in the middle of it.
 *
 * The table is outside of any process: when the tracker ends, nobody is forgotten, and its
 * successor tells what it did not get to. Every ref names the replica that gave it, and its clock
 * there, so that tables of several nodes can be merged. Thread: any thread of the node. */
#ifndef FL_RUNTIME_PRESENCE_H
#define FL_RUNTIME_PRESENCE_H

#include "runtime/pubsub.h"

#define FL_PRESENCE_META_MAX 65536
#define FL_PRESENCE_KEY_MAX 1024

struct fl_presence;

/** The identity of an entry: every change of it gets a new one. clock 0: none. */
struct fl_presence_ref {
    uint64_t replica, clock;
};
#define FL_PRESENCE_REF_TEXT 40
/** A ref as text, the same for the same ref. Returns out. */
const char *fl_presence_ref_show(struct fl_presence_ref ref, char out[FL_PRESENCE_REF_TEXT]);

/** Entries as they are told and listed: packed one behind the other, those of one key in a row. */
struct fl_presence_view {
    const char *topic;
    const void *data;
    size_t len;
};
/** One of them; key and meta point into the view's data. */
struct fl_presence_entry {
    struct fl_str key, meta;
    struct fl_presence_ref ref, prev; /* prev: what it was before an update */
    struct fl_pid pid;
    bool left; /* of a diff: it went; else it came, or is there */
};
/** Takes the next entry off the front of the view; false: that was all. */
bool fl_presence_next(struct fl_presence_view *view, struct fl_presence_entry *out);

/* Casts. A view of what msg->data holds is {topic, msg->data, msg->len}. */
enum {
    FL_PRESENCE_DIFF = 0x66707201, /* to subscribers of the topic: what changed */
    FL_PRESENCE_STATE,             /* to who asked with fl_presence_ask: who is there */
};

struct fl_presence_opts {
    struct fl_pubsub *pubsub; /* diffs are broadcast here; outlives the presence */
    /** Tells a diff in its own way; NULL: broadcasts it as FL_PRESENCE_DIFF. In the tracker, and
     * may wait. */
    void (*on_diff)(struct fl_self *self, void *cx, const struct fl_presence_view *diff);
    /** Makes what FL_PRESENCE_STATE carries; NULL: the packed entries. Must not wait. */
    void (*put_state)(void *cx, const struct fl_presence_view *state, struct fl_buf *out);
    void *cx;
    size_t entries_max; /* 0: 1,000,000; more: FL_EFULL */
    uint64_t replica;   /* 0: drawn, so that refs of a restarted program are other ones */
};

/** Makes the table, never NULL; opts are copied. Give fl_presence_server a place in a tree, or use
 * fl_presence_start. Lives until fl_presence_free, its tracker and the last tracked process. */
struct fl_presence *fl_presence_new(struct fl_node *node, const struct fl_presence_opts *opts);
/** Lets go of it: nobody may use it after; processes may still be tracked. NULL is fine. */
void fl_presence_free(struct fl_presence *presence);
/** The tracker; args is the `struct fl_presence *`, of which there is one tracker at a time. */
extern const struct fl_server fl_presence_server;
/** Both at once, linked to self; self NULL: from outside a process, as fl_node_spawn. Codes of
 * fl_spawn; *out only on success. */
int fl_presence_start(struct fl_node *node, struct fl_self *self,
                      const struct fl_presence_opts *opts, struct fl_presence **out);

/** I am there, until I end or fl_presence_untrack. Key and meta are copied. FL_ETAKEN: I am already
 * tracked under this topic and key; FL_ERANGE: too long; FL_EFULL (Elixir: track). */
int fl_presence_track(struct fl_self *self, struct fl_presence *presence, const char *topic,
                      struct fl_str key, struct fl_str meta);
/** Changes what is said of me, in one diff: the old entry goes, the new one comes with its ref as
 * prev. FL_ENOTFOUND: I am not tracked there; FL_ERANGE (Elixir: update). */
int fl_presence_update(struct fl_self *self, struct fl_presence *presence, const char *topic,
                       struct fl_str key, struct fl_str meta);
/** I am not there any more; FL_ENOTFOUND: I was not (Elixir: untrack/3). */
int fl_presence_untrack(struct fl_self *self, struct fl_presence *presence, const char *topic,
                        struct fl_str key);
/** I am nowhere any more; returns where I was, in entries (Elixir: untrack/1). */
size_t fl_presence_untrack_all(struct fl_self *self, struct fl_presence *presence);

/** Appends who is there to out, packed; returns how many entries (Elixir: list). */
size_t fl_presence_list(struct fl_presence *presence, const char *topic, struct fl_buf *out);
/** The same for one key (Elixir: get_by_key). */
size_t fl_presence_get(struct fl_presence *presence, const char *topic, struct fl_str key,
                       struct fl_buf *out);
/** How many entries a topic has, and in *keys (may be NULL) how many keys. */
size_t fl_presence_count(struct fl_presence *presence, const char *topic, size_t *keys);
/** I will get FL_PRESENCE_STATE, once, made when the next diff of the topic was told: all who ask
 * at once share one. Diffs that I get before it may be dropped. */
void fl_presence_ask(struct fl_self *self, struct fl_presence *presence, const char *topic);

#endif
