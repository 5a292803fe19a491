/* Ends at once, and leaves a daemon that has cut every tie to it. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			for (;;) {
				FILE *f = fopen("/tmp/orphan", "w");
				if (f)
					fclose(f);
				usleep(1000);
			}
		}
		_exit(0);
	}
	usleep(20000);
	return 0;
}
