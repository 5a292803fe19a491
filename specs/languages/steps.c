#include <stdio.h>

int main(void)
{
	int limit, total = 0;

	if (scanf("%d", &limit) != 1)
		return 1;
	for (int start = 1; start <= limit; start++) {
		int steps = 0;

		for (int n = start; n != 1; steps++)
			n = n % 2 ? 3 * n + 1 : n / 2;
		printf("%d %d\n", start, steps);
		total += steps;
	}
	printf("total %d\n", total);
	return 0;
}
