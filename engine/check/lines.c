#include <assert.h>
#include <stdlib.h>

#include "base/digest.h"
#include "check/compare.h"
#include "check/diff.h"

#define SHOWN_EACH 8 /* lines that are missing, and that are too many */

/* A line's place in its text, without what ends it. */
struct line {
	size_t offset, len;
};

/* ---- in order ---- */

/* The line at from, and where the next one begins. A text's final newline begins no line. */
static bool next_line(struct bytes t, size_t *from, struct line *out)
{
	if (*from >= t.len)
		return false;
	*out = (struct line){ *from, line_len(t, *from) };
	*from += out->len + 1;
	out->len -= out->len && t.data[out->offset + out->len - 1] == '\r';
	return true;
}

static size_t count_lines(struct bytes t)
{
	struct line line;
	size_t at = 0, n = 0;

	while (next_line(t, &at, &line))
		n++;
	return n;
}

/* The first byte of a line that departs from the other. */
static struct spot departure(struct bytes t, struct line line, struct bytes other, struct line from)
{
	size_t n = 0;

	while (n < line.len && n < from.len &&
	       t.data[line.offset + n] == other.data[from.offset + n])
		n++;
	while (n && n < line.len && ((unsigned char)t.data[line.offset + n] & 0xc0) == 0x80)
		n--;
	return spot_at(t, line.offset + n);
}

static void tell_line(const struct comparison *q, const char *words, const struct line line[2],
		      struct buf *detail, const char **what)
{
	struct spot want = departure(q->want, line[0], q->found, line[1]);
	struct spot found = departure(q->found, line[1], q->want, line[0]);

	*what = arena_printf(q->a, "%s %s%s at line %zu, column %zu", q->stream, words,
			     wanted_from(q), found.line, found.column);
	show_line_at(detail, "wanted: ", q->want, &want);
	show_caret(detail,
		   show_line_at(detail, " found: ", q->found, &found) + sizeof(" found: ") - 1);
}

/* One text has ended; the other's next line is shown. */
static void tell_end(const struct comparison *q, const char *words, size_t offset,
		     struct buf *detail, const char **what)
{
	size_t nwant = count_lines(q->want), nfound = count_lines(q->found);
	struct spot at = spot_at(nfound < nwant ? q->want : q->found, offset);

	*what = arena_printf(q->a, "%s %s%s: %zu line%s, wanted %zu", q->stream, words,
			     wanted_from(q), nfound, nfound == 1 ? "" : "s", nwant);
	show_line_at(detail, nfound < nwant ? "missing: " : "unexpected: ",
		     nfound < nwant ? q->want : q->found, &at);
}

static bool in_order(const struct comparison *q, const char *words, struct buf *detail,
		     const char **what)
{
	struct line line[2] = { { 0, 0 }, { 0, 0 } };
	size_t at_want = 0, at_found = 0;
	bool has_want, has_found;

	for (;;) {
		has_want = next_line(q->want, &at_want, &line[0]);
		has_found = next_line(q->found, &at_found, &line[1]);
		if (!has_want || !has_found)
			break;
		if (line[0].len != line[1].len ||
		    memcmp(q->want.data + line[0].offset, q->found.data + line[1].offset,
			   line[0].len) != 0) {
			tell_line(q, words, line, detail, what);
			return false;
		}
	}
	if (!has_want && !has_found)
		return is_whole(q, what);
	tell_end(q, words, line[has_found].offset, detail, what);
	return false;
}

/* ---- in any order ---- */

/* A line that stands in the texts, once for all its copies. */
struct entry {
	uint32_t offset; /* of its first copy; behind want's end: in found */
	uint32_t len;
	uint32_t hash;
	int32_t excess; /* copies wanted less copies found */
};

/* Lines by what they are: slots by hash with linear probing, entries in the order they came. */
struct tally {
	struct bytes want, found;
	struct entry *entry;
	size_t n, room;
	uint32_t *slot; /* index of an entry, and 1 */
	size_t nslot;   /* a power of two, at least twice n */
	uint64_t key;   /* no program can choose lines that collide */
};

static void tally_close(struct tally *t)
{
	free(t->entry);
	free(t->slot);
}

static const char *text_of(const struct tally *t, const struct entry *e)
{
	if (e->offset < t->want.len)
		return t->want.data + e->offset;
	return t->found.data + (e->offset - t->want.len);
}

/* Multiplication folded onto itself, as in wyhash (Wang Yi). */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(uint64_t key, const char *s, size_t len)
{
	uint64_t hash = key ^ len, word;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		hash = fold(hash ^ 0xa0761d6478bd642f, word ^ key ^ 0xe7037ed1a0b428db);
	}
	word = 0;
	memcpy(&word, s, len);
	hash = fold(hash ^ 0x8ebc6af09c88c6e3, word ^ key ^ 0x589965cc75374cc3);
	return (uint32_t)(hash ^ hash >> 32);
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void grow(struct tally *t)
{
	t->room = t->room ? t->room * 2 : 64;
	t->nslot = t->room * 2;
	t->entry = must(realloc(t->entry, t->room * sizeof(*t->entry)));
	free(t->slot);
	t->slot = must(calloc(t->nslot, sizeof(*t->slot)));
	for (size_t i = 0; i < t->n; i++) {
		size_t at = t->entry[i].hash & (t->nslot - 1);

		while (t->slot[at])
			at = (at + 1) & (t->nslot - 1);
		t->slot[at] = (uint32_t)i + 1;
	}
}

/* The entry of a line, new if it is the first such. */
static struct entry *entry_of(struct tally *t, const char *s, struct entry like)
{
	size_t at;

	if (t->n == t->room)
		grow(t);
	for (at = like.hash & (t->nslot - 1); t->slot[at]; at = (at + 1) & (t->nslot - 1)) {
		struct entry *e = &t->entry[t->slot[at] - 1];

		if (e->hash == like.hash && e->len == like.len &&
		    !memcmp(text_of(t, e), s, like.len))
			return e;
	}
	t->entry[t->n] = like;
	t->slot[at] = (uint32_t)++t->n;
	return &t->entry[t->n - 1];
}

/* Count each line of a text whose offsets begin at base. */
static void count_text(struct tally *t, struct bytes text, size_t base, int by)
{
	struct line line;
	size_t at = 0;

	while (next_line(text, &at, &line)) {
		const char *s = text.data + line.offset;
		struct entry like = { .offset = (uint32_t)(base + line.offset),
				      .len = (uint32_t)line.len,
				      .hash = hash_of(t->key, s, line.len) };

		entry_of(t, s, like)->excess += by;
	}
}

/* How many lines there are too many of (sign 1: that are wanted, -1: found). */
static size_t count_excess(const struct tally *t, int sign)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->entry[i].excess * sign > 0)
			sum += (size_t)(t->entry[i].excess * sign);
	return sum;
}

static void show_excess(struct buf *b, const struct tally *t, int sign, const char *label)
{
	size_t left = count_excess(t, sign), shown = 0;

	if (left)
		buf_printf(b, "%s:\n", label);
	for (size_t i = 0; i < t->n && shown < SHOWN_EACH; i++) {
		const struct entry *e = &t->entry[i];
		int copies = e->excess * sign;

		if (copies <= 0)
			continue;
		shown++;
		left -= (size_t)copies;
		buf_puts(b, "  ");
		if (copies > 1)
			buf_printf(b, "%d times: ", copies);
		show_line(b, text_of(t, e), e->len, 0);
	}
	if (left)
		buf_printf(b, "  ... %zu more\n", left);
}

/* "2 lines missing, 1 unexpected"; one of both at least. */
static const char *excess_words(struct arena *a, size_t missing, size_t unexpected)
{
	size_t n = missing ? missing : unexpected;
	const char *first = arena_printf(a, "%zu line%s %s", n, n == 1 ? "" : "s",
					 missing ? "missing" : "unexpected");

	return missing && unexpected ? arena_printf(a, "%s, %zu unexpected", first, unexpected)
				     : first;
}

static bool in_any_order(const struct comparison *q, const char *words, struct buf *detail,
			 const char **what)
{
	__attribute__((cleanup(tally_close))) struct tally t = { .want = q->want,
								 .found = q->found,
								 .key = random_u64() };
	size_t missing, unexpected;

	assert(q->want.len < INT32_MAX && q->found.len < INT32_MAX);
	count_text(&t, q->want, 0, 1);
	count_text(&t, q->found, q->want.len, -1);
	missing = count_excess(&t, 1);
	unexpected = count_excess(&t, -1);
	if (!missing && !unexpected)
		return is_whole(q, what);
	*what = arena_printf(q->a, "%s %s%s in any order: %s", q->stream, words, wanted_from(q),
			     excess_words(q->a, missing, unexpected));
	show_excess(detail, &t, 1, "missing");
	show_excess(detail, &t, -1, "unexpected");
	return false;
}

bool compare_lines(const struct comparison *q, const char *words, struct buf *detail,
		   const char **what)
{
	if (q->found.len == 0 && q->want.len) {
		*what = arena_printf(q->a, "%s is empty, wanted %s", q->stream, wanted(q));
		return false;
	}
	if (q->check->spec->any_order)
		return in_any_order(q, words, detail, what);
	return in_order(q, words, detail, what);
}
