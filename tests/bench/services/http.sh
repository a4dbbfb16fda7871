# http.sh: small replies over kept connections: our web layer and nginx, which answers from memory too. One core each,
# 64 connections, driven by wrk from another core.

prepare() {
    need services
    build bench_web_server
}
http_load() { # PORT: requests a second
    $load wrk -t1 -c64 -d4s "http://127.0.0.1:$1/health" | awk '/^Requests\/sec:/ {print $2}'
}
http_ours() {
    start_server "$bin/bench_web_server"
    http_load "$port"
    stop_server
}
http_nginx() {
    local port
    port=$("$bin/bench_web_server" --free-port)
    cat >"$work/nginx.conf" <<END
worker_processes 1;
pid $server_pid;
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
    $on_server nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null # comes back once it listens
    http_load "$port"
    stop_server
}

measure http requests/s 0.85 - http_ours http_nginx
