#include "service/detect.h"

#include <string.h>

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

struct detected detect_language(const struct languages *l, struct bytes source)
{
	static const char version[] = "0123456789.-";
	struct bytes name = interpreter(source);
	struct detected d = { .language = find(l, name) };

	while (!d.language && name.len &&
	       memchr(version, name.data[name.len - 1], strlen(version))) {
		name.len--;
		d.language = find(l, name);
	}
	return d;
}
