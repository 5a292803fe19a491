/* A call of the 32-bit table, where 20 is getpid and not writev: the filter does not know that table. */
#include <stdio.h>

int main(void)
{
	long rc = 20;
	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
	printf("%ld\n", rc);
	return 0;
}
