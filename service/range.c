#include "service/range.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Digits up to end; *out is -1 when there are none, and the largest number for more than fit. */
static bool read_number(const char *text, const char *end, int64_t *out)
{
	int64_t n = 0;

	*out = -1;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n > INT64_MAX / 10 - 9 ? INT64_MAX / 10 - 9 : n * 10 + (*text - '0');
		*out = n;
	}
	return true;
}

static struct range part(int64_t first, int64_t last, int64_t size)
{
	if (first >= size)
		return (struct range){ .kind = RANGE_NONE };
	if (last >= size)
		last = size - 1;
	return (struct range){ RANGE_PART, (size_t)first, (size_t)(last - first + 1) };
}

struct range range_parse(const char *header, size_t size)
{
	static const char unit[] = "bytes=";
	const struct range whole = { .kind = RANGE_WHOLE }, nothing = { .kind = RANGE_NONE };
	const int64_t n = (int64_t)size;
	const char *dash, *end;
	int64_t first, last;

	if (!header || strncasecmp(header, unit, strlen(unit)) != 0)
		return whole;
	header += strlen(unit);
	end = header + strlen(header);
	dash = strchr(header, '-');
	if (!dash || !read_number(header, dash, &first) || !read_number(dash + 1, end, &last))
		return whole;
	if (first < 0 && last < 0)
		return whole;
	if (first < 0 && last == 0)
		return nothing;
	if (first < 0)
		return part(last < n ? n - last : 0, n - 1, n);
	if (last >= 0 && last < first)
		return whole;
	return part(first, last >= 0 ? last : n - 1, n);
}
