/* board.h: the queue's pages for people: all queues, and one queue with its jobs.
 *
 * Live views over what the keeper answers and the notices tell. Knows: how to say it to people.
 * Does not know: SQL, HTTP. Thread: a view's process. */
#ifndef FL_QUEUE_BOARD_H
#define FL_QUEUE_BOARD_H

#include "services/live/live.h"
#include "services/queue/pool.h"
#include "services/queue/store.h"

#define BOARD_QUEUES_MAX 200 /* shown; the most there may be is more */
#define BOARD_JOBS_MAX 50    /* of the list on a queue's page */
#define BOARD_SPARK_S 60     /* seconds in a line of the past */
#define BOARD_PAYLOAD_MAX 4000

/** What has just been done, or why not. */
struct board_said {
    bool is_bad;
    char text[160];
};

/** How fast something goes: counted for a second, then shown for one. */
struct board_rate {
    int64_t counted, per_s;
};

/** One queue on the page of all. */
struct board_queue {
    char name[FL_STORE_QUEUE_MAX + 1];
    int64_t jobs[FL_JOB_STATES];
    int64_t parts[4]; /* of a bar 1000 wide: ready, leased, scheduled, dead, where each ends */
    struct board_rate in, out, failed;
    bool is_paused;
    char workers[64]; /* "4 × flaky", or "" */
};

/** State of the page of all queues. */
struct board {
    struct board_queue queues[BOARD_QUEUES_MAX];
    size_t count, left_out;
    int64_t ready, leased, scheduled, done, dead;
    struct board_rate in, out, failed;
    struct board_said said;
    char new_name[FL_STORE_QUEUE_MAX + 2];
    const char *new_wrong; /* why this is no name; NULL: it is one, or empty */
};

/** One job on a queue's page. */
struct board_job {
    char dom_id[32];
    int64_t id;
    char key[72], payload[120], note[160]; /* note: the error, or the result */
    char at[24], attempts[24], worker[FL_STORE_WORKER_MAX + 1];
    int64_t priority;
    bool can_retry, can_delete, is_bad;
};

/** A job that the page shows, so that only what differs is told. */
struct board_shown {
    int64_t id;
    uint64_t hash;
};

/** What is in the form for a new job, and what is wrong with it. */
struct board_form {
    char payload[BOARD_PAYLOAD_MAX + 1], key[FL_STORE_KEY_MAX + 1], delay[16], priority[16];
    const char *payload_wrong, *key_wrong, *delay_wrong, *priority_wrong;
};

/** State of one queue's page. */
struct board_page {
    char name[FL_STORE_QUEUE_MAX + 1];
    bool is_there; /* a queue is from its first job or setting on */
    struct fl_queue_info info;
    enum fl_job_state state; /* of the jobs that are listed */
    struct fl_live_stream jobs;
    struct board_shown shown[BOARD_JOBS_MAX];
    size_t shown_count;
    int64_t beyond; /* jobs of this state that are not on the page */
    struct board_rate in, out, failed;
    int64_t in_past[BOARD_SPARK_S], out_past[BOARD_SPARK_S];
    char in_line[BOARD_SPARK_S * 12], out_line[BOARD_SPARK_S * 12]; /* points of an SVG line */
    int64_t highest;                                                /* of both lines */
    bool is_stale, refreshes;
    struct board_form form;
    struct board_said said;
    char rate[24]; /* of the settings, as people write it */
};

extern const struct fl_live_view fl_board_view, fl_board_queue_view;
/** The site of these pages: `/` and `/board/:queue`. */
extern const struct fl_live_site fl_board_site;

/* ---- what both pages need: board_data.c ---- */

/** All queues, or the one of this name: an array of struct fl_queue_info in hold, which the caller
 * frees with fl_buf_fini. FL_ENOTFOUND, or why there is no answer. */
int board_read_queues(struct fl_self *self, const char *name, struct fl_buf *hold, size_t *count);
/** Does something, and says how it went: `good` in words, or what is wrong. count (may be NULL) is
 * how many jobs that were. False: it did not go well. */
bool board_do(struct fl_self *self, const struct fl_store_op *op, struct board_said *said,
              const char *good, int64_t *count);
/** The first jobs of a state into rows; FL_ENOTFOUND: no such queue. */
int board_read_jobs(struct fl_self *self, const char *queue, enum fl_job_state state,
                    struct board_job *rows, size_t *count);
/** A second is over: what was counted is the rate now. */
void board_rate_turn(struct board_rate *rate);
/** Says something; printf. */
void board_say(struct board_said *said, bool is_bad, const char *format, ...) FL_PRINTF(3, 4);
/** A number with spaces between thousands, for people; static per call site: see BOARD_NUMBER. */
const char *board_number(int64_t number, char *out, size_t out_len);
#define BOARD_NUMBER(number) board_number((number), (char[32]){0}, 32)

#endif
