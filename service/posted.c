#include "service/posted.h"

#include <string.h>

#include "base/json.h"
#include "base/yaml.h"

/* How the value of a query stands in JSON. */
enum spelling { QUOTED, NUMBER, BOOLEAN, OBJECT };

static const struct option {
	const char *name;
	enum spelling form;
} options[] = {
	{ "env", OBJECT },
	{ "network_mode", QUOTED },
	{ "ttl", NUMBER },
	{ "return_artifact", BOOLEAN },
	{ "return_wasm_artifact", BOOLEAN },
};

bool posted_check(struct bytes source, struct err *e)
{
	return json_is_text(source.data, source.len) ||
	       err_set(e, ERR_MALFORMED, "the source must be UTF-8 text without NUL");
}

static bool check_object(const char *name, const char *value, struct err *e)
{
	CLEAN_JSON cJSON *json = json_parse(value, strlen(value), JSON_NUL_REFUSE, e);
	char found[JSON_FOUND];

	if (!json)
		return err_wrap(e, "%s", name);
	if (cJSON_IsObject(json))
		return true;
	json_found(json, found);
	return err_set(e, ERR_MALFORMED, "%s must be an object, not %s", name, found);
}

/* Whether the value can stand in JSON without quotes. */
static bool is_bare(enum spelling form, const char *value)
{
	int64_t n;

	switch (form) {
	case QUOTED:
		return false;
	case NUMBER:
		return value[0] != '0' && parse_int(value, strlen(value), &n);
	case BOOLEAN:
		return !strcmp(value, "true") || !strcmp(value, "false");
	case OBJECT:
		return true;
	}
	return false;
}

static bool add_option(const struct call *c, const struct option *o, struct buf *out, struct err *e)
{
	const char *value = call_query(c, o->name);
	bool ok;

	if (!value)
		return true;
	if (o->form == OBJECT && !check_object(o->name, value, e))
		return false;
	if (!json_is_text(value, strlen(value)))
		return err_set(e, ERR_MALFORMED, "%s must be UTF-8", o->name);
	ok = buf_printf(out, ",\"%s\":", o->name) &&
	     (is_bare(o->form, value) ? buf_puts(out, value)
				      : json_quote(out, value, strlen(value)));
	return ok || err_set(e, ERR_TOO_LARGE, "%s is too long", o->name);
}

bool posted_request(const struct call *c, const char *language, struct buf *out, struct err *e)
{
	if (!buf_puts(out, "{\"language\":") || !json_quote(out, language, strlen(language)) ||
	    !buf_puts(out, ",\"code\":") || !json_quote(out, buf_text(&c->body), c->body.len))
		return err_set(e, ERR_TOO_LARGE, "the source is too long");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!add_option(c, &options[i], out, e))
			return false;
	return buf_puts(out, "}") || err_set(e, ERR_TOO_LARGE, "the request is too long");
}

bool posted_print_options(bool is_first, struct buf *b)
{
	bool ok = true;

	for (size_t i = 0; ok && i < sizeof(options) / sizeof(options[0]); i++) {
		bool is_json = options[i].form == OBJECT;

		ok = buf_printf(b,
				"%s{\"name\":\"%s\",\"in\":\"query\",%s\"schema\":{\"$ref\":"
				"\"#/components/schemas/request/properties/%s\"}%s}",
				i || !is_first ? "," : "", options[i].name,
				is_json ? "\"content\":{\"application/json\":{" : "",
				options[i].name, is_json ? "}}" : "");
	}
	return ok;
}

bool posted_undetected(struct call *c, const struct detected *d, struct err *e)
{
	CLEAN_BUF struct buf names = BUF(4096), list = BUF(4096), answer = BUF(16384);
	CLEAN_BUF struct buf sentence = BUF(4096);
	bool ok = true;

	for (size_t i = 0; i < d->ncandidate; i++) {
		const char *name = d->candidate[i]->name;

		ok = ok && buf_printf(&names, "%s%s", i ? ", " : "", name) &&
		     buf_puts(&list, i ? "," : "") && json_quote(&list, name, strlen(name));
	}
	ok = ok &&
	     (d->ncandidate
		      ? buf_printf(&sentence,
				   "the language is not clear: it may be one of %s; begin "
				   "with a #! line, or name it to /execute",
				   buf_text(&names))
		      : buf_puts(&sentence, "the language cannot be told from the source: "
					    "begin with a #! line, or name it to /execute")) &&
	     wire_error_print(buf_text(&sentence), "undetectable_language", &answer);
	if (!ok)
		return err_set(e, ERR_SYSTEM, "the answer is too large");
	/* The list goes inside the object. */
	answer.len--;
	if (!buf_printf(&answer, ",\"candidates\":[%s]}", buf_text(&list)))
		return err_set(e, ERR_SYSTEM, "the answer is too large");
	call_answer(c, 422, (struct bytes){ buf_text(&answer), answer.len });
	return true;
}
