/* keeper.h: the process named `store`, and how a connection asks it.
 *
 * A request is an array of fl_keeper_ask, each followed by its key and payload; the answer an array
 * of fl_keeper_answer, then what they found as JSON text. Both stay inside one OS process. */
#ifndef FL_QUEUE_KEEPER_H
#define FL_QUEUE_KEEPER_H

#include "runtime/server.h"
#include "services/queue/store.h"

#define FL_KEEPER_NAME "store"
#define FL_KEEPER_JOBS_JSON_MAX (FL_STORE_LEASE_BYTES_MAX + 64) /* of one lease's answer */
#define FL_KEEPER_STATS_JSON_MAX 256

/** One operation of a request; fields as in struct fl_store_op. */
struct fl_keeper_ask {
    uint32_t kind, key_len, payload_len;
    int32_t max;
    int64_t delay_ms, visibility_ms, retry_ms, id;
    uint64_t lease;
};
struct fl_keeper_answer {
    int32_t code;
    bool existed, dead;
    uint8_t reserved[2];
    uint32_t json_len;
    int64_t id;
};

/** Appends an operation to a request. */
void fl_keeper_put(struct fl_buf *request, const struct fl_store_op *op);
/** Asks the store and waits; the request is freed in every case. 0: `answers` has `count` rows and
 * json (at most json_max bytes) what they found, both in `hold`, which the caller frees with
 * fl_buf_fini in every case. Else why there is no answer: FL_ENOPROC or FL_EFULL (it was never
 * asked), FL_EDIED or FL_ETIMEOUT (it may have happened). */
int fl_keeper_ask(struct fl_self *self, struct fl_buf *request, size_t count, size_t json_max,
                  struct fl_buf *hold, const struct fl_keeper_answer **answers,
                  struct fl_str *json);

/** args: const struct fl_service_opts *. */
extern const struct fl_server fl_keeper_server;

#endif
