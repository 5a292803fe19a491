/* shapes -- areas. Lengths are in metres, areas in square metres; nothing fails. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stddef.h>

struct point {
	double x, y;
};

double shape_circle(double radius);
double shape_square(double side);
/* Of a polygon without crossing edges, its corners in either direction (the shoelace formula). */
double shape_polygon(const struct point *corner, size_t n);

#endif
