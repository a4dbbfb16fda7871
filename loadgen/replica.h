/* replica.h: one client's own copy of a document that many write, kept by applying what the server
 * says was done to it (docs/editor.md).
 *
 * What a load writes are *tokens*: a key in hexadecimal and a space. They go in between tokens, and
 * come out whole, so that a text is always a row of whole tokens; all of it is ASCII, so that a
 * byte is a unit of the protocol. Knows: the form of operations. Does not know: who sends them.
 * Pure. */
#ifndef FL_LOADGEN_REPLICA_H
#define FL_LOADGEN_REPLICA_H

#include "runtime/base/json.h"
#include "runtime/base/rng.h"

/** Zero is the empty text that nothing is known of. */
struct fl_replica {
    struct fl_buf text;
    int64_t rev;   /* what is applied */
    bool is_known; /* there is a text */
};

/** Frees it. */
void fl_replica_fini(struct fl_replica *replica);
/** The whole text, as it is at this revision. */
void fl_replica_load(struct fl_replica *replica, int64_t rev, const char *text);
/** Does an operation, `[5,"abc",-2]`, which makes it the next revision. FL_EBADMSG: it cannot be
 * done to this text; nothing of it was. */
int fl_replica_apply(struct fl_replica *replica, const cJSON *op);
/** Is this token in it? *at and *len: where, with its space. */
bool fl_replica_find(const struct fl_replica *replica, uint64_t key, size_t *at, size_t *len);
/** Appends an operation that puts a token in at a place that is drawn, and takes another one out
 * (0: none), which must be there. */
void fl_replica_put_edit(const struct fl_replica *replica, struct fl_rng *rng, uint64_t key,
                         uint64_t out_key, struct fl_buf *out);
/** What this text at this revision hashes to; never 0. */
uint64_t fl_replica_hash(const struct fl_replica *replica);
/** Takes the next token off the front of a text; *key is 0 for what is none. False: the end. */
bool fl_token_take(struct fl_str *rest, uint64_t *key);

#endif
