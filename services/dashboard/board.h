/* board.h: figures in words: what the page shows beside its charts, made once for all viewers.
 *
 * Knows: docs/figures.md. Does not know: where figures come from, HTML. Thread: any. */
#ifndef FL_DASHBOARD_BOARD_H
#define FL_DASHBOARD_BOARD_H

#include "runtime/base/json.h"

enum {
    FL_BOARD_LOADS = 24,
    FL_BOARD_PROCESSES = 64,
    FL_BOARD_FAULTS = 16,
    FL_BOARD_EVENTS = 24,
    FL_BOARD_TEXT = 64,
};

struct fl_board_load {
    char name[FL_BOARD_TEXT], rate[16], errors[16], p50[16], p99[16];
    int inflight, colour;
    bool is_bad;
};
struct fl_board_process {
    char name[FL_BOARD_TEXT], state[16];
    int pid, restarts;
};
struct fl_board_event {
    int64_t id;
    char kind[12], at[16], took[16], text[128];
};
/** Texts are cut to fit, and what is beyond the maximums is left out. */
struct fl_board {
    char phase[32], clock[32], rate[16], errors[16], p99[16];
    double elapsed_s, total_s; /* total 0: not a run */
    int restarts;
    bool is_bad; /* errors at present */
    char faults[FL_BOARD_FAULTS][FL_BOARD_TEXT];
    struct fl_board_load loads[FL_BOARD_LOADS];
    struct fl_board_process processes[FL_BOARD_PROCESSES];
    struct fl_board_event events[FL_BOARD_EVENTS]; /* the newest first */
    size_t faults_count, loads_count, processes_count, events_count;
};

/** Fills the board; figures NULL: nothing is known yet. */
void fl_board_read(struct fl_board *board, const cJSON *figures);
/** Appends the figures with `seq` and `t_ns` put in front. FL_EBADMSG: not one JSON object. */
int fl_board_put_update(struct fl_buf *out, struct fl_str figures, uint64_t seq, fl_ns t_ns);

#endif
