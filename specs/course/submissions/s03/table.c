#include "table.h"

static int count[MOST + 1], used[MOST + 1];

void table_fill(const int *coin, int ncoin)
{
	for (int i = 1; i <= MOST; i++)
		count[i] = -1;
	for (int c = 0; c < ncoin; c++)
		for (int i = coin[c]; i <= MOST && i > 0; i++)
			if (count[i - coin[c]] >= 0 &&
			    (count[i] < 0 || count[i] > count[i - coin[c]] + 1)) {
				count[i] = count[i - coin[c]] + 1;
				used[i] = coin[c];
			}
}

int table_fewest(int amount)
{
	return count[amount];
}

int table_coin(int amount)
{
	return used[amount];
}
