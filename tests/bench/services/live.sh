# live.sh: one change of a page like a dashboard (30 values, 50 rows with keys), from the changed state to the bytes of its
# diff: rendering, comparing, writing. Without a peer: what counts is that 100 us are far away, and 10 Hz of many views cheap.

prepare() {
    build bench_live_diff
}
live_diff() { # cell|tick|move COLUMN
    $on_server "$bin/bench_live_diff" "$1" 2>/dev/null | cut -d' ' -f"$2"
}
live_cell_p50() { live_diff cell 1; }
live_cell_p99() { live_diff cell 2; }
live_tick_p99() { live_diff tick 2; }
live_move_p99() { live_diff move 2; }

measure live-diff-cell-p50 us - 100 live_cell_p50 -
measure live-diff-cell-p99 us - 100 live_cell_p99 -
measure live-diff-tick-p99 us - 100 live_tick_p99 -
measure live-diff-move-p99 us - 100 live_move_p99 -
