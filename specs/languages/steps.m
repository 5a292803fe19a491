#import <Foundation/Foundation.h>

@interface Walk : NSObject
+ (int)stepsFrom:(int)n;
@end

@implementation Walk
+ (int)stepsFrom:(int)n
{
	int count = 0;

	for (; n != 1; count++)
		n = n % 2 ? 3 * n + 1 : n / 2;
	return count;
}
@end

int main(void)
{
	int limit = 0, total = 0;

	scanf("%d", &limit);
	for (int start = 1; start <= limit; start++) {
		printf("%d %d\n", start, [Walk stepsFrom:start]);
		total += [Walk stepsFrom:start];
	}
	printf("total %d\n", total);
	return 0;
}
