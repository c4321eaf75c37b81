#include "ckernel.h"
#include "launch.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* Enough for a few system calls; one launch at a time, as launch.h says. */
static char child_stack[8192] __attribute__((aligned(16)));

__attribute__((noreturn)) static void give_up(struct launch *launch, long result)
{
    launch->error = (int32_t)-result;
    for (;;)
        RAW1(__NR_exit_group, 126);
}

__attribute__((noreturn, used)) static void child(struct launch *launch)
{
    long result;
    for (int i = 0; i < 3; i++) {
        if (launch->stdio[i] < 0)
            continue;
        result = RAW3(__NR_dup3, launch->stdio[i], i, 0);
        if (result < 0)
            give_up(launch, result);
    }
    for (uint32_t i = 0; i < launch->keep_count; i++) {
        result = RAW3(__NR_fcntl, launch->keep[i], F_SETFD, 0);
        if (result < 0)
            give_up(launch, result);
    }
    if (launch->clear_mask) {
        uint64_t none = 0;
        RAW4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
    }
    if (launch->no_new_privs) {
        result = RAW5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (result < 0)
            give_up(launch, result);
    }
    if (launch->exe < 0)
        result = RAW3(__NR_execve, launch->path, launch->argv, launch->envp);
    else
        result = RAW5(__NR_execveat, launch->exe, "", launch->argv, launch->envp, AT_EMPTY_PATH);
    give_up(launch, result);
}

__attribute__((noreturn, used)) static void hold(struct launch *launch)
{
    RAW2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
    /* A parent that has ended before that sends no signal. */
    while (RAW0(__NR_getppid) == launch->parent)
        RAW5(__NR_ppoll, 0, 0, 0, 0, 0);
    give_up(launch, 0);
}

/*
 * clone3 with a stack of the child's own: the child must not touch the frame it was called in, so both
 * the branch and the call are made here.
 */
static long clone_on_stack(struct clone_args *arguments, void (*run)(struct launch *), struct launch *launch)
{
#if defined(__x86_64__)
    long result;
    register void (*entry)(struct launch *) __asm__("r12") = run;
    register struct launch *argument __asm__("r13") = launch;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)__NR_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(entry), "r"(argument)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = __NR_clone3;
    register long x0 __asm__("x0") = (long)arguments;
    register long x1 __asm__("x1") = sizeof *arguments;
    register void (*entry)(struct launch *) __asm__("x9") = run;
    register struct launch *argument __asm__("x10") = launch;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x10\n\t"
                     "blr x9\n\t"
                     "brk 0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(entry), "r"(argument)
                     : "memory");
    return x0;
#elif defined(__riscv) && __riscv_xlen == 64
    register long a7 __asm__("a7") = __NR_clone3;
    register long a0 __asm__("a0") = (long)arguments;
    register long a1 __asm__("a1") = sizeof *arguments;
    register void (*entry)(struct launch *) __asm__("s2") = run;
    register struct launch *argument __asm__("s3") = launch;
    __asm__ volatile("ecall\n\t"
                     "bnez a0, 1f\n\t"
                     "mv a0, s3\n\t"
                     "jalr s2\n\t"
                     "ebreak\n"
                     "1:"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(entry), "r"(argument)
                     : "memory");
    return a0;
#endif
}

static int clone_child(struct launch *launch, uint64_t flags, void (*run)(struct launch *))
{
    struct clone_args arguments = {
        .flags = launch->flags | flags | CLONE_VM | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&launch->pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)child_stack,
        .stack_size = sizeof child_stack,
    };
    if (launch->cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)launch->cgroup;
    }
    launch->pidfd = -1;
    launch->error = 0;
    launch->parent = getpid();
    return (int)clone_on_stack(&arguments, run, launch);
}

int launch_stage(struct launch *launch)
{
    return clone_child(launch, CLONE_VFORK, child);
}

int launch_holder(struct launch *launch)
{
    launch->cgroup = -1;
    return clone_child(launch, 0, hold);
}
