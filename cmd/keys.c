#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "service/service.h"

struct keys {
	const char *keys;
	bool is_signed, json;
};

static const struct option_row keys_options[] = {
	{ "keys", 0, "FILE", "the file of keys (keys.yml); new makes it", OPTION_TEXT,
	  offsetof(struct keys, keys), 0, 0 },
	{ "signed", 0, NULL, "new: a public key and a secret that signs requests", OPTION_FLAG,
	  offsetof(struct keys, is_signed), 0, 0 },
	{ "json", 0, NULL, "list: as JSON", OPTION_FLAG, offsetof(struct keys, json), 0, 0 },
	{ 0 },
};

static bool keys(const struct keys *k, const struct strings *operand, struct buf *out,
		 struct err *e)
{
	const char *path = k->keys ? k->keys : "keys.yml";

	if (!strcmp(operand->item[0], "new") && operand->n == 2)
		return service_key_new(&(struct service_key){ .path = path,
							      .name = operand->item[1],
							      .is_signed = k->is_signed },
				       out, e);
	if (!strcmp(operand->item[0], "list") && operand->n == 1)
		return service_key_list(path, k->json, out, e);
	return err_set(e, ERR_USAGE, "keys takes 'new NAME' or 'list', not '%s'%s",
		       operand->item[0], operand->n > 1 ? " and more" : "");
}

static int run_keys(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf out = BUF(16 << 20);
	struct keys k = { 0 };
	struct operands operands;
	bool ok;

	if (!options_parse(&command_keys, (struct command_line){ argc, argv }, &a, &k, &operands,
			   e))
		return cmd_fail(e);
	ok = keys(&k, &operands.item, &out, e);
	fputs(buf_text(&out), ok ? stdout : stderr);
	return ok ? 0 : cmd_fail(e);
}

const struct command command_keys = {
	.name = "keys",
	.operands = "new NAME | list",
	.help = "make and list the keys of a service",
	.option = keys_options,
	.min_operands = 1,
	.max_operands = 2,
	.run = run_keys,
};
