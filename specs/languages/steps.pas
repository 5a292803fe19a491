program Walk;

function Steps(n: longint): longint;
begin
  Steps := 0;
  while n <> 1 do
  begin
    if odd(n) then n := 3 * n + 1 else n := n div 2;
    Steps := Steps + 1;
  end;
end;

var
  limit, start, total: longint;
begin
  total := 0;
  readln(limit);
  for start := 1 to limit do
  begin
    writeln(start, ' ', Steps(start));
    total := total + Steps(start);
  end;
  writeln('total ', total);
end.
