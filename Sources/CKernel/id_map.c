#include "ckernel.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

/* What the child and its parent share: all memory, while the parent stands still. */
struct reading {
    int user_namespace;
    char *bytes;
    size_t size;
    long result;
};

static char child_stack[8192] __attribute__((aligned(16)));

static int read_inside(void *argument)
{
    struct reading *reading = argument;
    long file = RAW2(__NR_setns, reading->user_namespace, CLONE_NEWUSER);
    if (file >= 0)
        file = RAW4(__NR_openat, AT_FDCWD, "/proc/thread-self/projid_map", O_RDONLY | O_CLOEXEC, 0);
    reading->result = file < 0 ? file : RAW3(__NR_read, (int)file, reading->bytes, reading->size);
    return 0;
}

long apus_read_projid_map(int user_namespace, void *bytes, size_t size)
{
    struct reading reading = {user_namespace, bytes, size, -ESRCH};
    /* A process of its own: nobody comes back from a user namespace. */
    int child = clone(read_inside, child_stack + sizeof child_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &reading);
    if (child < 0)
        return -1;
    while (waitpid(child, 0, 0) < 0 && errno == EINTR)
        continue;
    if (reading.result >= 0)
        return reading.result;
    errno = (int)-reading.result;
    return -1;
}
