/* Whole plans that succeed, through the stage's image. Runs as root. */
#define _GNU_SOURCE
#include "check.h"
#include "container.h"
#include "counter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>

static void test_container(void)
{
    begin();
    populate();
    builder_op(&plan, PLAN_SYNC)->num[0] = 7;
    builder_op(&plan, PLAN_LOOPBACK);
    builder_op(&plan, PLAN_PIVOT);
    builder_path(&plan, PLAN_HOSTNAME, "harbour");
    builder_path(&plan, PLAN_MASK, "/proc/kcore");
    builder_path(&plan, PLAN_MASK, "/proc/keys");
    builder_path(&plan, PLAN_MASK, "/proc/absent");
    builder_path(&plan, PLAN_MASK, "/sys/firmware");
    builder_path(&plan, PLAN_MASK, "/sys/kernel");
    builder_path(&plan, PLAN_READONLY, "/proc/sys");
    builder_path(&plan, PLAN_REMOUNT, "/")->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    struct plan_op *op = builder_op(&plan, PLAN_CALL);
    op->num[0] = PLAN_CALL_umask;
    op->num[1] = 0027;
    builder_path(&plan, PLAN_CHDIR, "/tmp");
    builder_op(&plan, PLAN_STDIO)->num[0] = 1000;
    builder_op(&plan, PLAN_BOUND)->num[0] = 1 << 5;
    op = builder_op(&plan, PLAN_IDENTITY);
    op->num[0] = 1000;
    op->num[1] = 1001;
    op->len = 2;
    op->str[0] = builder_blob(&plan, (uint32_t[]){20, 21}, 8);
    op = builder_op(&plan, PLAN_CAPS);
    op->num[0] = op->num[1] = 1 << 5;
    builder_op(&plan, PLAN_CLOEXEC)->num[0] = 3;
    run("id -u; id -G; pwd; hostname; umask; grep Cap /proc/self/status; ls /sys/kernel /sys/firmware;"
        "head -c 9 /proc/keys; echo mask $?; touch /proc/sys/x 2>&1; touch /x 2>&1; stat -c %a:%u:%g /dev/zero;"
        "ls -1 /proc/self/fd | grep -c .; cat /proc/mounts; echo >/dev/null && echo done; grep . /proc/self/mountinfo | head -c 0;"
        "cat /sys/class/net/lo/operstate");
    CHECK(succeeded(), "%s", why());
    CHECK(outcome.report.state == REPORT_RUNNING, "%s", why());
    CHECK(strstr(outcome.output, "1000\n1001 20 21\n/tmp\nharbour\n0027\n"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "CapInh:\t0000000000000000\n"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "CapBnd:\t0000000000000020\n"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "mask 0"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "touch: /x: Read-only file system"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "600:5:6"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "\n4\n"), "descriptors leak: %s", outcome.output);
    CHECK(strstr(outcome.output, "done\n"), "%s", outcome.output);
}

static void test_bind_and_propagation(void)
{
    begin();
    shell("mkdir %s/d && echo content >%s/f && echo inner >%s/d/f", host, host, host);
    char path[128];
    snprintf(path, sizeof path, "%s/d", host);
    builder_bind(&plan, path, "/mnt/deep")->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, 0);
    plan.ops[plan.op_count - 1].num[2] = MS_SHARED;
    snprintf(path, sizeof path, "%s/f", host);
    builder_bind(&plan, path, "/etc/new/file")->num[0] = PLAN_ATTRS(MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME);
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_path(&plan, PLAN_REPROPAGATE, "/etc/new/file")->num[0] = MS_UNBINDABLE;
    builder_op(&plan, PLAN_PIVOT);
    run("cat /mnt/deep/f /etc/new/file; touch /mnt/deep/x; touch /etc/new/file && cat /proc/self/mountinfo");
    CHECK(succeeded(), "%s", why());
    CHECK(strstr(outcome.output, "inner\ncontent\n"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "/mnt/deep/x: Read-only"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "/mnt/deep ro,noexec,relatime shared:"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "/etc/new/file rw,noatime unbindable"), "%s", outcome.output);
}

/* Everything once more on a kernel before 5.12, or below a filter that does not know the call. */
static void test_without_mount_setattr(void)
{
    deny_call(SYS_mount_setattr, ENOSYS);
    test_bind_and_propagation();
    test_container();
    deny_call(-1, 0);
}

static void test_legacy_mount(void)
{
    char options[600];
    for (int way = 0; way < 3; way++) {
        begin();
        builder_mount(&plan, "proc", "/proc", NULL);
        struct plan_op *op = builder_mount(&plan, "tmpfs", "/mnt", "size=64k,mode=711");
        op->num[0] = PLAN_ATTRS(MOUNT_ATTR_NODEV, 0);
        op->num[1] = MS_SHARED;
        if (way == 0)
            op->flags = PLAN_MOUNT_LEGACY;
        if (way == 1)
            deny_call(SYS_fsopen, ENOSYS);
        if (way == 2) { /* a value that fsconfig(2) does not take */
            memset(options, 'x', sizeof options);
            shell("mkdir -p %s/l1/%0200d %s/l2/%0200d && touch %s/l1/%0200d/low", host, 1, host, 2, host, 1);
            snprintf(options, sizeof options, "lowerdir=%s/l1/%0200d:%s/l2/%0200d", host, 1, host, 2);
            builder_mount(&plan, "overlay", "/over", options);
        }
        builder_op(&plan, PLAN_PIVOT);
        run("grep /mnt /proc/self/mountinfo; stat -c %a /mnt; ls /over");
        deny_call(-1, 0);
        CHECK(strstr(outcome.output, "/mnt rw,nodev,relatime shared:"), "way %d: %s", way, why());
        CHECK(strstr(outcome.output, "size=64k"), "way %d: %s", way, why());
        CHECK(strstr(outcome.output, "\n711\n"), "way %d: %s", way, why());
        if (way == 2)
            CHECK(strstr(outcome.output, "low"), "%s", why());
    }
}

static void test_copied_mode(void)
{
    begin();
    shell("mkdir -m 751 %s/mnt", root);
    builder_mount(&plan, "tmpfs", "/mnt", NULL)->flags = PLAN_MOUNT_COPY_MODE;
    builder_mount(&plan, "tmpfs", "/fresh", NULL)->flags = PLAN_MOUNT_COPY_MODE;
    builder_op(&plan, PLAN_PIVOT);
    run("stat -c %a /mnt /fresh");
    CHECK(succeeded() && !strcmp(outcome.output, "751\n1777\n"), "%s", why());
}

static void test_remount(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_mount(&plan, "tmpfs", "/mnt", "size=64k");
    struct plan_op *op = builder_path(&plan, PLAN_REMOUNT, "/mnt");
    op->flags = PLAN_REMOUNT_SUPER;
    op->num[2] = MS_RDONLY;
    char entry[] = "ssize\0" "128k";
    op->str[3] = builder_blob(&plan, entry, sizeof entry);
    op->len = sizeof entry;
    builder_op(&plan, PLAN_PIVOT);
    run("grep /mnt /proc/self/mountinfo");
    CHECK(succeeded() && strstr(outcome.output, "/mnt rw") && strstr(outcome.output, "ro,size=128k"), "%s", why());
}

static void test_label(void)
{
    char path[128], label[64] = {0};
    begin();
    snprintf(path, sizeof path, "%s/labelled", host);
    mkdir(path, 0755);
    builder_bind(&plan, path, "/mnt");
    builder_path(&plan, PLAN_LABEL, "/mnt")->str[1] = builder_string(&plan, "u:r:t:s0:c1,c2");
    builder_op(&plan, PLAN_PIVOT);
    run("true");
    CHECK(succeeded(), "%s", why());
    CHECK(getxattr(path, "security.selinux", label, sizeof label) == 15 && !strcmp(label, "u:r:t:s0:c1,c2"), "%s", label);
    begin();
    builder_path(&plan, PLAN_LABEL, "/absent")->str[1] = builder_string(&plan, "u:r:t:s0");
    run("true");
    CHECK(failed_in(PLAN_LABEL, ENOENT, FAULT_NONE), "%s", why());
}

static void test_other_roots(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_MOVE_ROOT);
    run("ls / | grep -c busybox; grep -c . /proc/mounts; pwd; ls -d /bin/busybox");
    CHECK(succeeded() && strstr(outcome.output, "/bin/busybox\n"), "%s", why());

    begin();
    plan.op_count--;
    builder_path(&plan, PLAN_ROOTFS, root)->flags = PLAN_ROOTFS_PLAIN;
    builder_op(&plan, PLAN_CHROOT);
    run("pwd; ls -d /bin/busybox");
    CHECK(succeeded() && !strcmp(outcome.output, "/\n/bin/busybox\n"), "%s", why());
}

static void test_clone(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_CLONE)->num[0] = CLONE_NEWUTS;
    builder_op(&plan, PLAN_SYNC)->num[0] = 1;
    builder_path(&plan, PLAN_HOSTNAME, "cloned");
    builder_op(&plan, PLAN_PIVOT);
    builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c", "hostname; exit 9", NULL});
    run_plan(&plan, CLONE_NEWNS, &outcome);
    CHECK(succeeded() && outcome.child_status == 9 && !strcmp(outcome.output, "cloned\n"), "%d %s",
          outcome.child_status, why());
}

/* With IDs of its own, nodes that cannot be made, and mounts whose flags are locked. */
static void test_user_namespace(void)
{
    char path[128];
    begin();
    plan.op_count = 1;
    shell("mkdir -p %s/locked %s/sub && chown -R 100000:100000 %s && mount -t tmpfs -o noexec,nosuid,nodev locked %s/locked", host, host, root, host);
    builder_op(&plan, PLAN_CLONE)->num[0] = CLONE_NEWUSER | CONTAINER;
    builder_op(&plan, PLAN_SYNC)->num[0] = SYNC_MAP_IDS;
    builder_op(&plan, PLAN_CALL)->num[0] = PLAN_CALL_setresgid;
    builder_op(&plan, PLAN_CALL)->num[0] = PLAN_CALL_setresuid;
    builder_path(&plan, PLAN_PROPAGATE, "/")->num[0] = MS_SLAVE | MS_REC;
    builder_path(&plan, PLAN_ROOTFS, root);
    builder_mount(&plan, "proc", "/proc", NULL)->flags = PLAN_MOUNT_PLAIN_TARGET;
    builder_mount(&plan, "tmpfs", "/dev", "mode=755");
    builder_mount(&plan, "devpts", "/dev/pts", "newinstance,ptmxmode=0666");
    builder_mount(&plan, "mqueue", "/dev/mqueue", NULL);
    builder_mount(&plan, "sysfs", "/sys", NULL)->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    device("/dev/null", S_IFCHR | 0666, makedev(1, 3))->errnos[0] = EPERM;
    builder_bind(&plan, "/dev/null", "/dev/null")->flags = PLAN_FALLBACK;
    snprintf(path, sizeof path, "%s/locked", host);
    builder_bind(&plan, path, "/locked")->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    /* What is locked stays, the rest is done. */
    builder_path(&plan, PLAN_REMOUNT, "/locked")->num[0] =
        PLAN_ATTRS(MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID);
    builder_op(&plan, PLAN_LOOPBACK);
    builder_op(&plan, PLAN_PIVOT);
    builder_path(&plan, PLAN_HOSTNAME, "mapped");
    builder_path(&plan, PLAN_MASK, "/proc/uptime");
    builder_path(&plan, PLAN_MASK, "/proc/tty");
    builder_path(&plan, PLAN_MASK, "/sys/kernel");
    builder_path(&plan, PLAN_READONLY, "/proc/sys");
    builder_path(&plan, PLAN_REMOUNT, "/")->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    builder_path(&plan, PLAN_CHDIR, "/");
    builder_op(&plan, PLAN_STDIO);
    builder_op(&plan, PLAN_BOUND)->num[0] = 0;
    builder_op(&plan, PLAN_IDENTITY)->num[0] = 5;
    builder_op(&plan, PLAN_CAPS);
    builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c",
        "id -u; hostname; cat /proc/uptime /proc/self/uid_map; ls /proc/tty /sys/kernel; grep /locked /proc/mounts; "
        "echo >/dev/null && echo null; grep CapBnd /proc/self/status; touch /x; exit 3", NULL});
    run_plan(&plan, 0, &outcome);
    shell("umount %s/locked", host);
    CHECK(succeeded() && outcome.child_status == 3, "%d %s", outcome.child_status, why());
    CHECK(!strncmp(outcome.output, "5\nmapped\n         0     100000      65536\n", 42), "%s", outcome.output);
    CHECK(strstr(outcome.output, "/locked tmpfs ro,nosuid,nodev,noexec"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "null\nCapBnd:\t0000000000000000\n"), "%s", outcome.output);
    CHECK(strstr(outcome.output, "/x: Read-only"), "%s", outcome.output);
}

/* The host's null device gives way to the container's, and only to a null device. */
static void test_null_device(void)
{
    begin();
    populate();
    builder_op(&plan, PLAN_PIVOT);
    struct plan_op *op = builder_op(&plan, PLAN_STDIO);
    op->flags = PLAN_STDIO_KEEP_OWNER;
    op->num[0] = 1000;
    run("[ $(stat -L -c %d /proc/self/fd/0) = $(stat -c %d /dev/null) ] && echo own; grep flags /proc/self/fdinfo/0;"
        "[ $(stat -L -c %u /proc/self/fd/1) = 1000 ] || echo kept");
    CHECK(succeeded() && !strcmp(outcome.output, "own\nflags:\t0100002\nkept\n"), "%s", why());

    begin();
    builder_mount(&plan, "proc", "/proc", NULL)->flags = PLAN_MOUNT_PLAIN_TARGET;
    builder_mount(&plan, "tmpfs", "/dev", NULL);
    device("/dev/null", S_IFIFO | 0666, 0);
    builder_op(&plan, PLAN_PIVOT);
    builder_op(&plan, PLAN_STDIO);
    run("[ $(stat -L -c %t:%T /proc/self/fd/0) = 1:3 ] && echo null");
    CHECK(succeeded() && !strcmp(outcome.output, "null\n"), "%s", why());
}

static void test_console(void)
{
    int master;
    begin();
    populate();
    device("/dev/tty", S_IFCHR | 0666, makedev(5, 0));
    struct plan_op *op = builder_op(&plan, PLAN_CALL);
    op->num[0] = PLAN_CALL_setsid;
    op = builder_path(&plan, PLAN_CONSOLE, "/dev/pts");
    op->str[1] = builder_string(&plan, "/dev/console");
    op->num[0] = 33;
    op->num[1] = 99;
    builder_op(&plan, PLAN_PIVOT);
    builder_op(&plan, PLAN_STDIO)->num[0] = 1000;
    builder_exec(&plan, "/bin/sh",
                 (const char *const[]){"sh", "-c", "tty; stty size; echo on >/dev/console; echo tty >/dev/tty; "
                                                   "stat -c '%u %t:%T' /dev/console; ls /proc/self/fd | grep -c .", NULL});
    run_plan_with_console(&plan, CONTAINER, &outcome, &master);
    CHECK(succeeded() && master >= 0, "%s", why());
    char text[1024] = "";
    size_t length = 0;
    ssize_t got;
    while (master >= 0 && length < sizeof text - 1 && (got = read(master, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = 0;
    close(master);
    CHECK(!strncmp(text, "/dev/pts/0\r\n33 99\r\non\r\ntty\r\n1000 88:0\r\n4\r\n", 50), "%s", text);
}

static void test_home(void)
{
    static const struct {
        uint64_t uid;
        const char *spoil, *home;
    } cases[] = {
        {1000, "true", "/home/user"},
        {0, "true", "/root"},
        {7, "true", "/wrong"},
        {8, "true", "/"},
        {1000, "rm etc/passwd", "/"},
        {1000, "rm etc/passwd; mkfifo etc/passwd", "/"},
        {1000, "rm etc/passwd; mkdir etc/passwd", "/"},
        {1000, "rm etc/passwd; ln -s /proc/self/environ etc/passwd", "/"},
        {1000, "printf 'u:x:1000:1000::/last:/bin/sh' >etc/passwd", "/last"},
        {1000, "printf 'u:x:1000:1000::/six' >etc/passwd", "/six"},
        {1000, "head -c 20000 /dev/zero | tr '\\0' a >etc/passwd; printf ':x:1000:1::/bad:\nu:x:1000:1::/good:\n' >>etc/passwd",
         "/good"},
        {1000, "printf 'u:x:1000:1::/%0200d:\n' 1 >etc/passwd", "/"},
        {1000, "printf '\n\n:\n::::::::\nu:x:+1000:1::/no:\nu:x:4294968296:1::/no:\nu:x:1000:1::/yes:\n' >etc/passwd", "/yes"},
        {1000, "rm etc/passwd; ln -s /../../real etc/passwd; echo 'u:x:1000:1::/real:' >real", "/real"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        shell("cd %s; %s", root, cases[i].spoil);
        builder_mount(&plan, "proc", "/proc", NULL);
        builder_op(&plan, PLAN_PIVOT);
        char room[5 + 100] = "HOME=/";
        uint32_t home = builder_blob(&plan, room, sizeof room) + 5;
        struct plan_op *op = builder_op(&plan, PLAN_HOME);
        op->str[0] = home;
        op->len = 100;
        op->num[0] = cases[i].uid;
        builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c", "echo $HOME", NULL});
        plan.ops[plan.op_count - 1].str[1] = home - 5;
        run_plan(&plan, CONTAINER, &outcome);
        char expected[64];
        snprintf(expected, sizeof expected, "%s\n", cases[i].home);
        CHECK(succeeded() && !strcmp(outcome.output, expected), "%s: %s", cases[i].spoil, why());
    }
}

static void test_lookup_order(void)
{
    begin();
    shell("cd %s && mkdir first first/tool second && printf '#!/bin/sh\necho second' >second/tool && "
          "printf x >third-tool && chmod 755 second/tool", root);
    builder_op(&plan, PLAN_PIVOT);
    builder_exec(&plan, "/none", (const char *const[]){"tool", NULL});
    struct plan_op *op = &plan.ops[plan.op_count - 2];
    op->str[0] = builder_strings(&plan, (const char *const[]){"/absent/tool", "/first/tool", "/third-tool", "/second/tool", NULL});
    op->len = 4;
    run_plan(&plan, CONTAINER, &outcome);
    CHECK(succeeded() && !strcmp(outcome.output, "second\n"), "%s", why());
}

static void test_filter(void)
{
    /* uname(2) answers EPERM; close_range(2) too, as an old profile has it. */
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_PIVOT);
    struct plan_op *op = builder_op(&plan, PLAN_SECCOMP);
    op->str[0] = builder_blob(&plan, filter, sizeof filter);
    op->len = 5;
    run("hostname; grep Seccomp: /proc/self/status; ls /proc/self/fd | grep -c .");
    CHECK(strstr(outcome.output, "Seccomp:\t2\n4\n"), "%s", why());
    CHECK(!strncmp(outcome.output, "?\n", 2), "%s", why());
    CHECK(outcome.report.listener == -1, "%d", outcome.report.listener);
}

static int calls_before, calls_after; /* the runtime took the listener */

/* What the runtime and the agent do, but slowly. */
static void take_listener(pid_t stage, int report)
{
    struct stage_report *page = mmap(NULL, REPORT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, report, 0);
    int pidfd = (int)syscall(SYS_pidfd_open, stage, 0), listener = -1;
    for (int i = 0; i < 5000 && listener < 0; i++, usleep(1000))
        if (page->state != REPORT_FRESH && __atomic_load_n(&page->listener, __ATOMIC_ACQUIRE) >= 0)
            listener = (int)syscall(SYS_pidfd_getfd, pidfd, page->listener, 0);
    struct pollfd poll_entry = {.fd = listener, .events = POLLIN};
    calls_before = poll(&poll_entry, 1, 50);
    __atomic_store_n(&page->taken, 1, __ATOMIC_RELEASE);
    while (poll(&poll_entry, 1, 5000) == 1 && poll_entry.revents & POLLIN) {
        struct seccomp_notif call = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
            continue;
        struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        calls_after++;
    }
    close(listener);
    close(pidfd);
    munmap(page, REPORT_SIZE);
}

/* Whatever the filter leaves to the listener, the stage does none of it before the runtime has that. */
static void test_listener(void)
{
    struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
    const uint64_t flags[] = {SECCOMP_FILTER_FLAG_NEW_LISTENER,
                              SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
                                  SECCOMP_FILTER_FLAG_TSYNC_ESRCH};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        begin();
        builder_op(&plan, PLAN_PIVOT);
        struct plan_op *op = builder_op(&plan, PLAN_SECCOMP);
        op->num[0] = flags[i];
        op->str[0] = builder_blob(&plan, filter, sizeof filter);
        op->len = 1;
        calls_before = -1, calls_after = 0;
        run_beside = take_listener;
        run("echo done");
        run_beside = NULL;
        CHECK(succeeded() && !strcmp(outcome.output, "done\n"), "%s", why());
        CHECK(calls_before == 0 && calls_after > 5, "%d, %d", calls_before, calls_after);
        CHECK(outcome.report.listener >= 0, "%d", outcome.report.listener);
    }
}

/* A kernel whose close_range(2) knows no flags. */
static void test_cloexec_without_the_flag(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_PIVOT);
    builder_op(&plan, PLAN_CLOEXEC)->num[0] = 3;
    deny_call(SYS_close_range, EINVAL);
    int stray = open("/", O_RDONLY);
    run("ls /proc/self/fd | grep -c .");
    close(stray);
    deny_call(-1, 0);
    CHECK(succeeded() && !strcmp(outcome.output, "4\n"), "%s", why());
}

static void test_umask_of_the_caller(void)
{
    begin();
    builder_op(&plan, PLAN_PIVOT);
    umask(0031);
    run("umask");
    umask(022);
    CHECK(succeeded() && !strcmp(outcome.output, "0031\n"), "%s", why());
}

/* Every op that is run has a time, in order, and a plan that is not timed has none. */
static void test_times(void)
{
    begin();
    populate();
    builder_path(&plan, PLAN_DIRECTORY, "/late")->errnos[0] = 1;
    uint32_t skipped = plan.op_count;
    builder_path(&plan, PLAN_DIRECTORY, "/never")->flags = PLAN_FALLBACK;
    plan.flags = PLAN_TIMED;
    uint64_t before = apus_counter();
    run("true");
    uint64_t after = apus_counter();
    CHECK(succeeded(), "%s", why());
    for (uint32_t i = 0; i < plan.op_count; i++) {
        if (i == skipped) {
            CHECK(outcome.times[i] == 0, "a skipped op has a time");
            continue;
        }
        CHECK(outcome.times[i] > before && outcome.times[i] < after, "op %u", i);
        before = outcome.times[i];
    }
    CHECK(outcome.times[plan.op_count] == 0, "it has failed");

    begin();
    uint32_t failing = plan.op_count;
    builder_path(&plan, PLAN_READONLY, "/a\xff");
    builder_mount(&plan, "no-such-fs", "/tmp", NULL);
    plan.flags = PLAN_TIMED;
    run("true");
    CHECK(failed_in(PLAN_MOUNT_FS, ENODEV, FAULT_NONE), "%s", why());
    CHECK(outcome.times[failing + 1] && !outcome.times[failing + 2], "times go on after the failure");
    CHECK(outcome.times[plan.op_count] > outcome.times[failing + 1], "the failure has no time");

    begin();
    run("true");
    CHECK(succeeded() && outcome.times[0] == 0, "%s", why());
}

/* A report that has not the size that the plan asks for is not written to beyond its page. */
static void test_room_for_times(void)
{
    static const int change[] = {-8, 8, -1};
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        begin();
        plan.flags = PLAN_TIMED;
        /* LOOKUP and EXEC are still to come. */
        plan.report_size = (uint32_t)((int)(REPORT_SIZE + REPORT_TIMES(plan.op_count + 2)) + change[i]);
        run("true");
        CHECK(outcome.report.state == REPORT_FAILED && outcome.report.fault == FAULT_PLAN && outcome.times[0] == 0,
              "%d: %s", change[i], why());
    }
    begin();
    plan.report_size = REPORT_SIZE + 8;
    run("true");
    CHECK(outcome.report.state == REPORT_FAILED && outcome.report.fault == FAULT_PLAN, "%s", why());
}

static int tests(void)
{
    test_times();
    test_room_for_times();
    test_container();
    test_bind_and_propagation();
    test_without_mount_setattr();
    test_legacy_mount();
    test_copied_mode();
    test_remount();
    test_label();
    test_other_roots();
    test_clone();
    test_user_namespace();
    test_null_device();
    test_console();
    test_home();
    test_lookup_order();
    test_filter();
    test_listener();
    test_cloexec_without_the_flag();
    test_umask_of_the_caller();
    return FINISH();
}

int main(void)
{
    /* Whatever the caller has left open is not to be counted. */
    close_range(3, ~0u, 0);
    return run_tests(tests);
}
