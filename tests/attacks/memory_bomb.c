/* Touches memory for ever, with as many processes as the first argument says. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 1 && fork() != 0) {
		wait(NULL); /* a child is the victim; its parent would call it a success */
		return 0;
	}
	for (;;) {
		char *p = malloc(1 << 20);
		if (p)
			memset(p, argv[0][0], 1 << 20);
	}
}
