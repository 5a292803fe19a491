use strict;
use warnings;

sub steps {
	my ($n) = @_;
	my $count = 0;
	for (; $n != 1; $count++) {
		$n = $n % 2 ? 3 * $n + 1 : $n / 2;
	}
	return $count;
}

my ($best, $most) = (0, -1);
while (my $start = <STDIN>) {
	chomp $start;
	my $count = steps($start);
	print "$start: $count\n";
	($best, $most) = ($start, $count) if $count > $most;
}
print "longest from $best\n";
