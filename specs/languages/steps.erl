steps(1) -> 0;
steps(N) when N rem 2 =:= 1 -> 1 + steps(3 * N + 1);
steps(N) -> 1 + steps(N div 2).

main(_) ->
    {ok, [Limit]} = io:fread("", "~d"),
    Starts = lists:seq(1, Limit),
    [io:format("~b ~b~n", [N, steps(N)]) || N <- Starts],
    io:format("total ~b~n", [lists:sum([steps(N) || N <- Starts])]).
