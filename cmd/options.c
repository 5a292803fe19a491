#include "cmd/options.h"

#include <getopt.h>
#include <string.h>

#include "base/yaml.h"

#define FIRST_LONG 256 /* values that getopt_long returns for options: FIRST_LONG + row */

static size_t count_rows(const struct command *c)
{
	size_t n = 0;

	while (c->option && c->option[n].name)
		n++;
	return n;
}

static void add_string(struct arena *a, struct strings *l, const char *s)
{
	const char **grown = ARENA_NEW(a, l->n + 2, const char *);

	if (l->n)
		memcpy(grown, l->item, l->n * sizeof(*grown));
	grown[l->n++] = s;
	l->item = grown;
}

static bool set_number(const struct option_row *row, const char *value, void *slot, struct err *e)
{
	int64_t n;

	if (!parse_int(value, strlen(value), &n) || n < row->min || n > row->max)
		return err_set(e, ERR_USAGE, "--%s must be %lld to %lld, not '%s'", row->name,
			       (long long)row->min, (long long)row->max, value);
	*(int64_t *)slot = n;
	return true;
}

static bool set_option(const struct option_row *row, const char *value, struct arena *a,
		       void *object, struct err *e)
{
	void *slot = (char *)object + row->at;

	switch (row->type) {
	case OPTION_FLAG:
		*(bool *)slot = true;
		return true;
	case OPTION_TEXT:
		*(const char **)slot = value;
		return true;
	case OPTION_MAYBE:
		*(const char **)slot = value ? value : "";
		return true;
	case OPTION_LIST:
		add_string(a, slot, value);
		return true;
	case OPTION_NUMBER:
		return set_number(row, value, slot, e);
	}
	return false;
}

/* getopt's tables from ours; letters go through the long option's value, so that there is one case.
 */
static struct option *long_options(struct arena *a, const struct command *c, char *letters)
{
	size_t n = count_rows(c);
	struct option *o = ARENA_NEW(a, n + 1, struct option);

	*letters++ = ':'; /* tell a missing argument apart */
	for (size_t i = 0; i < n; i++) {
		const struct option_row *row = &c->option[i];
		int has_arg = row->type == OPTION_FLAG    ? no_argument
			      : row->type == OPTION_MAYBE ? optional_argument
							  : required_argument;

		o[i] = (struct option){ row->name, has_arg, NULL, FIRST_LONG + (int)i };
		if (row->letter) {
			*letters++ = row->letter;
			if (has_arg == required_argument)
				*letters++ = ':';
		}
	}
	return o;
}

static const struct option_row *row_of(const struct command *c, int value)
{
	if (value >= FIRST_LONG)
		return &c->option[value - FIRST_LONG];
	for (size_t i = 0; i < count_rows(c); i++)
		if (c->option[i].letter == value)
			return &c->option[i];
	return NULL;
}

static bool unknown_option(const struct command *c, const char *given, struct err *e)
{
	const char *names[64] = { NULL }, *near;
	size_t n = count_rows(c);

	for (size_t i = 0; i < n && i < 63; i++)
		names[i] = c->option[i].name;
	near = yaml_nearest(given + strspn(given, "-"), names);
	if (near)
		return err_set(e, ERR_USAGE, "%s has no option '%s'; did you mean '--%s'?", c->name,
			       given, near);
	return err_set(e, ERR_USAGE, "%s has no option '%s'; see 'sandbatch %s --help'", c->name,
		       given, c->name);
}

static bool check_operands(const struct command *c, const struct operands *o, struct err *e)
{
	if (o->item.n < c->min_operands)
		return err_set(e, ERR_USAGE, "%s wants %s; see 'sandbatch %s --help'", c->name,
			       c->operands, c->name);
	if (o->item.n > c->max_operands)
		return err_set(e, ERR_USAGE, "%s cannot use '%s'; see 'sandbatch %s --help'",
			       c->name, o->item.item[c->max_operands], c->name);
	return true;
}

/* The place of "--", or argc. */
static int find_rest(struct command_line line)
{
	for (int i = 1; i < line.argc; i++)
		if (!strcmp(line.argv[i], "--"))
			return i;
	return line.argc;
}

bool options_parse(const struct command *c, struct command_line line, struct arena *a, void *object,
		   struct operands *operands, struct err *e)
{
	char *letters = arena_zalloc(a, 2 * count_rows(c) + 2, 1);
	struct option *longs = long_options(a, c, letters);
	int end = find_rest(line), value;

	*operands = (struct operands){ 0 };
	opterr = 0;
	optind = 0;
	while ((value = getopt_long(end, line.argv, letters, longs, NULL)) != -1) {
		const char *given = line.argv[optind - 1];

		if (value == '?')
			return unknown_option(c, given, e);
		if (value == ':')
			return err_set(e, ERR_USAGE, "option '%s' of %s wants a value", given,
				       c->name);
		if (!set_option(row_of(c, value), optarg, a, object, e))
			return false;
	}
	for (int i = optind; i < end; i++)
		add_string(a, &operands->item, line.argv[i]);
	for (int i = end + 1; i < line.argc; i++)
		add_string(a, c->takes_rest ? &operands->rest : &operands->item, line.argv[i]);
	return check_operands(c, operands, e);
}

static void add_words(struct arena *a, const struct option_row *row, const void *object,
		      struct strings *out)
{
	const void *slot = (const char *)object + row->at;
	const struct strings *list = slot;

	switch (row->type) {
	case OPTION_FLAG:
		if (*(const bool *)slot)
			add_string(a, out, arena_printf(a, "--%s", row->name));
		return;
	case OPTION_TEXT:
	case OPTION_MAYBE:
		if (*(const char *const *)slot)
			add_string(
				a, out,
				arena_printf(a, "--%s=%s", row->name, *(const char *const *)slot));
		return;
	case OPTION_LIST:
		for (size_t i = 0; i < list->n; i++)
			add_string(a, out, arena_printf(a, "--%s=%s", row->name, list->item[i]));
		return;
	case OPTION_NUMBER:
		if (*(const int64_t *)slot)
			add_string(a, out,
				   arena_printf(a, "--%s=%lld", row->name,
						(long long)*(const int64_t *)slot));
		return;
	}
}

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

struct strings options_words(const struct command *c, struct arena *a, const void *object,
			     const char *const *but)
{
	struct strings out = { 0 };

	for (size_t i = 0; i < count_rows(c); i++)
		if (!is_among(but, c->option[i].name))
			add_words(a, &c->option[i], object, &out);
	return out;
}

static void help_row(const struct option_row *row, FILE *to)
{
	char left[64];

	const char *space = row->arg && row->type != OPTION_MAYBE ? " " : "";
	const char *arg = row->arg ? row->arg : "";

	if (row->letter)
		snprintf(left, sizeof(left), "-%c, --%s%s%s", row->letter, row->name, space, arg);
	else
		snprintf(left, sizeof(left), "    --%s%s%s", row->name, space, arg);
	fprintf(to, "  %-28s %s\n", left, row->help);
}

void options_help(const struct command *c, FILE *to)
{
	size_t n = count_rows(c);

	fprintf(to, "usage: sandbatch %s%s%s%s\n\n%s.\n", c->name, n ? " [OPTIONS]" : "",
		*c->operands ? " " : "", c->operands, c->help);
	fputs("\n", to);
	for (size_t i = 0; i < n; i++)
		help_row(&c->option[i], to);
	fprintf(to, "  %-28s %s\n", "    --help", "show this");
}
