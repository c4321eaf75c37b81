#ifndef APUS_LAUNCH_H
#define APUS_LAUNCH_H

#include <stdint.h>

/* Descriptors that one launch can hand to the stage. */
#define LAUNCH_KEEP 160

/*
 * Clone a child and let it exec a descriptor. The child shares the caller's memory until it execs, runs on a
 * stack of its own, and makes raw system calls only: neither libc nor Swift run in it.
 */
struct launch {
    uint64_t flags;            /* of clone3(2), beside CLONE_VM, CLONE_PIDFD and the exit signal SIGCHLD */
    int32_t cgroup;            /* directory for CLONE_INTO_CGROUP, or -1 */
    int32_t exe;               /* what to exec, or -1 */
    const char *path;          /* what to exec else */
    const char *const *argv;
    const char *const *envp;
    int32_t stdio[3];          /* what the child gets as 0, 1 and 2; -1 is the caller's */
    int32_t keep[LAUNCH_KEEP]; /* descriptors that stay open across the exec */
    uint32_t keep_count;
    int32_t parent;            /* out: the caller's pid */
    uint32_t clear_mask;       /* whether no signal is to be blocked */
    uint32_t no_new_privs;     /* whether to set no_new_privs */
    int32_t pidfd;             /* out: of the child */
    volatile int32_t error;    /* out, set by the child: the errno of a failed exec, else 0 */
};

/*
 * The child's pid, or a negative errno. Returns when the child has exec'd or ended, and nothing of `launch` is needed
 * any more. The wait (CLONE_VFORK) is not for that: out of memory in the child's cgroup, the kernel kills everybody who
 * shares the memory of the one it chose, but chooses nobody whose parent so waits. One launch at a time.
 */
int launch_stage(struct launch *launch);

/*
 * Clone a child into the new namespaces of `flags`, where it waits to be killed; it ends with its parent as well. Fills
 * in the pidfd and answers the pid, or a negative errno.
 */
int launch_holder(struct launch *launch);

/*
 * Clone PID 1 of a new pid namespace, which sleeps until SIGTERM, in the caller's other namespaces: see pause.c. The
 * caller is a process with one thread that is about to end: its descriptors 0 and 1 and its signals are not its own
 * after this. If the child fails, two words come at the descriptor `report`: 0 for its root or 1 for its rights, and the
 * errno. The pid, or -1 and errno.
 */
int launch_pause(int report);

#endif
