#include "service/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/yaml.h"
#include "service/service.h"
#include "service/zalloc.h"

#define NAME_MAX_BYTES 64
#define COUNT_MAX      1000000
#define MINUTE_MS      60000.0

struct keys {
	char *path;
	struct arena arena;
	struct key *key;
	size_t n;
};

#define AT(member)    offsetof(struct key, member)
#define LIMIT(member) offsetof(struct wire_limits, member)

static const struct field limit_field[] = {
	{ .key = "memory_mb",
	  .type = FIELD_INT,
	  .at = LIMIT(memory_mb),
	  .min = 1,
	  .max = 1 << 20,
	  .help = "memory of a job" },
	{ .key = "processes",
	  .type = FIELD_INT,
	  .at = LIMIT(processes),
	  .min = 1,
	  .max = 1 << 16,
	  .help = "processes of a job" },
	{ .key = "disk_mb",
	  .type = FIELD_INT,
	  .at = LIMIT(disk_mb),
	  .min = 1,
	  .max = 1 << 20,
	  .help = "files of a job" },
	{ .key = "output_bytes",
	  .type = FIELD_INT,
	  .at = LIMIT(output_bytes),
	  .min = 1,
	  .max = 64 << 20,
	  .help = "each output of a job" },
	{ .key = "cpu_seconds",
	  .type = FIELD_INT,
	  .at = LIMIT(cpu_ms), /* made ms by read_limits */
	  .min = 1,
	  .max = WIRE_TTL_MAX,
	  .help = "CPU time of a job" },
	{ 0 },
};

static void read_limits(struct yaml *y, const struct node *value, void *slot, void *ctx)
{
	struct wire_limits *l = slot;

	(void)ctx;
	yaml_decode(y, value, "limits", limit_field, l, NULL);
	l->cpu_ms *= 1000;
}

static const struct field key_field[] = {
	{ .key = "name",
	  .type = FIELD_TEXT,
	  .at = AT(name),
	  .is_required = true,
	  .help = "whose jobs these are" },
	{ .key = "secret_sha256",
	  .type = FIELD_TEXT,
	  .at = AT(secret_sha256),
	  .help = "SHA-256 of the Bearer secret" },
	{ .key = "public", .type = FIELD_TEXT, .at = AT(public_key), .help = "the public key" },
	{ .key = "secret", .type = FIELD_TEXT, .at = AT(secret), .help = "what it signs with" },
	{ .key = "rate_per_minute",
	  .type = FIELD_INT,
	  .at = AT(rate_per_minute),
	  .min = 1,
	  .max = COUNT_MAX,
	  .help = "jobs submitted in a minute" },
	{ .key = "concurrency",
	  .type = FIELD_INT,
	  .at = AT(concurrency),
	  .min = 1,
	  .max = COUNT_MAX,
	  .help = "jobs that run at once" },
	{ .key = "queue",
	  .type = FIELD_INT,
	  .at = AT(queue),
	  .min = 0,
	  .max = COUNT_MAX,
	  .help = "jobs that wait" },
	{ .key = "limits",
	  .type = FIELD_OTHER,
	  .at = AT(limits),
	  .read = read_limits,
	  .help = "the most a job may ask for" },
	{ 0 },
};

static bool is_of(const char *text, const char *allowed, size_t max)
{
	size_t n = strspn(text, allowed);

	return n && n <= max && !text[n];
}

static void check_key(struct yaml *y, struct mark at, const struct key *k)
{
	static const char hex[] = "0123456789abcdef";
	static const char word[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	if (!is_of(k->name, word, NAME_MAX_BYTES))
		yaml_mistake(y, at, "name must be 1 to %d of A-Z a-z 0-9 . _ -, not '%s'",
			     NAME_MAX_BYTES, k->name);
	if (k->secret_sha256 && (!is_of(k->secret_sha256, hex, DIGEST_HEX - 1) ||
				 strlen(k->secret_sha256) != DIGEST_HEX - 1))
		yaml_mistake(y, at, "secret_sha256 must be 64 digits of lower-case hex, not %zu",
			     strlen(k->secret_sha256));
	if (k->queue == 0 && !k->concurrency)
		yaml_mistake(y, at, "a queue of 0 needs a concurrency");
	if (!k->public_key != !k->secret || !k->secret_sha256 == !k->secret)
		yaml_mistake(y, at, "a key must have either secret_sha256, or public and secret");
	else if (k->secret && (!*k->secret || !is_of(k->public_key, word, 256)))
		yaml_mistake(y, at, "public must be of A-Z a-z 0-9 . _ -, and secret not be empty");
}

static void check_unique(struct yaml *y, struct mark at, const struct keys *keys)
{
	const struct key *k = &keys->key[keys->n];

	for (size_t i = 0; i < keys->n; i++) {
		const struct key *other = &keys->key[i];

		if (!strcmp(other->name, k->name))
			yaml_mistake(y, at, "there is a key '%s' already", k->name);
		if (k->public_key && other->public_key && !strcmp(k->public_key, other->public_key))
			yaml_mistake(y, at, "the key '%s' has that public key already",
				     other->name);
	}
}

/* A Bearer key can never spell it: it has a NUL. */
static void name_tenant(struct key *k)
{
	struct digest *d = digest_open();

	digest_add(d, "key", sizeof("key"));
	digest_add(d, k->name, strlen(k->name));
	digest_close(d, k->tenant);
}

static void read_key(struct yaml *y, const struct node *row, struct keys *keys)
{
	struct key *k = &keys->key[keys->n];
	unsigned before = y->nmistake;

	k->queue = -1;
	yaml_decode(y, row, "a key", key_field, k, NULL);
	if (y->nmistake == before)
		check_key(y, row->mark, k);
	if (y->nmistake == before)
		check_unique(y, row->mark, keys);
	if (y->nmistake != before)
		return;
	name_tenant(k);
	k->tokens = (double)k->rate_per_minute;
	keys->n++;
}

static void read_keys(struct yaml *y, const struct node *value, void *slot, void *ctx)
{
	struct keys *keys = ctx;

	(void)slot;
	if (yaml_is_null(value))
		return;
	if (value->kind != NODE_LIST) {
		yaml_mistake(y, value->mark, "keys must be a list, not %s", yaml_found(y, value));
		return;
	}
	keys->key = ARENA_NEW(y->arena, value->n, struct key);
	for (size_t i = 0; i < value->n; i++)
		read_key(y, value->item[i], keys);
}

static const struct field file_field[] = {
	{ .key = "keys",
	  .type = FIELD_OTHER,
	  .is_required = true,
	  .help = "the keys",
	  .read = read_keys },
	{ 0 },
};

static bool check_mode(const struct keys *k, struct err *e)
{
	struct stat st;

	if (stat(k->path, &st) < 0)
		return err_sys(e, "cannot look at %s", k->path);
	if (!(st.st_mode & 077))
		return true;
	for (size_t i = 0; i < k->n; i++)
		if (k->key[i].secret)
			return err_set(e, ERR_USAGE,
				       "%s holds the secret of %s, and others can read or write it "
				       "(mode %03o): chmod 600 %s",
				       k->path, k->key[i].name, (unsigned)st.st_mode & 0777,
				       k->path);
	return true;
}

static bool load(struct keys *k, struct buf *tell, struct err *e)
{
	struct yaml y = { 0 };

	if (!yaml_read_file(&y, &k->arena, k->path, tell, e))
		return false;
	if (y.root)
		yaml_decode(&y, y.root, "the file", file_field, k, k);
	else if (!y.nmistake)
		yaml_mistake(&y, (struct mark){ 1, 1 }, "the file must have 'keys', not nothing");
	return yaml_finish(&y, e) && check_mode(k, e);
}

struct keys *keys_open(const char *path, struct buf *tell, struct err *e)
{
	struct keys *k = zalloc(sizeof(*k));

	k->path = strdup(path);
	if (!k->path)
		abort();
	if (load(k, tell, e))
		return k;
	keys_close(k);
	return NULL;
}

void keys_close(struct keys *k)
{
	if (!k)
		return;
	arena_free(&k->arena);
	free(k->path);
	free(k);
}

bool keys_reload(struct keys *k, struct buf *tell, struct err *e)
{
	struct keys *fresh = keys_open(k->path, tell, e);
	struct keys old = *k;

	if (!fresh)
		return false;
	for (size_t i = 0; i < fresh->n; i++) {
		struct key *key = &fresh->key[i];
		const struct key *was = keys_of_tenant(&old, key->tenant);

		if (!was || was->rate_per_minute != key->rate_per_minute)
			continue;
		key->tokens = was->tokens;
		key->filled_ms = was->filled_ms;
	}
	*k = *fresh;
	*fresh = old;
	keys_close(fresh);
	return true;
}

const struct key *keys_of_secret(const struct keys *k, const char *secret)
{
	const struct key *found = NULL;
	char hex[DIGEST_HEX];

	digest_sha256(secret, strlen(secret), hex);
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->key[i];

		if (key->secret_sha256 &&
		    digest_same(hex, DIGEST_HEX - 1, key->secret_sha256, DIGEST_HEX - 1))
			found = key;
	}
	return found;
}

const struct key *keys_of_public(const struct keys *k, const char *public_key)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->key[i].public_key && !strcmp(k->key[i].public_key, public_key))
			return &k->key[i];
	return NULL;
}

const struct key *keys_of_tenant(const struct keys *k, const char *tenant)
{
	for (size_t i = 0; k && i < k->n; i++)
		if (!strcmp(k->key[i].tenant, tenant))
			return &k->key[i];
	return NULL;
}

/* A token bucket as large as a minute's rate. More at once than fit wait for a full one, and leave
 * a debt. */
bool keys_take(struct keys *k, const char *tenant, size_t n, int64_t now_ms, int *wait_s)
{
	struct key *key = NULL;
	double size, needed;

	for (size_t i = 0; k && i < k->n && !key; i++)
		if (!strcmp(k->key[i].tenant, tenant))
			key = &k->key[i];
	if (!key || !key->rate_per_minute)
		return true;
	size = (double)key->rate_per_minute;
	if (key->filled_ms)
		key->tokens += (double)(now_ms - key->filled_ms) * size / MINUTE_MS;
	if (key->tokens > size)
		key->tokens = size;
	key->filled_ms = now_ms;
	needed = (double)n < size ? (double)n : size;
	if (key->tokens >= needed) {
		key->tokens -= (double)n;
		return true;
	}
	*wait_s = (int)((needed - key->tokens) * MINUTE_MS / size / 1000) + 1;
	return false;
}

static const struct row {
	const char *name;
	size_t at;
} rows[] = {
	{ "memory_mb", LIMIT(memory_mb) }, { "processes", LIMIT(processes) },
	{ "disk_mb", LIMIT(disk_mb) },     { "output_bytes", LIMIT(output_bytes) },
	{ "cpu_seconds", LIMIT(cpu_ms) },
};

#define NROW (sizeof(rows) / sizeof(rows[0]))

static int64_t limit_at(const struct wire_limits *l, const struct row *row)
{
	return *(const int64_t *)(const void *)((const char *)l + row->at);
}

static int64_t in_unit(const struct row *row, int64_t n)
{
	return row->at == LIMIT(cpu_ms) ? n / 1000 : n;
}

bool keys_allow(const struct key *k, const struct wire_limits *asked, struct err *e)
{
	for (size_t i = 0; k && i < NROW; i++) {
		int64_t most = limit_at(&k->limits, &rows[i]), n = limit_at(asked, &rows[i]);

		if (most && n > most)
			return err_set(e, ERR_MALFORMED,
				       "limits.%s must be at most %lld with this key, not %lld",
				       rows[i].name, (long long)in_unit(&rows[i], most),
				       (long long)in_unit(&rows[i], n));
	}
	return true;
}

void keys_bound(const struct key *k, struct wire_request *r)
{
	struct wire_limits usual = WIRE_LIMITS_DEFAULT;

	usual.cpu_ms = r->ttl_s * 1000;
	for (size_t i = 0; k && i < NROW; i++) {
		int64_t most = limit_at(&k->limits, &rows[i]);
		int64_t *n = (int64_t *)(void *)((char *)&r->limits + rows[i].at);

		if (most && (*n > 0 ? *n : limit_at(&usual, &rows[i])) > most)
			*n = most;
	}
}

struct wire_limits keys_limits(const struct key *k)
{
	struct wire_limits l = WIRE_LIMITS_DEFAULT;

	for (size_t i = 0; k && i < NROW; i++)
		if (limit_at(&k->limits, &rows[i]))
			*(int64_t *)(void *)((char *)&l + rows[i].at) =
				limit_at(&k->limits, &rows[i]);
	return l;
}

/* A row for the file, in the list's own indentation, and what its owner must be told. */
static void make_row(struct arena *a, const struct service_key *k, const char **row,
		     const char **told)
{
	char hex[DIGEST_HEX];
	const char *secret =
		arena_printf(a, "unsb-sk-%016llx%016llx", (unsigned long long)random_u64(),
			     (unsigned long long)random_u64());
	const char *public_key =
		arena_printf(a, "unsb-pk-%016llx", (unsigned long long)random_u64());

	if (k->is_signed) {
		*row = arena_printf(a, "- { name: %s, public: %s, secret: %s }\n", k->name,
				    public_key, secret);
		*told = arena_printf(a, "%s\n%s\n", public_key, secret);
		return;
	}
	digest_sha256(secret, strlen(secret), hex);
	*row = arena_printf(a, "- { name: %s, secret_sha256: %s }\n", k->name, hex);
	*told = arena_printf(a, "%s\n", secret);
}

/* The list's dashes stand that far in; 2 where it is empty. */
static size_t indent_of(const struct node *root)
{
	const struct node *list = root ? yaml_get(root, "keys") : NULL;

	if (!list || list->kind != NODE_LIST || !list->n || list->mark.col < 1)
		return 2;
	return list->mark.col - 1;
}

/* Whether the text, with the row, is a file of keys that ends with the new one. */
static bool is_added(struct arena *a, const char *path, const char *text, const char *name)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct keys keys = { 0 };
	struct yaml y = { 0 };

	yaml_read_text(&y, a, path, text, strlen(text), &tell);
	if (y.root)
		yaml_decode(&y, y.root, "the file", file_field, &keys, &keys);
	return y.root && !y.nmistake && keys.n && !strcmp(keys.key[keys.n - 1].name, name);
}

static bool add_row(struct arena *a, const char *path, const char *name, const char *row,
		    struct err *e)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	const char *head = "keys:\n", *text;
	struct yaml y = { 0 };
	struct stat st;
	size_t indent = 2;

	if (stat(path, &st) == 0) {
		if (!yaml_read_file(&y, a, path, &tell, e))
			return false;
		indent = indent_of(y.root);
		head = arena_printf(a, "%.*s%s", (int)y.len, y.text,
				    y.len && y.text[y.len - 1] != '\n' ? "\n" : "");
	}
	text = arena_printf(a, "%s%*s%s", head, (int)indent, "", row);
	if (!is_added(a, path, text, name))
		return err_set(e, ERR_USAGE,
			       "cannot add a key '%s' to %s: it has one of that name, a mistake, "
			       "or does not end with its list of keys",
			       name, path);
	return fs_write_atomic(AT_FDCWD, path, text, strlen(text), e);
}

bool service_key_new(const struct service_key *k, struct buf *told, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *row, *text;
	mode_t mask = umask(077);
	bool ok;

	make_row(&a, k, &row, &text);
	ok = add_row(&a, k->path, k->name, row, e);
	umask(mask);
	return ok && (buf_puts(told, text) || err_set(e, ERR_SYSTEM, "the key is too long"));
}

static bool print_key(const struct key *k, struct buf *out)
{
	return buf_printf(out, "%-24s %-7s", k->name, k->secret ? "signed" : "bearer") &&
	       (!k->rate_per_minute ||
		buf_printf(out, " rate_per_minute=%lld", (long long)k->rate_per_minute)) &&
	       (!k->concurrency ||
		buf_printf(out, " concurrency=%lld", (long long)k->concurrency)) &&
	       (k->queue < 0 || buf_printf(out, " queue=%lld", (long long)k->queue)) &&
	       buf_puts(out, "\n");
}

static bool print_json(const struct key *k, struct buf *out)
{
	return buf_printf(out,
			  "{\"name\":\"%s\",\"kind\":\"%s\",\"rate_per_minute\":%lld,"
			  "\"concurrency\":%lld,\"queue\":%lld}",
			  k->name, k->secret ? "signed" : "bearer", (long long)k->rate_per_minute,
			  (long long)k->concurrency, (long long)k->queue);
}

bool service_key_list(const char *path, bool as_json, struct buf *out, struct err *e)
{
	struct keys *k;
	bool ok = true;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(e, ERR_USAGE,
			       "there is no file of keys '%s': --keys FILE names another, and "
			       "'sandbatch keys new NAME' makes one",
			       path);
	k = keys_open(path, out, e);
	if (!k)
		return false;
	for (size_t i = 0; i < k->n && ok; i++)
		ok = as_json ? buf_puts(out, i ? "," : "{\"keys\":[") && print_json(&k->key[i], out)
			     : print_key(&k->key[i], out);
	if (ok && as_json)
		ok = buf_puts(out, k->n ? "]}\n" : "{\"keys\":[]}\n");
	keys_close(k);
	return ok || err_set(e, ERR_SYSTEM, "the list is too long");
}
