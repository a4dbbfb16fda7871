/* author.h: one simulated person who writes in a document (docs/editor.md), with one edit in flight
 * at a time: it goes out again, under its id, until the history says that it is in.
 *
 * Shows nothing of its own before the history has it, so that it needs no transformation: an edit
 * is made for a text that is known, and goes out again as it was made; the server moves it. Each
 * edit puts one token in; from the keep'th on it takes the person's oldest out. Thread: the loop's.
 */
#ifndef FL_LOADGEN_AUTHOR_H
#define FL_LOADGEN_AUTHOR_H

#include "loadgen/member.h"
#include "loadgen/replica.h"

/* The edit in flight. */
struct fl_author_edit {
    uint64_t key;     /* of the token; 0: nothing is in flight */
    uint64_t out_key; /* the token that it takes out, or 0 */
    int64_t base;     /* the revision that it was made for */
    struct fl_buf op;
    bool is_stale;              /* the server does not go back as far as its base: make it anew */
    struct fl_pending *pending; /* NULL: its deadline has passed */
};

struct fl_author {
    struct fl_member member;
    struct fl_load *load;
    uint32_t index, document;
    char id[40]; /* what the protocol calls the client */
    struct fl_replica replica;
    struct fl_rng rng;
    int64_t seq; /* of the edit in flight, or the last one */
    struct fl_author_edit edit;
    struct fl_pending *first, *last; /* edits that wait, by `work`, in due order */
    uint64_t *kept;                  /* own tokens that are in, oldest first: a ring */
    uint32_t kept_max, kept_count, kept_at;
    bool is_syncing;
    bool wants_end, is_at_end; /* of the history, when nobody writes any more */
    struct fl_buf parts;       /* of an event that comes in pieces */
    uv_timer_t retry;
};

struct fl_author_opts {
    struct fl_load *load;
    uint32_t index, document, keep;
};

/** Prepares an author and begins to connect. */
void fl_author_start(struct fl_author *author, const struct fl_author_opts *opts);
/** An edit is due: goes out now, or in its turn. */
void fl_author_write(struct fl_author *author, struct fl_pending *pending);
/** The deadline of one of its edits passed. One in flight goes on, as nobody's operation. */
void fl_author_drop(struct fl_author *author, const struct fl_pending *pending);
/** Is nothing in flight, and is it there to be asked? */
bool fl_author_is_idle(const struct fl_author *author);
/** Goes to the end of the history; true: it is there. Only when nobody has anything in flight. */
bool fl_author_end(struct fl_author *author);
/** Closes everything. */
void fl_author_stop(struct fl_author *author);
/** Frees what it holds, once the loop has ended. */
void fl_author_fini(struct fl_author *author);

#endif
