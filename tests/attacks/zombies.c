/* Orphans by the thousand, each of which init must reap. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	for (int i = 0; i < 2000; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			if (fork() >= 0)
				_exit(0);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	puts("reaped");
	return 0;
}
