#include "base/yaml.h"

#include <assert.h>
#include <fcntl.h>
#include <yaml.h>

#include "base/fs.h"
#include "base/map.h"

#define MAX_BYTES (16 << 20)
#define MAX_DEPTH 100
#define MAX_NODES 1000000

/* A node and what it costs: nodes and levels as if aliases had been copied. */
struct built {
	struct node node; /* first, so that a pointer to it is one to all of this */
	uint32_t size, height;
	bool is_open; /* a list or map whose end has not come */
};

struct frame {
	struct built *built;
	size_t first; /* of its children in pending, in bytes */
};

struct builder {
	struct yaml *y;
	struct map anchors; /* name -> struct built */
	struct buf pending; /* const struct node *: children of what is open; of a map key, value,
			       ... */
	struct frame frame[MAX_DEPTH];
	size_t depth;
	uint32_t nnode;
	unsigned ndocument;
};

static struct mark mark_of(const yaml_mark_t *m)
{
	return (struct mark){ (uint32_t)m->line + 1, (uint32_t)m->column + 1 };
}

static uint32_t size_of(const struct node *n)
{
	return ((const struct built *)n)->size;
}

static uint32_t height_of(const struct node *n)
{
	return ((const struct built *)n)->height;
}

/* Count nodes as if aliases were copied; false, told, past what a file may have. */
static bool count(struct builder *b, uint32_t size, uint32_t height, struct mark at)
{
	b->nnode += size;
	if (b->nnode > MAX_NODES)
		yaml_mistake(b->y, at, "more than %d nodes, counting what aliases repeat",
			     MAX_NODES);
	else if (b->depth + height > MAX_DEPTH)
		yaml_mistake(b->y, at, "more than %d levels of lists and mappings", MAX_DEPTH);
	else
		return true;
	return false;
}

/* Hand a complete node, or one whose end is to come, to what it stands in. */
static void put(struct builder *b, const struct node *n)
{
	if (b->depth == 0)
		b->y->root = n;
	else
		buf_add(&b->pending, (const void *)&n, sizeof(void *));
}

static void set_anchor(struct builder *b, const yaml_char_t *anchor, struct built *n)
{
	const char *name;

	if (!anchor)
		return;
	name = arena_strdup(b->y->arena, (const char *)anchor);
	map_set(&b->anchors, name, strlen(name), n);
}

/* Tags of the core schema say what the field knows better; any other would be ignored silently. */
static bool check_tag(struct builder *b, const yaml_char_t *tag, struct mark at)
{
	static const char *const known[] = { "!",
					     "tag:yaml.org,2002:str",
					     "tag:yaml.org,2002:int",
					     "tag:yaml.org,2002:float",
					     "tag:yaml.org,2002:bool",
					     "tag:yaml.org,2002:null",
					     "tag:yaml.org,2002:seq",
					     "tag:yaml.org,2002:map" };

	if (!tag)
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp((const char *)tag, known[i]))
			return true;
	yaml_mistake(b->y, at, "tag '%s' means nothing here", (const char *)tag);
	return false;
}

static struct built *node_new(struct builder *b, enum node_kind kind, const yaml_char_t *anchor,
			      struct mark at)
{
	struct built *n = ARENA_NEW(b->y->arena, 1, struct built);

	n->node.kind = kind;
	n->node.mark = at;
	n->size = 1;
	n->height = kind == NODE_SCALAR ? 0 : 1;
	set_anchor(b, anchor, n);
	return n;
}

static bool on_scalar(struct builder *b, const yaml_event_t *ev)
{
	struct mark at = mark_of(&ev->start_mark);
	struct built *n;

	if (!check_tag(b, ev->data.scalar.tag, at) || !count(b, 1, 0, at))
		return false;
	n = node_new(b, NODE_SCALAR, ev->data.scalar.anchor, at);
	n->node.is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !ev->data.scalar.tag;
	n->node.len = ev->data.scalar.length;
	n->node.text = arena_strndup(b->y->arena, (const char *)ev->data.scalar.value, n->node.len);
	put(b, &n->node);
	return true;
}

static bool on_alias(struct builder *b, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct mark at = mark_of(&ev->start_mark);
	const struct built *n = map_get(&b->anchors, name, strlen(name));

	if (!n) {
		yaml_mistake(b->y, at, "alias '*%s' has no anchor '&%s' before it", name, name);
		return false;
	}
	if (n->is_open) {
		yaml_mistake(b->y, at, "alias '*%s' stands inside what it names", name);
		return false;
	}
	if (!count(b, n->size, n->height, at))
		return false;
	put(b, &n->node);
	return true;
}

static bool on_open(struct builder *b, enum node_kind kind, const yaml_event_t *ev)
{
	bool is_list = kind == NODE_LIST;
	const yaml_char_t *anchor =
		is_list ? ev->data.sequence_start.anchor : ev->data.mapping_start.anchor;
	const yaml_char_t *tag = is_list ? ev->data.sequence_start.tag : ev->data.mapping_start.tag;
	struct mark at = mark_of(&ev->start_mark);
	struct built *n;

	if (!check_tag(b, tag, at) || !count(b, 1, 1, at))
		return false;
	n = node_new(b, kind, anchor, at);
	n->is_open = true;
	put(b, &n->node);
	b->frame[b->depth++] = (struct frame){ n, b->pending.len };
	return true;
}

static void close_list(struct builder *b, struct built *n, const struct node **child, size_t nchild)
{
	n->node.n = nchild;
	n->node.item = ARENA_NEW(b->y->arena, nchild, const struct node *);
	for (size_t i = 0; i < nchild; i++)
		n->node.item[i] = child[i];
}

static bool is_merge(const struct node *key)
{
	return key->is_plain && key->len == 2 && !memcmp(key->text, "<<", 2);
}

/* The mappings that << names: the value itself, or the items of that list. */
static const struct node **merge_sources(const struct node **value, size_t *n)
{
	*n = (*value)->kind == NODE_LIST ? (*value)->n : 1;
	return (*value)->kind == NODE_LIST ? (*value)->item : value;
}

/* Whether the pair can stay: a scalar key that was not there before. seen holds places of keys. */
static bool check_key(struct builder *b, struct map *seen, const struct node **at)
{
	const struct node *key = *at, **first;

	if (key->kind != NODE_SCALAR) {
		yaml_mistake(b->y, key->mark, "a key must be text, not %s", yaml_found(b->y, key));
		return false;
	}
	first = map_get(seen, key->text, key->len);
	if (first) {
		yaml_mistake(b->y, key->mark, "key '%s' is given twice, first on line %u",
			     key->text, (*first)->mark.line);
		return false;
	}
	map_set(seen, key->text, key->len, (void *)at);
	return true;
}

static void add_pair(struct node *m, const struct node *key, const struct node *value)
{
	m->key[m->n] = key;
	m->item[m->n++] = value;
}

/* Add what << brings and nothing before gave: explicit keys are all in seen already. */
static void merge(struct builder *b, struct node *m, struct map *seen, const struct node **value)
{
	size_t n;
	const struct node **from = merge_sources(value, &n);

	for (size_t i = 0; i < n; i++) {
		if (from[i]->kind != NODE_MAP) {
			yaml_mistake(b->y, from[i]->mark,
				     "<< must be a mapping or a list of mappings, not %s",
				     yaml_found(b->y, from[i]));
			continue;
		}
		for (size_t k = 0; k < from[i]->n; k++) {
			const struct node *key = from[i]->key[k];

			if (map_get(seen, key->text, key->len))
				continue;
			map_set(seen, key->text, key->len, (void *)&from[i]->key[k]);
			add_pair(m, key, from[i]->item[k]);
		}
	}
}

/* How many pairs the map can have at most, merged ones included. */
static size_t map_room(const struct node **child, size_t npair)
{
	size_t room = npair;

	for (size_t i = 0; i < npair; i++) {
		size_t n;
		const struct node **from;

		if (!is_merge(child[2 * i]))
			continue;
		from = merge_sources(&child[2 * i + 1], &n);
		for (size_t k = 0; k < n; k++)
			room += from[k]->n;
	}
	return room;
}

static void close_map(struct builder *b, struct built *n, const struct node **child, size_t nchild)
{
	CLEAN_MAP struct map seen = { 0 };
	size_t npair = nchild / 2, room = map_room(child, npair);
	bool *is_kept = ARENA_NEW(b->y->arena, npair, bool);
	struct node *m = &n->node;

	m->key = ARENA_NEW(b->y->arena, room, const struct node *);
	m->item = ARENA_NEW(b->y->arena, room, const struct node *);
	for (size_t i = 0; i < npair; i++)
		is_kept[i] = check_key(b, &seen, &child[2 * i]);
	for (size_t i = 0; i < npair; i++) {
		if (!is_kept[i])
			continue;
		if (is_merge(child[2 * i]))
			merge(b, m, &seen, &child[2 * i + 1]);
		else
			add_pair(m, child[2 * i], child[2 * i + 1]);
	}
}

static void on_close(struct builder *b)
{
	struct frame *f = &b->frame[--b->depth];
	struct built *n = f->built;
	size_t nchild = (b->pending.len - f->first) / sizeof(void *);

	assert(n);
	if (nchild > 0) {
		const struct node **child = (void *)(b->pending.data + f->first);

		if (n->node.kind == NODE_LIST)
			close_list(b, n, child, nchild);
		else
			close_map(b, n, child, nchild);
	}
	b->pending.len = f->first;
	n->is_open = false;
	for (size_t i = 0; i < n->node.n; i++) {
		n->size += size_of(n->node.item[i]) + (n->node.key ? 1 : 0);
		if (n->height <= height_of(n->node.item[i]))
			n->height = height_of(n->node.item[i]) + 1;
	}
}

static bool on_document(struct builder *b, const yaml_event_t *ev)
{
	if (b->ndocument++ == 0)
		return true;
	yaml_mistake(b->y, mark_of(&ev->start_mark), "a second document; a file holds one");
	return false;
}

static bool on_event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, NODE_LIST, ev);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, NODE_MAP, ev);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(b);
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	}
	return true;
}

/* The place of a byte; libyaml tells bytes that are no text by their offset only. */
static struct mark mark_at(const struct yaml *y, size_t offset)
{
	struct mark at = { 1, 1 };

	for (size_t i = 0; i < offset && i < y->len; i++) {
		if (y->text[i] == '\n')
			at = (struct mark){ at.line + 1, 1 };
		else if (((unsigned char)y->text[i] & 0xc0) != 0x80)
			at.col++;
	}
	return at;
}

/* Whether blanks up to the place hold a tab: the one syntax error that libyaml words badly. */
static bool is_tab_indent(const struct yaml *y, const yaml_parser_t *p)
{
	struct mark at = { (uint32_t)p->problem_mark.line + 1, 1 };
	struct mark tab = yaml_find(y, at, "\t", 0);

	return p->error == YAML_SCANNER_ERROR && p->problem &&
	       strstr(p->problem, "cannot start any") && tab.line == at.line &&
	       tab.col == p->problem_mark.column + 1;
}

static void tell_syntax(struct yaml *y, const yaml_parser_t *p)
{
	const char *problem = p->problem ? p->problem : "not YAML";
	struct mark at = mark_of(&p->problem_mark);

	if (p->error == YAML_READER_ERROR)
		yaml_mistake(y, mark_at(y, p->problem_offset), "%s", problem);
	else if (is_tab_indent(y, p))
		yaml_mistake(y, at, "a tab cannot indent YAML; use spaces");
	else if (p->context && p->context_mark.line != p->problem_mark.line)
		yaml_mistake(y, at, "%s %s that starts on line %zu", problem, p->context,
			     p->context_mark.line + 1);
	else if (p->context)
		yaml_mistake(y, at, "%s %s", problem, p->context);
	else
		yaml_mistake(y, at, "%s", problem);
}

/* All events of the stream; false, told, where it is no YAML or more than a file may hold. */
static bool build(struct builder *b, yaml_parser_t *parser)
{
	for (;;) {
		yaml_event_t ev;
		bool is_end, is_good;

		if (!yaml_parser_parse(parser, &ev)) {
			tell_syntax(b->y, parser);
			return false;
		}
		is_end = ev.type == YAML_STREAM_END_EVENT;
		is_good = on_event(b, &ev);
		yaml_event_delete(&ev);
		if (is_end || !is_good)
			return is_good;
	}
}

void yaml_read_text(struct yaml *y, struct arena *a, const char *path, const char *text, size_t len,
		    struct buf *tell)
{
	struct builder b = { .y = y, .pending = BUF((MAX_NODES + 1) * sizeof(void *)) };
	yaml_parser_t parser;

	*y = (struct yaml){ .arena = a, .path = path, .text = text, .len = len, .tell = tell };
	if (len > MAX_BYTES) {
		yaml_mistake(y, (struct mark){ 0 }, "more than %d MiB", MAX_BYTES >> 20);
		return;
	}
	if (!yaml_parser_initialize(&parser))
		abort();
	/* Said, not guessed: places in the text are counted in UTF-8. */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!build(&b, &parser))
		y->root = NULL;
	yaml_parser_delete(&parser);
	buf_close(&b.pending);
	map_close(&b.anchors);
}

bool yaml_read_file(struct yaml *y, struct arena *a, const char *path, struct buf *tell,
		    struct err *e)
{
	char *text;
	size_t len;

	if (!fs_read(a, AT_FDCWD, path, MAX_BYTES, &text, &len, e))
		return false;
	yaml_read_text(y, a, arena_strdup(a, path), text, len, tell);
	return true;
}
