%% fl_peer: the measurements of tests/bench/runtime/ on Erlang/OTP: same names, counts and method.
%% erl +S 1:1 +P 4000000 -noinput -run fl_peer main NAME… prints `name value unit` lines.
-module(fl_peer).
-export([main/1]).

%% name, unit, how often (the best counts), what
rows() -> [
    {"spawn_exit_flood", "proc/s", 3, fun() -> spawn_exit_flood(1000000) end},
    {"spawn_reply", "proc/s", 3, fun() -> spawn_reply(1000000) end},
    {"spawn_monitor_down", "proc/s", 3, fun() -> spawn_monitor_down(1000000) end},
    {"spawn_link_exit", "proc/s", 3, fun() -> spawn_link_exit(1000000) end},
    {"server_start_stop", "proc/s", 3, fun() -> server_start_stop(200000) end},
    {"server_start", "proc/s", 3, fun() -> server_start(200000) end},
    {"pingpong", "rt/s", 3, fun() -> pingpong(3000000) end},
    {"ring", "msg/s", 3, fun() -> ring(1000, 10000000) end},
    {"fanin", "msg/s", 3, fun() -> fanin(100, 100000) end},
    {"call", "call/s", 3, fun() -> call(1000000) end},
    {"cast", "msg/s", 3, fun() -> cast(1000000) end},
    {"call_junk", "call/s", 1, fun() -> call_junk(200000) end},
    {"call_p50", "us", 1, fun() -> call_latency(200000, 0.5) end},
    {"call_p99", "us", 1, fun() -> call_latency(200000, 0.99) end},
    {"call_nested", "call/s", 3, fun() -> call_nested(1000000) end},
    {"call_1000_callers", "call/s", 3, fun() -> call_1000_callers(1000, 1000) end},
    {"call_1000_pairs", "call/s", 3, fun() -> call_1000_pairs(1000, 1000) end},
    {"link_100k", "link/s", 3, fun() -> element(1, links(100000)) end},
    {"exit_propagation_100k", "sig/s", 3, fun() -> element(2, links(100000)) end},
    {"monitor_100k", "mon/s", 3, fun() -> element(1, monitors(100000)) end},
    {"down_100k", "down/s", 3, fun() -> element(2, monitors(100000)) end},
    {"timer_start_cancel", "op/s", 3, fun() -> timer_start_cancel(1000000) end},
    {"timer_start_1M", "op/s", 3, fun() -> element(1, timers(1000000)) end},
    {"timer_cancel_1M", "op/s", 3, fun() -> element(2, timers(1000000)) end},
    {"timer_memory", "B/timer", 1, fun() -> timer_memory(1000000) end},
    {"whereis", "op/s", 3, fun() -> whereis_(3000000) end},
    {"alias", "op/s", 3, fun() -> rate(1000000, fun alias_/1) end},
    {"monitor_demonitor", "op/s", 3, fun() -> monitor_demonitor(1000000) end},
    {"link_unlink", "op/s", 3, fun() -> link_unlink(1000000) end},
    {"yield", "op/s", 3, fun() -> rate(3000000, fun yield_/1) end},
    {"pmap_100k", "task/s", 3, fun() -> rate(100000, fun pmap/1) end},
    {"broadcast_10000", "delivery/s", 3, fun() -> broadcast(10000, 100) end},
    {"mem_server", "B/proc", 1, fun() -> mem_server([], 1000000) end},
    {"mem_server_hibernated", "B/proc", 1, fun() -> mem_server(hibernate, 1000000) end},
    {"mem_server_supervised", "B/proc", 1, fun() -> mem_supervised(1000000) end},
    {"mem_blocked", "B/proc", 1, fun() -> mem_blocked(100000) end},
    {"sup_dynamic_start_100000", "child/s", 1, fun() -> sup_start(100000) end},
    {"sup_storm_10000", "restart/s", 1, fun() -> sup_storm(one_for_one, 10000) end},
    {"sup_dynamic_storm_10000", "restart/s", 1, fun() -> sup_storm(dynamic, 10000) end}
    ] ++ [
    {name(["sup_", Word, "restart_", integer_to_list(N), "_", Quantile]), "us", 1,
     fun() -> sup_restart(Strategy, N, Q) end}
    || {Word, Strategy} <- [{"", one_for_one}, {"dynamic_", dynamic}],
       N <- [1, 1000, 100000], {Quantile, Q} <- [{"p50", 0.5}, {"p99", 0.99}]
    ].
name(Parts) -> lists:flatten(Parts).

main(Names) ->
    logger:set_primary_config(level, none),
    try [measure(lists:keyfind(Name, 1, rows())) || Name <- Names], halt(0)
    catch C:R:Stack -> io:format(standard_error, "~p ~p ~p~n", [C, R, Stack]), halt(1) end.

measure({Name, Unit, Runs, Fun}) ->
    Values = [Fun() || _ <- lists:seq(1, Runs)],
    Best = case lists:suffix("/s", Unit) of true -> lists:max(Values); false -> lists:min(Values) end,
    io:format("~s ~.3f ~s~n", [Name, float(Best), Unit]).

ns() -> erlang:monotonic_time(nanosecond).
rate_since(N, Started) -> N * 1000000000 / max(1, ns() - Started).
rate(N, Fun) -> Started = ns(), Fun(N), rate_since(N, Started).
quantile(Samples, Q) -> lists:nth(min(length(Samples), trunc(length(Samples) * Q) + 1), lists:sort(Samples)).
start(Args) -> {ok, Pid} = gen_server:start(fl_peer_server, Args, []), Pid.
rss() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.
await(Counter, N) ->
    case counters:get(Counter, 1) of N -> ok; _ -> erlang:yield(), await(Counter, N) end.
times(0, _) -> ok;
times(N, Fun) -> Fun(), times(N - 1, Fun).
flush() -> receive _ -> flush() after 0 -> ok end.
idle() -> receive stop -> ok end.

%% ---- spawn
spawn_exit_flood(N) ->
    Base = erlang:system_info(process_count),
    Started = ns(), flood(N), await_processes(Base), rate_since(N, Started).
flood(0) -> ok;
flood(N) -> spawn(fun nop/0), flood(N - 1).
nop() -> ok.
await_processes(Base) ->
    case erlang:system_info(process_count) =< Base of true -> ok; false -> timer:sleep(0), await_processes(Base) end.

spawn_reply(N) -> Self = self(), Fun = fun() -> Self ! x end, rate(N, fun(_) -> spawn_reply(N, Fun) end).
spawn_reply(0, _) -> ok;
spawn_reply(N, Fun) -> spawn(Fun), receive x -> ok end, spawn_reply(N - 1, Fun).

spawn_monitor_down(N) -> rate(N, fun spawn_monitor_/1).
spawn_monitor_(0) -> ok;
spawn_monitor_(N) ->
    {_, Ref} = spawn_monitor(fun nop/0), receive {'DOWN', Ref, _, _, _} -> ok end, spawn_monitor_(N - 1).

spawn_link_exit(N) -> process_flag(trap_exit, true), rate(N, fun spawn_link_/1).
spawn_link_(0) -> ok;
spawn_link_(N) -> Pid = spawn_link(fun nop/0), receive {'EXIT', Pid, _} -> ok end, spawn_link_(N - 1).

server_start_stop(N) -> rate(N, fun(_) -> times(N, fun() -> gen_server:stop(start([])) end) end).
server_start(N) ->
    Started = ns(), Pids = [start([]) || _ <- lists:seq(1, N)], Rate = rate_since(N, Started),
    [exit(Pid, kill) || Pid <- Pids], Rate.

%% ---- messages
pingpong(N) -> Pong = spawn(fun pong/0), Rate = rate(N, fun(_) -> ping(Pong, N, self()) end), exit(Pong, kill), Rate.
pong() -> receive {From, ping} -> From ! pong, pong() end.
ping(_, 0, _) -> ok;
ping(Pong, N, Self) -> Pong ! {Self, ping}, receive pong -> ok end, ping(Pong, N - 1, Self).

ring(Len, Hops) ->
    Self = self(),
    First = spawn(fun() -> ring_loop(ring_build(Len - 1, self(), Self), Self) end),
    Started = ns(), First ! Hops, receive done -> ok end,
    Rate = rate_since(Hops, Started), exit(First, kill), Rate.
ring_build(0, Last, _) -> Last;
ring_build(N, Next, Driver) -> ring_build(N - 1, spawn_link(fun() -> ring_loop(Next, Driver) end), Driver).
ring_loop(Next, Driver) ->
    receive 0 -> Driver ! done; Left -> Next ! (Left - 1) end, ring_loop(Next, Driver).

fanin(Senders, Each) ->
    Self = self(), N = Senders * Each, Started = ns(),
    To = spawn_opt(fun() -> fan_receive(N), Self ! done end, [{message_queue_data, off_heap}]),
    [spawn(fun() -> fan_send(To, I, Each) end) || I <- lists:seq(1, Senders)],
    receive done -> rate_since(N, Started) end.
fan_send(_, _, 0) -> ok;
fan_send(To, I, N) -> To ! {m, I, N}, fan_send(To, I, N - 1).
fan_receive(0) -> ok;
fan_receive(N) -> receive {m, _, _} -> fan_receive(N - 1) end.

%% ---- calls
calls(_, 0) -> ok;
calls(Server, N) -> gen_server:call(Server, ping), calls(Server, N - 1).
casts(_, 0) -> ok;
casts(Server, N) -> gen_server:cast(Server, ping), casts(Server, N - 1).

call(N) -> Server = start(0), rate(N, fun(_) -> calls(Server, N) end).
cast(N) -> Server = start(0), rate(N, fun(_) -> casts(Server, N), gen_server:call(Server, ping, infinity) end).
call_junk(N) ->
    Server = start(0), [self() ! {junk, I} || I <- lists:seq(1, 100000)], rate(N, fun(_) -> calls(Server, N) end).
call_latency(N, Q) ->
    Server = start(0),
    quantile([begin Started = ns(), gen_server:call(Server, ping), ns() - Started end || _ <- lists:seq(1, N)], Q) / 1000.
call_nested(N) -> Server = start({ask, start(0)}), rate(N, fun(_) -> calls(Server, N) end).
call_1000_callers(Callers, Each) -> callers(lists:duplicate(Callers, start(0)), Each).
call_1000_pairs(Pairs, Each) -> callers([start(0) || _ <- lists:seq(1, Pairs)], Each).
callers(Servers, Each) ->
    Self = self(), N = length(Servers) * Each, Started = ns(),
    [spawn(fun() -> calls(Server, Each), Self ! done end) || Server <- Servers],
    [receive done -> ok end || _ <- Servers],
    Rate = rate_since(N, Started), [exit(Server, kill) || Server <- Servers], Rate.

%% ---- links and monitors
links(N) ->
    Self = self(), Counter = counters:new(1, []),
    Hub = spawn(fun() -> receive {link, L} -> [link(P) || P <- L], Self ! linked end, receive die -> exit(boom) end end),
    Pids = [spawn(fun() -> process_flag(trap_exit, true), receive {'EXIT', _, boom} -> counters:add(Counter, 1, 1) end end)
            || _ <- lists:seq(1, N)],
    Started = ns(), Hub ! {link, Pids}, receive linked -> ok end, Links = rate_since(N, Started),
    Dies = ns(), Hub ! die, await(Counter, N), {Links, rate_since(N, Dies)}.
monitors(N) ->
    Pids = [spawn(fun idle/0) || _ <- lists:seq(1, N)],
    Started = ns(), [monitor(process, Pid) || Pid <- Pids], Monitors = rate_since(N, Started),
    Dies = ns(), [Pid ! stop || Pid <- Pids], [receive {'DOWN', _, _, _, _} -> ok end || _ <- Pids],
    {Monitors, rate_since(N, Dies)}.

%% ---- timers
timer_start_cancel(N) -> rate(N, fun(_) -> timer_start_cancel(N, self()) end).
timer_start_cancel(0, _) -> ok;
timer_start_cancel(N, Self) ->
    erlang:cancel_timer(erlang:start_timer(60000 + N rem 1000, Self, x)), timer_start_cancel(N - 1, Self).
timer(N, Self) -> erlang:start_timer(60000 + N * 7919 rem 100000, Self, x).
timers(N) ->
    Self = self(), Started = ns(), Refs = timers(N, Self, []), Starts = rate_since(N, Started),
    Cancels = ns(), [erlang:cancel_timer(Ref) || Ref <- Refs], {Starts, rate_since(N, Cancels)}.
timers(0, _, Refs) -> Refs;
timers(N, Self, Refs) -> timers(N - 1, Self, [timer(N, Self) | Refs]).
timer_memory(N) -> Before = rss(), timers_unkept(N, self()), (rss() - Before) / N.
timers_unkept(0, _) -> ok;
timers_unkept(N, Self) -> timer(N, Self), timers_unkept(N - 1, Self).

%% ---- in passing
whereis_(N) ->
    Pid = spawn(fun idle/0), register(fl_named, Pid), Rate = rate(N, fun whereis_loop/1), unregister(fl_named), Rate.
whereis_loop(0) -> ok;
whereis_loop(N) -> _ = whereis(fl_named), whereis_loop(N - 1).
alias_(0) -> ok;
alias_(N) -> unalias(alias()), alias_(N - 1).
monitor_demonitor(N) -> Pid = spawn(fun idle/0), rate(N, fun(_) -> monitor_demonitor(N, Pid) end).
monitor_demonitor(0, _) -> ok;
monitor_demonitor(N, Pid) -> demonitor(monitor(process, Pid), [flush]), monitor_demonitor(N - 1, Pid).
link_unlink(N) -> Pid = spawn(fun idle/0), rate(N, fun(_) -> link_unlink(N, Pid) end).
link_unlink(0, _) -> ok;
link_unlink(N, Pid) -> link(Pid), unlink(Pid), link_unlink(N - 1, Pid).
yield_(0) -> ok;
yield_(N) -> erlang:yield(), yield_(N - 1).

%% ---- tasks and broadcast
pmap(N) ->
    Refs = [begin {_, Ref} = spawn_monitor(fun() -> exit({ok, I + 1}) end), Ref end || I <- lists:seq(1, N)],
    [receive {'DOWN', Ref, _, _, {ok, X}} -> X end || Ref <- Refs].

broadcast(Members, Rounds) ->
    Scope = case pg:start_link() of {ok, Pid} -> Pid; {error, {already_started, Pid}} -> Pid end,
    Counter = counters:new(1, [atomics]), Group = make_ref(), N = Members * Rounds,
    Pids = [spawn(fun() -> subscriber(Counter) end) || _ <- lists:seq(1, Members)],
    pg:join(Group, Pids), broadcast(Group, 10, Counter, Members * 10), % they have been awake
    counters:put(Counter, 1, 0), Rate = rate(N, fun(_) -> broadcast(Group, Rounds, Counter, N) end),
    unlink(Scope), pg:leave(Group, Pids), [exit(P, kill) || P <- Pids], Rate.
broadcast(Group, Rounds, Counter, N) ->
    [[P ! {event, Round, <<"payload">>} || P <- pg:get_local_members(Group)] || Round <- lists:seq(1, Rounds)],
    await(Counter, N).
subscriber(Counter) -> receive {event, _, _} -> counters:add(Counter, 1, 1), subscriber(Counter) end.

%% ---- memory
mem_server(Args, N) ->
    erlang:garbage_collect(), Before = rss(), times(N, fun() -> start(Args) end),
    Args =:= hibernate andalso timer:sleep(1500), (rss() - Before) / N.
mem_supervised(N) ->
    {Sup, _} = sup(dynamic, 0), erlang:garbage_collect(), Before = rss(),
    times(N, fun() -> supervisor:start_child(Sup, []), receive {inited, _, _} -> ok end end),
    (rss() - Before) / N.
mem_blocked(N) ->
    Self = self(), Silent = start(silent), erlang:garbage_collect(), Before = rss(),
    Pids = [start({Silent, Self}) || _ <- lists:seq(1, N)],
    [gen_server:cast(Pid, block) || Pid <- Pids], [receive blocks -> ok end || _ <- Pids],
    (rss() - Before) / N.

%% ---- supervisors
sup(Strategy, N) ->
    process_flag(trap_exit, true),
    {ok, Sup} = supervisor:start_link(fl_peer_sup, {Strategy, N, self()}),
    Strategy =:= dynamic andalso [{ok, _} = supervisor:start_child(Sup, []) || _ <- lists:seq(1, N)],
    _ = supervisor:which_children(Sup), % its heap has been grown once
    {Sup, [receive {inited, Pid, _} -> Pid end || _ <- lists:seq(1, N)]}.
sup_end(Sup) -> exit(Sup, shutdown), receive {'EXIT', Sup, _} -> ok end, flush().
sup_start(N) -> rate(N, fun(_) -> sup(dynamic, N) end).
sup_restart(Strategy, N, Q) ->
    {Sup, Pids} = sup(Strategy, N), Samples = restarts(300, list_to_tuple(Pids), N, []), sup_end(Sup),
    quantile(Samples, Q) / 1000.
restarts(0, _, _, Samples) -> Samples;
restarts(K, Pids, N, Samples) ->
    I = K * 7919 rem N + 1, Killed = ns(), exit(element(I, Pids), kill),
    receive {inited, Pid, At} -> restarts(K - 1, setelement(I, Pids, Pid), N, [At - Killed | Samples]) end.
sup_storm(Strategy, N) ->
    {Sup, Pids} = sup(Strategy, N),
    Started = ns(), [exit(Pid, kill) || Pid <- Pids], [receive {inited, _, _} -> ok end || _ <- Pids],
    Rate = rate_since(N, Started), sup_end(Sup), Rate.
