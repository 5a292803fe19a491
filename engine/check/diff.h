/* diff -- where two texts depart, for people: a few lines, whatever their size. */
#ifndef ENGINE_CHECK_DIFF_H
#define ENGINE_CHECK_DIFF_H

#include "check/check.h"

#define SHOWN_LINES 20 /* of a diff */
#define SHOWN_WIDTH 96 /* characters of a longer line */

/* A place in a text; line and column are counted from 1, columns in characters. */
struct spot {
	size_t offset, line_start;
	size_t line, column;
};

/* The place of an offset. */
struct spot spot_at(struct bytes text, size_t offset);
/* Where the texts first differ (at its end, if one begins with the other). Linear. */
struct spot spot_of_difference(struct bytes want, struct bytes found);

/* The length of the line that begins at start, without its newline. */
size_t line_len(struct bytes text, size_t start);
/*
 * Append "label", then the spot's line (exactly, cut around the spot if long) and a newline.
 * Returns the columns in front of the spot, for a caret.
 */
size_t show_line_at(struct buf *b, const char *label, struct bytes text, const struct spot *at);
/* Append a line of n bytes as show_line_at does, cut around the byte at. */
void show_line(struct buf *b, const char *s, size_t n, size_t at);
/* Append spaces and a caret. */
void show_caret(struct buf *b, size_t columns);
/* Append the first lines of a text with their numbers, and how many more there are. */
void show_head(struct buf *b, struct bytes text, size_t nline);
/*
 * Append a diff around the spot, as in `diff -U2` without file names ('-' wanted, '+' found): the
 * longest common subsequence (Hunt and McIlroy) of 64 lines of each, SHOWN_LINES of it.
 */
void show_diff(struct buf *b, struct bytes want, struct bytes found, const struct spot *at);

#endif
