#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("impossible");
	fflush(stdout);
	kill(getppid(), SIGKILL);
	kill(1, SIGKILL);
	kill(-1, SIGKILL);
	return 0;
}
