/* live_board.h: a page as a dashboard is: thirty values and a table of fifty rows. */
#ifndef FL_BENCH_LIVE_BOARD_H
#define FL_BENCH_LIVE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

enum { BOARD_VALUES = 30, BOARD_ROWS = 50 };

struct board_row {
    int64_t id;
    char name[32];
    int64_t waiting, done;
    double rate;
    bool is_paused;
};
struct board {
    char title[32];
    int64_t values[BOARD_VALUES];
    struct board_row rows[BOARD_ROWS];
};

#endif
