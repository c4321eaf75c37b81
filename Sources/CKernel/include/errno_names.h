#ifndef APUS_ERRNO_NAMES_H
#define APUS_ERRNO_NAMES_H

/* glibc 2.32 and up; declared here because <string.h> shows them to C with _GNU_SOURCE only. */
extern const char *strerrorname_np(int error);
extern const char *strerrordesc_np(int error);

#endif
