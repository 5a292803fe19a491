/* pack FOLDER ARCHIVE [SUMS] -- archive a tree as a run archives its artifacts, with its sums if
 * they are asked for. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "pack/pack.h"

int main(int argc, char **argv)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf sums = BUF(1 << 24);
	struct pack_list l = { .dirfd = -1 };
	struct err e = { 0 };
	int fd;

	if (argc < 3)
		return 2;
	l.dirfd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (l.dirfd >= 0 && fd >= 0 && pack_add_path(&a, &l, ".", NULL, false, &e) &&
	    pack_sort(&l, &e) && (argc == 3 || pack_sums(&l, &sums, &e)) &&
	    pack_write(&l, PACK_TAR_ZSTD, fd, &e))
		return 0;
	fprintf(stderr, "%s\n", e.msg);
	return 1;
}
