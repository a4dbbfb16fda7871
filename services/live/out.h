/* out.h: what a compiled template calls to put one render into a tree (tree.h).
 *
 * Only generated code, and what stands in for it in tests, includes this. A render is a nest of
 * nodes: fl_out_begin, then one call for each of its slots in order (a value, an attribute, a
 * node, a list, or fl_out_empty), then fl_out_end. What does not fit into the tree's limits is
 * dropped, and the render says so at its end; nothing here fails. Values are copied and escaped,
 * bytes that are not UTF-8 become U+FFFD. Thread: the one that renders. */
#ifndef FL_LIVE_OUT_H
#define FL_LIVE_OUT_H

#include "runtime/base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct fl_live_out; /* a render that is being made */
struct fl_live_stream;

/** What never changes of a node: the HTML around its slots. Its address is its identity. */
struct fl_live_statics {
    uint16_t slots_count;
    bool is_element;            /* its HTML is exactly one element; of a list: each entry's */
    const struct fl_str *texts; /* slots_count + 1 */
    struct fl_str json;         /* the texts as a JSON array: ["<b>","</b>"] */
};

/** What the template compiler makes of a file. */
struct fl_live_template {
    const char *name;
    void (*render)(struct fl_live_out *out, const void *state);
};

/** Opens a node: the root, or the next slot of the open one. */
void fl_out_begin(struct fl_live_out *out, const struct fl_live_statics *statics);
/** Closes the open node. */
void fl_out_end(struct fl_live_out *out);
/** Fills the next slot with nothing. */
void fl_out_empty(struct fl_live_out *out);

/** Fills the next slot with a list of this many entries. Then follow, for as many as it returns,
 * fl_out_item, the entry's slots and fl_out_item_end; and fl_out_list_end. */
size_t fl_out_list(struct fl_live_out *out, const struct fl_live_statics *statics, size_t count);
/** Opens an entry that is its position's. */
void fl_out_item(struct fl_live_out *out);
/** Opens an entry that this number identifies. */
void fl_out_item_int(struct fl_live_out *out, int64_t key);
/** The same, of an unsigned number. */
void fl_out_item_uint(struct fl_live_out *out, uint64_t key);
/** Opens an entry that this text identifies; copied. */
void fl_out_item_text(struct fl_live_out *out, const char *key);
/** The same, of a view. */
void fl_out_item_str(struct fl_live_out *out, struct fl_str key);
/** Closes the open entry. */
void fl_out_item_end(struct fl_live_out *out);
/** Closes the list or stream. */
void fl_out_list_end(struct fl_live_out *out);

/** Fills the next slot with what a stream has to show now: as fl_out_list, but each entry is opened
 * by fl_out_stream_item. */
size_t fl_out_stream(struct fl_live_out *out, const struct fl_live_statics *statics,
                     const struct fl_live_stream *stream);
/** Opens the entry of this position and returns its item. */
const void *fl_out_stream_item(struct fl_live_out *out, size_t index);
/** Fills the next slot with the DOM id of the open entry. */
void fl_out_stream_id(struct fl_live_out *out);

/** Fills the next slot with text, escaped; NULL is empty. */
void fl_out_text(struct fl_live_out *out, const char *text);
/** The same, of a view. */
void fl_out_str(struct fl_live_out *out, struct fl_str text);
/** Fills the next slot with a number. */
void fl_out_int(struct fl_live_out *out, int64_t number);
/** The same, of an unsigned one. */
void fl_out_uint(struct fl_live_out *out, uint64_t number);
/** Fills the next slot with a number in its shortest form that reads the same. */
void fl_out_real(struct fl_live_out *out, double number);
/** Fills the next slot with `true` or `false`. */
void fl_out_bool(struct fl_live_out *out, bool is);
/** Fills the next slot with formatted text, escaped. */
void fl_out_printf(struct fl_live_out *out, const char *format, ...) FL_PRINTF(2, 3);
/** Fills the next slot with HTML as it stands; NULL is empty. */
void fl_out_html_text(struct fl_live_out *out, const char *html);
/** The same, of a view. */
void fl_out_html_str(struct fl_live_out *out, struct fl_str html);
/** Fills the next slot with the start of an address: escaped, and `#` when a script would run. */
void fl_out_url_text(struct fl_live_out *out, const char *url);
/** The same, of a view. */
void fl_out_url_str(struct fl_live_out *out, struct fl_str url);

/** The name of an attribute for the next slot: ` name="value"` comes of the value that follows;
 * nothing of NULL. */
void fl_out_name(struct fl_live_out *out, const char *name);
/** Fills the next slot with ` name=""`, or nothing. After fl_out_name. */
void fl_out_is(struct fl_live_out *out, bool is);

/* clang-format off */
#define FL_OUT_INTEGERS_(as_int, as_uint)                                            \
    signed char: as_int, short: as_int, int: as_int, long: as_int, long long: as_int, \
    unsigned char: as_uint, unsigned short: as_uint, unsigned int: as_uint,           \
    unsigned long: as_uint, unsigned long long: as_uint
#define FL_OUT_TEXTS_(as_text, as_str) \
    char *: as_text, const char *: as_text, struct fl_str: as_str

/** Fills the next slot with a value of any type that a template may show. */
#define fl_out_value(out, value)                                    \
    _Generic((value), bool: fl_out_bool,                            \
             double: fl_out_real, float: fl_out_real,               \
             FL_OUT_INTEGERS_(fl_out_int, fl_out_uint),             \
             FL_OUT_TEXTS_(fl_out_text, fl_out_str))(out, value)
/** The same, of an attribute's whole value: a bool says whether it is there. After fl_out_name. */
#define fl_out_attr(out, value)                                     \
    _Generic((value), bool: fl_out_is,                              \
             double: fl_out_real, float: fl_out_real,               \
             FL_OUT_INTEGERS_(fl_out_int, fl_out_uint),             \
             FL_OUT_TEXTS_(fl_out_text, fl_out_str))(out, value)
/** The same, of the start of an address. */
#define fl_out_url(out, value) \
    _Generic((value), FL_OUT_TEXTS_(fl_out_url_text, fl_out_url_str))(out, value)
/** The same, of HTML as it stands. */
#define fl_out_html(out, value) \
    _Generic((value), FL_OUT_TEXTS_(fl_out_html_text, fl_out_html_str))(out, value)
/** Opens an entry of a list by its key. */
#define fl_out_item_by(out, key)                                    \
    _Generic((key), FL_OUT_INTEGERS_(fl_out_item_int, fl_out_item_uint), \
             FL_OUT_TEXTS_(fl_out_item_text, fl_out_item_str))(out, key)
/* clang-format on */

#endif
