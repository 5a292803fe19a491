/* eval -- the one thing that differs from language to language: how text is run as a program. */
#ifndef WARM_EVAL_H
#define WARM_EVAL_H

#include <stdbool.h>
#include <stdio.h>

/* Have the interpreter that we are in run the script; false if it is none that we know, or it
 * failed. */
bool eval_script(const char *script);
/*
 * In a fork, where the interpreter would go on with the program that it has opened: run it, and end
 * as the interpreter would, but quicker. Returns if there is no such way for it: then it goes on.
 */
void eval_program(FILE *program, const char *path);

#endif
