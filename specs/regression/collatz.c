#include <stdio.h>

static int steps(long n)
{
	int count = 0;

	for (; n != 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}

int main(void)
{
	long start, best = 0;
	int most = -1;

	while (scanf("%ld", &start) == 1) {
		int count = steps(start);

		printf("%ld: %d\n", start, count);
		if (count > most) {
			best = start;
			most = count;
		}
	}
	printf("longest from %ld\n", best);
	return 0;
}
