/*
 * What a container costs with no configuration to read, nothing to check and nothing to remember: the namespaces,
 * cgroup, mounts, devices, masks, filter and identity of the bench's bundles (bundles.py), wired in, then the
 * program, its end, and the cgroup's. Whatever a runtime takes above this is the runtime.
 *
 *   floor run spec|engine|large BUNDLE ID FILTER    FILTER: a file of struct sock_filter, or -
 *   floor exec PID ID FILTER                        /bin/true in the container of PID, in the cgroup ID
 *   floor nothing                                   starts and ends
 *
 * It trusts everything it is given, so it is no runtime. mount(2) is used, for it is quicker than the newer calls
 * wherever one or two of it do, by 3 to 7 % of the whole.
 */
#include "floor.h"

char *text(char *to, const char *from)
{
    while ((*to = *from++))
        to++;
    return to;
}

void must(long result, const char *what)
{
    if (result >= 0)
        return;
    char line[200], digits[8];
    char *end = text(text(text(line, "floor: "), what), ": error "), *digit = digits;
    for (long left = -result; left; left /= 10)
        *digit++ = (char)('0' + left % 10);
    while (digit > digits)
        *end++ = *--digit;
    *end++ = '\n';
    RAW3(__NR_write, 2, line, end - line);
    RAW1(__NR_exit_group, 125);
}

/* The child borrows this memory and stack until it execs, as a child of vfork does, so nothing is copied. */
static long child(unsigned long long flags, int cgroup)
{
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP | flags, .exit_signal = SIGCHLD, .cgroup = (unsigned)cgroup};
    return RAW2(__NR_clone3, &arguments, sizeof arguments);
}

static int await(long pid)
{
    int status = 0;
    must(RAW4(__NR_wait4, pid, &status, 0, 0), "wait4");
    return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

static int run(enum shape shape, char *bundle, const char *id, const char *filter, char **environment)
{
    char cgroup[300];
    text(text(cgroup, CGROUPS), id);
    must(RAW3(__NR_mkdirat, AT_FDCWD, cgroup, 0755), "mkdir of the cgroup");
    long directory = RAW4(__NR_openat, AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    must(directory, "open of the cgroup");
    guard_devices(directory);
    long pid = child(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, (int)directory);
    if (pid == 0)
        become_container(shape, bundle, cgroup, filter, environment);
    must(pid, "clone3");
    int status = await(pid);
    must(RAW3(__NR_unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR), "rmdir of the cgroup");
    return status;
}

static int execute(const char *number, const char *id, const char *filter, char **environment)
{
    char cgroup[300];
    text(text(cgroup, CGROUPS), id);
    long container = 0;
    for (; *number; number++)
        container = container * 10 + (*number - '0');
    long target = RAW2(__NR_pidfd_open, container, 0);
    must(target, "pidfd_open");
    long directory = RAW4(__NR_openat, AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    must(directory, "open of the cgroup");
    struct filter program;
    load(&program, filter);
    must(RAW2(__NR_setns, target, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP), "setns");
    long pid = child(0, (int)directory);
    if (pid == 0)
        become_process(filter[0] == '-' ? spec : engine, &program, environment);
    must(pid, "clone3");
    return await(pid);
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

__attribute__((noreturn, used)) void stage_main(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
    int status = 2;
    if (count == 2 && same(arguments[1], "nothing"))
        status = 0;
    else if (count == 6 && same(arguments[1], "run"))
        status = run(same(arguments[2], "spec") ? spec : same(arguments[2], "engine") ? engine : large, arguments[3],
                     arguments[4], arguments[5], environment);
    else if (count == 5 && same(arguments[1], "exec"))
        status = execute(arguments[2], arguments[3], arguments[4], environment);
    for (;;)
        RAW1(__NR_exit_group, status);
}
