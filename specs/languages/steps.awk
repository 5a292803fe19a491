{
	for (start = 1; start <= $1; start++) {
		steps = 0
		for (n = start; n != 1; steps++)
			n = n % 2 ? 3 * n + 1 : n / 2
		print start, steps
		total += steps
	}
	print "total", total
}
