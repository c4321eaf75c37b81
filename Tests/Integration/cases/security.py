"""linux.seccomp."""

from . import case

SECTION = "config-linux.md#seccomp"


def profile(name, **fields):
    def build(b):
        b.linux["seccomp"] = fields

    case(SECTION, f"seccomp-{name}")(build)


def rule(names, action, **more):
    return {"names": names.split(), "action": action, **more}


X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]

profile("allow-all", defaultAction="SCMP_ACT_ALLOW")
profile("errno", defaultAction="SCMP_ACT_ALLOW", architectures=X86, syscalls=[
    rule("mount umount2", "SCMP_ACT_ERRNO"),
    rule("personality", "SCMP_ACT_ERRNO", errnoRet=38),
    rule("kcmp", "SCMP_ACT_ERRNO", errnoRet=0),
    rule("chroot pivot_root", "SCMP_ACT_ERRNO", errnoRet=95)])
profile("kill-and-trap", defaultAction="SCMP_ACT_ALLOW", syscalls=[
    rule("kcmp", "SCMP_ACT_KILL"), rule("iopl", "SCMP_ACT_KILL_PROCESS"),
    rule("reboot", "SCMP_ACT_KILL_THREAD"), rule("add_key", "SCMP_ACT_TRAP")])
profile("log-and-trace", defaultAction="SCMP_ACT_ALLOW", flags=["SECCOMP_FILTER_FLAG_LOG"], syscalls=[
    rule("kcmp", "SCMP_ACT_LOG"), rule("iopl", "SCMP_ACT_TRACE", errnoRet=5)])
profile("flags", defaultAction="SCMP_ACT_ALLOW", flags=["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        syscalls=[rule("mount", "SCMP_ACT_ERRNO")])
profile("arguments", defaultAction="SCMP_ACT_ALLOW", syscalls=[
    rule("socket", "SCMP_ACT_ERRNO", errnoRet=97, args=[{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]),
    rule("socket", "SCMP_ACT_ERRNO", errnoRet=98, args=[{"index": 0, "value": 37, "op": "SCMP_CMP_GT"},
                                                      {"index": 0, "value": 39, "op": "SCMP_CMP_LT"}]),
    rule("personality", "SCMP_ACT_ERRNO", args=[{"index": 0, "value": 0xFFFFFFFF, "op": "SCMP_CMP_EQ"}]),
    rule("unshare", "SCMP_ACT_ERRNO", errnoRet=1,
         args=[{"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}]),
    rule("setpriority", "SCMP_ACT_ERRNO", errnoRet=13, args=[{"index": 0, "value": 1, "op": "SCMP_CMP_NE"}]),
    rule("iopl", "SCMP_ACT_ERRNO", errnoRet=7, args=[{"index": 0, "value": 3, "op": "SCMP_CMP_LE"}]),
    rule("perf_event_open", "SCMP_ACT_ERRNO", errnoRet=8, args=[{"index": 1, "value": 0, "op": "SCMP_CMP_GE"}])])
profile("same-argument-twice", defaultAction="SCMP_ACT_ALLOW", syscalls=[
    rule("personality", "SCMP_ACT_ERRNO", errnoRet=9, args=[
        {"index": 0, "value": 0xFFFFFFFF, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}])])
profile("unknown-names", defaultAction="SCMP_ACT_ALLOW", syscalls=[
    rule("no_such_call another_missing kcmp", "SCMP_ACT_ERRNO", errnoRet=11)])
profile("foreign-architectures", defaultAction="SCMP_ACT_ALLOW",
        architectures=X86 + ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"], syscalls=[rule("kcmp", "SCMP_ACT_ERRNO")])
profile("default-errno", defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=1, architectures=X86, syscalls=[
    rule("read write close fstat newfstatat stat lstat open openat readlink readlinkat fcntl dup getcwd ioctl mmap munmap "
         "brk arch_prctl set_tid_address set_robust_list rseq prlimit64 getrandom mprotect execve exit exit_group lseek "
         "getresuid getresgid getgroups getpid getppid getpgid getsid uname getdents64 rt_sigaction rt_sigprocmask "
         "rt_sigpending prctl statfs pipe2 clone fork wait4 sched_getaffinity sendto recvfrom socket bind getsockname "
         "umask personality keyctl futex statx access faccessat gettid tgkill capset capget setuid setgid setresuid "
         "setresgid setgroups chdir fchdir dup3 epoll_ctl epoll_pwait nanosleep madvise sigaltstack poll ppoll sendmsg "
         "recvmsg fchown clock_gettime sched_yield timer_create timer_settime timer_delete getuid geteuid getgid getegid "
         "unlink mkdir fstatfs mknod mknodat fchmod openat2 clone3 mount eventfd2 waitid readv writev pread64 pwrite64 "
         "close_range rt_sigreturn getrlimit setrlimit sched_getattr ioprio_get get_mempolicy", "SCMP_ACT_ALLOW")])
profile("old-profile-unknown-to-it", defaultAction="SCMP_ACT_ERRNO", defaultErrnoRet=1, syscalls=[
    rule("read write close fstat newfstatat stat lstat open openat readlink readlinkat fcntl dup getcwd ioctl mmap munmap "
         "brk arch_prctl set_tid_address set_robust_list prlimit64 getrandom mprotect execve exit exit_group lseek "
         "getresuid getresgid getgroups getpid getppid getpgid getsid uname getdents64 rt_sigaction rt_sigprocmask "
         "rt_sigpending prctl statfs pipe2 clone fork wait4 sched_getaffinity socket umask personality keyctl futex access "
         "gettid tgkill capset capget setuid setgid setresuid setresgid setgroups chdir fchdir dup3 epoll_ctl epoll_pwait "
         "nanosleep madvise sigaltstack poll sendmsg recvmsg fchown clock_gettime sched_yield getuid geteuid getgid getegid "
         "unlink readv writev pread64 pwrite64 rt_sigreturn sched_getattr ioprio_get", "SCMP_ACT_ALLOW")])


@case(SECTION)
def seccomp_without_no_new_privileges(b):
    b.process["noNewPrivileges"] = False
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("mount kcmp", "SCMP_ACT_ERRNO", errnoRet=22)]}


@case(SECTION)
def seccomp_older_than_statx_without_no_new_privileges(b):
    """The filter is there before the executable is looked for."""
    b.process.update(noNewPrivileges=False, args=["probe"], env=["PATH=/nowhere:/data:/"])
    (b.rootfs / "data/probe").mkdir()
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        rule("statx faccessat faccessat2 openat2 close_range clone3", "SCMP_ACT_ERRNO", errnoRet=38)]}


@case(SECTION)
def seccomp_as_user_without_no_new_privileges(b):
    b.process["noNewPrivileges"] = False
    b.process["user"] = {"uid": 1000, "gid": 1000}
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("mount kcmp", "SCMP_ACT_ERRNO", errnoRet=22)]}
