/* rot13 -- each letter moved by half the alphabet, from standard input to standard output. */
#include <ctype.h>
#include <stdio.h>

int main(void)
{
	int c;

	while ((c = getchar()) != EOF) {
		if (isalpha(c)) {
			int first = isupper(c) ? 'A' : 'a';
			c = (c - first + 13) % 26 + first;
		}
		putchar(c);
	}
	return 0;
}
