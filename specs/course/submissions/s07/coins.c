/* I have no idea why this works */
#include <stdio.h>

int main(int argc, char **argv)
{
	int c[64], n = 0, x;
	char ch;

	do {
		scanf("%d", &c[n++]);
	} while ((ch = getchar()) != '\n');
	while (scanf("%d", &x) == 1) {
		int k = 0;
		for (int i = n - 1; i >= 0; i--) {
			k += x / c[i];
			x %= c[i];
		}
		printf("%d\n", k);
	}
	return 0;
}
