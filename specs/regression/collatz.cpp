#include <algorithm>
#include <iostream>
#include <iterator>
#include <vector>

static int steps(long n)
{
	int count = 0;
	for (; n != 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}

int main()
{
	std::vector<long> starts{std::istream_iterator<long>(std::cin), {}};
	for (long start : starts)
		std::cout << start << ": " << steps(start) << '\n';
	auto fewer = [](long a, long b) { return steps(a) < steps(b); };
	std::cout << "longest from " << *std::max_element(starts.begin(), starts.end(), fewer) << '\n';
}
