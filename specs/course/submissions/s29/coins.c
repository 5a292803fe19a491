#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 20000

static int coin[100], ncoin;
static int fewest[MOST + 1], last[MOST + 1];

static void fill(void)
{
	for (int sum = 1; sum <= MOST; sum++) {
		fewest[sum] = -1;
		for (int i = 0; i < ncoin; i++) {
			int rest = sum - coin[i];

			if (rest < 0 || fewest[rest] < 0)
				continue;
			if (fewest[sum] < 0 || fewest[rest] + 1 < fewest[sum]) {
				fewest[sum] = fewest[rest] + 1;
				last[sum] = coin[i];
			}
		}
	}
}

int main(int argc, char **argv)
{
	int which = argc > 1 && !strcmp(argv[1], "--which"), amount;
	char line[1000], *at = line, *end;

	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (long value; value = strtol(at, &end, 10), end != at; at = end)
		coin[ncoin++] = (int)value;
	fill();
	while (scanf("%d", &amount) == 1) {
		if (fewest[amount] < 0)
			printf("impossible");
		else if (!which)
			printf("%d", fewest[amount]);
		else
			for (; amount; amount -= last[amount])
				printf("%d ", last[amount]);
		putchar('\n');
	}
	return ncoin;
}
