#pragma once
/* Only the syntax of contexts: context.o of libselinux.a needs nothing else of the library. Any other
 * part would bring in init.o with it, whose constructor reads /proc/mounts at each start. */
#include <selinux/context.h>

/* Swift does not import the function of this name next to the structure. */
#include <sys/statfs.h>
static inline int apus_statfs(const char *path, struct statfs *result) { return statfs(path, result); }
