#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/attacks.h"
#include "cmd/cmd.h"
#include "cmd/host.h"

#define MAX_FACTS (HOST_FACTS + 3)
#define CANNOT    5 /* exit status: nothing can be run here */

struct doctor {
	struct strings classes;
	bool json;
};

static const struct option_row doctor_options[] = {
	{ "class", 0, "NAME", "attacks of this class alone, as 'Network'; repeatable", OPTION_LIST,
	  offsetof(struct doctor, classes), 0, 0 },
	{ "json", 0, NULL, "as JSON", OPTION_FLAG, offsetof(struct doctor, json), 0, 0 },
	{ 0 },
};

struct report {
	struct fact fact[MAX_FACTS];
	size_t nfact;
	struct attacks attacks;
	struct err cannot; /* why no service could be started; ERR_NONE: one could */
	bool has_colour;
};

/* As enum attack_end has them. */
static const char *const end_names[] = { "not tested", "survived", "NOT SURVIVED" };

static size_t count(const struct report *r, const char *class, enum attack_end end)
{
	size_t n = 0;

	for (size_t i = 0; i < r->attacks.n; i++)
		n += r->attacks.item[i].end == end &&
		     (!class || !strcmp(r->attacks.item[i].class, class));
	return n;
}

/* ---- as a table ---- */

enum colour { PLAIN, BOLD, GREEN, YELLOW, RED, FAINT };

static const char *paint(const struct report *r, enum colour c)
{
	static const char *const codes[] = { "\033[0m",  "\033[1m",    "\033[32m",
					     "\033[33m", "\033[1;31m", "\033[2m" };

	return r->has_colour ? codes[c] : "";
}

static void print_facts(const struct report *r)
{
	static const enum colour colours[] = { GREEN, YELLOW, RED };

	printf("%sThis host%s\n", paint(r, BOLD), paint(r, PLAIN));
	for (size_t i = 0; i < r->nfact; i++) {
		const struct fact *f = &r->fact[i];

		printf("  %-14s%s%s%s\n", f->name, paint(r, colours[f->state]), f->found,
		       paint(r, PLAIN));
		if (f->remedy)
			printf("  %-14s%s\n", "", f->remedy);
	}
}

/* "20 survived, 1 not tested" of a class, or of all. */
static void print_counts(const struct report *r, const char *class)
{
	static const enum attack_end order[] = { ATTACK_SURVIVED, ATTACK_UNTRIED,
						 ATTACK_NOT_SURVIVED };
	const char *comma = "";

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t n = count(r, class, order[i]);

		if (n || (order[i] == ATTACK_SURVIVED && class == NULL)) {
			printf("%s%zu %s", comma, n, end_names[order[i]]);
			comma = ", ";
		}
	}
}

static void print_attack(const struct report *r, const struct attack *t)
{
	static const enum colour colours[] = { YELLOW, GREEN, RED };

	printf("  %-40s %-22s %s%s%s", t->what, t->stopper, paint(r, colours[t->end]),
	       end_names[t->end], paint(r, PLAIN));
	if (t->why)
		printf(" (%s)", t->why);
	putchar('\n');
}

static void print_table(const struct report *r)
{
	const char *class = "";

	print_facts(r);
	if (r->cannot.kind != ERR_NONE) {
		printf("\n%sNothing can be run here: %s%s\n", paint(r, RED), r->cannot.msg,
		       paint(r, PLAIN));
		return;
	}
	for (size_t i = 0; i < r->attacks.n; i++) {
		const struct attack *t = &r->attacks.item[i];

		if (strcmp(class, t->class) != 0) {
			class = t->class;
			printf("\n%s%s%s%s: ", paint(r, BOLD), class, paint(r, PLAIN),
			       paint(r, FAINT));
			print_counts(r, class);
			printf("%s\n", paint(r, PLAIN));
		}
		print_attack(r, t);
	}
	printf("\n%s%zu attacks: ", paint(r, BOLD), r->attacks.n);
	print_counts(r, NULL);
	printf("%s\n", paint(r, PLAIN));
}

/* ---- as JSON ---- */

static cJSON *json_facts(const struct report *r)
{
	static const char *const states[] = { "good", "less", "bad" };
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < r->nfact; i++) {
		const struct fact *f = &r->fact[i];
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "name", f->name);
		cJSON_AddStringToObject(row, "state", states[f->state]);
		cJSON_AddStringToObject(row, "found", f->found);
		if (f->remedy)
			cJSON_AddStringToObject(row, "remedy", f->remedy);
		cJSON_AddItemToArray(list, row);
	}
	return list;
}

static cJSON *json_attacks(const struct report *r)
{
	static const char *const ends[] = { "not_tested", "survived", "not_survived" };
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; r->cannot.kind == ERR_NONE && i < r->attacks.n; i++) {
		const struct attack *t = &r->attacks.item[i];
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "class", t->class);
		cJSON_AddStringToObject(row, "name", t->name);
		cJSON_AddStringToObject(row, "attack", t->what);
		cJSON_AddStringToObject(row, "stopped_by", t->stopper);
		cJSON_AddStringToObject(row, "result", ends[t->end]);
		if (t->why)
			json_add_bytes(row, "why", t->why, strlen(t->why));
		cJSON_AddItemToArray(list, row);
	}
	return list;
}

static void print_json(const struct report *r)
{
	CLEAN_JSON cJSON *top = cJSON_CreateObject();
	CLEAN_BUF struct buf b = BUF(1 << 22);

	cJSON_AddItemToObject(top, "host", json_facts(r));
	if (r->cannot.kind != ERR_NONE)
		cJSON_AddStringToObject(top, "cannot", r->cannot.msg);
	cJSON_AddItemToObject(top, "attacks", json_attacks(r));
	json_print(top, &b);
	puts(buf_text(&b));
}

/* ---- */

/* What a service of ours told of this host. */
static void add_told(struct arena *a, struct report *r)
{
	const struct attacks *all = &r->attacks;
	struct fact *network = &r->fact[r->nfact++], *languages = &r->fact[r->nfact++];
	size_t n = 0;

	*network = (struct fact){ "networking", FACT_GOOD,
				  arena_printf(a, "semitrusted jobs go through %s",
					       all->networking ? all->networking : "nothing"),
				  NULL };
	if (!all->networking) {
		network->state = FACT_LESS;
		network->found = "semitrusted jobs cannot be connected";
		network->remedy = all->networking_why;
	}
	for (size_t i = 0; i < all->toolchains->n; i++)
		n += all->toolchains->item[i].is_available;
	*languages =
		(struct fact){ "languages", n == all->toolchains->n ? FACT_GOOD : FACT_LESS,
			       arena_printf(a, "%zu of %zu", n, all->toolchains->n),
			       n == all->toolchains->n
				       ? NULL
				       : "sandbatch languages names the packages of the rest" };
	if (all->slowness > 1)
		r->fact[r->nfact++] =
			(struct fact){ "speed", FACT_LESS,
				       arena_printf(a, "programs take %d times as long as usual",
						    all->slowness),
				       "each attack below was given as much more time" };
}

static void show_progress(void *ctx, size_t ndone)
{
	const struct report *r = ctx;

	fprintf(stderr, "\r%zu of %zu attacks\033[K", ndone, r->attacks.n);
}

static bool examine(struct arena *a, struct report *r, struct err *e)
{
	struct loop *l = loop_open(e);
	bool is_live = isatty(STDERR_FILENO);

	if (!l)
		return false;
	r->nfact = host_facts(a, r->fact);
	r->attacks.has_cgroup = host_has_cgroup();
	r->attacks.told = is_live ? show_progress : NULL;
	r->attacks.ctx = r;
	if (attacks_try(a, l, &r->attacks, &r->cannot))
		add_told(a, r);
	if (is_live)
		fputs("\r\033[K", stderr);
	loop_close(l);
	if (r->cannot.kind != ERR_INTERRUPTED)
		return true;
	*e = r->cannot;
	return false;
}

static bool has_class(const struct strings *classes, const char *class)
{
	for (size_t i = 0; i < classes->n; i++)
		if (!strcmp(classes->item[i], class))
			return true;
	return false;
}

/* Of all attacks those that are asked for. */
static bool choose(struct attacks *all, const struct strings *classes, struct err *e)
{
	size_t n = 0;

	for (size_t k = 0; k < classes->n; k++) {
		size_t i = 0;

		while (i < all->n && strcmp(all->item[i].class, classes->item[k]) != 0)
			i++;
		if (i == all->n)
			return err_set(e, ERR_USAGE,
				       "--class must be one of doctor's headings, as 'Network', "
				       "not '%s'",
				       classes->item[k]);
	}
	for (size_t i = 0; i < all->n; i++)
		if (!classes->n || has_class(classes, all->item[i].class))
			all->item[n++] = all->item[i];
	all->n = n;
	return true;
}

static int run_doctor(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct doctor o = { 0 };
	struct report r = { .has_colour = cmd_has_colour(STDOUT_FILENO) };
	struct operands operands;

	if (!options_parse(&command_doctor, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e) ||
	    !attacks_list(&a, &r.attacks, e) || !choose(&r.attacks, &o.classes, e) ||
	    !examine(&a, &r, e))
		return cmd_fail(e);
	(o.json ? print_json : print_table)(&r);
	if (r.cannot.kind != ERR_NONE)
		return CANNOT;
	return count(&r, NULL, ATTACK_NOT_SURVIVED) ? 1 : 0;
}

const struct command command_doctor = {
	.name = "doctor",
	.operands = "",
	.help = "tell what this host offers, and attack the sandbox to see what holds",
	.option = doctor_options,
	.run = run_doctor,
};
