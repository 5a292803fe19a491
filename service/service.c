#include "service/service.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "service/routes.h"

/* Who comes while a commit is due shares it: those who were answered just now may be back. Each
 * look costs a microsecond, a commit some hundred. */
#define GATHER_TURNS 4
#define TIDY_MS      50   /* between steps of forgetting old jobs */
#define TIDY_IDLE_MS 2000 /* when there were none */
#define SPARE_MEMORY (64 << 20)
#define STOP_MS      10000 /* for what runs to be killed and answers to be sent */

static const struct executor_ops *const executors[] = { &executor_local, &executor_fake };

#define NEXECUTOR (sizeof(executors) / sizeof(executors[0]))

struct service {
	const struct service_options *o;
	struct arena arena;
	struct loop *loop;
	struct languages languages;
	struct keys *keys; /* NULL: anonymous use */
	const struct executor_ops *ops;
	struct executor *executor;
	struct store *store;
	struct queue *queue;
	struct httpd *http;
	struct routes routes;
	struct timer deadline, tidy;
	bool is_stopping;
	int64_t stopping_at; /* CLOCK_MONOTONIC, ms */
};

static void on_deadline(void *ctx)
{
	struct service *s = ctx;

	log_warn("not everything ended within %d s", STOP_MS / 1000);
	loop_stop(s->loop);
}

/* Mistakes come with the line of the file and a caret below: a line of the log each. */
static void warn_mistakes(const struct buf *tell)
{
	const char *at = buf_text(tell);

	for (size_t n; *at; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		log_warn("%.*s", (int)n, at);
	}
}

/* Jobs point into the table that was, so its memory stays. */
static void reload_languages(struct service *s)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct languages fresh;
	struct err e;

	if (languages_load(&s->arena, s->o->languages, s->o->view.rootfs, &tell, &fresh, &e)) {
		s->languages = fresh;
		log_info("read %s again: %zu languages", s->o->languages, fresh.n);
		return;
	}
	warn_mistakes(&tell);
	log_warn("%s; the languages stay as they were", e.msg);
}

static void reload_keys(struct service *s)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct err e;

	if (!s->keys)
		return;
	if (keys_reload(s->keys, &tell, &e)) {
		log_info("read %s again", s->o->keys);
		return;
	}
	warn_mistakes(&tell);
	log_warn("%s; the keys stay as they were", e.msg);
}

static void begin_stop(struct service *s)
{
	const struct queue_counts n = queue_count(s->queue);

	log_info("stopping: what runs is ended (%zu jobs) and, unless its caller waits for it, "
		 "waits for the next start with the rest (%zu jobs); this takes at most %d s",
		 n.running, n.pending, STOP_MS / 1000);
	s->is_stopping = true;
	s->stopping_at = loop_now_ms(s->loop);
	queue_stop(s->queue);
	s->deadline = (struct timer){ .fn = on_deadline, .ctx = s };
	timer_set(s->loop, &s->deadline, s->stopping_at + STOP_MS);
}

/* The first signal ends the service gracefully, a second one at once. */
static void on_signal(void *ctx, int signo)
{
	struct service *s = ctx;

	if (signo == SIGHUP) {
		reload_languages(s);
		reload_keys(s);
		return;
	}
	if (s->is_stopping) {
		loop_stop(s->loop);
		return;
	}
	begin_stop(s);
}

/* Forget old jobs, a few at a time: those who submit meanwhile hardly wait. */
static bool tidy_step(struct service *s, size_t *n, struct err *e)
{
	int64_t before_ms = s->o->keep_ms ? clock_unix_ms() - s->o->keep_ms : 0;
	int64_t bytes = 0;

	if (s->o->keep_bytes && !store_bytes(s->store, &bytes, e))
		return false;
	if (s->o->keep_bytes && bytes > s->o->keep_bytes)
		before_ms = INT64_MAX;
	return store_forget_old(s->store, before_ms, n, e);
}

static void on_tidy(void *ctx)
{
	struct service *s = ctx;
	size_t n = 0;
	struct err e;

	if (!tidy_step(s, &n, &e))
		log_warn("%s", e.msg);
	timer_set(s->loop, &s->tidy, loop_now_ms(s->loop) + (n ? TIDY_MS : TIDY_IDLE_MS));
}

static void start_tidying(struct service *s)
{
	s->tidy = (struct timer){ .fn = on_tidy, .ctx = s };
	if (s->o->keep_ms || s->o->keep_bytes)
		timer_set(s->loop, &s->tidy, loop_now_ms(s->loop));
}

static int sooner(int a_ms, int b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* What happened in this turn is brought to the disk, then told; then requests are read, for the
 * next turn to save. */
static int on_turn(void *ctx)
{
	struct service *s = ctx;
	int ms;

	for (int i = 0; i < GATHER_TURNS && queue_due_ms(s->queue) == 0; i++)
		httpd_turn(s->http);
	queue_turn(s->queue);
	ms = httpd_turn(s->http);
	if (s->is_stopping && queue_is_still(s->queue) && httpd_is_idle(s->http))
		loop_stop(s->loop);
	return sooner(ms, queue_due_ms(s->queue));
}

static bool find_executor(const char *name, const struct executor_ops **out, struct err *e)
{
	for (size_t i = 0; i < NEXECUTOR; i++) {
		if (strcmp(executors[i]->name, name) != 0)
			continue;
		*out = executors[i];
		return true;
	}
	return err_set(e, ERR_USAGE, "there is no executor '%s': it is local or fake", name);
}

static bool load_languages(struct service *s, struct err *e)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);

	if (languages_load(&s->arena, s->o->languages, s->o->view.rootfs, &tell, &s->languages, e))
		return true;
	warn_mistakes(&tell);
	return false;
}

static bool load_keys(struct service *s, struct err *e)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);

	if (!s->o->keys)
		return true;
	s->keys = keys_open(s->o->keys, &tell, e);
	warn_mistakes(&tell);
	return s->keys != NULL;
}

static bool open_executor(struct service *s, struct err *e)
{
	const struct executor_options x = {
		.loop = s->loop,
		.languages = &s->languages,
		.slots = s->o->slots,
		.data = s->o->data,
		.jail = s->o->jail,
		.sandbox = s->o->sandbox,
		.view = s->o->view,
		.script = s->o->script,
		.no_warm = s->o->no_warm,
		.allow_net = s->o->allow_net,
		.nallow_net = s->o->nallow_net,
	};

	s->executor = s->ops->open(&x, e);
	return s->executor != NULL;
}

static bool open_queue(struct service *s, struct err *e)
{
	const struct queue_parts parts = {
		.store = s->store,
		.languages = &s->languages,
		.ops = s->ops,
		.executor = s->executor,
		.keys = s->keys,
	};

	s->queue = queue_open(&parts, e);
	return s->queue != NULL;
}

static bool open_http(struct service *s, struct err *e)
{
	const struct http_hooks hooks = {
		.ctx = &s->routes, .head = routes_head, .run = routes_run, .done = routes_done
	};
	const char *url = NULL;

	s->routes = (struct routes){
		.loop = s->loop,
		.queue = s->queue,
		.keys = s->keys,
		.store = s->store,
		.languages = &s->languages,
		.ops = s->ops,
		.executor = s->executor,
		.slots = s->o->slots,
	};
	s->http = httpd_open(s->loop, &hooks);
	if (s->o->tls_cert && !httpd_tls(s->http, &s->arena, s->o->tls_cert, s->o->tls_key, e))
		return false;
	for (size_t i = 0; i < s->o->nlisten; i++) {
		if (!httpd_listen(s->http, s->o->listen[i], s->o->allow_anonymous || s->keys,
				  &s->arena, &url, e))
			return false;
		printf("listening on %s\n", url);
	}
	return true;
}

/* Each caller is an fd: take as many as we may. */
static void raise_fds(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

/* A request of 10 MB takes some forty while it is read. That is kept for the next one: giving it
 * back and having it zeroed again costs more than all that is done with it. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, SPARE_MEMORY / 2);
	mallopt(M_TRIM_THRESHOLD, SPARE_MEMORY);
}

/* The store comes first: it tells whether another service has the folder. */
static bool service_open(struct service *s, struct err *e)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };

	signal(SIGPIPE, SIG_IGN);
	raise_fds();
	keep_memory();
	s->loop = loop_open(e);
	if (!s->loop || !find_executor(s->o->executor, &s->ops, e) || !load_languages(s, e) ||
	    !load_keys(s, e))
		return false;
	s->store = store_open(s->o->data, e);
	return s->store && (!s->o->no_sync || store_relax(s->store, e)) && open_executor(s, e) &&
	       open_queue(s, e) && open_http(s, e) &&
	       loop_signals(s->loop, signals, on_signal, s, e);
}

/* From the callers inwards; what could not be finished stays in the store. */
static void service_close(struct service *s)
{
	struct err e;

	httpd_close(s->http);
	if (s->executor)
		s->ops->close(s->executor);
	queue_close(s->queue);
	if (s->store && !store_commit(s->store, &e))
		log_warn("%s", e.msg);
	store_close(s->store);
	if (s->loop)
		loop_close(s->loop);
	keys_close(s->keys);
	arena_free(&s->arena);
	if (s->is_stopping)
		log_info("stopped after %lld ms", (long long)(clock_mono_ms() - s->stopping_at));
}

bool service_run(const struct service_options *o, struct err *e)
{
	struct service s = { .o = o };
	bool ok = service_open(&s, e);

	if (ok) {
		fflush(stdout);
		start_tidying(&s);
		loop_each_turn(s.loop, on_turn, &s);
		ok = loop_run(s.loop, e);
	}
	service_close(&s);
	return ok;
}
