#pragma once
#include <errno.h>
#include <linux/filter.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Swift imports neither the variadic syscall(2) nor what glibc declares for _GNU_SOURCE only. */

/* Answers a descriptor, or -1 and errno. */
static inline int apus_memory_file(const char *name) {
    return (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC);
}

/* Part 0, 1 or 2 of the library's version. */
static inline unsigned int apus_seccomp_version(int part) {
    const struct scmp_version *version = seccomp_version();
    return part == 0 ? version->major : part == 1 ? version->minor : version->micro;
}

/* Both answer 0 or a positive errno; neither installs anything. */

static inline int apus_seccomp_probe_action(uint32_t action) {
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

/* Without a program the kernel answers EFAULT, but looks at the flags first: EINVAL. */
static inline int apus_seccomp_probe_flags(unsigned int flags) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (void *)0) == 0 ? 0 : errno;
}
