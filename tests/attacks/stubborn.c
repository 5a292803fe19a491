/* Sleeps in many ways, and would stop the clock if it could: signals to init, to all, to itself. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
	kill(1, SIGKILL);
	kill(1, SIGSTOP);
	signal(SIGTERM, SIG_IGN);
	kill(-1, SIGTERM);
	if (fork() == 0)
		for (;;)
			pause();
	raise(SIGSTOP);
	for (;;)
		pause();
}
