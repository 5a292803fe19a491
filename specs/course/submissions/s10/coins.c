#include <stdio.h>
#include <stdlib.h>

int t[20001];

int main(int argc, char **argv)
{
	char line[1024], *p = line, *q;
	int coins[100], n = 0, a;

	fgets(line, sizeof line, stdin);
	while ((coins[n] = strtol(p, &q, 10)), p != q) {
		p = q;
		n++;
	}
	for (int i = 1; i <= 20000; i++) {
		t[i] = -1;
		for (int k = 0; k < n; k++)
			if (coins[k] <= i && t[i - coins[k]] != -1 &&
			    (t[i] == -1 || t[i - coins[k]] + 1 < t[i]))
				t[i] = t[i - coins[k]] + 1;
	}
	while (scanf("%d", &a) == 1)
		printf("%d\n", t[a]);
	return 0;
}
