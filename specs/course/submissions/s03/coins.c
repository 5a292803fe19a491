#include <stdio.h>

#include "table.h"

int main(int argc, char **argv)
{
	int coin[100], n = 0, amount;
	char after = ' ';

	(void)argv;
	while (after != '\n' && scanf("%d%c", &coin[n], &after) == 2) {
		n++;
		while (after == ' ')
			if (scanf("%c", &after) != 1)
				return 1;
		if (after != '\n')
			ungetc(after, stdin);
	}
	table_fill(coin, n);
	while (scanf("%d", &amount) == 1) {
		if (table_fewest(amount) < 0)
			printf("impossible");
		else if (argc == 1)
			printf("%d", table_fewest(amount));
		else
			while (amount) {
				printf("%d ", table_coin(amount));
				amount -= table_coin(amount);
			}
		printf("\n");
	}
}
