#include <math.h>

#include "shapes.h"

double shape_polygon(const struct point *corner, size_t n)
{
	double twice = 0;

	for (size_t i = 0; i < n; i++) {
		const struct point *a = &corner[i], *b = &corner[(i + 1) % n];

		twice += a->x * b->y - b->x * a->y;
	}
	return fabs(twice) / 2;
}
