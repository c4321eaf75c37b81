/* The half of the floor that runs inside: what the bundles of bundles.py ask for, in the order that takes least. */
#include "floor.h"

#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#define SAFE (MS_NOSUID | MS_NOEXEC | MS_NODEV)
#define ENGINE_BINDS 30
#define LARGE_BINDS 190

static long mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    return RAW5(__NR_mount, source, target, type, flags, data);
}

static void mounted(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
    must(mount(source, target, type, flags, data), target);
}

static void bound(const char *source, const char *target, unsigned long flags)
{
    mounted(source, target, 0, MS_BIND | MS_REC, 0);
    if (flags)
        mounted(0, target, 0, MS_BIND | MS_REMOUNT | flags, 0);
}

/* Directories need not exist before the first run, as with the runtimes. */
static void directory(const char *path)
{
    RAW3(__NR_mkdirat, AT_FDCWD, path, 0755);
}

/* storage/NNN of the bundle on /data/NNN: directories as they are, files read-only. */
static void extra_binds(const char *bundle, int count)
{
    char from[4200], to[] = "data/000";
    char *number = text(text(from, bundle), "/storage/000") - 3;
    for (int i = 0; i < count; i++) {
        number[0] = to[5] = (char)('0' + i / 100);
        number[1] = to[6] = (char)('0' + i / 10 % 10);
        number[2] = to[7] = (char)('0' + i % 10);
        bound(from, to, i % 2 ? MS_RDONLY : 0);
    }
}

static void mounts(enum shape shape, const char *bundle, const char *cgroup)
{
    mounted("proc", "proc", "proc", shape == spec ? 0 : SAFE, 0);
    mounted("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME | (shape == spec ? 0 : MS_NOEXEC), "mode=755,size=65536k");
    mounted("sysfs", "sys", "sysfs", SAFE | MS_RDONLY, 0);
    directory("dev/pts");
    mounted("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    directory("dev/mqueue");
    mounted("mqueue", "dev/mqueue", "mqueue", SAFE, 0);
    directory("dev/shm");
    if (shape == spec)
        mounted("shm", "dev/shm", "tmpfs", SAFE, "mode=1777,size=65536k");
    else {
        static const char *const files[][2] = {
            {"/storage/.containerenv", "run/.containerenv"}, {"/storage/hostname", "etc/hostname"}, {"/storage/hosts", "etc/hosts"}};
        char source[4200];
        char *end = text(source, bundle);
        text(end, "/storage/shm");
        bound(source, "dev/shm", SAFE);
        for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
            text(end, files[i][0]);
            bound(source, files[i][1], 0);
        }
    }
    /* A clone into namespaces and a cgroup makes the namespace before it enters the cgroup, so this one is made here. */
    if (shape == spec) {
        must(RAW1(__NR_unshare, CLONE_NEWCGROUP), "unshare");
        mounted("cgroup", "sys/fs/cgroup", "cgroup2", SAFE | MS_RDONLY | MS_RELATIME, 0);
    } else {
        bound(cgroup, "sys/fs/cgroup", SAFE | MS_RDONLY | MS_RELATIME);
        extra_binds(bundle, shape == engine ? ENGINE_BINDS : LARGE_BINDS);
    }
}

static void devices(void)
{
    static const struct {
        const char *path;
        unsigned major, minor;
    } nodes[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7}, {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"}};
    for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++)
        must(RAW4(__NR_mknodat, AT_FDCWD, nodes[i].path, 0020666, nodes[i].major << 8 | nodes[i].minor), nodes[i].path);
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++)
        must(RAW3(__NR_symlinkat, links[i][0], AT_FDCWD, links[i][1]), links[i][1]);
    if (RAW3(__NR_faccessat, AT_FDCWD, "/proc/kcore", 0) == 0)
        must(RAW3(__NR_symlinkat, "/proc/kcore", AT_FDCWD, "dev/core"), "dev/core");
}

/* What is not there needs no mask. The directories share one empty file system. */
static void visibility(enum shape shape)
{
    static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    static const char *const files[] = {"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug"};
    static const char *const directories[2][5] = {{"/proc/acpi", "/proc/asound", "/sys/firmware", "/proc/scsi", 0},
                                                  {"/proc/acpi", "/sys/firmware", "/sys/fs/selinux", "/sys/dev/block", "/proc/scsi"}};
    unsigned long flags = shape == spec ? 0 : SAFE;
    for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++)
        if (mount(read_only[i], read_only[i], 0, MS_BIND | MS_REC, 0) == 0)
            mounted(0, read_only[i], 0, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, 0);
    if (shape != spec && mount("/proc/asound", "/proc/asound", 0, MS_BIND | MS_REC, 0) == 0)
        mounted(0, "/proc/asound", 0, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, 0);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
        mount("/dev/null", files[i], 0, MS_BIND, 0);
    const char *empty = 0;
    for (int i = 0; i < 5; i++) {
        const char *path = directories[shape != spec][i];
        if (path && (empty ? mount(empty, path, 0, MS_BIND, 0) : mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0k")) == 0)
            empty = empty ? empty : path;
    }
}

static void loopback(void)
{
    struct {
        char name[16];
        short flags, unused[11];
    } request = {.name = "lo", .flags = 0x41 /* IFF_UP | IFF_RUNNING */};
    long control = RAW3(__NR_socket, 2 /* AF_INET */, 2 /* SOCK_DGRAM */ | O_CLOEXEC, 0);
    must(control, "socket");
    must(RAW3(__NR_ioctl, control, 0x8914 /* SIOCSIFFLAGS */, &request), "lo");
}

static void set_ping_group_range(void)
{
    long setting = RAW4(__NR_openat, AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC, 0);
    must(setting, "ping_group_range");
    must(RAW3(__NR_write, setting, "0 0", 3), "ping_group_range");
}

void load(struct filter *filter, const char *path)
{
    filter->program.len = 0;
    if (path[0] == '-')
        return;
    static struct sock_filter instructions[4096];
    long source = RAW4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    must(source, "open of the filter");
    long length = RAW3(__NR_read, source, instructions, sizeof instructions);
    must(length, "read of the filter");
    filter->program = (struct sock_fprog){.len = (unsigned short)((unsigned long)length / sizeof *instructions), .filter = instructions};
}

/* Bits of spec-fixtures/captured/podman-run.json and of what `spec` writes. */
#define CAPABILITY(name) (1ULL << CAP_##name)
#define SPEC_CAPABILITIES (CAPABILITY(AUDIT_WRITE) | CAPABILITY(KILL) | CAPABILITY(NET_BIND_SERVICE))
#define ENGINE_CAPABILITIES                                                                                              \
    (CAPABILITY(CHOWN) | CAPABILITY(DAC_OVERRIDE) | CAPABILITY(FOWNER) | CAPABILITY(FSETID) | CAPABILITY(KILL) |         \
     CAPABILITY(NET_BIND_SERVICE) | CAPABILITY(SETFCAP) | CAPABILITY(SETGID) | CAPABILITY(SETPCAP) | CAPABILITY(SETUID) | \
     CAPABILITY(SYS_CHROOT))

void become_process(enum shape shape, const struct filter *filter, char **environment)
{
    unsigned long long kept = shape == spec ? SPEC_CAPABILITIES : ENGINE_CAPABILITIES;
    struct rlimit64 files = {1024, 1024}, processes = {4096, 4096};
    must(RAW4(__NR_prlimit64, 0, RLIMIT_NOFILE, &files, 0), "RLIMIT_NOFILE");
    if (shape != spec)
        must(RAW4(__NR_prlimit64, 0, RLIMIT_NPROC, &processes, 0), "RLIMIT_NPROC");
    if (shape == spec)
        must(RAW5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    else if (filter->program.len)
        must(RAW3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter->program), "seccomp");
    for (int i = 0; i <= CAP_LAST_CAP; i++)
        if (!(kept >> i & 1))
            must(RAW5(__NR_prctl, PR_CAPBSET_DROP, i, 0, 0, 0), "bounding set");
    must(RAW2(__NR_setgroups, 0, 0), "setgroups");
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{(unsigned)kept, (unsigned)kept, 0}, {(unsigned)(kept >> 32), (unsigned)(kept >> 32), 0}};
    must(RAW2(__NR_capset, &header, sets), "capset");
    const char *arguments[] = {"/bin/true", 0};
    must(RAW3(__NR_execve, arguments[0], arguments, environment), "exec of /bin/true");
    __builtin_unreachable();
}

void become_container(enum shape shape, const char *bundle, const char *cgroup, const char *path, char **environment)
{
    struct filter filter;
    load(&filter, path);
    RAW1(__NR_umask, 0);
    must(RAW0(__NR_setsid), "setsid");
    loopback();
    mounted(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    must(RAW1(__NR_chdir, bundle), "bundle");
    mounted("rootfs", "rootfs", 0, MS_BIND | MS_REC, 0);
    must(RAW1(__NR_chdir, "rootfs"), "rootfs");
    mounts(shape, bundle, cgroup);
    devices();
    must(RAW2(__NR_pivot_root, ".", "."), "pivot_root");
    must(RAW2(__NR_umount2, ".", MNT_DETACH), "umount of the old root");
    must(RAW1(__NR_chdir, "/"), "chdir");
    if (shape == spec) {
        mounted(0, "/", 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0);
        must(RAW2(__NR_sethostname, "runc", 4), "sethostname");
    } else {
        set_ping_group_range();
        must(RAW2(__NR_sethostname, "0d7d038b01d1", 12), "sethostname");
    }
    visibility(shape);
    RAW1(__NR_umask, 022);
    become_process(shape, &filter, environment);
}
