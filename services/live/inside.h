/* inside.h: what the files of services/live share and no view sees.
 *
 * Memory: callbacks may be killed while they block, so whatever is malloc'ed hangs off a struct
 * that fl_self_own frees. A struct fl_live is of one process: a channel's, or one that makes a dead
 * render. */
#ifndef FL_LIVE_INSIDE_H
#define FL_LIVE_INSIDE_H

#include "services/live/live.h"
#include "services/live/tree.h"

#define LIVE_CLIENT_VERSION "1.2.12" /* phoenix_live_view in assets/package.json */
#define LIVE_PATHS_MAX 8             /* fl_live_patch from on_params, one after the other */
#define LIVE_WAITING_MAX 64          /* callbacks without a render, when it may be pushed */
#define LIVE_PUSH_EVERY_NS fl_ms(16) /* what changes more often is pushed at this rate */

/* ---- memory.c: pieces of memory that do not move and are dropped together */

struct live_memory {
    struct live_chunk *chunks; /* newest first */
};
/** Memory until live_memory_drop; not zeroed. */
void *live_memory_take(struct live_memory *memory, size_t bytes);
/** A copy. */
struct fl_str live_memory_keep(struct live_memory *memory, struct fl_str text);
/** Everything taken is gone; a small piece is kept for the next time. */
void live_memory_drop(struct live_memory *memory);
/** The last word: frees all. */
void live_memory_fini(struct live_memory *memory);

/* ---- url.c: where a page is */

struct live_pair {
    struct fl_str name, value;
};
/* A path and query of a site's page; zero is none. */
struct live_url {
    const struct fl_live_page *page;
    struct fl_buf text; /* all views point into it */
    struct fl_str path, query;
    struct live_pair *pairs; /* parameters first */
    size_t params_count, pairs_count;
};
/** Reads a path with its query, or a whole http address, and finds its page. FL_ENOTFOUND: none;
 * url is zero then. */
int live_url_open(struct live_url *url, const struct fl_live_site *site, struct fl_str target);
/** Frees; zero is fine. */
void live_url_fini(struct live_url *url);
/** What callbacks get; valid as long as url. */
struct fl_live_request live_url_request(const struct live_url *url);
/** Cuts `a=b&c=d` into decoded pairs, at most pairs_max; decoded has room for text.len bytes more
 * and does not move. Returns how many. */
size_t live_url_pairs(struct fl_str text, struct fl_buf *decoded, struct live_pair *pairs,
                      size_t pairs_max);

/* ---- a view's process */

enum live_go { LIVE_STAY, LIVE_PATCH, LIVE_NAVIGATE, LIVE_REDIRECT };

struct fl_live {
    struct fl_self *self;
    struct fl_channel *ch; /* NULL: a dead render */
    const struct fl_live_site *site;
    const void *args;
    const struct fl_live_view *view; /* NULL until it is known */
    void *state;
    struct live_url url;
    struct fl_buf session;     /* of the browser */
    struct fl_live_tree shown; /* what the page shows */

    /* what callbacks asked for since the last word to the page */
    enum live_go go;
    bool go_replace;
    struct fl_buf go_to;
    struct fl_buf title;  /* of the page */
    struct fl_buf events; /* `["name",{…}],…` */
    struct fl_buf reply;  /* of a hook's event */
    bool is_title_new, has_reply;
    bool is_unchanged; /* of the callback that runs */
    bool is_stale;     /* the state may differ from what the page shows */
    unsigned waiting;  /* callbacks since the last render */
    fl_ns pushed_ns;   /* when the last diff was pushed that no event asked for */

    bool is_mounted, is_leaving; /* on_mount said 0; the page goes elsewhere */
    struct live_stream *streams;
    uint32_t streams_count;
    struct live_memory scratch; /* of the callback that runs */
    struct fl_buf out;          /* the message being written */
};

/* view.c */
/** A live view that is not mounted yet, owned by the process; ch NULL: for a dead render. */
struct fl_live *live_open(struct fl_self *self, const struct fl_live_site *site, const void *args,
                          struct fl_channel *ch);
/** Mounts the view of live->url and calls on_params. 0, or what on_mount returned; afterwards
 * live->go says whether it wants to be elsewhere. */
int live_mount(struct fl_live *live);
/** Calls on_params for live->url. */
void live_params(struct fl_live *live);
/** Renders; false: the view has failed. The page shows the new tree from now on; appends the
 * members of a diff to out, or of the whole when is_whole. */
bool live_render(struct fl_live *live, bool is_whole, struct fl_buf *out);
/** Calls on_end, once. */
void live_end(struct fl_live *live);
/** Does the process end after this callback? */
bool live_is_failing(const struct fl_live *live);

/* say.c */
/** After a callback: follows patches, then tells the page what has changed: in the answer to ref,
 * or, when ref.at is NULL, soon. */
void live_settle(struct fl_live *live, struct fl_str ref);
/** Sees to it that what is not told yet will be. Any message takes a waiting turn back, so after
 * each one that is not settled. */
void live_rest(struct fl_live *live);
/** Tells the page now. */
void live_flush(struct fl_live *live, struct fl_str ref);
/** Appends `{"kind":…,"to":…}` or `{"to":…}` of live->go. */
void live_put_go(const struct fl_live *live, struct fl_buf *out);
/** Appends the members "t" and "e" (and "r") that wait to be said, each with a comma before it
 * when out does not end with a brace; they are said then. */
void live_put_said(struct fl_live *live, struct fl_buf *out);
/** Follows LIVE_PATCH: the url becomes that one, and on_params runs, until it is content. The page
 * is told when is_told. What leads to another view becomes LIVE_NAVIGATE. */
void live_follow(struct fl_live *live, bool is_told);

/* stream.c */
/** Forgets what streams had to show. */
void live_streams_shown(struct fl_live *live);
/** Have streams something to show? */
bool live_streams_wait(const struct fl_live *live);
/** Frees them. */
void live_streams_fini(struct fl_live *live);

/* session.c */
enum live_trust { LIVE_FORGED, LIVE_OLD, LIVE_KNOWN, LIVE_FRESH };
/** Makes the id of a page; is_again: its browser came here from this very page. */
void live_session_id(struct fl_self *self, bool is_again, char out[48]);
/** Is it the id of a page that was loaded again? */
bool live_session_is_again(struct fl_str id);
/** Appends the signed token of a page, for a browser's session. */
void live_session_put(const struct fl_web_secret *secret, struct fl_str id, struct fl_str session,
                      struct fl_buf *out);
/** How much a token is worth for the page of this id; FRESH: made within half a minute. Appends the
 * browser's session when it is KNOWN or FRESH. */
enum live_trust live_session_check(const struct fl_web_secret *secret, struct fl_str id,
                                   struct fl_str token, struct fl_buf *out_session);

#endif
