#include "ckernel.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/nsfs.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <unistd.h>

long apus_openat2(int directory, const char *path, struct open_how *how, size_t size)
{
    return syscall(SYS_openat2, directory, path, how, size);
}

int apus_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}

int apus_memfd_create(const char *name, unsigned int flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}

int apus_pipe(int ends[2])
{
    return (int)syscall(SYS_pipe2, ends, O_CLOEXEC);
}

int apus_eventfd(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int apus_spawn_close_from(void *actions, int first)
{
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int apus_fsopen(const char *type, unsigned int flags)
{
    return (int)syscall(SYS_fsopen, type, flags);
}

int apus_fspick(const char *path, unsigned int flags)
{
    return (int)syscall(SYS_fspick, AT_FDCWD, path, flags);
}

int apus_fsconfig(int fs, unsigned int command, const char *key, const void *value, int aux)
{
    return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}

int apus_fsmount(int fs, unsigned int flags, unsigned int attributes)
{
    return (int)syscall(SYS_fsmount, fs, flags, attributes);
}

int apus_open_tree(const char *path, unsigned int flags)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, path, flags);
}

int apus_mount_setattr(int mount, unsigned int flags, struct mount_attr *attributes)
{
    return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, attributes, sizeof *attributes);
}

int apus_mount(const char *source, const char *target, unsigned long flags)
{
    return (int)syscall(SYS_mount, source, target, NULL, flags, NULL);
}

int apus_unshare(int flags)
{
    return (int)syscall(SYS_unshare, flags);
}

int apus_join_keyring(const char *name, uint32_t permissions)
{
    char description[512]; /* "keyring;uid;gid;permissions;name" */
    unsigned int now;
    long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
    if (keyring < 0)
        return -1;
    long length = syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, description, sizeof description - 1);
    if (length < 0)
        return -1;
    description[(size_t)length < sizeof description ? (size_t)length : sizeof description - 1] = 0;
    if (sscanf(description, "%*[^;];%*d;%*d;%x;", &now) != 1) {
        errno = EPROTO;
        return -1;
    }
    return (int)syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, now | permissions);
}

int apus_fork(void)
{
    return fork();
}

int apus_set_root_ids(void)
{
    if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0)
        return -1;
    return setresuid(0, 0, 0);
}

/* Of the linker. What is between them is never written to. */
extern const char __executable_start[] __attribute__((weak)), etext[] __attribute__((weak));

void apus_release_text(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)__executable_start & ~(page - 1);
    uintptr_t end = (uintptr_t)etext & ~(page - 1);
    if (start != 0 && end > start)
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

void apus_allocate_frugally(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 16 << 10);
    mallopt(M_TRIM_THRESHOLD, 16 << 10);
    mallopt(M_TOP_PAD, 4 << 10);
}

int apus_pidfd_open(int pid, unsigned int flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

int apus_pidfd_send_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int apus_pidfd_getfd(int pidfd, int descriptor)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, descriptor, 0);
}

void apus_store_word(void *place, uint32_t word)
{
    __atomic_store_n((uint32_t *)place, word, __ATOMIC_RELEASE);
}

int apus_prlimit(int pid, int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit64 limit = { .rlim_cur = soft, .rlim_max = hard };
    return (int)syscall(SYS_prlimit64, pid, resource, &limit, NULL);
}

int apus_reset_affinity(int pid)
{
    unsigned char all[128]; /* 1,024 CPUs; the kernel takes those that there are */
    memset(all, 0xff, sizeof all);
    return (int)syscall(SYS_sched_setaffinity, pid, sizeof all, all);
}

int apus_set_affinity(int pid, const void *mask, size_t size)
{
    return (int)syscall(SYS_sched_setaffinity, pid, size, mask);
}

int apus_ioprio_set(int pid, int priority)
{
    enum { WHO_PROCESS = 1 };
    return (int)syscall(SYS_ioprio_set, WHO_PROCESS, pid, priority);
}

int apus_sched_setattr(int pid, const struct apus_scheduling *wanted)
{
    /* struct sched_attr of Linux 5.3, the first with the clamps; an older kernel takes it as long as they are 0. */
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
        uint32_t clamp_minimum, clamp_maximum;
    } attributes = {
        .size = sizeof attributes,
        .policy = wanted->policy,
        .flags = wanted->flags,
        .nice = wanted->nice,
        .priority = wanted->priority,
        .runtime = wanted->runtime,
        .deadline = wanted->deadline,
        .period = wanted->period,
    };
    _Static_assert(sizeof attributes == 56, "as the kernel has it");
    return (int)syscall(SYS_sched_setattr, pid, &attributes, 0);
}

int apus_prctl(int option, unsigned long value)
{
    return prctl(option, value, 0, 0, 0);
}

uint64_t apus_permitted_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) != 0)
        return UINT64_MAX;
    return (uint64_t)data[0].permitted | (uint64_t)data[1].permitted << 32;
}

int apus_signalfd_all(void)
{
    sigset_t signals;
    sigfillset(&signals);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

int apus_signalfd_next(int descriptor)
{
    struct signalfd_siginfo information;
    ssize_t count = read(descriptor, &information, sizeof information);
    return count == sizeof information ? (int)information.ssi_signo : -1;
}

int apus_setns(int descriptor, int type)
{
    return (int)syscall(SYS_setns, descriptor, type);
}

int apus_namespace_type(int descriptor)
{
    return ioctl(descriptor, NS_GET_NSTYPE);
}

int apus_namespace_parent(int descriptor)
{
    return ioctl(descriptor, NS_GET_PARENT); /* close-on-exec by itself */
}

int apus_mount_namespace_id(int descriptor, uint64_t *id)
{
    return ioctl(descriptor, _IOR(NSIO, 0x5, uint64_t), id);
}

long apus_fstatfs_magic(int fd)
{
    struct statfs status;
    return fstatfs(fd, &status) == 0 ? (long)status.f_type : -1;
}

long apus_statfs_magic(const char *path)
{
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)status.f_type : -1;
}
