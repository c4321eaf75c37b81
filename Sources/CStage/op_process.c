/* What belongs to the process and takes few words. */
#include "internal.h"

long stage_call(struct stage *stage, const struct plan_op *op)
{
    static const uint32_t numbers[] = {
#define PLAN_CALL(name, arguments) STAGE_NR_##name,
#include "calls.def"
#undef PLAN_CALL
    };
    if (op->num[0] == PLAN_CALL_umask)
        stage->inherited_umask = -1;
    return stage_syscall(stage, numbers[op->num[0]], (long)op->num[1], (long)op->num[2], (long)op->num[3], 0, 0, 0);
}

long stage_memory_policy(struct stage *stage, const struct plan_op *op)
{
    /* The kernel takes the number of bits and one more. */
    const char *nodes = op->len ? stage_string(stage, op->str[0]) : 0;
    return SYS(stage, set_mempolicy, op->num[0], nodes, op->len * 64ul + 1);
}

long stage_limit(struct stage *stage, const struct plan_op *op)
{
    /* struct rlimit64 */
    const uint64_t limit[2] = {op->num[1], op->num[2]};
    return SYS(stage, prlimit64, 0, op->num[0], limit, 0);
}

long stage_hostname(struct stage *stage, const struct plan_op *op)
{
    const char *name = stage_string(stage, op->str[0]);
    if (op->flags & PLAN_HOSTNAME_DOMAIN)
        return SYS(stage, setdomainname, name, stage_length(name));
    return SYS(stage, sethostname, name, stage_length(name));
}

static void outlive(int signal)
{
    (void)signal;
}

#if defined(__x86_64__)
/* The one architecture where the kernel does not bring the way back from a handler itself. */
void stage_handler_return(void);
__asm__(".pushsection .text\n"
        ".hidden stage_handler_return\n"
        ".globl stage_handler_return\n"
        ".type stage_handler_return, @function\n"
        "stage_handler_return:\n\t"
        "movl $15, %eax\n\t" /* rt_sigreturn */
        "syscall\n"
        ".size stage_handler_return, . - stage_handler_return\n"
        ".popsection");
#endif

long stage_signals(struct stage *stage, const struct plan_op *op)
{
    (void)op;
    enum { KILL = 9, STOP = 19, XCPU = 24, LAST = 64, SET_MASK = 2, RESTORER = 0x04000000, RESTART = 0x10000000 };
    /* The kernel's struct sigaction: default handler, no flags, empty mask, on every architecture. */
    const uint64_t action[4] = {0}, mask = 0;
    /*
     * Whoever asks for SCHED_FLAG_DL_OVERRUN, or for RLIMIT_RTTIME, means the container's process and not the stage,
     * which on a busy machine may be late, too. An exec takes a handler away, and no filter has to allow that.
     */
    const uint64_t outliving[4] = {
        (uint64_t)(uintptr_t)outlive,
#if defined(__x86_64__)
        RESTORER | RESTART,
        (uint64_t)(uintptr_t)stage_handler_return,
#else
        RESTART,
#endif
    };
    for (int signal = 1; signal <= LAST; signal++) {
        if (signal == KILL || signal == STOP)
            continue;
        long result = SYS(stage, rt_sigaction, signal, signal == XCPU ? outliving : action, 0, sizeof mask);
        if (result < 0)
            return result;
    }
    return SYS(stage, rt_sigprocmask, SET_MASK, &mask, 0, sizeof mask);
}

/* The number that a directory entry of self/fd stands for, or -1. */
static int parse_descriptor(const char *name)
{
    int64_t number = 0;
    if (!*name)
        return -1;
    for (; *name; name++) {
        if (*name < '0' || *name > '9' || (number = number * 10 + (*name - '0')) > INT32_MAX)
            return -1;
    }
    return (int)number;
}

/* For kernels before 5.11, whose close_range(2) cannot. */
static long cloexec_one_by_one(struct stage *stage, uint64_t first)
{
    struct entry {
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    char entries[1024] __attribute__((aligned(8)));
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    long directory = SYS(stage, openat, stage_slot(stage, PLAN_SLOT_PROC), "self/fd", flags);
    if (directory < 0)
        return directory;
    long length, result = 0;
    while (result >= 0 && (length = SYS(stage, getdents64, directory, entries, sizeof entries)) != 0) {
        if (length < 0)
            result = length;
        for (long at = 0; result >= 0 && at < length;) {
            struct entry *entry = (struct entry *)(void *)(entries + at);
            int descriptor = parse_descriptor(entry->name);
            if (descriptor >= 0 && (uint64_t)descriptor >= first)
                result = SYS(stage, fcntl, descriptor, F_SETFD, FD_CLOEXEC);
            at += entry->length;
        }
    }
    stage_close(directory);
    return result;
}

long stage_cloexec(struct stage *stage, const struct plan_op *op)
{
    long result = SYS(stage, close_range, op->num[0], UINT32_MAX, CLOSE_RANGE_CLOEXEC);
    if (result == -EINVAL || result == -ENOSYS)
        result = cloexec_one_by_one(stage, op->num[0]);
    return result;
}

/*
 * The container's own null device in place of the host's. No checkpoint can name a file of the host's, and it would
 * keep a file system of the host's in use. Best effort: a container may have no such device, or not be let at it.
 */
static void reopen_null(struct stage *stage, int descriptor)
{
    struct statx found;
    long flags = RAW3(__NR_fcntl, descriptor, F_GETFL, 0);
    long null = RAW4(__NR_openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (null < 0)
        return;
    /* Whatever else may be there is not opened. */
    if (flags >= 0 && stage_stat(stage, (int)null, &found) >= 0 && stage_is_device(&found, S_IFCHR, 1, 3)) {
        long own = stage_reopen(stage, (int)null, (int)flags & (O_ACCMODE | O_APPEND | O_NONBLOCK));
        if (own >= 0)
            RAW3(__NR_dup3, own, descriptor, 0);
        stage_close(own);
    }
    stage_close(null);
}

long stage_stdio(struct stage *stage, const struct plan_op *op)
{
    for (int i = 0; i <= 2; i++) {
        struct statx found;
        long result = stage_stat(stage, i, &found);
        if (result == -EBADF)
            continue;
        if (result < 0)
            return result;
        if (stage_is_device(&found, S_IFCHR, 1, 3)) {
            reopen_null(stage, i);
            continue;
        }
        if (op->flags & PLAN_STDIO_KEEP_OWNER || found.stx_uid == op->num[0])
            continue;
        result = SYS(stage, fchownat, i, "", (uint32_t)op->num[0], -1, AT_EMPTY_PATH);
        /* A file of another user namespace, or on a read-only file system: it keeps its owner. */
        if (result < 0 && result != -EPERM && result != -EROFS && result != -EINVAL)
            return result;
    }
    return 0;
}
