/* Whole plans, through the stage's image, in a root file system of busybox. Runs as root. */
#define _GNU_SOURCE
#include "builder.h"
#include "check.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

static char root[64];
static struct builder plan;
static struct outcome outcome;

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
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
    strcpy(root, "/tmp/stage-root.XXXXXX");
    if (!mkdtemp(root))
        err(2, "%s", root);
    chmod(root, 0755);
    shell("cd %s && mkdir -p bin etc proc sys dev tmp && cp /bin/busybox bin && for n in sh cat id ls stat mount echo "
          "readlink true pwd tty stty grep touch head hostname; do ln -s busybox bin/$n; done && "
          "printf 'root:x:0:0::/root:/bin/sh\\n1000:x:7:7::/wrong:\\nuser:x:1000:1000::/home/user:/bin/sh\\n' >etc/passwd",
          root);
}

#define CONTAINER (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

static struct plan_op *device(const char *path, unsigned mode, dev_t number)
{
    struct plan_op *op = builder_path(&plan, PLAN_DEVICE, path);
    op->num[0] = mode;
    op->num[1] = number;
    return op;
}

static void enter(void)
{
    builder_begin(&plan);
    plan.slots[PLAN_SLOT_REPORT] = 3;
    builder_op(&plan, PLAN_SIGNALS);
    builder_path(&plan, PLAN_PROPAGATE, "/")->num[0] = MS_SLAVE | MS_REC;
    builder_path(&plan, PLAN_ROOTFS, root);
}

static void populate(void)
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

static void run(const char *script)
{
    builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c", script, NULL});
    run_plan(&plan, CONTAINER, &outcome);
}

static bool succeeded(void)
{
    return WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0;
}

static const char *why(void)
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

static void test_container(void)
{
    enter();
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

int main(void)
{
    /* What the tests mount is theirs. */
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        err(2, "unshare");
    make_root();
    test_container();
    shell("rm -rf %s", root);
    return FINISH();
}
