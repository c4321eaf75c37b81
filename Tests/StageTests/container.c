#define _GNU_SOURCE
#include "container.h"

#include <err.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

char root[64], host[64];
struct builder plan;
struct outcome outcome;

void shell(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command))
        errx(2, "%s: failed", command);
}

static void make_root(void)
{
    shell("mkdir -p %s && cd %s && mkdir -p bin etc proc sys dev tmp && cp /bin/busybox bin && "
          "for n in sh cat id ls stat mount echo readlink true false pwd tty stty grep touch head hostname mkdir umount "
          "printf test; do ln -s busybox bin/$n; done && printf '%%s\\n' root:x:0:0::/root:/bin/sh "
          "1000:x:7:7::/wrong: user:x:1000:1000::/home/user:/bin/sh >etc/passwd", root, root);
}

void begin(void)
{
    shell("rm -rf --one-file-system %s %s/*", root, host);
    make_root();
    builder_begin(&plan);
    builder_op(&plan, PLAN_SIGNALS);
    builder_path(&plan, PLAN_PROPAGATE, "/")->num[0] = MS_SLAVE | MS_REC;
    builder_path(&plan, PLAN_ROOTFS, root);
}

int run_tests(int (*tests)(void))
{
    char top[] = "/tmp/stage-test.XXXXXX";
    if (!mkdtemp(top))
        err(2, "%s", top);
    chmod(top, 0755);
    snprintf(root, sizeof root, "%s/root", top);
    snprintf(host, sizeof host, "%s/host", top);
    mkdir(host, 0755);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
            err(2, "unshare");
        int result = tests();
        fflush(stdout);
        _exit(result);
    }
    int status;
    waitpid(child, &status, 0);
    shell("rm -rf --one-file-system %s", top);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

struct plan_op *device(const char *path, unsigned mode, dev_t number)
{
    struct plan_op *op = builder_path(&plan, PLAN_DEVICE, path);
    op->num[0] = mode;
    op->num[1] = number;
    return op;
}

void populate(void)
{
    builder_mount(&plan, "proc", "/proc", NULL)->flags = PLAN_MOUNT_PLAIN_TARGET;
    builder_mount(&plan, "tmpfs", "/dev", "mode=755,size=65536k")->num[0] =
        PLAN_ATTRS(MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, 0);
    builder_mount(&plan, "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620")->num[0] =
        PLAN_ATTRS(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
    builder_mount(&plan, "tmpfs", "/dev/shm", "mode=1777");
    builder_mount(&plan, "mqueue", "/dev/mqueue", NULL);
    builder_mount(&plan, "sysfs", "/sys", NULL)->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    device("/dev/null", S_IFCHR | 0666, makedev(1, 3));
    device("/dev/zero", S_IFCHR | 0600, makedev(1, 5))->num[2] = PLAN_OWNER(5, 6);
    builder_path(&plan, PLAN_SYMLINK, "/dev/fd")->str[1] = builder_string(&plan, "/proc/self/fd");
}

void run(const char *script)
{
    builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c", script, NULL});
    run_plan(&plan, CONTAINER, &outcome);
}

bool succeeded(void)
{
    return WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0;
}

bool failed_in(enum plan_opcode code, int error, enum report_fault fault)
{
    const struct stage_report *report = &outcome.report;
    return WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 1 && report->state == REPORT_FAILED &&
           report->op < plan.op_count && plan.ops[report->op].code == code && report->error == error &&
           report->fault == fault;
}

const char *why(void)
{
    static char text[8192 + REPORT_DETAIL + 256];
    const struct stage_report *report = &outcome.report;
    const char *op = report->op < plan.op_count ? plan_opcode_name(plan.ops[report->op].code) : "?";
    const char *call = stage_syscall_name(report->call);
    snprintf(text, sizeof text, "status %x, state %u, op %u %s, call %s, error %d, fault %u: %s | %s", outcome.status,
             report->state, report->op, op, call ? call : "-", report->error, report->fault, report->detail,
             outcome.output);
    return text;
}

