/*
 * Patterns. They and the paths may both be a stranger's, so time is bounded by
 * their lengths multiplied: on a mismatch only the last star is tried further
 * along (Kurtz and Krauss), where fnmatch(3) tries all of them.
 */
#include "base/fs.h"

#include <fnmatch.h>
#include <string.h>

#define ATOM_MAX 256

struct span {
	const char *at, *end;
};

/* Bytes of the first thing in the pattern that stands for one character: x, \x, ? or [...]. */
static size_t atom_length(struct span p)
{
	const char *close = p.at + 1;

	if (*p.at == '\\' && p.end - p.at > 1)
		return 2;
	if (*p.at != '[')
		return 1;
	if (close < p.end && (*close == '!' || *close == '^'))
		close++;
	if (close < p.end && *close == ']') /* the first one stands for itself */
		close++;
	for (; close < p.end && *close != ']'; close++) {
		if (close[0] == '[' && close + 1 < p.end && close[1] == ':') {
			const char *colon = memchr(close + 2, ':', (size_t)(p.end - close - 2));

			if (colon && colon + 1 < p.end && colon[1] == ']')
				close = colon + 1;
		}
	}
	return close < p.end && close - p.at < ATOM_MAX - 1 ? (size_t)(close - p.at) + 1 : 1;
}

/* Bytes of the character at the start: one, or a lead byte of UTF-8 and those that follow it. */
static size_t character_length(struct span s)
{
	size_t n = 1;

	if (((unsigned char)*s.at & 0xc0) != 0xc0)
		return 1;
	while (s.at + n < s.end && n < 4 && ((unsigned char)s.at[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Step both over one atom and the character it fits; false if it does not fit. */
static bool match_atom(struct span *p, struct span *s)
{
	size_t natom = atom_length(*p), nchar = 1;
	char atom[ATOM_MAX] = { 0 }, one[2] = { *s->at, 0 };
	bool fits;

	if (*p->at == '?') {
		nchar = character_length(*s);
		fits = true;
	} else if (natom == 1) {
		fits = *p->at == *s->at;
	} else {
		memcpy(atom, p->at, natom);
		fits = fnmatch(atom, one, 0) == 0;
	}
	p->at += natom;
	s->at += nchar;
	return fits;
}

/* One name against one part of a pattern. */
static bool match_name(struct span p, struct span s)
{
	struct span star = { 0 }, tried = { 0 };

	while (s.at < s.end) {
		if (p.at < p.end && *p.at == '*') {
			p.at++;
			star = p;
			tried = s;
			continue;
		}
		if (p.at < p.end && match_atom(&p, &s))
			continue;
		if (!star.at)
			return false;
		tried.at++; /* the star takes one byte more */
		p = star;
		s = tried;
	}
	while (p.at < p.end && *p.at == '*')
		p.at++;
	return p.at == p.end;
}

/* The part up to the next slash; moves *rest behind it, to NULL after the last. */
static struct span next_part(const char **rest)
{
	const char *slash = strchr(*rest, '/');
	struct span part = { *rest, slash ? slash : *rest + strlen(*rest) };

	*rest = slash ? slash + 1 : NULL;
	return part;
}

static bool is_any_folders(struct span p)
{
	return p.end - p.at == 2 && p.at[0] == '*' && p.at[1] == '*';
}

bool fs_match(const char *pattern, const char *path)
{
	const char *p = pattern, *s = path, *star = NULL, *tried = NULL;
	bool has_star = false;

	while (s) {
		const char *p_rest = p, *s_rest = s;

		if (p && is_any_folders(next_part(&p_rest))) {
			if (!p_rest)
				return true; /* at the end: all that is below */
			has_star = true;
			p = star = p_rest;
			tried = s;
			continue;
		}
		p_rest = p;
		if (p && match_name(next_part(&p_rest), next_part(&s_rest))) {
			p = p_rest;
			s = s_rest;
			continue;
		}
		if (!has_star)
			return false;
		next_part(&tried); /* ** takes one folder more */
		p = star;
		s = tried;
	}
	return !p;
}

bool fs_leaves(const char *path)
{
	int depth = 0;

	if (*path == '/')
		return true;
	for (size_t n; *path && depth >= 0; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 2 && !memcmp(path, "..", 2))
			depth--;
		else if (n && !(n == 1 && *path == '.'))
			depth++;
	}
	return depth < 0;
}
