/* http_parts.h: what the queue's HTTP handlers share: reading fields, asking, answering errors.
 *
 * A handler reads all it needs into an operation, asks once, and answers; the first thing that is
 * wrong has been answered when a function says false. Thread: a connection's process. */
#ifndef FL_QUEUE_HTTP_PARTS_H
#define FL_QUEUE_HTTP_PARTS_H

#include "services/queue/keeper.h"
#include "services/web/web.h"

#define HTTP_MEMBERS_MAX 24 /* of an object that are kept; the rest is looked for */

/** The members of a JSON object, found in one pass: handlers ask for many that are not there. */
struct http_members {
    struct fl_str object;
    struct {
        struct fl_str name, value; /* name without its quotes, as it stands */
    } at[HTTP_MEMBERS_MAX];
    size_t count;
    bool is_odd; /* more members, or a name with an escape: each is looked for in the text */
};

/** A request while it is read and answered. */
struct http {
    struct fl_self *self;
    struct fl_web *web;
    const struct fl_web_request *req;
    struct http_members body; /* checked: a JSON object */
    struct fl_buf texts;      /* decoded; does not move */
    struct fl_buf request;
    struct fl_buf hold; /* the answer, which rows and json point into */
    const struct fl_keeper_answer *rows;
    struct fl_str json;
};

/** Begins; false: the body is not a JSON object (an empty one counts as {} unless body_wanted). */
bool http_begin(struct http *http, struct fl_self *self, struct fl_web *web,
                const struct fl_web_request *req, bool body_wanted);
/** Frees what a request holds. Once for each http_begin. */
void http_end(struct http *http);

/** Answers 400, naming the field. Always false. */
bool http_bad(struct http *http, const char *field, const char *words);
/** Answers an error value of an operation of this kind. Always false. */
bool http_fail(struct http *http, int code, enum fl_store_op_kind kind);
/** The words for an error value of an operation. */
const char *http_words(int code, enum fl_store_op_kind kind);

/** Reads an object's members; false: this is no object, or no JSON. */
bool http_scan(struct http_members *members, struct fl_str text);
/** The raw value of a member; at NULL: absent. */
struct fl_str http_get(const struct http_members *object, const char *name);

/** A whole number member within limits; absent leaves *out as it is. */
bool http_whole(struct http *http, const struct http_members *object, const char *name,
                int64_t least, int64_t most, int64_t *out);
/** A text member of 1 to max bytes; absent or null: at NULL. */
bool http_text(struct http *http, const struct http_members *object, const char *name, size_t max,
               struct fl_str *out);
/** Any JSON as it stands; absent: at NULL. Larger than max: answered 413. */
bool http_json(struct http *http, const struct http_members *object, const char *name, size_t max,
               struct fl_str *out);
/** A lease: 16 hexadecimal digits. */
bool http_lease(struct http *http, const struct http_members *object, uint64_t *out);
/** The id in the path. */
bool http_id(struct http *http, int64_t *out);
/** The queue in the path: one that could be; no path parameter: none, which is the default one. */
bool http_queue(struct http *http, struct fl_str *out);
/** A state in the query. */
bool http_state(struct http *http, enum fl_job_state *out);

/** Adds an operation to what is asked. */
void http_put(struct http *http, const struct fl_store_op *op);
/** Asks for `count` operations that http_put collected; false: there is no answer. */
bool http_ask_some(struct http *http, size_t count, size_t json_max, enum fl_store_op_kind kind);
/** Asks for one operation; true: it went well, and rows[0] and json say how. */
bool http_ask(struct http *http, const struct fl_store_op *op, size_t json_max);
/** Asks for what http_put collected; true: rows are there, and the commit did not fail. */
bool http_ask_all(struct http *http, size_t count, enum fl_store_op_kind kind);
/** Answers with JSON that is printed here; at most 512 bytes. */
void http_say(struct http *http, int status, const char *format, ...) FL_PRINTF(3, 4);

#endif
