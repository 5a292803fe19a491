#include <stdio.h>
#include <stdlib.h>

/* Sums in the order in which coins reach them: a queue, as in breadth-first search. */
enum { MOST = 20000 };
static int queue[MOST + 1], by[MOST + 1], depth[MOST + 1];
static char seen[MOST + 1];

static int *read_coins(int *n)
{
	int *coin = NULL, value, c;

	*n = 0;
	for (;;) {
		while ((c = getchar()) == ' ' || c == '\t' || c == '\r')
			;
		if (c == '\n' || c == EOF)
			return coin;
		ungetc(c, stdin);
		if (scanf("%d", &value) != 1)
			exit(1);
		coin = realloc(coin, (*n + 1) * sizeof(*coin));
		coin[(*n)++] = value;
	}
}

static void search(const int *coin, int n)
{
	int head = 0, tail = 0;

	seen[0] = 1;
	for (queue[tail++] = 0; head < tail; head++)
		for (int i = 0; i < n; i++) {
			long next = (long)queue[head] + coin[i];

			if (next > MOST || seen[next])
				continue;
			seen[next] = 1;
			by[next] = coin[i];
			depth[next] = depth[queue[head]] + 1;
			queue[tail++] = (int)next;
		}
}

int main(int argc, char **argv)
{
	int n, amount, *coin = read_coins(&n);

	(void)argv;
	search(coin, n);
	free(coin);
	while (scanf("%d", &amount) == 1) {
		if (!seen[amount]) {
			puts("impossible");
			continue;
		}
		if (argc == 1)
			printf("%d", depth[amount]);
		for (; argc > 1 && amount; amount -= by[amount])
			printf("%d ", by[amount]);
		putchar('\n');
	}
	return 0;
}
