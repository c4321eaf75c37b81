import OCISpec

/// The filter that is meant by RuntimeDefault: what programs need is allowed, and the rest fails with EPERM. It allows
/// what those of other engines do, so that a pod runs here if it does there.
///
/// What a capability guards already is allowed to those who have it. What is not allowed to anybody: keyrings
/// (not a namespace's), kexec and swap, the clock of others, io_uring and userfaultfd (too many holes), old calls
/// that no library makes.
enum DefaultSeccomp {
    static func profile(for capabilities: Set<Capability>, machine: String) -> SeccompProfile {
        var profile = SeccompProfile(defaultAction: .SCMP_ACT_ERRNO)
        profile.architectures = architectures[machine] ?? []
        profile.syscalls.append(allow(always + (ofMachine[machine] ?? [])))
        // One condition a rule: several on one argument are "or" for some runtimes, and "and" for others.
        for argument in families { profile.syscalls.append(allow(["socket"], argument)) }
        for persona in personalities {
            let argument = SeccompProfile.Argument(index: 0, value: persona, op: .SCMP_CMP_EQ)
            profile.syscalls.append(allow(["personality"], argument))
        }
        var guarded: Set<String> = []
        for (capability, names) in byCapability where capabilities.contains(capability) {
            guarded.formUnion(names)
        }
        guarded.subtract(always)
        if !guarded.isEmpty { profile.syscalls.append(allow(guarded.sorted())) }
        if !capabilities.contains(.CAP_SYS_ADMIN) {
            // The flags are the first argument but on s390, where it is the stack.
            let argument = SeccompProfile.Argument(
                index: machine.hasPrefix("s390") ? 1 : 0, value: namespaceFlags, valueTwo: 0,
                op: .SCMP_CMP_MASKED_EQ)
            profile.syscalls.append(allow(["clone"], argument))
            // Its flags are in memory, where no filter sees them. Without it, libraries take clone.
            var rule = SeccompProfile.Rule(names: ["clone3"], action: .SCMP_ACT_ERRNO)
            rule.errnoRet = 38
            profile.syscalls.append(rule)
        }
        return profile
    }

    private static func allow(_ names: [String], _ argument: SeccompProfile.Argument? = nil)
        -> SeccompProfile.Rule
    {
        var rule = SeccompProfile.Rule(names: names, action: .SCMP_ACT_ALLOW)
        if let argument { rule.args = [argument] }
        return rule
    }

    /// All CLONE_NEW* but CLONE_NEWTIME, whose bit is one of the exit signal's for clone(2).
    private static let namespaceFlags: UInt64 = 0x7e02_0000

    /// Everything but AF_ALG (38), whose module was open to attacks, and AF_VSOCK (40), which no namespace confines.
    private static let families: [SeccompProfile.Argument] = [
        .init(index: 0, value: 38, op: .SCMP_CMP_LT), .init(index: 0, value: 39, op: .SCMP_CMP_EQ),
        .init(index: 0, value: 40, op: .SCMP_CMP_GT),
    ]

    /// PER_LINUX and PER_LINUX32, both also with UNAME26, and the question for the present one (personality(2)).
    private static let personalities: [UInt64] = [0, 0x8, 0x20000, 0x20008, 0xffff_ffff]

    /// The machine's own first, then those that its kernel runs programs of.
    private static let architectures: [String: [SeccompProfile.Architecture]] = [
        "x86_64": [.SCMP_ARCH_X86_64, .SCMP_ARCH_X86, .SCMP_ARCH_X32],
        "i686": [.SCMP_ARCH_X86], "aarch64": [.SCMP_ARCH_AARCH64, .SCMP_ARCH_ARM],
        "armv7l": [.SCMP_ARCH_ARM], "riscv64": [.SCMP_ARCH_RISCV64],
        "ppc64le": [.SCMP_ARCH_PPC64LE], "s390x": [.SCMP_ARCH_S390X, .SCMP_ARCH_S390],
        "loongarch64": [.SCMP_ARCH_LOONGARCH64],
        "mips64": [.SCMP_ARCH_MIPS64, .SCMP_ARCH_MIPS, .SCMP_ARCH_MIPS64N32],
    ]

    private static let arm = words(
        "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2")

    private static let ofMachine: [String: [String]] = [
        "x86_64": ["arch_prctl", "modify_ldt"], "i686": ["modify_ldt"], "aarch64": arm, "armv7l": arm,
        "ppc64le": ["swapcontext", "sync_file_range2"], "riscv64": ["riscv_flush_icache", "riscv_hwprobe"],
        "s390x": ["s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"],
    ]

    private static let byCapability: [(Capability, [String])] = [
        (.CAP_DAC_READ_SEARCH, ["open_by_handle_at"]),
        (
            .CAP_SYS_ADMIN,
            words(
                """
                bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr
                move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog
                umount umount2 unshare
                """)
        ),
        (.CAP_SYS_BOOT, ["reboot"]), (.CAP_SYS_CHROOT, ["chroot"]),
        (.CAP_SYS_MODULE, ["delete_module", "finit_module", "init_module"]), (.CAP_SYS_PACCT, ["acct"]),
        (
            .CAP_SYS_PTRACE,
            ["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace"]
        ),
        (.CAP_SYS_RAWIO, ["ioperm", "iopl"]),
        (.CAP_SYS_TIME, ["clock_settime", "clock_settime64", "settimeofday", "stime"]),
        (.CAP_SYS_TTY_CONFIG, ["vhangup"]),
        (.CAP_SYS_NICE, ["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
        (.CAP_SYSLOG, ["syslog"]), (.CAP_BPF, ["bpf"]), (.CAP_PERFMON, ["perf_event_open"]),
    ]

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static let always: [String] = [
        // Files and directories by name.
        """
        access chdir chmod chown chown32 creat faccessat faccessat2 fchmodat fchmodat2 fchownat fstatat64 futimesat
        getcwd inotify_add_watch lchown lchown32 link linkat lstat lstat64 mkdir mkdirat mknod mknodat
        name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat renameat2 rmdir stat
        stat64 statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64
        utimes
        """,
        // Extended attributes.
        """
        fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
        lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
        """,
        // File systems as a whole.
        "fanotify_mark fstatfs fstatfs64 listmount statfs statfs64 statmount sync syncfs",
        // Open files.
        """
        _llseek cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fchdir
        fchmod fchown fchown32 fcntl fcntl64 fdatasync flock fstat fstat64 fsync ftruncate ftruncate64 getdents
        getdents64 inotify_init inotify_init1 inotify_rm_watch ioctl lseek pipe pipe2 pread64 preadv preadv2
        pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync_file_range tee vmsplice write
        writev
        """,
        // Waiting for files.
        """
        _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
        io_setup io_submit poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4
        """,
        // Sockets.
        """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
        recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
        """,
        // Memory.
        """
        brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
        mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
        """,
        // Processes and threads.
        """
        execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage
        getsid gettid ioprio_get ioprio_set pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease
        process_vm_readv process_vm_writev ptrace rseq sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        set_thread_area get_thread_area set_tid_address setpgid setpriority setrlimit setsid ugetrlimit uretprobe
        vfork wait4 waitid waitpid
        """,
        // Signals.
        """
        kill pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
        tgkill tkill
        """,
        // Locks.
        """
        futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list set_robust_list
        """,
        // System V and POSIX IPC.
        """
        ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
        mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
        semtimedop_time64 shmat shmctl shmdt shmget
        """,
        // Time. Who lacks the capability cannot set clocks by those that also ask.
        """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
        clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time
        timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
        timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
        """,
        // Identity.
        """
        capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
        getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
        setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
        setuid setuid32
        """,
        // Confinement of oneself, and what is left.
        """
        getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr seccomp sysinfo uname
        """,
    ].flatMap(words)
}
