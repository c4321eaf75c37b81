// The process itself: one function a section of the report.
#pragma once
#include "paths.h"

static void status_lines(void) {
    key("status");
    ssize_t n = slurp("/proc/self/status");
    if (n < 0) { failed((int)-n); return; }
    open_('{');
    for (char *line = strtok(buffer, "\n"); line; line = strtok(NULL, "\n")) {
        static const char *skip[] = {"Vm", "Rss", "Hugetlb", "voluntary", "nonvoluntary", "FDSize", "SigQ", "untag"};
        int drop = 0;
        for (size_t i = 0; i < sizeof skip / sizeof *skip; i++) drop |= !strncmp(line, skip[i], strlen(skip[i]));
        char *colon = strchr(line, ':');
        if (drop || !colon) continue;
        *colon = 0;
        char *v = colon + 1;
        while (*v == '\t' || *v == ' ') v++;
        kstr(line, v);
    }
    close_('}');
}

static void lines(const char *k, const char *path) {
    key(k);
    ssize_t n = slurp(path);
    if (n < 0) { failed((int)-n); return; }
    open_('[');
    for (char *line = strtok(buffer, "\n"); line; line = strtok(NULL, "\n")) { item(); str(line); }
    close_(']');
}

static void strings(const char *k, char **v) {
    key(k);
    open_('[');
    for (; *v; v++) { item(); str(*v); }
    close_(']');
}

static void resource_limits(void) {
    static const char *names[] = {"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
                                  "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
    key("rlimits");
    open_('{');
    for (int i = 0; i < 16; i++) {
        struct rlimit r;
        key(names[i]);
        if (getrlimit(i, &r)) { failed(errno); continue; }
        fprintf(out, "\"%lld:%lld\"", (long long)r.rlim_cur, (long long)r.rlim_max);
    }
    close_('}');
}

// The descriptors as they were at entry: found with fcntl, so that no /proc is needed to see a leak.
static void descriptors(int ours) {
    key("fds");
    open_('{');
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fd == ours) continue;
        char name[32], path[64], target[PATH_MAX];
        snprintf(name, sizeof name, "%d", fd);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        key(name);
        open_('{');
        struct stat st;
        if (!fstat(fd, &st)) { kstr("type", type_of(st.st_mode)); knum("uid", st.st_uid); knum("gid", st.st_gid); }
        ssize_t n = readlink(path, target, sizeof target);
        key("target");
        if (n < 0) failed(errno); else text(target, (size_t)n);
        static const char *access_[] = {"r", "w", "rw", "?"};
        kstr("access", flags & O_PATH ? "path" : access_[flags & O_ACCMODE]);
        knum("cloexec", fcntl(fd, F_GETFD) & FD_CLOEXEC);
        knum("tty", isatty(fd));
        close_('}');
    }
    close_('}');
}

static void namespaces(void) {
    static const char *names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
    key("ns");
    open_('{');
    for (size_t i = 0; i < 8; i++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        kresult(names[i], stat(path, &st) ? -1 : (long long)st.st_ino);
    }
    close_('}');
}

static void signals(void) {
    // The kernel's own view, without libc's wrappers, which hide signals 32 and 33.
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } old;
    unsigned long blocked = 0, pending = 0;
    key("signals");
    open_('{');
    key("not_default");
    open_('[');
    for (int s = 1; s <= 64; s++) {
        memset(&old, 0, sizeof old);
        if (syscall(SYS_rt_sigaction, s, NULL, &old, 8)) continue;
        if (old.handler != (void *)0) { item(); fprintf(out, "\"%d=%s\"", s, old.handler == (void *)1 ? "ignored" : "caught"); }
    }
    close_(']');
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8);
    syscall(SYS_rt_sigpending, &pending, 8);
    knum("blocked", (long long)blocked);
    knum("pending", (long long)pending);
    close_('}');
}

static void keyring(void) {
    static const struct { const char *name; int id; } rings[] = {
        {"session", KEY_SPEC_SESSION_KEYRING}, {"process", KEY_SPEC_PROCESS_KEYRING}, {"user", KEY_SPEC_USER_KEYRING}};
    key("keyrings");
    open_('{');
    for (size_t i = 0; i < 3; i++) {
        char description[512];
        key(rings[i].name);
        long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, rings[i].id, 0);
        if (id < 0) { failed(errno); continue; }
        long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, id, description, sizeof description);
        if (n < 0) failed(errno); else str(description);
    }
    close_('}');
}

static void scheduling(void) {
    struct { unsigned size, policy; unsigned long long flags; int nice; unsigned priority; unsigned long long runtime, deadline, period; unsigned util_min, util_max; } a;
    memset(&a, 0, sizeof a);
    key("scheduler");
    open_('{');
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0)) kresult("sched_getattr", -1);
    else {
        knum("policy", a.policy); knum("flags", (long long)a.flags); knum("nice", a.nice); knum("priority", a.priority);
        knum("runtime", (long long)a.runtime); knum("deadline", (long long)a.deadline); knum("period", (long long)a.period);
    }
    kresult("ioprio", syscall(SYS_ioprio_get, 1, 0));
    cpu_set_t cpus;
    kresult("cpus", sched_getaffinity(0, sizeof cpus, &cpus) ? -1 : CPU_COUNT(&cpus));
    int mode = -1;
    kresult("memory_policy", syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) ? -1 : mode);
    close_('}');
}

static void process_controls(void) {
    int v = 0;
    key("prctl");
    open_('{');
    kresult("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    kresult("keepcaps", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
    kresult("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    kresult("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    kresult("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    kresult("thp_disable", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    kresult("timer_slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    kresult("tsc", prctl(PR_GET_TSC, &v, 0, 0, 0) ? -1 : v);
    v = 0;
    kresult("parent_death_signal", prctl(PR_GET_PDEATHSIG, &v, 0, 0, 0) ? -1 : v);
    v = 0;
    kresult("child_subreaper", prctl(PR_GET_CHILD_SUBREAPER, &v, 0, 0, 0) ? -1 : v);
    kresult("mce_kill", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    key("bounding");
    fputc('"', out);
    for (int c = 63; c >= 0; c--) fputc(prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1 ? '1' : '0', out);
    fputc('"', out);
    close_('}');
}

static void network(void) {
    key("network");
    open_('{');
    struct if_nameindex *all = if_nameindex();
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        struct ifreq r;
        memset(&r, 0, sizeof r);
        snprintf(r.ifr_name, sizeof r.ifr_name, "%s", i->if_name);
        key(i->if_name);
        if (s < 0 || ioctl(s, SIOCGIFFLAGS, &r)) failed(errno);
        else fprintf(out, "\"%s\"", r.ifr_flags & IFF_UP ? "up" : "down");
    }
    if (all) if_freenameindex(all);
    if (s >= 0) close(s);
    close_('}');
}

