#include "service/detect.h"

#include <string.h>

#include "service/marks.h"

static const char blank[] = " \t\r";

/* The next word of the line, without blanks around it; empty at the end. */
static struct bytes next_word(struct bytes *line)
{
	struct bytes word;

	while (line->len && memchr(blank, *line->data, strlen(blank))) {
		line->data++;
		line->len--;
	}
	word = (struct bytes){ line->data, 0 };
	while (word.len < line->len && !memchr(blank, word.data[word.len], strlen(blank)))
		word.len++;
	line->data += word.len;
	line->len -= word.len;
	return word;
}

static struct bytes base_name(struct bytes path)
{
	const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
	size_t skip = slash ? (size_t)(slash - path.data) + 1 : 0;

	return (struct bytes){ path.data + skip, path.len - skip };
}

static bool is_word(struct bytes word, const char *text)
{
	return word.len == strlen(text) && !memcmp(word.data, text, word.len);
}

/* What env(1) would run: behind its options and variables. */
static struct bytes behind_env(struct bytes *line)
{
	struct bytes word = next_word(line);

	while (word.len && (word.data[0] == '-' || memchr(word.data, '=', word.len))) {
		if (is_word(word, "-u") || is_word(word, "-C"))
			next_word(line);
		if (word.len > 2 && !memcmp(word.data, "-S", 2))
			return (struct bytes){ word.data + 2, word.len - 2 };
		word = next_word(line);
	}
	return word;
}

/* The interpreter of a shebang line, empty if there is none. */
static struct bytes interpreter(struct bytes source)
{
	const char *end = source.len ? memchr(source.data, '\n', source.len) : NULL;
	struct bytes line = { source.data, end ? (size_t)(end - source.data) : source.len };
	struct bytes name;

	if (line.len < 2 || memcmp(line.data, "#!", 2) != 0)
		return (struct bytes){ "", 0 };
	line.data += 2;
	line.len -= 2;
	name = base_name(next_word(&line));
	return is_word(name, "env") ? base_name(behind_env(&line)) : name;
}

static const struct language *find(const struct languages *l, struct bytes name)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->item[i].shebangs.n; k++)
			if (is_word(name, l->item[i].shebangs.item[k]))
				return &l->item[i];
	return NULL;
}

static struct detected by_shebang(const struct languages *l, struct bytes name)
{
	static const char version[] = "0123456789.-";
	struct detected d = { .language = find(l, name) };

	while (!d.language && name.len &&
	       memchr(version, name.data[name.len - 1], strlen(version))) {
		name.len--;
		d.language = find(l, name);
	}
	return d;
}

/* The best so far, with what each has; DETECT_MAX of them. */
struct ranking {
	struct detected d;
	int count[DETECT_MAX];
};

static void rank(struct ranking *r, const struct language *l, int count)
{
	size_t at = r->d.ncandidate;

	while (at > 0 && r->count[at - 1] < count)
		at--;
	if (at == DETECT_MAX)
		return;
	if (r->d.ncandidate < DETECT_MAX)
		r->d.ncandidate++;
	for (size_t i = r->d.ncandidate - 1; i > at; i--) {
		r->d.candidate[i] = r->d.candidate[i - 1];
		r->count[i] = r->count[i - 1];
	}
	r->d.candidate[at] = l;
	r->count[at] = count;
}

static int count_marks(const struct language *l, const struct bytes *source)
{
	int n = 0;

	for (size_t i = 0; i < l->marks.n; i++)
		n += marks_count(l->marks.item[i], source, 1);
	return n;
}

static struct detected by_marks(const struct languages *l, struct bytes source)
{
	struct ranking r = { 0 };
	int next;

	for (size_t i = 0; i < l->n; i++) {
		int n = count_marks(&l->item[i], &source);

		if (n)
			rank(&r, &l->item[i], n);
	}
	next = r.d.ncandidate > 1 ? r.count[1] : 0;
	if (r.d.ncandidate && r.count[0] >= 2 * next)
		r.d.language = r.d.candidate[0];
	return r.d;
}

struct detected detect_language(const struct languages *l, struct bytes source)
{
	struct bytes name = interpreter(source);

	return name.len ? by_shebang(l, name) : by_marks(l, source);
}
