/* Threads until there are no more, then says so. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *hang(void *unused)
{
	pause();
	return unused;
}

int main(void)
{
	pthread_t t;
	int n = 0;
	while (n < 100000 && pthread_create(&t, NULL, hang, NULL) == 0)
		n++;
	usleep(100000); /* long enough for a watcher to see it */
	printf("%s\n", n < 100 ? "refused" : "unbounded");
	return 0;
}
