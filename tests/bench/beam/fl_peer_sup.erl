%% The supervisors of fl_peer: N children that tell Target when they start; or, dynamic, none yet.
-module(fl_peer_sup).
-behaviour(supervisor).
-export([init/1]).

init({dynamic, _, Target}) -> {ok, {flags(simple_one_for_one), [child(c, Target)]}};
init({one_for_one, N, Target}) ->
    {ok, {flags(one_for_one), [child(I, Target) || I <- lists:seq(1, N)]}}.

flags(Strategy) -> #{strategy => Strategy, intensity => 10000000, period => 1}.
child(Id, Target) ->
    #{id => Id, start => {fl_peer_server, start_link, [Target]}, shutdown => brutal_kill}.
