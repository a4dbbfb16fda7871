/* request.h: many calls on their way at once (OTP: gen_server:send_request and its collections,
 * abcast, multi_call).
 *
 * A collection remembers which of the caller's requests belong together, each with a label. Answers
 * come in the order in which they arrive. Finding one among many takes the same time as among few.
 * Thread: the caller's own. */
#ifndef FL_RUNTIME_REQUEST_H
#define FL_RUNTIME_REQUEST_H

#include "runtime/process.h"
#include "runtime/refs.h"

/** A collection; zero is a valid empty one. Its memory goes with the process, or by
 * fl_requests_abandon. */
struct fl_requests {
    struct fl_refs refs; /* ref to label */
};
/** An answer. */
struct fl_response {
    uint64_t ref, label;
    int code;         /* 0, or an error value: FL_ENOPROC, FL_EDIED, or what the server sent */
    const void *data; /* valid until the next fl_receive or the end of the handler */
    size_t len;
};

/** Calls without waiting and keeps the request under this label. Returns its ref (OTP:
 * send_request/4). */
uint64_t fl_requests_send(struct fl_self *self, struct fl_requests *requests, struct fl_pid to,
                          uint32_t tag, const void *data, size_t len, uint64_t label);
/** Adds a request of fl_call_async: FL_ETAKEN when it is in already (OTP: reqids_add, badarg). */
int fl_requests_add(struct fl_self *self, struct fl_requests *requests, uint64_t ref,
                    uint64_t label);
/** How many wait for their answer (OTP: reqids_size). */
size_t fl_requests_count(const struct fl_requests *requests);

/** Waits for the next answer, which leaves the collection. FL_ENOTFOUND: there is no request.
 * FL_ETIMEOUT: time is up; all that are left are abandoned (OTP: receive_response/3). */
int fl_requests_receive(struct fl_self *self, struct fl_requests *requests, fl_ns timeout_ns,
                        struct fl_response *out);
/** The same, but after FL_ETIMEOUT one can ask again (OTP: wait_response/3). */
int fl_requests_wait(struct fl_self *self, struct fl_requests *requests, fl_ns timeout_ns,
                     struct fl_response *out);
/** As fl_requests_receive, until an instant of fl_self_now (OTP: {abs, Deadline}). */
int fl_requests_receive_until(struct fl_self *self, struct fl_requests *requests, fl_ns deadline_ns,
                              struct fl_response *out);
/** As fl_requests_wait, until an instant of fl_self_now (OTP: wait_response with {abs, _}). */
int fl_requests_wait_until(struct fl_self *self, struct fl_requests *requests, fl_ns deadline_ns,
                           struct fl_response *out);
/** Is this message the answer to one of them? 0: yes, it leaves the collection. FL_EBADMSG: no.
 * FL_ENOTFOUND: there is no request. For bodies, and for on_info (OTP: check_response/3). */
int fl_requests_check(struct fl_requests *requests, const struct fl_msg *msg,
                      struct fl_response *out);
/** Forgets all: no answer will come. Gives the memory back; the collection is empty and may be used
 * again (OTP: demonitor of each request). */
void fl_requests_abandon(struct fl_self *self, struct fl_requests *requests);

/** Calls and waits, as fl_call, and leaves the answer where it came in: out->data. For answers that
 * may be large and mostly are not, of which many processes may wait for one at a time: there is no
 * buffer for the largest. */
int fl_call_view(struct fl_self *self, struct fl_pid to, uint32_t tag, const void *data, size_t len,
                 fl_ns timeout_ns, struct fl_response *out);

/** Casts to whoever has these names; nobody, no matter. Returns how many had one (OTP: abcast). */
size_t fl_abcast(struct fl_self *self, const char *const *names, size_t count, uint32_t tag,
                 const void *data, size_t len);

/** One answer of fl_multi_call. */
typedef void (*fl_multi_fn)(void *cx, size_t index, const void *data, size_t len);
/** Calls them all and waits until all have answered or time is up. on_reply (may be NULL) is told
 * of each good answer as it comes; the indexes of the others, dead, in error or late, are put into
 * bad (room for count of them, or NULL), in order. What comes late is dropped. Returns how many
 * were good (OTP: multi_call). */
size_t fl_multi_call(struct fl_self *self, const struct fl_pid *targets, size_t count, uint32_t tag,
                     const void *data, size_t len, fl_ns timeout_ns, fl_multi_fn on_reply, void *cx,
                     size_t *bad);

#endif
