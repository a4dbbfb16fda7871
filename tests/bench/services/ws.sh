# ws.sh: WebSockets: messages that come back, deliveries to a room of 1,000, and what an idle channel weighs; beside Node's
# `ws`, with the same client.

prepare() {
    build bench_ws_server bench_ws_client
    place=build/bench/peer
    scripts/npm-at tests/bench/services/peer "$place"
    cp tests/bench/services/peer/ws_peer.mjs "$place/"
}
ws_with() { # SERVER MODE ARGUMENT…
    if [ "$1" = ours ]; then start_server "$bin/bench_ws_server"; else start_server node build/bench/peer/ws_peer.mjs; fi
    $load "$bin/bench_ws_client" "$2" "$port" "${@:3}"
    stop_server
}
echo64_ours() { ws_with ours echo 64 64 3; }
echo64_peer() { ws_with peer echo 64 64 3; }
echo10k_ours() { ws_with ours echo 10000 64 3; }
echo10k_peer() { ws_with peer echo 10000 64 3; }
fanout_ours() { ws_with ours fanout 1000 32 3; }
fanout_peer() { ws_with peer fanout 1000 32 3; }
idle_ours() {
    start_server "$bin/bench_ws_server"
    "$bin/bench_ws_client" idle "$port" 10000 "$(<"$server_pid")" "room:*"
    stop_server
}

measure ws-echo messages/s 1.6 - echo64_ours echo64_peer
measure ws-echo-10000 messages/s 1.6 - echo10k_ours echo10k_peer
measure ws-fanout deliveries/s 5 - fanout_ours fanout_peer
measure ws-idle-channel bytes - 3072 idle_ours -
