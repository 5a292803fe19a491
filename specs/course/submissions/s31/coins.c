#include <stdio.h>
#include <stdlib.h>

int best[20001];

int main(int argc, char **argv)
{
	char line[1000], *p = line, *end;
	int c[100], n = 0, a;

	fgets(line, sizeof(line), stdin);
	for (long v; (v = strtol(p, &end, 10)), end != p; p = end)
		c[n++] = (int)v;
	for (int i = 1; i <= 20000; i++) {
		best[i] = 1 << 20;
		for (int k = 0; k < n && c[k] <= i; k++) /* small ones come first */
			if (best[i - c[k]] + 1 < best[i])
				best[i] = best[i - c[k]] + 1;
	}
	while (scanf("%d", &a) == 1) {
		if (best[a] >= 1 << 20)
			printf("impossible\n");
		else
			printf("%d\n", best[a]);
	}
	(void)argv;
	return argc > 1;
}
