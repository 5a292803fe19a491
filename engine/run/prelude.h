/*
 * prelude -- what a service without our additions does not offer, done by the job itself.
 *
 * The program travels as a file beside the job's own, and the code that is sent is a few lines of
 * the same language: they unpack the files' archive, put the input on stdin, and become the program
 * with its arguments. The names of what is sent for it begin with ".sandbatch".
 */
#ifndef ENGINE_RUN_PRELUDE_H
#define ENGINE_RUN_PRELUDE_H

#include "wire/wire.h"

#define PRELUDE_FILES 2 /* that it may send more than there are, at most */
/* The languages there is one for, for messages. */
#define PRELUDE_LANGUAGES "bash, python, perl, ruby and javascript"

/* Whether the request holds what a prelude can do: stdin, args, an archive. */
bool prelude_is_wanted(const struct wire_request *r);
/* Change the request to one without these; false: there is none for its language, nothing is
 * changed. */
bool prelude_put(struct arena *a, struct wire_request *r);

#endif
