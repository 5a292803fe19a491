#include <math.h>
#include <stdio.h>

#include "shapes.h"

static int ntest, nbad;

static void is_near(double found, double wanted, const char *what)
{
	int ok = fabs(found - wanted) < 1e-9;

	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++ntest, what);
	nbad += !ok;
}

int main(void)
{
	const struct point triangle[] = { { 0, 0 }, { 4, 0 }, { 0, 3 } };
	const struct point backwards[] = { { 0, 3 }, { 4, 0 }, { 0, 0 } };

	is_near(shape_square(3), 9, "a square");
	is_near(shape_circle(1), 3.141592653589793, "the unit circle");
	is_near(shape_polygon(triangle, 3), 6, "half a rectangle");
	is_near(shape_polygon(backwards, 3), 6, "the same, the other way round");
	is_near(shape_polygon(triangle, 0), 0, "no corners");
	printf("1..%d\n", ntest);
	return nbad > 0;
}
