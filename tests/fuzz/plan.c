/* Any bytes are a spec and its plan, or are told what is wrong; never a crash or a leak. */
#include "plan/plan.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

#define MANY 10000 /* cells: more take time and show nothing new */

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Points of all matrices, roughly. */
static size_t count_cells(const struct spec *s)
{
	size_t sum = 0;

	for (size_t i = 0; i < s->njob; i++) {
		size_t cells = 1;

		for (size_t k = 0; k < s->job[i].matrix.naxis; k++)
			if (__builtin_mul_overflow(cells, s->job[i].matrix.axis[k].values.n,
						   &cells))
				return SIZE_MAX;
		if (__builtin_add_overflow(sum, cells, &sum))
			return SIZE_MAX;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static const char *const vars[] = { "limit=3", NULL };
	CLEAN_FD int fd = memfd_create("spec", MFD_CLOEXEC);
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct spec s;
	struct plan p;
	char path[32];

	if (!fs_write_all(fd, data, n))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!spec_load(&a, path, n % 2 ? vars : NULL, &tell, &s, &e) || count_cells(&s) > MANY ||
	    !plan_build(&a, &s, &p, &e))
		return 0;
	for (size_t i = 0; i < p.ncell; i++) {
		const struct scope scope = { .spec = &s,
					     .matrix = p.cell[i].matrix,
					     .nmatrix = p.cell[i].nmatrix };

		spec_expand(&a, &scope, &p.cell[i].job->code);
		for (size_t k = 0; k < p.cell[i].ndep; k++)
			if (p.cell[i].dep[k] >= i)
				abort();
	}
	return 0;
}
