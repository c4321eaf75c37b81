/* System calls that glibc 2.36 has no function for, with libc's errno convention. */
#ifndef APUS_SYSCALLS_H
#define APUS_SYSCALLS_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
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

static inline int apus_memfd_create(const char *name, unsigned int flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}

static inline int apus_pipe(int ends[2])
{
    return (int)syscall(SYS_pipe2, ends, O_CLOEXEC);
}

/* signalfd(2) and one read from it: the signal's number, or -1. */
static inline int apus_signalfd(const sigset_t *signals)
{
    return signalfd(-1, signals, SFD_CLOEXEC);
}

static inline int apus_signalfd_next(int descriptor)
{
    struct signalfd_siginfo information;
    return read(descriptor, &information, sizeof information) == sizeof information
               ? (int)information.ssi_signo
               : -1;
}

static inline int apus_prlimit(int pid, int resource, const struct rlimit *limit)
{
    return (int)syscall(SYS_prlimit64, pid, resource, limit, NULL);
}

/* The permitted set, all ones if it cannot be had. */
static inline uint64_t apus_permitted_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return UINT64_MAX;
    return (uint64_t)data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static inline int apus_prctl(int option, unsigned long value)
{
    return prctl(option, value, 0, 0, 0);
}

/* One packet and at most one descriptor (-1 is none); send(2)'s answer. No SIGPIPE. */
int apus_send(int socket, const void *bytes, size_t count, int descriptor);

/*
 * One packet; *descriptor is the one that came with it, close-on-exec, or -1. Further descriptors are closed.
 * recv(2)'s answer.
 */
long apus_receive(int socket, void *bytes, size_t count, int *descriptor);

/* The namespace type (CLONE_NEW*) of an nsfs descriptor. */
int apus_namespace_type(int descriptor);

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
