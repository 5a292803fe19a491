/* loading -- what the files of this room share while a spec and what it includes are read. */
#ifndef ENGINE_SPEC_LOADING_H
#define ENGINE_SPEC_LOADING_H

#include <sys/types.h>

#include "spec/decode.h"

#define SPEC_MAX_FILES 64

/* One file of a spec: its sections wait here, since they may stand in any order. */
struct spec_file {
	struct yaml y;
	struct spec scope;          /* what its texts see: its own folder, the vars of all */
	const struct spec_file *by; /* that includes it, NULL: the spec itself */
	int64_t version;
	const char *name;
	const struct node *include, *vars, *defaults, *jobs;
	dev_t device;
	ino_t inode;
};

/* Where a job was written. */
struct origin {
	struct spec_file *file;
	const struct node *key, *body;
};

struct loading {
	struct arena *arena;
	struct buf *tell;
	struct spec *spec;
	struct spec_file *file[SPEC_MAX_FILES];
	size_t nfile;
	const char *const *override; /* "K=V", NULL at the end */
	struct map job;              /* name -> struct job_spec */
	const char **name;           /* of all jobs, NULL at the end */
	struct origin *origin;       /* of each job */
};

/* Read the file at path and what it includes, and that includes; fails only when the first cannot
 * be read. */
bool loading_read(struct loading *l, const char *path, struct err *e);
/* needs, same_as and from name other jobs: looked at when all are there. */
void loading_link(struct loading *l);

/* The top level's keys: a struct spec_file. */
extern const struct field spec_fields[];

#endif
