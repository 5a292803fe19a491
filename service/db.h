/*
 * db -- the store's file: how it is opened, that it is ours and whole, its tables, and how those of
 * an older version are brought up to date. What is done with them is in store.c.
 */
#ifndef SERVICE_DB_H
#define SERVICE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct db {
	sqlite3 *sql;
	char *path;
};

/* Open or make DIR/jobs.db; on failure it is to be closed all the same. */
bool db_open(struct db *d, const char *dir, struct err *e);
void db_close(struct db *d);
/* False, in words, what SQLite said; doing is "cannot add a job". */
bool db_fail(const struct db *d, const char *doing, struct err *e);
bool db_run(struct db *d, const char *script, const char *doing, struct err *e);
/* The number a query brings. */
bool db_number(struct db *d, const char *query, int64_t *out, struct err *e);

#endif
