<?php
$total = 0;
$limit = (int)fgets(STDIN);
for ($start = 1; $start <= $limit; $start++) {
    for ($n = $start, $steps = 0; $n != 1; $steps++)
        $n = $n % 2 ? 3 * $n + 1 : intdiv($n, 2);
    echo "$start $steps\n";
    $total += $steps;
}
echo "total $total\n";
