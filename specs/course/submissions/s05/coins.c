#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int down(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

int main(int argc, char *argv[])
{
	int coins[64], n = 0, amount;
	char line[512];

	fgets(line, 512, stdin);
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		coins[n++] = atoi(word);
	qsort(coins, n, sizeof(int), down);
	while (scanf("%d", &amount) == 1) {
		int used[30000], count = 0;
		for (int i = 0; i < n; i++)
			while (amount >= coins[i]) {
				amount -= coins[i];
				used[count++] = coins[i];
			}
		if (amount)
			puts("impossible");
		else if (argc < 2)
			printf("%d\n", count);
		else {
			for (int i = 0; i < count; i++)
				printf("%d ", used[i]);
			puts("");
		}
	}
	return 0;
}
