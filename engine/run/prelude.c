#include "run/prelude.h"

#include <string.h>

#include "base/json.h"

#define TEXT_MAX ((size_t)WIRE_BODY_MAX)

enum quotes {
	QUOTES_SHELL,  /* 'it'\''s' */
	QUOTES_SINGLE, /* 'it\'s', as Perl and Ruby read it */
	QUOTES_JSON,   /* "it's", as Python and JavaScript read it too */
};

/* The pieces of one, in the order they are put together. */
static const struct prelude {
	const char *name[6]; /* of the language, as endpoints have it */
	const char *head;
	const char *unpack;           /* .sandbatch.tar */
	const char *input, *no_input; /* .sandbatch.in */
	const char *run, *separator, *end;
	enum quotes quotes;
} preludes[] = {
	{ .name = { "bash", "sh", "shell" },
	  .unpack = "tar -xf .sandbatch.tar && rm .sandbatch.tar || exit 125\n",
	  .input = "exec <.sandbatch.in && rm .sandbatch.in || exit 125\n",
	  .run = "exec \"${BASH:-sh}\" .sandbatch.program",
	  .separator = " ",
	  .end = "\n",
	  .quotes = QUOTES_SHELL },
	{ .name = { "python", "python3", "py" },
	  .head = "import os, sys, tarfile\n",
	  .unpack = "tarfile.open('.sandbatch.tar').extractall(**({'filter': 'tar'} "
		    "if hasattr(tarfile, 'tar_filter') else {}))\n"
		    "os.unlink('.sandbatch.tar')\n",
	  .input = "os.dup2(os.open('.sandbatch.in', os.O_RDONLY), 0)\n"
		   "os.unlink('.sandbatch.in')\n",
	  .run = "os.execv(sys.executable, [sys.executable, '.sandbatch.program'",
	  .separator = ", ",
	  .end = "])\n",
	  .quotes = QUOTES_JSON },
	{ .name = { "perl", "pl" },
	  .unpack = "system('tar', '-xf', '.sandbatch.tar') == 0 or exit 125;\n"
		    "unlink '.sandbatch.tar';\n",
	  .input = "open(STDIN, '<', '.sandbatch.in') or exit 125;\n"
		   "unlink '.sandbatch.in';\n",
	  .run = "exec {$^X} ($^X, '.sandbatch.program'",
	  .separator = ", ",
	  .end = ");\n",
	  .quotes = QUOTES_SINGLE },
	{ .name = { "ruby", "rb" },
	  .unpack = "system('tar', '-xf', '.sandbatch.tar') or exit 125\n"
		    "File.unlink('.sandbatch.tar')\n",
	  .input = "STDIN.reopen('.sandbatch.in')\n"
		   "File.unlink('.sandbatch.in')\n",
	  .run = "exec(RbConfig.ruby, '.sandbatch.program'",
	  .separator = ", ",
	  .end = ")\n",
	  .quotes = QUOTES_SINGLE },
	{ .name = { "javascript", "js", "node", "nodejs" },
	  .head = "const { spawnSync } = require('child_process'), fs = require('fs');\n",
	  .unpack = "if (spawnSync('tar', ['-xf', '.sandbatch.tar'], { stdio: 'inherit' }).status "
		    "!== 0) process.exit(125);\n"
		    "fs.unlinkSync('.sandbatch.tar');\n",
	  .input = "const input = fs.openSync('.sandbatch.in', 'r');\n"
		   "fs.unlinkSync('.sandbatch.in');\n",
	  .no_input = "const input = 0;\n",
	  .run = "const ran = spawnSync(process.execPath, ['.sandbatch.program'",
	  .separator = ", ",
	  .end = "], { stdio: [input, 1, 2] });\n"
		 "if (ran.signal) process.kill(process.pid, ran.signal);\n"
		 "else process.exit(ran.status);\n",
	  .quotes = QUOTES_JSON },
};

static const struct prelude *find(const char *language)
{
	for (size_t i = 0; i < sizeof(preludes) / sizeof(preludes[0]); i++)
		for (const char *const *name = preludes[i].name; *name; name++)
			if (!strcmp(*name, language))
				return &preludes[i];
	return NULL;
}

static void add_quoted(struct buf *b, enum quotes quotes, const char *arg)
{
	if (quotes == QUOTES_JSON) {
		json_quote(b, arg, strlen(arg));
		return;
	}
	buf_puts(b, "'");
	for (; *arg; arg++) {
		if (quotes == QUOTES_SHELL && *arg == '\'')
			buf_puts(b, "'\\'");
		else if (quotes == QUOTES_SINGLE && (*arg == '\'' || *arg == '\\'))
			buf_puts(b, "\\");
		buf_add(b, arg, 1);
	}
	buf_puts(b, "'");
}

static void add_piece(struct buf *b, const char *piece)
{
	if (piece)
		buf_puts(b, piece);
}

static bool has_archive(const struct wire_request *r)
{
	return r->nfile && r->file[0].is_archive;
}

bool prelude_is_wanted(const struct wire_request *r)
{
	return r->has_stdin || r->narg || has_archive(r);
}

static void write_code(const struct prelude *p, const struct wire_request *r, struct buf *b)
{
	add_piece(b, p->head);
	add_piece(b, has_archive(r) ? p->unpack : NULL);
	add_piece(b, r->has_stdin ? p->input : p->no_input);
	add_piece(b, p->run);
	for (size_t i = 0; i < r->narg; i++) {
		add_piece(b, p->separator);
		add_quoted(b, p->quotes, r->arg[i]);
	}
	add_piece(b, p->end);
}

/* The job's own files, and those of the prelude. */
static void add_files(struct arena *a, struct wire_request *r)
{
	struct wire_file *file = ARENA_NEW(a, r->nfile + PRELUDE_FILES, struct wire_file);

	for (size_t i = 0; i < r->nfile; i++) {
		file[i] = r->file[i];
		file[i].is_archive = false;
	}
	file[r->nfile++] = (struct wire_file){ .name = ".sandbatch.program", .data = r->code };
	if (r->has_stdin)
		file[r->nfile++] = (struct wire_file){ .name = ".sandbatch.in", .data = r->input };
	r->file = file;
}

bool prelude_put(struct arena *a, struct wire_request *r)
{
	CLEAN_BUF struct buf code = BUF(TEXT_MAX);
	const struct prelude *p = find(r->language);

	if (!p)
		return false;
	write_code(p, r, &code);
	add_files(a, r);
	r->code = (struct bytes){ arena_strndup(a, buf_text(&code), code.len), code.len };
	r->has_stdin = false;
	r->input = (struct bytes){ "", 0 };
	r->narg = 0;
	return true;
}
