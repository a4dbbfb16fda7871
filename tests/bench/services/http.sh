# http.sh: small replies over kept connections: our web layer and nginx, which answers from memory too. One core each,
# 64 connections, driven by wrk from another core. http is what the clock says; http_core what a second of the server's own
# time on its core gives, which a busy machine disturbs less.

prepare() {
    need services
    build bench_web_server
}
http_ticks() { # PID: its time on a core, of both kinds
    awk '{print $14 + $15}' "/proc/$1/stat"
}
http_load() { # KIND PORT PID: requests a second
    local before after
    before=$(http_ticks "$3")
    $load wrk -t1 -c64 -d4s "http://127.0.0.1:$2/health" >"$work/wrk"
    after=$(http_ticks "$3")
    if [ "$1" = clock ]; then awk '/^Requests\/sec:/ {print $2}' "$work/wrk"
    else awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '/requests in/ {print $1 * hz / ticks}' "$work/wrk"; fi
}
http_ours() { # KIND
    start_server "$bin/bench_web_server"
    http_load "$1" "$port" "$(<"$server_pid")"
    stop_server
}
http_nginx() { # KIND
    local port worker
    port=$("$bin/bench_web_server" --free-port)
    cat >"$work/nginx.conf" <<END
worker_processes 1;
pid $work/nginx.$port.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
    server { listen 127.0.0.1:$port; location /health { default_type text/plain; return 200 "ok"; } }
}
END
    # comes back once it listens; an answer means that its worker is there
    $on_server nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null
    $load wrk -t1 -c1 -d1s "http://127.0.0.1:$port/health" >/dev/null
    cp "$work/nginx.$port.pid" "$server_pid" # its own it removes when it has ended, a while after it was told to
    worker=$(pgrep -P "$(<"$server_pid")")
    http_load "$1" "$port" "$worker"
    stop_server
}
http_ours_clock() { http_ours clock; }
http_nginx_clock() { http_nginx clock; }
http_ours_core() { http_ours core; }
http_nginx_core() { http_nginx core; }

measure http requests/s 0.85 - http_ours_clock http_nginx_clock
measure http_core requests/s 0.85 - http_ours_core http_nginx_core
