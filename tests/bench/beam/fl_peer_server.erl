%% The servers of fl_peer: one that counts, one that asks another one, and one that never answers.
-module(fl_peer_server).
-behaviour(gen_server).
-export([start_link/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link(Target) -> gen_server:start_link(?MODULE, {child, Target}, []).

init(hibernate) -> {ok, 0, hibernate};
init({child, Target}) -> Target ! {inited, self(), erlang:monotonic_time(nanosecond)}, {ok, 0};
init({ask, Server}) -> {ok, Server};
init(State) -> {ok, State}.

handle_call(ping, _, Server) when is_pid(Server) -> {reply, gen_server:call(Server, ping), Server};
handle_call(ping, _, silent) -> {noreply, silent};
handle_call(ping, _, N) -> {reply, pong, N + 1}.

handle_cast(block, {Server, Target}) ->
    Target ! blocks, gen_server:call(Server, ping, infinity), {noreply, {Server, Target}};
handle_cast(_, N) -> {noreply, N + 1}.

handle_info(_, State) -> {noreply, State}.
