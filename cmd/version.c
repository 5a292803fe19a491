#include "cmd/cmd.h"

static int run_version(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct operands operands;

	if (!options_parse(&command_version, (struct command_line){ argc, argv }, &a, NULL,
			   &operands, e))
		return cmd_fail(e);
	puts("sandbatch " VERSION);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.help = "print the version",
	.run = run_version,
};
