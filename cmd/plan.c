#include <string.h>

#include "base/json.h"
#include "cmd/cmd.h"

struct plan_opts {
	struct strings vars;
	const char *format;
	bool json, allow_outside;
};

static const struct option_row plan_options[] = {
	{ "format", 0, "FORMAT", "table (default), json or dot", OPTION_TEXT,
	  offsetof(struct plan_opts, format), 0, 0 },
	{ "json", 0, NULL, "the same as --format json", OPTION_FLAG,
	  offsetof(struct plan_opts, json), 0, 0 },
	{ "var", 0, "K=V", "give a var of the spec another value", OPTION_LIST,
	  offsetof(struct plan_opts, vars), 0, 0 },
	{ "allow-outside", 0, NULL, "let paths leave the spec's folder", OPTION_FLAG,
	  offsetof(struct plan_opts, allow_outside), 0, 0 },
	{ 0 },
};

/* One line per cell: its id, and what it needs. */
static void print_table(const struct plan *p)
{
	for (size_t i = 0; i < p->ncell; i++) {
		const struct cell *c = &p->cell[i];

		fputs(c->id, stdout);
		if (c->ndep == 1)
			printf("  needs %s", p->cell[c->dep[0]].id);
		else if (c->ndep)
			printf("  needs %s and %zu more", p->cell[c->dep[0]].id, c->ndep - 1);
		putchar('\n');
	}
}

static void print_quoted(struct buf *b, const char *s)
{
	buf_clear(b);
	json_quote(b, s, strlen(s));
	fputs(buf_text(b), stdout);
}

static void print_json_cell(const struct plan *p, const struct cell *c, struct buf *b)
{
	fputs("{\"cell\":", stdout);
	print_quoted(b, c->id);
	fputs(",\"job\":", stdout);
	print_quoted(b, c->job->name);
	fputs(",\"matrix\":{", stdout);
	for (size_t k = 0; k < c->nmatrix; k++) {
		fputs(k ? "," : "", stdout);
		print_quoted(b, c->matrix[k].key);
		putchar(':');
		print_quoted(b, c->matrix[k].value.s);
	}
	fputs("},\"needs\":[", stdout);
	for (size_t k = 0; k < c->ndep; k++) {
		fputs(k ? "," : "", stdout);
		print_quoted(b, p->cell[c->dep[k]].id);
	}
	fputs("]}", stdout);
}

static void print_json(const struct plan *p)
{
	CLEAN_BUF struct buf b = BUF(1 << 24);

	fputs("{\"name\":", stdout);
	print_quoted(&b, p->spec->name);
	fputs(",\"cells\":[", stdout);
	for (size_t i = 0; i < p->ncell; i++) {
		fputs(i ? "," : "", stdout);
		print_json_cell(p, &p->cell[i], &b);
	}
	fputs("]}\n", stdout);
}

/* For graphviz: an edge from what is needed to what needs it. */
static void print_dot(const struct plan *p)
{
	CLEAN_BUF struct buf b = BUF(1 << 24);

	puts("digraph plan {\n\trankdir=LR;\n\tnode [shape=box];");
	for (size_t i = 0; i < p->ncell; i++) {
		printf("\tc%zu [label=", i);
		print_quoted(&b, p->cell[i].id);
		puts("];");
		for (size_t k = 0; k < p->cell[i].ndep; k++)
			printf("\tc%u -> c%zu;\n", p->cell[i].dep[k], i);
	}
	puts("}");
}

static const struct {
	const char *name;
	void (*print)(const struct plan *p);
} formats[] = {
	{ "table", print_table },
	{ "json", print_json },
	{ "dot", print_dot },
};

static int run_plan(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct plan_opts o = { .format = "table" };
	struct spec_source from;
	struct operands operands;
	struct plan plan;

	if (!options_parse(&command_plan, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	if (o.json)
		o.format = "json";
	from = (struct spec_source){ operands.item.item[0], o.vars.item, o.allow_outside };
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, o.format) != 0)
			continue;
		if (!cmd_plan(&a, &from, &plan, e))
			return cmd_fail(e);
		formats[i].print(&plan);
		return 0;
	}
	err_set(e, ERR_USAGE, "--format must be table, json or dot, not '%s'", o.format);
	return cmd_fail(e);
}

const struct command command_plan = {
	.name = "plan",
	.operands = "SPEC",
	.help = "show the cells of a spec in running order",
	.option = plan_options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run_plan,
};
