/* keeper.h: the process named `store`, and how another process asks it.
 *
 * A request is an array of operations, each followed by its texts; the answer an array of
 * fl_keeper_answer, then what they found as JSON text. Both stay inside one OS process. */
#ifndef FL_QUEUE_KEEPER_H
#define FL_QUEUE_KEEPER_H

#include "runtime/server.h"
#include "services/queue/store.h"

#define FL_KEEPER_NAME "store"
#define FL_KEEPER_WAITERS_MAX 10000
/* the most JSON that an answer brings */
#define FL_KEEPER_JOBS_JSON_MAX (FL_STORE_LEASE_BYTES_MAX + 64) /* of one lease */
#define FL_KEEPER_LIST_JSON_MAX (2 * FL_STORE_LEASE_BYTES_MAX)  /* of a list or one job */
#define FL_KEEPER_REPEATS_JSON_MAX (4 * FL_STORE_LEASE_BYTES_MAX)
#define FL_KEEPER_QUEUE_JSON_MAX 2048
#define FL_KEEPER_QUEUES_JSON_MAX (1536 * FL_STORE_QUEUES_MAX + 64)

/** How an answer is to look: fl_store_op.form. */
enum fl_keeper_form {
    FL_FORM_JSON = 0,
    FL_FORM_STATS,   /* of FL_STORE_STATS: the five counts only */
    FL_FORM_METRICS, /* of FL_STORE_QUEUES: Prometheus text */
    FL_FORM_RAW,     /* of both: an array of struct fl_queue_info, as it stands in memory */
};

struct fl_keeper_answer {
    int32_t code;
    bool existed, dead, is_more;
    uint8_t reserved;
    uint32_t json_len, found; /* found: jobs that a lease or list brought */
    int64_t id, until_ms, count;
    int64_t next_rank, next_id;
};

/** Appends an operation to a request. */
void fl_keeper_put(struct fl_buf *request, const struct fl_store_op *op);
/** Asks the store and waits, as long as op.wait_ms of the longest lease more than usual; the
 * request is freed in every case. 0: `answers` has `count` rows and json (at most json_max bytes)
 * what they found, both in `hold`, which the caller frees with fl_buf_fini in every case. Else why
 * there is no answer: FL_ENOPROC or FL_EFULL (it was never asked), FL_EDIED or FL_ETIMEOUT (it may
 * have happened). */
int fl_keeper_ask(struct fl_self *self, struct fl_buf *request, size_t count, size_t json_max,
                  struct fl_buf *hold, const struct fl_keeper_answer **answers,
                  struct fl_str *json);
/** The same without waiting: on_reply gets what fl_keeper_read reads. FL_ENOPROC comes there too.
 * The request is freed. Returns the ref. */
uint64_t fl_keeper_ask_async(struct fl_self *self, struct fl_buf *request);
/** Reads an answer's bytes: `count` rows and the JSON behind them. FL_EBADMSG: too short. */
int fl_keeper_read(const void *data, size_t len, size_t count,
                   const struct fl_keeper_answer **answers, struct fl_str *json);

/** args: const struct fl_service_opts *. */
extern const struct fl_server fl_keeper_server;

#endif
