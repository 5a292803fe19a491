#include <stdio.h>

int main(void)
{
	puts("shapes 1.2");
	return 0;
}
