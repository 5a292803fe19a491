/* detect -- which language a source text is written in. Pure. */
#ifndef SERVICE_DETECT_H
#define SERVICE_DETECT_H

#include "service/language.h"
#include "wire/wire.h"

#define DETECT_MAX 8

struct detected {
	const struct language *language; /* NULL: not clear-cut */
	const struct language *candidate[DETECT_MAX];
	size_t ncandidate;
};

/*
 * By its first line if that is a shebang (`#!/usr/bin/env -S ruby -w`): the language whose shebangs
 * name the interpreter, with or without the version behind it. Without a shebang by the marks of
 * the table that its text bears: the language with the most, if the next one has at most half as
 * many; else those with any are the candidates, the likeliest first.
 */
struct detected detect_language(const struct languages *l, struct bytes source);

#endif
