#include <iostream>
#include <numeric>
#include <vector>

static int steps(int n)
{
	int count = 0;

	for (; n != 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}

int main()
{
	int limit;
	std::vector<int> all;

	std::cin >> limit;
	for (int start = 1; start <= limit; start++) {
		all.push_back(steps(start));
		std::cout << start << ' ' << all.back() << '\n';
	}
	std::cout << "total " << std::accumulate(all.begin(), all.end(), 0) << '\n';
}
