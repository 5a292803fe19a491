#include "run/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "pack/pack.h"

#define ARCHIVE "artifacts.tar.zst"

static bool list_artifacts(struct arena *a, struct pack_list *l, const struct summary *s,
			   struct err *e)
{
	for (size_t i = 0; i < s->nrow; i++) {
		const char *folder;

		if (s->row[i].nartifact == 0)
			continue;
		folder = keep_cell_folder(a, s->row[i].cell);
		if (!pack_add_path(a, l, arena_printf(a, "jobs/%s/artifacts", folder), folder,
				   false, e))
			return false;
	}
	return pack_sort(l, e);
}

static bool write_archive(struct pack_list *l, int dirfd, struct err *e)
{
	static const char temporary[] = ARCHIVE ".tmp";
	CLEAN_FD int fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(e, "cannot create %s", temporary);
	if (!pack_write(l, PACK_TAR_ZSTD, fd, e))
		return false;
	if (fsync(fd) < 0 || renameat(dirfd, temporary, dirfd, ARCHIVE) < 0)
		return err_sys(e, "cannot write %s", ARCHIVE);
	return true;
}

bool archive_artifacts(struct arena *a, struct keep *k, struct summary *s, struct buf *sums,
		       struct err *e)
{
	struct pack_list l = { .dirfd = keep_dirfd(k) };

	if (!list_artifacts(a, &l, s, e))
		return false;
	if (l.n == 0)
		return true;
	if (!pack_sums(&l, sums, e))
		return false;
	pack_add(a, &l, "SHA256SUMS", sums->data, sums->len);
	if (!pack_sort(&l, e) || !write_archive(&l, l.dirfd, e))
		return false;
	s->archive = arena_printf(a, "%s/%s", keep_folder(k), ARCHIVE);
	return true;
}
