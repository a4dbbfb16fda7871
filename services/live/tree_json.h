/* tree_json.h: writes pieces of a tree as LiveView's JSON. Private to services/live/tree*.c. */
#ifndef FL_LIVE_TREE_JSON_H
#define FL_LIVE_TREE_JSON_H

#include "services/live/tree_inside.h"

enum { FL_LIVE_SHARED_MAX = 64 }; /* a power of two */

/** One message that is being written. */
struct fl_live_json {
    struct fl_buf *out;
    size_t start;    /* of the message in out */
    size_t in_lists; /* what stands in a list shares its statics ("p") */
    size_t shared_count;
    const struct fl_live_statics *shared[FL_LIVE_SHARED_MAX]; /* by number */
    uint8_t found[2 * FL_LIVE_SHARED_MAX];                    /* by address: number + 1, or 0 */
};

/** Appends `,` when something stands before it in its object or list. */
void fl_json_comma(struct fl_live_json *json);
/** Appends `"12":`, a member's name, after a comma where one belongs. */
void fl_json_member(struct fl_live_json *json, size_t number);
/** Appends a number. */
void fl_json_number(struct fl_live_json *json, size_t number);
/** Appends text without escapes. */
void fl_json_put(struct fl_live_json *json, struct fl_str text);

/** Appends one slot's value, whole. */
void fl_json_slot(struct fl_live_json *json, const struct fl_live_slot *slot);
/** Appends all of a node's slots as members. */
void fl_json_slots(struct fl_live_json *json, const struct fl_live_slot *slots, size_t count);
/** Appends `"s":…`, and `"r":1` after it. */
void fl_json_statics(struct fl_live_json *json, const struct fl_live_statics *statics);
/** Appends the members of a list, or of what a stream has to show, without braces and statics. */
void fl_json_list(struct fl_live_json *json, const struct fl_live_list *list);
/** Appends one whole entry of a list. */
void fl_json_entry(struct fl_live_json *json, const struct fl_live_list *list, size_t index);

/** Appends what differs between two nodes' slots as members; false: nothing. */
bool fl_json_slots_diff(struct fl_live_json *json, const struct fl_live_slot *old,
                        const struct fl_live_slot *now, size_t count);
/** Appends what differs between two lists of the same statics, without braces; false: nothing. */
bool fl_json_list_diff(struct fl_live_json *json, const struct fl_live_list *old,
                       const struct fl_live_list *now);

#endif
