#include <stdio.h>

int main(void)
{
	int amount
	scanf("%d", &amount);
	printf("%d\n", amunt);
	return 0;
}
