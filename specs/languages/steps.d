import std.algorithm, std.conv, std.range, std.stdio, std.string;

int steps(int n)
{
	int count;

	for (; n != 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}

void main()
{
	auto limit = readln().strip.to!int;

	foreach (start; 1 .. limit + 1)
		writeln(start, " ", steps(start));
	writeln("total ", iota(1, limit + 1).map!steps.sum);
}
