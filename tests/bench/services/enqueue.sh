# enqueue.sh: durable enqueues a second: 64 connections, each waiting for its answer, real fsync; and SQLite alone with
# the same pragmas, table and indexes on the same disk, committing groups of the size that the queue's turned out to have
# just before. The queue's threads may use any core: its commit runs on one of its own.

prepare() {
    build faultline bench_queue_load bench_queue_sqlite
    enqueue_disk=$(mktemp -d build/bench-queue.XXXXXX) # not /tmp, which may be memory
    trap 'cleanup; rm -rf "$enqueue_disk"' EXIT
}
enqueue_ours() {
    rm -rf "$enqueue_disk/ours"
    mkdir "$enqueue_disk/ours"
    on_server='' start_server build/release/faultline worker service queue --folder "$enqueue_disk/ours"
    "$bin/bench_queue_load" "$port" 64 5 >"$work/enqueue"
    stop_server
    cut -d ' ' -f 1 "$work/enqueue"
}
enqueue_sqlite() {
    rm -rf "$enqueue_disk/bare"
    mkdir "$enqueue_disk/bare"
    "$bin/bench_queue_sqlite" "$enqueue_disk/bare" "$(cut -d ' ' -f 2 "$work/enqueue")" 5
}

measure enqueue jobs/s 0.7 - enqueue_ours enqueue_sqlite
