use strict;
use warnings;

my ($limit, $total) = (scalar <STDIN>, 0);
for my $start (1 .. $limit) {
	my $steps = 0;
	for (my $n = $start; $n != 1; $steps++) {
		$n = $n % 2 ? 3 * $n + 1 : $n / 2;
	}
	print "$start $steps\n";
	$total += $steps;
}
print "total $total\n";
