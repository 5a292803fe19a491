/* eval -- the one thing that differs from language to language: how text is run as a program. */
#ifndef WARM_EVAL_H
#define WARM_EVAL_H

#include <stdbool.h>

/* Have the interpreter that we are in run the script; false if it is none that we know, or it
 * failed. */
bool eval_script(const char *script);

#endif
