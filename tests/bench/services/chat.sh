# chat.sh: the chat service as it is served (every message on the disk before anybody hears it, presence, history), one room of
# 1,000 who take turns: deliveries a second, beside a fan-out in Node's `ws` that keeps nothing.

prepare() {
    build faultline bench_ws_client
    place=build/bench/peer
    scripts/npm-at tests/bench/services/peer "$place"
    cp tests/bench/services/peer/ws_peer.mjs "$place/"
}
chat_ours() {
    rm -rf "$work/chat"
    start_server build/release/faultline worker service chat --port 0 --folder "$work/chat"
    $load "$bin/bench_ws_client" chat "$port" 1000 32 3
    stop_server
}
chat_peer() {
    start_server node build/bench/peer/ws_peer.mjs
    $load "$bin/bench_ws_client" chat "$port" 1000 32 3
    stop_server
}

measure chat-room-of-1000 deliveries/s 5 - chat_ours chat_peer
