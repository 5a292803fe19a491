#include <inttypes.h>
#include <string.h>

#include "cache/cache.h"

#define FORMAT      "sandbatch cache 1" /* changed whenever the same inputs get another print */
#define SHOWN_CHARS 32                  /* of a digest, in the list of inputs */

/* The list of inputs as it is made, and the digest over all of it in full. */
struct inputs {
	struct arena *arena;
	struct cache_input *item;
	size_t n;
	struct digest *digest;
};

static void add_part(struct digest *d, const void *data, size_t len)
{
	char size[24];
	int n = snprintf(size, sizeof(size), "%zu:", len);

	digest_add(d, size, (size_t)n);
	digest_add(d, data, len);
}

static void add_text(struct inputs *in, const char *name, const char *value)
{
	add_part(in->digest, name, strlen(name));
	add_part(in->digest, value, strlen(value));
	in->item[in->n++] = (struct cache_input){ name, value };
}

static void add_int(struct inputs *in, const char *name, int64_t value)
{
	if (value)
		add_text(in, name, arena_printf(in->arena, "%" PRId64, value));
}

static void add_digest(struct inputs *in, const char *name, const char *hex)
{
	add_part(in->digest, name, strlen(name));
	add_part(in->digest, hex, DIGEST_HEX - 1);
	in->item[in->n++] = (struct cache_input){ name, arena_printf(in->arena, "sha256:%.*s",
								     SHOWN_CHARS, hex) };
}

static void add_bytes(struct inputs *in, const char *name, const struct bytes *b)
{
	char hex[DIGEST_HEX];

	digest_sha256(b->data ? b->data : "", b->len, hex);
	add_digest(in, name, hex);
}

/* A list of words: each with its length, so that ["a b"] is not ["a","b"]. */
static void add_words(struct inputs *in, const char *name, const char *const *word, size_t n)
{
	struct digest *d;
	char hex[DIGEST_HEX];

	if (!n)
		return;
	d = digest_open();
	for (size_t i = 0; i < n; i++)
		add_part(d, word[i], strlen(word[i]));
	digest_close(d, hex);
	add_digest(in, name, hex);
}

static void add_limits(struct inputs *in, const struct wire_limits *l)
{
	add_int(in, "limits.memory_mb", l->memory_mb);
	add_int(in, "limits.processes", l->processes);
	add_int(in, "limits.disk_mb", l->disk_mb);
	add_int(in, "limits.output_bytes", l->output_bytes);
	add_int(in, "limits.cpu_ms", l->cpu_ms);
}

static void add_world(struct inputs *in, const struct wire_request *r)
{
	for (size_t i = 0; i < r->nenv; i++)
		add_bytes(in, arena_printf(in->arena, "env %s", r->env[i].key),
			  &(struct bytes){ r->env[i].value, strlen(r->env[i].value) });
	for (size_t i = 0; i < r->nfile; i++) {
		const struct wire_file *f = &r->file[i];

		add_bytes(in,
			  arena_printf(in->arena, "%s %s", f->is_archive ? "archive" : "file",
				       f->name),
			  &f->data);
	}
}

void cache_key(struct arena *a, const struct wire_request *r, const char *toolchain,
	       struct cache_key *out)
{
	/* 17: all that is added by name below */
	struct inputs in = { a, ARENA_NEW(a, 17 + r->nenv + r->nfile, struct cache_input), 0,
			     digest_open() };

	add_part(in.digest, FORMAT, sizeof(FORMAT) - 1);
	add_text(&in, "language", r->language ? r->language : "");
	add_text(&in, "toolchain", toolchain);
	add_bytes(&in, "code", &r->code);
	add_text(&in, "filename", r->filename ? r->filename : "");
	if (r->has_stdin)
		add_bytes(&in, "stdin", &r->input);
	add_words(&in, "args", r->arg, r->narg);
	add_words(&in, "compile_args", r->compile_arg, r->ncompile_arg);
	add_words(&in, "artifacts", r->artifact_path, r->nartifact_path);
	add_int(&in, "return_artifact", r->return_artifact);
	add_int(&in, "return_wasm_artifact", r->return_wasm_artifact);
	add_text(&in, "network_mode", wire_network_names[r->network]);
	add_int(&in, "ttl", r->ttl_s);
	add_limits(&in, &r->limits);
	add_world(&in, r);
	digest_close(in.digest, out->hex);
	out->input = in.item;
	out->ninput = in.n;
}
