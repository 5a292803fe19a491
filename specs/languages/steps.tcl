proc steps n {
	for {set count 0} {$n != 1} {incr count} {
		set n [expr {$n % 2 ? 3 * $n + 1 : $n / 2}]
	}
	return $count
}

set total 0
gets stdin limit
for {set start 1} {$start <= $limit} {incr start} {
	puts "$start [steps $start]"
	incr total [steps $start]
}
puts "total $total"
