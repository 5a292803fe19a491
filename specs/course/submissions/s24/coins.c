#include <stdio.h>

int main(void)
{
	int coin, amount;

	scanf("%d", &coin);
	while (scanf("%d", &amount) == 1)
		for (int sum = 0; sum < 500; sum++)
			printf("here, sum is %d, amount is %d\n", sum, amount);
	printf("%d\n", amount / coin);
	return 0;
}
