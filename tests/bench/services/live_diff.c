/* live_diff.c: what one change of a page costs the server, from the changed state to the bytes of
 * its diff: bench_live_diff cell|tick|move [TIMES] prints the median and the 99th percentile in
 * microseconds.
 *
 * cell: one value of one row; tick: ten values and a column; move: a row goes from the last place
 * to the first. */
#include "runtime/base/clock.h"
#include "runtime/base/hist.h"
#include "services/live/tree.h"
#include "tests/bench/services/live_board.h"
#include "tests/bench/services/live_board.live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void change_cell(struct board *board, int turn)
{
    board->rows[turn % BOARD_ROWS].waiting++;
}

static void change_tick(struct board *board, int turn)
{
    for (int i = 0; i < 10; i++)
        board->values[i * 3] += turn;
    for (int i = 0; i < BOARD_ROWS; i++)
        board->rows[i].done += i + 1;
}

static void change_move(struct board *board, int turn)
{
    struct board_row last = board->rows[BOARD_ROWS - 1];
    memmove(&board->rows[1], &board->rows[0], (BOARD_ROWS - 1) * sizeof(board->rows[0]));
    board->rows[0] = last;
}

static const struct change {
    const char *name;
    void (*make)(struct board *board, int turn);
} changes[] = {{"cell", change_cell}, {"tick", change_tick}, {"move", change_move}};

static void measure(const struct change *change, int times, struct fl_hist *hist, size_t *out_bytes)
{
    static struct board board = {.title = "Queues"};
    for (int i = 0; i < BOARD_ROWS; i++) {
        board.rows[i] = (struct board_row){
            .id = 1000 + i, .waiting = i * 37, .done = i * 1013, .rate = i * 1.3};
        snprintf(board.rows[i].name, sizeof(board.rows[i].name), "mail <%d>", i);
    }
    struct fl_live_tree shown = {0};
    struct fl_buf diff = {0};
    if (fl_live_tree_render(&shown, &fl_template_live_board, &board, 0) != 0) abort();
    for (int turn = 0; turn < times; turn++) {
        struct fl_live_tree next = {0};
        change->make(&board, turn);
        diff.len = 0;
        fl_ns from = fl_now();
        if (fl_live_tree_render(&next, &fl_template_live_board, &board, shown.used) != 0) abort();
        if (!fl_live_tree_diff(&shown, &next, &diff)) abort();
        fl_live_tree_fini(&shown);
        shown = next;
        fl_hist_add(hist, fl_now() - from);
    }
    *out_bytes = diff.len;
    fl_live_tree_fini(&shown);
    fl_buf_fini(&diff);
}

int main(int argc, char **argv)
{
    int times = argc > 2 ? atoi(argv[2]) : 100000;
    for (size_t i = 0; argc > 1 && i < FL_COUNT(changes); i++) {
        if (strcmp(argv[1], changes[i].name) != 0) continue;
        static struct fl_hist hist;
        size_t bytes;
        measure(&changes[i], times, &hist, &bytes);
        fprintf(stderr, "%zu bytes\n", bytes);
        printf("%.3f %.3f\n", (double)fl_hist_at(&hist, 0.5) / 1000,
               (double)fl_hist_at(&hist, 0.99) / 1000);
        return 0;
    }
    fprintf(stderr, "usage: bench_live_diff cell|tick|move [TIMES]\n");
    return 64;
}
