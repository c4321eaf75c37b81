/* System calls that glibc 2.36 has no function for, with libc's errno convention. */
#ifndef APUS_SYSCALLS_H
#define APUS_SYSCALLS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static inline long apus_openat2(int directory, const char *path, struct open_how *how, size_t size)
{
    return syscall(SYS_openat2, directory, path, how, size);
}

static inline int apus_pidfd_open(int pid, unsigned int flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int apus_pidfd_send_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int apus_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int apus_fsopen(const char *type, unsigned int flags)
{
    return (int)syscall(SYS_fsopen, type, flags);
}

static inline int apus_fsconfig(int fs, unsigned int command, const char *key, const void *value, int aux)
{
    return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}

static inline int apus_fsmount(int fs, unsigned int flags, unsigned int attributes)
{
    return (int)syscall(SYS_fsmount, fs, flags, attributes);
}

/* The magic number of the file system that holds the file, or -1. */
static inline long apus_fstatfs_magic(int fd)
{
    struct statfs status;
    return fstatfs(fd, &status) == 0 ? (long)status.f_type : -1;
}

static inline long apus_statfs_magic(const char *path)
{
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}

#endif
