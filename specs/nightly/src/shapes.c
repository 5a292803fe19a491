#include "shapes.h"

double shape_circle(double radius)
{
	return 3.14159265358979323846 * radius * radius;
}

double shape_square(double side)
{
	return side * side;
}
