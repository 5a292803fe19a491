#include "cmd/cmd.h"
#include "run/run.h"

struct validate {
	struct strings vars;
	bool allow_outside;
};

static const struct option_row validate_options[] = {
	{ "var", 0, "K=V", "give a var of the spec another value", OPTION_LIST,
	  offsetof(struct validate, vars), 0, 0 },
	{ "allow-outside", 0, NULL, "let paths leave the spec's folder", OPTION_FLAG,
	  offsetof(struct validate, allow_outside), 0, 0 },
	{ 0 },
};

static bool validate_spec(const struct validate *v, const char *path, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct run_options o = { .allow_outside = v->allow_outside, .has_additions = true };
	struct spec_source from = { path, v->vars.item, v->allow_outside };
	struct plan plan;
	bool ok;

	if (!cmd_plan(&a, &from, &plan, e))
		return false;
	ok = run_check(&plan, &o, &tell, e);
	fputs(buf_text(&tell), stderr);
	if (ok)
		printf("%s: %zu cell%s, no mistakes\n", path, plan.ncell,
		       plan.ncell == 1 ? "" : "s");
	return ok;
}

static int run_validate(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct validate v = { 0 };
	struct operands operands;
	int status = 0;

	if (!options_parse(&command_validate, (struct command_line){ argc, argv }, &a, &v,
			   &operands, e))
		return cmd_fail(e);
	for (size_t i = 0; i < operands.item.n; i++)
		if (!validate_spec(&v, operands.item.item[i], e))
			status = cmd_fail(e);
	return status;
}

const struct command command_validate = {
	.name = "validate",
	.operands = "SPEC...",
	.help = "tell all mistakes of specs, and run nothing",
	.option = validate_options,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_validate,
};
