#include "cmd/cmd.h"

static int run_schema(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf out = BUF(1 << 20);
	struct operands operands;

	if (!options_parse(&command_schema, (struct command_line){ argc, argv }, &a, NULL,
			   &operands, e))
		return cmd_fail(e);
	spec_schema(&out);
	fputs(buf_text(&out), stdout);
	return 0;
}

const struct command command_schema = {
	.name = "schema",
	.operands = "",
	.help = "print the JSON Schema of specs, for editors",
	.run = run_schema,
};
