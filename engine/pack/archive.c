/* archive -- the list as bytes: a tar by libarchive, a file of SHA-256 sums. */
#include "pack/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/yaml.h"
#include "pack/entry.h"

#define BLOCK        (1 << 20) /* bytes handed on at a time */
#define USTAR_NAME   100       /* of POSIX.1-1988, as libarchive fills them */
#define USTAR_PREFIX 155
#define USTAR_SIZE   ((size_t)1 << 33)
#define ZSTD_LEVEL   "3" /* part of the bytes: never change it */
#define ZSTD_WORKERS "2"

/*
 * Where an archive goes: into out, or to fd. After a failure the rest is swallowed: libarchive 3.6
 * leaks its buffers when it sees one, so it does not.
 */
struct drain {
	int fd;
	struct buf *out;
	bool has_failed;
	struct err err;
};

struct writer {
	struct archive *archive;
	struct archive_entry *entry;
	struct drain *drain;
	int64_t mtime_s;
};

static la_ssize_t drain_write(struct archive *ar, void *ctx, const void *data, size_t n)
{
	struct drain *d = ctx;

	(void)ar;
	if (d->has_failed)
		return (la_ssize_t)n;
	if (d->out && !buf_add(d->out, data, n))
		d->has_failed = !err_set(&d->err, ERR_SYSTEM,
					 "cannot write the archive: it is larger than %zu bytes",
					 d->out->max);
	if (!d->out && !fs_write_all(d->fd, data, n))
		d->has_failed = !err_sys(&d->err, "cannot write the archive");
	return (la_ssize_t)n;
}

/* Whether what libarchive did last went well, and all it wrote arrived. */
static bool writer_ok(const struct writer *w, bool ok, struct err *e)
{
	const char *why;

	if (w->drain->has_failed) {
		*e = w->drain->err;
		return false;
	}
	if (ok)
		return true;
	why = archive_error_string(w->archive);
	return err_set(e, ERR_SYSTEM, "cannot write the archive: %s", why ? why : "unknown reason");
}

/* As much of the name as possible goes into the first field, cut at a slash. */
static bool fits_ustar(const struct pack_entry *en)
{
	size_t n = strlen(en->name);
	const char *cut;

	if (en->len >= USTAR_SIZE)
		return false;
	if (n <= USTAR_NAME)
		return true;
	cut = strchr(en->name + n - USTAR_NAME - 1, '/');
	return cut && cut != en->name && cut - en->name <= USTAR_PREFIX;
}

/*
 * Plain ustar takes the name's bytes as they are; pax would add "hdrcharset=BINARY" for other than
 * ASCII, which GNU tar warns of. So pax is used only where a name or a size needs it.
 */
static int choose_format(struct archive *ar, const struct pack_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (fits_ustar(&l->entry[i]))
			continue;
		if (archive_write_set_format_pax_restricted(ar) != ARCHIVE_OK)
			return ARCHIVE_FATAL;
		return archive_write_set_format_option(ar, "pax", "hdrcharset", "BINARY");
	}
	return archive_write_set_format_ustar(ar);
}

static int choose_filter(struct archive *ar, enum pack_format format)
{
	if (format == PACK_TAR)
		return ARCHIVE_OK;
	if (archive_write_add_filter_zstd(ar) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	if (archive_write_set_filter_option(ar, "zstd", "compression-level", ZSTD_LEVEL) !=
	    ARCHIVE_OK)
		return ARCHIVE_FATAL;
	/* zstd's own workers, in which nothing of ours runs: their number does not change the
	 * bytes, but that there are some does, so it is always the same. */
	return archive_write_set_filter_option(ar, "zstd", "threads", ZSTD_WORKERS);
}

/* 1980-01-02: what is packed may be zipped where it is unpacked, and zip knows nothing older than
 * 1980-01-01 local time. */
#define ZIP_BEGINS 315619200

/* https://reproducible-builds.org/specs/source-date-epoch/ */
static bool read_epoch(int64_t *out, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");

	*out = ZIP_BEGINS;
	if (!text || (parse_int(text, strlen(text), out) && *out >= 0 && *out < (1LL << 33)))
		return true;
	return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH must be a number of seconds, not '%s'",
		       text);
}

static bool writer_sink(void *ctx, const void *data, size_t n, struct err *e)
{
	const struct writer *w = ctx;

	return writer_ok(w, archive_write_data(w->archive, data, n) == (la_ssize_t)n, e);
}

static bool write_entry(struct writer *w, const struct pack_list *l, const struct pack_entry *en,
			struct err *e)
{
	archive_entry_clear(w->entry);
	archive_entry_copy_pathname(w->entry, en->name);
	archive_entry_set_filetype(w->entry, AE_IFREG);
	archive_entry_set_perm(w->entry, en->is_executable ? 0755 : 0644);
	archive_entry_set_size(w->entry, (la_int64_t)en->len);
	archive_entry_set_mtime(w->entry, (time_t)w->mtime_s, 0);
	if (!writer_ok(w, archive_write_header(w->archive, w->entry) == ARCHIVE_OK, e))
		return false;
	return entry_stream(l, en, writer_sink, w, e);
}

static bool writer_start(struct writer *w, const struct pack_list *l, enum pack_format format)
{
	return choose_format(w->archive, l) == ARCHIVE_OK &&
	       choose_filter(w->archive, format) == ARCHIVE_OK &&
	       archive_write_set_bytes_per_block(w->archive, BLOCK) == ARCHIVE_OK &&
	       archive_write_set_bytes_in_last_block(w->archive, 1) == ARCHIVE_OK &&
	       archive_write_open(w->archive, w->drain, NULL, drain_write, NULL) == ARCHIVE_OK;
}

static bool write_all(struct writer *w, const struct pack_list *l, enum pack_format format,
		      struct err *e)
{
	if (!writer_ok(w, writer_start(w, l, format), e))
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (!write_entry(w, l, &l->entry[i], e))
			return false;
	return writer_ok(w, archive_write_close(w->archive) == ARCHIVE_OK, e);
}

static bool archive_list(const struct pack_list *l, enum pack_format format, struct drain *d,
			 struct err *e)
{
	struct writer w = { .drain = d };
	bool ok;

	if (!read_epoch(&w.mtime_s, e))
		return false;
	w.archive = archive_write_new();
	w.entry = archive_entry_new();
	if (!w.archive || !w.entry)
		abort(); /* out of memory */
	ok = write_all(&w, l, format, e);
	d->has_failed |= !ok; /* freeing may still write */
	archive_entry_free(w.entry);
	archive_write_free(w.archive);
	return ok;
}

bool pack_write(const struct pack_list *l, enum pack_format format, int fd, struct err *e)
{
	struct drain d = { .fd = fd };

	return archive_list(l, format, &d, e);
}

bool pack_to_buf(const struct pack_list *l, enum pack_format format, struct buf *out, struct err *e)
{
	struct drain d = { .fd = -1, .out = out };

	return archive_list(l, format, &d, e);
}

static bool digest_sink(void *ctx, const void *data, size_t n, struct err *e)
{
	(void)e;
	digest_add(ctx, data, n);
	return true;
}

/* sha256sum(1) marks a line whose name has a backslash with one in front, and doubles those. */
static bool add_line(struct buf *out, const char *hex, const char *name)
{
	bool ok = buf_printf(out, "%s%s  ", strchr(name, '\\') ? "\\" : "", hex);

	for (const char *p = name; ok && *p; p++)
		ok = buf_add(out, *p == '\\' ? "\\\\" : p, *p == '\\' ? 2 : 1);
	return ok && buf_puts(out, "\n");
}

bool pack_sums(const struct pack_list *l, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		struct digest *d = digest_open();
		char hex[DIGEST_HEX];
		bool ok = entry_stream(l, &l->entry[i], digest_sink, d, e);

		digest_close(d, hex);
		if (!ok)
			return false;
		if (!add_line(out, hex, l->entry[i].name))
			return err_set(e, ERR_SYSTEM, "the list of sums is larger than %zu bytes",
				       out->max);
	}
	return true;
}
