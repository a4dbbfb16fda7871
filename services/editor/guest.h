/* guest.h: one page's side of the protocol on the server: what it asks goes to the document or the
 * archive, what comes of it goes back as events. The same behind a live view and behind a channel.
 *
 * docs/editor.md has the events. Knows: documents, the archive, presence, JSON. Does not know: how
 * events travel. Thread: its process. Nothing here waits for a document: whoever is slow is slow
 * for one page. */
#ifndef FL_EDITOR_GUEST_H
#define FL_EDITOR_GUEST_H

#include "runtime/presence.h"
#include "services/editor/doc.h"

#define FL_GUEST_PEOPLE_MAX 500 /* in one document, and shown */
#define FL_GUEST_ASKS_MAX 32    /* answers that one page waits for */

/** To subscribers of a document: JSON of `people`. */
#define FL_GUEST_PEOPLE 0x65640030

/** What a node's guests share; lives as long as it. */
struct fl_guests {
    struct fl_docs docs;
    struct fl_presence *presence;
};
/** The options of that presence: it tells people as JSON. */
struct fl_presence_opts fl_guests_presence_opts(struct fl_pubsub *pubsub);

/** Tells the page. payload is a JSON object, valid during the call. */
typedef void (*fl_guest_push)(void *cx, const char *event, struct fl_str payload);

/* An answer that is on its way, and what it is for. */
struct fl_guest_ask {
    uint64_t ref;
    int kind;
    int64_t number;                         /* the seq of a submit, the revision of a text */
    char client[FL_DOC_ARCHIVE_CLIENT_MAX]; /* of a submit */
    size_t client_len;
};
/** One page. Zero it. */
struct fl_guest {
    const struct fl_guests *guests;
    struct fl_self *self;
    fl_guest_push push;
    void *cx;
    char name[FL_DOC_ARCHIVE_NAME_MAX + 1]; /* the document's */
    char topic[FL_DOC_FULL_NAME_MAX];
    char by[FL_DOC_ARCHIVE_BY_MAX]; /* the person's */
    size_t by_len;
    char client[FL_DOC_ARCHIVE_CLIENT_MAX]; /* this load of the page's */
    size_t client_len;
    bool is_tracked;
    struct fl_guest_ask asks[FL_GUEST_ASKS_MAX];
    size_t asks_count;
    struct fl_buf out, scratch;
    /* What is too large for one event goes in parts, as the page asks for them. */
    struct fl_buf large;
    char large_event[16];
};

/** Comes to a document: subscribes. The guest lives as long as the process; FL_EBADMSG: no name. */
int fl_guest_come(struct fl_guest *guest, struct fl_self *self, const struct fl_guests *guests,
                  struct fl_str name, fl_guest_push push, void *cx);
/** An event of the page; false: it is none of ours, or makes no sense. */
bool fl_guest_on_event(struct fl_guest *guest, struct fl_str event, struct fl_str payload);
/** A message of another process. */
void fl_guest_on_message(struct fl_guest *guest, const struct fl_msg *msg);
/** The answer to a call. */
void fl_guest_on_reply(struct fl_guest *guest, uint64_t ref, int code, const void *data,
                       size_t len);

#endif
