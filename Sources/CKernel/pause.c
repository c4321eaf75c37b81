/*
 * PID 1 of a pid namespace that several containers share: it reaps, and waits for its end. Any process in there that
 * has CAP_SYS_PTRACE can become it, so there is nothing to be had from it: no capability, an empty root, no descriptor
 * but the one it sleeps on, and no system call but read, write and exit. And it should cost nothing: what it has
 * inherited of its parent's memory is unmapped, but for the page that it runs in and its stack.
 */
#include "ckernel.h"
#include "launch.h"

#include <linux/capability.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* glibc 2.35; where its registration of rseq(2) is, from the thread pointer on. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#ifndef RSEQ_SIG
#if defined(__x86_64__)
#define RSEQ_SIG 0x53053053
#elif defined(__aarch64__)
#define RSEQ_SIG 0xd428bc00
#elif defined(__riscv)
#define RSEQ_SIG 0xf1401073
#endif
#endif

enum { SLEEP_ON = 0, REPORT_TO = 1 };

/* Whether the kernel has no more reason to write into memory that is about to go. */
static int leave_rseq(void)
{
    if (!&__rseq_size || __rseq_size == 0)
        return 1;
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    /* The registered size is that of the first version, or of all that the C library knows. */
    for (unsigned int size = 32; size <= 64; size += 4)
        if (RAW4(__NR_rseq, area, size, 1 /* RSEQ_FLAG_UNREGISTER */, RSEQ_SIG) == 0)
            return 1;
    return 0;
}

/* Does not come back, and calls nothing. */
__attribute__((noreturn, noinline, no_stack_protector, aligned(2048))) static void sleep_unmapped(int unmaps)
{
    char buffer[sizeof(struct signalfd_siginfo)];
    if (unmaps) {
        unsigned long page = 4096, text = (unsigned long)&sleep_unmapped & ~(page - 1);
        unsigned long text_end = text + 2 * page, stack = ((unsigned long)buffer & ~(page - 1)) - page;
        RAW2(__NR_munmap, 0, text);
        if (text_end < stack)
            RAW2(__NR_munmap, text_end, stack - text_end);
    }
    /* With strict seccomp(2) these are left, and exit without its group. */
    RAW5(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
    /* -4 is EINTR. */
    while (RAW3(__NR_read, SLEEP_ON, buffer, sizeof buffer) == -4)
        continue;
    for (;;)
        RAW1(__NR_exit, 0);
}

static long enter_empty_root(void)
{
    long result = RAW5(__NR_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0);
    if (result == 0)
        result = RAW5(__NR_mount, "none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555");
    if (result == 0)
        result = RAW1(__NR_chdir, "/proc");
    if (result == 0 && RAW2(__NR_pivot_root, ".", ".") != 0) {
        /* The initramfs cannot be put away, but covered. */
        result = RAW5(__NR_mount, ".", "/", 0, MS_MOVE, 0);
        return result == 0 ? RAW1(__NR_chroot, ".") : result;
    }
    if (result == 0)
        result = RAW2(__NR_umount2, ".", MNT_DETACH);
    return result == 0 ? RAW1(__NR_chdir, "/") : result;
}

static long give_up_rights(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    long result = RAW5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (result == 0)
        result = RAW2(__NR_capset, &header, none);
    if (result == 0)
        result = RAW5(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    return result;
}

__attribute__((noreturn)) static void be_pause(void)
{
    struct { int32_t step, error; } report = { 0, 0 };
    long result = enter_empty_root();
    if (result == 0) {
        report.step = 1;
        result = give_up_rights();
    }
    if (result != 0) {
        report.error = (int32_t)-result;
        RAW3(__NR_write, REPORT_TO, &report, sizeof report);
        for (;;)
            RAW1(__NR_exit_group, 1);
    }
    RAW5(__NR_prctl, PR_SET_NAME, "pause", 0, 0, 0);
    RAW3(__NR_close_range, 1, ~0U, 0);
    sleep_unmapped(leave_rseq());
}

int launch_pause(int report)
{
    sigset_t set;
    sigfillset(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    /* The kernel then reaps for it, be it what it inherits. */
    if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
        return -1;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    int sleep_on = signalfd(-1, &set, 0);
    if (sleep_on < 0 || dup2(report, 100) < 0 || dup2(sleep_on, SLEEP_ON) < 0 || dup2(100, REPORT_TO) < 0)
        return -1;
    struct clone_args arguments = { .flags = CLONE_NEWPID | CLONE_NEWNS, .exit_signal = SIGCHLD };
    int pid = (int)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        be_pause();
    return pid;
}
