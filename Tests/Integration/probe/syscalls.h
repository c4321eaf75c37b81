// What a set of system calls answers that containers are usually not allowed.
#pragma once
#include "json.h"

// Each in a child: one of them may kill, or succeed and change us.
static void forbidden_syscalls(void) {
    static const struct { const char *name; long number; long args[6]; } calls[] = {
        {"mount", SYS_mount, {(long)"none", (long)"/", (long)"tmpfs", MS_REMOUNT | MS_BIND, 0}},
        {"umount2", SYS_umount2, {(long)"/proc/nothing", 0}},
        {"unshare_user", SYS_unshare, {CLONE_NEWUSER}},
        {"unshare_mount", SYS_unshare, {CLONE_NEWNS}},
        {"setns", SYS_setns, {-1, 0}},
        {"sethostname", SYS_sethostname, {(long)"x", -1}},
        {"chroot", SYS_chroot, {(long)"/"}},
        {"pivot_root", SYS_pivot_root, {(long)".", (long)"."}},
        {"reboot", SYS_reboot, {0, 0, 0}},
        {"init_module", SYS_init_module, {0, 0, (long)""}},
        {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
        {"bpf", SYS_bpf, {-1, 0, 0}},
        {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}},
        {"keyctl", SYS_keyctl, {-1}},
        {"add_key", SYS_add_key, {0}},
        {"ptrace", SYS_ptrace, {-1, 0, 0, 0}},
        {"settimeofday", SYS_settimeofday, {0, 0}},
        {"personality", SYS_personality, {0xffffffff}},
        {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}},
        {"mknod_char", SYS_mknodat, {AT_FDCWD, (long)"/.probe-node", S_IFCHR | 0600, 0x103}},
        {"chmod_setuid", SYS_fchmodat, {AT_FDCWD, (long)"/.probe-none", 04755}},
        {"iopl", SYS_iopl, {0}},
        {"clone3", 435, {0, 0}},
        {"openat2", 437, {AT_FDCWD, (long)"/", 0, 0}},
        {"io_uring_setup", 425, {0, 0}},
        {"faccessat2", 439, {AT_FDCWD, (long)"/", 0, 0}},
        {"mount_setattr", 442, {-1, 0, 0, 0, 0}},
        {"userfaultfd", SYS_userfaultfd, {-1}},
        {"unknown_900", 900, {0}},
        {"nice_up", SYS_setpriority, {PRIO_PROCESS, 0, -5}},
        {"setgroups", SYS_setgroups, {0, 0}},
        {"setuid_0", SYS_setuid, {0}},
        {"socket_raw", SYS_socket, {AF_INET, SOCK_RAW, 1}},
        {"socket_vsock", SYS_socket, {40, SOCK_STREAM, 0}},
        {"socket_alg", SYS_socket, {38, SOCK_SEQPACKET, 0}},
        {"getcwd", SYS_getcwd, {0, 0}},
        {"kcmp", SYS_kcmp, {0, 0, 0, 0, 0}},
        {"uname", SYS_uname, {0}},
        {"setdomainname", SYS_setdomainname, {(long)"x", -1}},
    };
    key("syscalls");
    open_('{');
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        fflush(out);
        int ends[2];
        key(calls[i].name);
        if (pipe2(ends, O_CLOEXEC)) { failed(errno); continue; }
        pid_t child = fork();
        if (child == 0) {
            const long *a = calls[i].args;
            long r = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
            int e = r < 0 ? errno : 0;
            if (calls[i].number == SYS_mknodat && r == 0) unlink("/.probe-node");
            ssize_t w = write(ends[1], &e, sizeof e);
            _exit(w != sizeof e);
        }
        close(ends[1]);
        int e = -1, status = 0;
        ssize_t n = child < 0 ? 0 : read(ends[0], &e, sizeof e);
        close(ends[0]);
        if (child > 0) waitpid(child, &status, 0);
        if (n == sizeof e) {
            if (e) failed(e); else fputs("\"ok\"", out);
        } else if (child > 0 && WIFSIGNALED(status)) fprintf(out, "\"killed by %d\"", WTERMSIG(status));
        else fputs("\"no answer\"", out);
    }
    close_('}');
}

