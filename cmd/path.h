/* path -- what can be told of a path before anything is made. */
#ifndef CMD_PATH_H
#define CMD_PATH_H

#include "base/arena.h"
#include "base/err.h"

/* The path from the root on: of what is there without links, of the rest as it is written. */
const char *path_whole(struct arena *a, const char *path);
/* Whether path lies below that folder, or is it; neither needs to be there. */
bool path_is_below(const char *path, const char *folder);
/* Whether what is not there yet of a folder could be made: the nearest above that is there is a
 * folder that can be written; else errno says why. */
bool path_can_make(const char *folder);

#endif
