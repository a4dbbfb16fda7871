/* roster.h: who is in a room, and the presence messages that say so.
 *
 * A user with several connections is one key with several metas. Knows: Phoenix presence. Does not
 * know: processes. Everything but the state text is O(1) in the members. */
#ifndef FL_CHAT_ROSTER_H
#define FL_CHAT_ROSTER_H

#include "runtime/base/str.h"

#define FL_ROSTER_REF_MAX 40

struct fl_roster_user;
/** One connection of a user. */
struct fl_roster_member {
    uint64_t id; /* of its process */
    uint64_t monitor;
    struct fl_roster_user *user;
    char ref[FL_ROSTER_REF_MAX];                    /* phx_ref: changes with the status */
    char ref_prev[FL_ROSTER_REF_MAX];               /* "" before the first change */
    char *status;                                   /* JSON text */
    struct fl_roster_member *next, *prev;           /* of the room, in order of arrival */
    struct fl_roster_member *user_next, *user_prev; /* of the user */
    struct fl_roster_member *bucket_next;
};

/** Zero is an empty one. */
struct fl_roster {
    struct fl_roster_member *first, *last;
    size_t members_count, users_count;
    struct fl_roster_member **by_id;
    struct fl_roster_user **by_name;
    size_t by_id_count, by_name_count; /* buckets, a power of two or 0 */
};

/** Adds a member; the id must be new. */
struct fl_roster_member *fl_roster_add(struct fl_roster *roster, uint64_t id, struct fl_str user,
                                       struct fl_str status, const char *ref);
/** The member of this id, or NULL. */
struct fl_roster_member *fl_roster_find(const struct fl_roster *roster, uint64_t id);
/** Removes and frees a member. */
void fl_roster_remove(struct fl_roster *roster, struct fl_roster_member *member);
/** Empties it. */
void fl_roster_fini(struct fl_roster *roster);

/** The user's name; lives as long as one of its members. */
struct fl_str fl_roster_name(const struct fl_roster_member *member);
/** Appends the payload of presence_state. */
void fl_roster_put_state(const struct fl_roster *roster, struct fl_buf *out);
/** Appends the payload of a presence_diff: the member came. */
void fl_roster_put_join(const struct fl_roster_member *member, struct fl_buf *out);
/** Appends the payload of a presence_diff: the member is about to be removed. */
void fl_roster_put_leave(const struct fl_roster_member *member, struct fl_buf *out);
/** Changes the status and appends the payload of the one presence_diff that says so. */
void fl_roster_update(struct fl_roster_member *member, struct fl_str status, const char *ref,
                      struct fl_buf *out);

#endif
