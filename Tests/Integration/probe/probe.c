// The probe: run as a container's process, it prints as one JSON object everything it can observe
// about itself and its surroundings. Nothing in it may abort: what cannot be read is reported, item
// by item, as {"errno": NAME}, so that it also works without /proc, as any user and on any root.
//
//   probe [--out=FILE] [--stdin] [--brief] [--sysctl=NAME]... [--path=PATH]... [--tree=DIR]...
//         [--sleep=SECONDS] [--exit=N] [ARG]...
//   probe --wait
//
// --stdin adds what can be read from descriptor 0 (the probe then serves as a hook); --brief leaves
// out the system calls, which take the longest. --wait prints nothing and waits to be killed, by means
// that every profile in the table leaves it: it is the process of a container that exec is tried in.
#include "json.h"
#include "paths.h"
#include "process.h"
#include "syscalls.h"

static void executables(void) {
    key("exe");
    open_('{');
    DIR *d = opendir("/proc");
    struct dirent *e;
    if (!d) kresult("opendir", -1);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9') continue;
        char path[300], target[PATH_MAX];
        snprintf(path, sizeof path, "/proc/%s/exe", e->d_name);
        ssize_t n = readlink(path, target, sizeof target);
        key(e->d_name);
        if (n < 0) failed(errno); else text(target, (size_t)n);
    }
    if (d) closedir(d);
    close_('}');
}

static const char *option(const char *arg, const char *name) {
    size_t n = strlen(name);
    return strncmp(arg, name, n) ? NULL : arg + n;
}

int main(int argc, char **argv) {
    const char *v, *file = NULL;
    int code = 0, with_stdin = 0, brief = 0;
    unsigned pause_for = 0;
    if (argc > 1 && !strcmp(argv[1], "--wait"))
        for (;;) poll(NULL, 0, -1);
    for (int i = 1; i < argc; i++) {
        with_stdin |= !strcmp(argv[i], "--stdin");
        brief |= !strcmp(argv[i], "--brief");
        if ((v = option(argv[i], "--out="))) file = v;
        if ((v = option(argv[i], "--exit="))) code = atoi(v);
        if ((v = option(argv[i], "--sleep="))) pause_for = (unsigned)atoi(v);
    }
    mode_t mask = umask(0);
    umask(mask);
    // A copy above every descriptor that could be a leak.
    int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : dup(1);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);
    if (high >= 0) { close(fd); fd = high; }
    out = fdopen(fd, "w");
    if (!out) return 99;

    open_('{');
    strings("args", argv);
    strings("env", environ);
    key("cwd");
    char cwd[PATH_MAX];
    if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0) failed(errno); else str(cwd);
    descriptors(fd);
    if (with_stdin) {
        ssize_t have = 0, got;
        while ((got = read(0, buffer + have, sizeof buffer - (size_t)have)) > 0) have += got;
        key("stdin");
        text(buffer, (size_t)have);
    }

    key("ids");
    open_('{');
    uid_t r, e, s;
    char three[64];
    getresuid(&r, &e, &s);
    snprintf(three, sizeof three, "%u %u %u", r, e, s);
    kstr("uid", three);
    getresgid(&r, &e, &s);
    snprintf(three, sizeof three, "%u %u %u", r, e, s);
    kstr("gid", three);
    gid_t groups[256];
    int n = getgroups(256, groups);
    key("groups");
    open_('[');
    for (int i = 0; i < n; i++) { item(); fprintf(out, "%u", groups[i]); }
    close_(']');
    char octal[16];
    snprintf(octal, sizeof octal, "%04o", mask);
    kstr("umask", octal);
    close_('}');

    key("process");
    open_('{');
    knum("pid", getpid()); knum("ppid", getppid()); knum("pgid", getpgid(0)); knum("sid", getsid(0));
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    kresult("controlling_tty", tty < 0 ? -1 : 1);
    if (tty >= 0) close(tty);
    key("personality");
    int p = personality(0xffffffff);
    if (p < 0) failed(errno); else fprintf(out, "%d", p);
    close_('}');

    struct utsname u;
    key("uts");
    open_('{');
    if (!uname(&u)) { kstr("hostname", u.nodename); kstr("domainname", u.domainname); kstr("machine", u.machine); }
    close_('}');

    lines("mountinfo", "/proc/self/mountinfo");
    status_lines();
    resource_limits();
    lines("cgroup", "/proc/self/cgroup");
    kfile("oom_score_adj", "/proc/self/oom_score_adj");
    kfile("coredump_filter", "/proc/self/coredump_filter");
    kfile("loginuid", "/proc/self/loginuid");
    kfile("label", "/proc/self/attr/current");
    lines("uid_map", "/proc/self/uid_map");
    lines("gid_map", "/proc/self/gid_map");
    kfile("setgroups", "/proc/self/setgroups");
    kfile("timens_offsets", "/proc/self/timens_offsets");
    namespaces();
    signals();
    keyring();
    scheduling();
    process_controls();
    network();
    executables();

    key("dev");
    open_('{');
    tree(AT_FDCWD, "/dev", "", 2);
    close_('}');
    key("root");
    open_('{');
    tree(AT_FDCWD, "/", "", 1);
    close_('}');
    key("trees");
    open_('{');
    for (int i = 1; i < argc; i++)
        if ((v = option(argv[i], "--tree="))) { key(v); open_('{'); tree(AT_FDCWD, v, "", 3); close_('}'); }
    close_('}');
    key("paths");
    open_('{');
    for (int i = 1; i < argc; i++)
        if ((v = option(argv[i], "--path="))) { key(v); describe(v); }
    close_('}');
    key("sysctls");
    open_('{');
    for (int i = 1; i < argc; i++)
        if ((v = option(argv[i], "--sysctl="))) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "/proc/sys/%s", v);
            for (char *c = path; *c; c++) if (*c == '.') *c = '/';
            kfile(v, path);
        }
    close_('}');
    if (!brief) forbidden_syscalls();
    close_('}');
    fputc('\n', out);
    fflush(out);
    if (pause_for) sleep(pause_for);
    return code;
}
