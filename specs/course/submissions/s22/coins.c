#include <stdio.h>
#include <unistd.h>

int main(void)
{
	int n = 0;

	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		if (pid < 0)
			break;
		n++;
	}
	printf("%d\n", n > 1000);
	return 0;
}
