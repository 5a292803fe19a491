/* area circle|square LENGTH */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shapes.h"

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: area circle|square LENGTH\n");
		return 2;
	}
	double length = strtod(argv[2], NULL);
	double area = strcmp(argv[1], "circle") ? shape_square(length) : shape_circle(length);

	printf("%.2f\n", area);
	return 0;
}
