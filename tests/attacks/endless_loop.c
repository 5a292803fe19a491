/* Burns CPU time, deaf to every signal that can be ignored. */
#include <signal.h>

int main(void)
{
	for (int signo = 1; signo < 32; signo++)
		signal(signo, SIG_IGN);
	for (volatile unsigned long n = 0;; n++)
		;
}
