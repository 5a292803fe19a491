#include "service/openapi.h"

#include <ctype.h>
#include <string.h>

#include "service/posted.h"
#include "service/submit.h"

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

#define JOB_FIELD(key) "\"" key "\":{\"$ref\":\"#/components/schemas/job/properties/" key "\"}"
#define STRING         "{\"type\":\"string\"}"
#define STRINGS        "{\"type\":\"array\",\"items\":" STRING "}"
#define MAYBE_STRING   "{\"type\":[\"string\",\"null\"]}"
#define COUNT          "{\"type\":\"integer\",\"minimum\":0}"
#define FLAG           "{\"type\":\"boolean\"}"

#define OBJECT(sure, fields) \
	"{\"type\":\"object\",\"required\":[" sure "],\"properties\":{" fields "}}"
#define REQUESTS                                                 \
	"{\"type\":\"array\",\"minItems\":1,\"maxItems\":" TEXT( \
		SUBMIT_BATCH_MAX) ",\"items\":{\"$ref\":\"#/components/schemas/request\"}}"

/* What the service reads or prints itself; all else wire knows. */
static const struct wire_pair schemas[] = {
	{ "batch",
	  "{\"anyOf\":[" REQUESTS "," OBJECT("\"requests\"", "\"requests\":" REQUESTS) "]}" },
	{ "accepted_batch", OBJECT("\"job_ids\",\"status\"",
				   "\"job_ids\":" STRINGS ",\"status\":{\"const\":\"pending\"}") },
	{ "jobs",
	  OBJECT("\"jobs\"", "\"jobs\":{\"type\":\"array\",\"items\":" OBJECT(
				     "\"job_id\",\"status\",\"language\",\"submitted_at\"",
				     JOB_FIELD("job_id") "," JOB_FIELD("status") "," JOB_FIELD(
					     "language") ",\"submitted_at\":{\"type\":\"string\","
							 "\"format\":\"date-time\"}") "}") },
	{ "languages",
	  OBJECT("\"languages\",\"details\"",
		 "\"languages\":" STRINGS ",\"details\":{\"type\":\"array\",\"items\":" OBJECT(
			 "\"name\",\"available\"",
			 "\"name\":" STRING ",\"aliases\":" STRINGS ",\"extensions\":" STRINGS
			 ",\"shebangs\":" STRINGS ",\"available\":" FLAG
			 ",\"package\":" MAYBE_STRING ",\"npm\":" MAYBE_STRING
			 ",\"missing\":" MAYBE_STRING ",\"wasm_package\":" MAYBE_STRING
			 ",\"version\":" MAYBE_STRING ",\"compiled\":" FLAG
			 ",\"wasm\":" FLAG) "}") },
	{ "health", OBJECT("\"status\",\"version\"",
			   "\"status\":{\"const\":\"ok\"},\"version\":" STRING
			   ",\"executor\":" STRING ",\"slots\":" COUNT ",\"pending\":" COUNT
			   ",\"running\":" COUNT ",\"limits\":" MAYBE_STRING
			   ",\"semitrusted\":" MAYBE_STRING ",\"semitrusted_why\":" STRING) },
	{ "key",
	  OBJECT("\"valid\",\"anonymous\",\"max_ttl\",\"limits\"",
		 "\"valid\":{\"const\":true},\"name\":" STRING ",\"anonymous\":" FLAG
		 ",\"concurrency\":" COUNT ",\"queue\":" COUNT
		 ",\"rate_per_minute\":{\"type\":[\"integer\",\"null\"]},\"max_ttl\":" COUNT
		 ",\"limits\":{\"$ref\":\"#/components/schemas/request/properties/limits\"}") },
};

static const struct parameter {
	const char *name, *in, *schema;
} parameters[] = {
	{ "wait", "query",
	  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":" TEXT(
		  WIRE_WAIT_MAX) ",\"default\":0}" },
	{ "inline_bytes", "query", COUNT },
	{ WIRE_IDEMPOTENCY, "header",
	  "{\"type\":\"string\",\"minLength\":1,\"maxLength\":" TEXT(SUBMIT_KEY_MAX) "}" },
	{ "Range", "header", STRING },
	{ "If-Range", "header", STRING },
};

/* The path as OpenAPI writes it: what was {} is {id}, what was {*} is {name}. */
static bool print_path(const char *path, struct buf *b)
{
	bool ok = true;

	for (; ok && *path; path++) {
		ok = buf_add(b, path, 1);
		if (ok && path[0] == '{' && path[1] != '*')
			ok = buf_puts(b, "id");
		if (ok && path[0] == '{' && path[1] == '*') {
			ok = buf_puts(b, "name");
			path++;
		}
	}
	return ok;
}

static bool print_parameter(const char *name, size_t len, bool is_first, struct buf *b)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		const struct parameter *p = &parameters[i];

		if (strlen(p->name) == len && !memcmp(p->name, name, len))
			return buf_printf(b, "%s{\"name\":\"%s\",\"in\":\"%s\",\"schema\":%s}",
					  is_first ? "" : ",", p->name, p->in, p->schema);
	}
	return false;
}

static bool print_parameters(const struct route *r, struct buf *b)
{
	static const char in_path[] = "%s{\"name\":\"%s\",\"in\":\"path\",\"required\":true,"
				      "\"schema\":{\"type\":\"string\"}}";
	const char *name = r->takes ? r->takes : "";
	bool is_first = !strchr(r->path, '{');
	bool ok = buf_puts(b, ",\"parameters\":[") &&
		  (is_first || buf_printf(b, in_path, "", "id")) &&
		  (!strstr(r->path, "{*}") || buf_printf(b, in_path, ",", "name"));

	for (size_t n; ok && *name; name += n + strspn(name + n, " ")) {
		n = strcspn(name, " ");
		ok = print_parameter(name, n, is_first, b);
		is_first = false;
	}
	return ok && (!(r->flags & ROUTE_TEXT) || posted_print_options(is_first, b)) &&
	       buf_puts(b, "]");
}

static bool print_body(const struct route *r, struct buf *b)
{
	if (r->flags & ROUTE_JSON)
		return buf_printf(
			b,
			",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{"
			"\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}}",
			r->body);
	return !(r->flags & ROUTE_TEXT) ||
	       buf_puts(b, ",\"requestBody\":{\"required\":true,\"content\":{\"text/plain\":{"
			   "\"schema\":{\"type\":\"string\"}}}}");
}

static bool print_answer(const struct route *r, struct buf *b)
{
	bool has_parts = r->takes && !strncmp(r->takes, "Range", strlen("Range"));
	bool ok = buf_puts(b, ",\"responses\":{\"200\":{\"description\":\"done\",\"content\":{") &&
		  (strchr(r->answers, '/')
			   ? buf_printf(b, "\"%s\":{}", r->answers)
			   : buf_printf(b,
					"\"application/json\":{\"schema\":{\"$ref\":\"#/components/"
					"schemas/%s\"}}",
					r->answers)) &&
		  buf_puts(b, "}}");

	if (ok && has_parts)
		ok = buf_printf(b,
				",\"206\":{\"description\":\"the part\",\"content\":{\"%s\":{}}}",
				r->answers);
	return ok && buf_puts(b, ",\"default\":{\"$ref\":\"#/components/responses/error\"}}");
}

static bool print_operation(const struct route *r, struct buf *b)
{
	char method[16];
	size_t n = strlen(r->method);

	for (size_t i = 0; i <= n; i++)
		method[i] = (char)tolower((unsigned char)r->method[i]);
	return buf_printf(b, "\"%s\":{\"summary\":\"%s\"", method, r->help) &&
	       print_parameters(r, b) &&
	       (!(r->flags & ROUTE_PUBLIC) || buf_puts(b, ",\"security\":[]")) &&
	       print_body(r, b) && print_answer(r, b) && buf_puts(b, "}");
}

static bool print_paths(const struct route *table, size_t n, struct buf *b)
{
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		bool is_same = i && !strcmp(table[i].path, table[i - 1].path);

		if (is_same)
			ok = buf_puts(b, ",");
		else
			ok = buf_puts(b, i ? "},\"" : "\"") && print_path(table[i].path, b) &&
			     buf_puts(b, "\":{");
		ok = ok && print_operation(&table[i], b);
	}
	return ok && buf_puts(b, "}");
}

static bool print_schemas(struct buf *b)
{
	bool ok = wire_schemas_print(b);

	for (size_t i = 0; ok && i < sizeof(schemas) / sizeof(schemas[0]); i++)
		ok = buf_printf(b, ",\"%s\":%s", schemas[i].key, schemas[i].value);
	return ok;
}

bool openapi_print(const struct route *table, size_t n, struct buf *b)
{
	static const char head[] = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"sandbatch\","
				   "\"version\":\"" VERSION "\"},\"paths\":{";
	static const char tail[] =
		"},\"responses\":{\"error\":{\"description\":\"why it was not done\",\"content\":{"
		"\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/error\"}}}}},"
		"\"securitySchemes\":{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"}}}}";

	return buf_puts(b, head) && print_paths(table, n, b) &&
	       buf_puts(b, "},\"security\":[{\"key\":[]},{}],\"components\":{\"schemas\":{") &&
	       print_schemas(b) && buf_puts(b, tail);
}
