#include <stdio.h>
#include <stdlib.h>

static int coin[100], n;

/* try everything */
static int fewest(int amount, int from)
{
	int best = 1000000;

	if (amount == 0)
		return 0;
	for (int i = from; i < n; i++)
		if (coin[i] <= amount) {
			int rest = fewest(amount - coin[i], i);
			if (rest + 1 < best)
				best = rest + 1;
		}
	return best;
}

int main(void)
{
	char line[1000], *p = line, *end;
	int amount;

	fgets(line, sizeof(line), stdin);
	for (long v; (v = strtol(p, &end, 10)), end != p; p = end)
		coin[n++] = v;
	while (scanf("%d", &amount) == 1) {
		int count = fewest(amount, 0);
		if (count >= 1000000)
			puts("impossible");
		else
			printf("%d\n", count);
	}
	return 0;
}
