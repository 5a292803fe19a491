let rec steps n = if n = 1 then 0 else 1 + steps (if n mod 2 = 1 then 3 * n + 1 else n / 2)

let () =
  let total = ref 0 in
  for start = 1 to int_of_string (String.trim (read_line ())) do
    Printf.printf "%d %d\n" start (steps start);
    total := !total + steps start
  done;
  Printf.printf "total %d\n" !total
