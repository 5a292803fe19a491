defmodule Walk do
  require Integer

  def steps(1), do: 0
  def steps(n) when Integer.is_odd(n), do: 1 + steps(3 * n + 1)
  def steps(n), do: 1 + steps(div(n, 2))
end

limit = IO.gets("") |> String.trim() |> String.to_integer()
Enum.each(1..limit, fn n -> IO.puts("#{n} #{Walk.steps(n)}") end)
IO.puts("total #{Enum.sum(Enum.map(1..limit, &Walk.steps/1))}")
