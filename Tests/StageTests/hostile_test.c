/* Root file systems that mean harm, and plans that must fail in the right place. Runs as root. */
#define _GNU_SOURCE
#include "check.h"
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

/* Whether nothing has come into the directory that stands for the host, and its canary is as it was. */
static bool is_host_unharmed(void)
{
    char command[512];
    snprintf(command, sizeof command, "[ \"$(cd %s && ls -A && stat -c %%a:%%u:%%g canary && cat canary)\" = \"canary\n640:7:8\nsafe\" ]",
             host);
    return system(command) == 0;
}

static void prepare(const char *spoil)
{
    begin();
    shell("cd %s && echo safe >canary && chmod 640 canary && chown 7:8 canary", host);
    shell("cd %s && H=%s && export H && %s", root, host, spoil);
}

static void expect(const char *what, enum plan_opcode code, int error, enum report_fault fault)
{
    run("echo started");
    CHECK(failed_in(code, error, fault), "%s: %s", what, why());
    CHECK(!strstr(outcome.output, "started"), "%s: %s", what, why());
    CHECK(is_host_unharmed(), "%s: the host is changed", what);
}

static void test_plain_targets(void)
{
    static const char *const spoils[] = {
        "rmdir proc && ln -s /tmp proc",     "rmdir proc && ln -s .. proc",  "rmdir proc && ln -s $H proc",
        "rmdir proc && touch proc",          "rmdir proc && ln -s / proc",   "rmdir proc && ln -s proc proc",
        "rmdir proc && ln -s /absent proc",
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        prepare(spoils[i]);
        builder_mount(&plan, "proc", "/proc", NULL)->flags = PLAN_MOUNT_PLAIN_TARGET;
        expect(spoils[i], PLAN_MOUNT_FS, 0, FAULT_LINK_TARGET);
    }
    prepare("ln -s tmp link");
    builder_mount(&plan, "proc", "/link/proc", NULL)->flags = PLAN_MOUNT_PLAIN_TARGET;
    expect("a link above", PLAN_MOUNT_FS, 0, FAULT_LINK_TARGET);
}

static void test_targets(void)
{
    char path[128];
    prepare("mkdir d");
    snprintf(path, sizeof path, "%s/canary", host);
    builder_bind(&plan, path, "/d");
    expect("a file on a directory", PLAN_MOUNT_BIND, EISDIR, FAULT_IS_DIRECTORY);

    prepare("touch f");
    builder_bind(&plan, host, "/f");
    expect("a directory on a file", PLAN_MOUNT_BIND, ENOTDIR, FAULT_NOT_DIRECTORY);

    prepare("touch f");
    builder_mount(&plan, "tmpfs", "/f", NULL);
    expect("a file system on a file", PLAN_MOUNT_FS, ENOTDIR, FAULT_NOT_DIRECTORY);

    prepare("true");
    builder_bind(&plan, "/absent", "/d");
    expect("an absent source", PLAN_MOUNT_BIND, ENOENT, FAULT_NONE);
    CHECK(!strcmp(stage_syscall_name(outcome.report.call), "open_tree"), "%s", why());

    prepare("true");
    builder_mount(&plan, "tmpfs", "/", NULL);
    expect("a mount on the root", PLAN_MOUNT_FS, 0, FAULT_ESCAPED);
}

static void test_in_proc(void)
{
    char path[128];
    prepare("true");
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_mount(&plan, "tmpfs", "/proc/tty", NULL);
    expect("a mount inside procfs", PLAN_MOUNT_FS, 0, FAULT_IN_PROC);

    prepare("ln -s proc/self/attr link");
    snprintf(path, sizeof path, "%s/canary", host);
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_bind(&plan, path, "/link/exec");
    expect("a mount inside procfs by a link", PLAN_MOUNT_BIND, 0, FAULT_IN_PROC);

    prepare("true");
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_bind(&plan, path, "/proc/uptime")->flags = PLAN_MOUNT_PROC_CHILD;
    builder_op(&plan, PLAN_PIVOT);
    run("cat /proc/uptime");
    CHECK(succeeded() && !strcmp(outcome.output, "safe\n"), "%s", why());
}

static void test_links_stay_inside(void)
{
    prepare("ln -s $H mnt && ln -s $H/new new && ln -s ../../../../../../../../$H/canary file");
    builder_mount(&plan, "tmpfs", "/mnt", NULL);
    builder_mount(&plan, "tmpfs", "/new/deep", NULL);
    builder_bind(&plan, "/dev/null", "/file");
    builder_path(&plan, PLAN_DIRECTORY, "/mnt/x/y")->num[0] = 0700;
    builder_op(&plan, PLAN_PIVOT);
    run("echo started");
    CHECK(succeeded(), "%s", why());
    CHECK(is_host_unharmed(), "the host is changed");
}

static void test_null(void)
{
    static const char *const spoils[] = {
        "true",                        "ln -s $H/canary dev/null",  "touch dev/null",
        "mkdir dev/null",              "mknod dev/null c 1 5",      "mknod dev/null b 1 3",
        "ln -s /dev/zero dev/null",    "mknod dev/n c 1 3; ln -s n dev/null",
        "rmdir dev; ln -s $H dev",
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        prepare(spoils[i]);
        builder_mount(&plan, "proc", "/proc", NULL);
        builder_op(&plan, PLAN_PIVOT);
        builder_path(&plan, PLAN_MASK, "/proc/uptime");
        expect(spoils[i], PLAN_MASK, 0, FAULT_NOT_NULL);
    }
}

static void test_devices(void)
{
    static const struct {
        const char *spoil;
        int error;
        enum report_fault fault;
    } cases[] = {
        {"ln -s $H/canary dev/null", EEXIST, FAULT_WRONG_DEVICE},
        {"ln -s $H/new dev/null", EEXIST, FAULT_WRONG_DEVICE},
        {"touch dev/null", EEXIST, FAULT_WRONG_DEVICE},
        {"mknod dev/null c 1 5", EEXIST, FAULT_WRONG_DEVICE},
        {"mknod dev/null b 1 3", EEXIST, FAULT_WRONG_DEVICE},
        {"rmdir dev && touch dev", ENOTDIR, FAULT_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare(cases[i].spoil);
        device("/dev/null", S_IFCHR | 0666, makedev(1, 3))->num[2] = PLAN_OWNER(1, 1);
        expect(cases[i].spoil, PLAN_DEVICE, cases[i].error, cases[i].fault);
    }
    /* A link instead of /dev leads to a directory of the same name inside. */
    prepare("rmdir dev && ln -s $H dev");
    device("/dev/null", S_IFCHR | 0666, makedev(1, 3));
    device("/dev/big", S_IFCHR | 0604, makedev(259, 70000))->num[2] = PLAN_OWNER(3, 4);
    device("/dev/big", S_IFCHR | 0640, makedev(259, 70000))->num[2] = PLAN_OWNER(5, 6);
    device("/dev/pipe", S_IFIFO | 0622, 0);
    builder_path(&plan, PLAN_SYMLINK, "/dev/fd")->str[1] = builder_string(&plan, "/proc/self/fd");
    builder_op(&plan, PLAN_PIVOT);
    run("stat -c '%F %t:%T %a %u:%g' /dev/null /dev/big; stat -c %F /dev/pipe");
    CHECK(is_host_unharmed(), "the host is changed");
    CHECK(succeeded() && !strcmp(outcome.output, "character special file 1:3 666 0:0\n"
                                                 "character special file 103:11170 640 5:6\nfifo\n"),
          "%s", why());
}

static void test_symlinks(void)
{
    prepare("ln -s elsewhere dev/fd");
    builder_path(&plan, PLAN_SYMLINK, "/dev/fd")->str[1] = builder_string(&plan, "/proc/self/fd");
    expect("another link", PLAN_SYMLINK, EEXIST, FAULT_WRONG_LINK);

    prepare("touch dev/fd && ln -s $H/canary dev/ptmx && ln -s pts/ptmx dev/same");
    struct plan_op *op = builder_path(&plan, PLAN_SYMLINK, "/dev/fd");
    op->str[1] = builder_string(&plan, "/proc/self/fd");
    op->errnos[0] = EEXIST;
    op = builder_path(&plan, PLAN_SYMLINK, "/dev/ptmx");
    op->str[1] = builder_string(&plan, "pts/ptmx");
    op->flags = PLAN_SYMLINK_REPLACE;
    builder_path(&plan, PLAN_SYMLINK, "/dev/same")->str[1] = builder_string(&plan, "pts/ptmx");
    builder_op(&plan, PLAN_PIVOT);
    run("stat -c %F /dev/fd; readlink /dev/ptmx");
    CHECK(succeeded() && !strcmp(outcome.output, "regular empty file\npts/ptmx\n"), "%s", why());
    CHECK(is_host_unharmed(), "the host is changed");
}

static void test_console(void)
{
    static const struct {
        const char *spoil;
        enum report_fault fault;
        int error;
    } cases[] = {
        {"ln -s $H/new dev/console", FAULT_LINK_TARGET, 0},
        {"ln -s $H/canary dev/console", FAULT_LINK_TARGET, 0},
        {"mkdir dev/console", FAULT_IS_DIRECTORY, EISDIR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases + 2; i++) {
        bool fake = i >= sizeof cases / sizeof *cases;
        prepare(fake ? "mkdir dev/pts" : cases[i].spoil);
        /* Not a devpts: an image's own directory, or something else that is mounted there. */
        if (!fake)
            builder_mount(&plan, "devpts", "/dev/pts", "newinstance,ptmxmode=0666");
        else if (i % 2)
            builder_mount(&plan, "tmpfs", "/dev/pts", NULL);
        struct plan_op *op = builder_path(&plan, PLAN_CONSOLE, "/dev/pts");
        op->str[1] = builder_string(&plan, "/dev/console");
        if (fake)
            expect("a false devpts", PLAN_CONSOLE, 0, FAULT_WRONG_DEVICE);
        else
            expect(cases[i].spoil, PLAN_CONSOLE, cases[i].error, cases[i].fault);
    }
}

static void test_write(void)
{
    prepare("true");
    struct plan_op *op = builder_path(&plan, PLAN_WRITE, "self/root/etc/shadow-test");
    op->slot[0] = PLAN_SLOT_PROC;
    plan.slots[PLAN_SLOT_PROC] = 100; /* the harness fills it in */
    op->str[1] = builder_string(&plan, "x");
    expect("through a magic link", PLAN_WRITE, ELOOP, FAULT_NONE);

    prepare("true");
    op = builder_path(&plan, PLAN_WRITE, "../etc/passwd");
    op->slot[0] = PLAN_SLOT_PROC;
    op->str[1] = builder_string(&plan, "x");
    expect("upwards", PLAN_WRITE, EXDEV, FAULT_NONE);

    prepare("true");
    op = builder_path(&plan, PLAN_WRITE, "self/attr/exec");
    op->slot[0] = PLAN_SLOT_PROC;
    op->str[1] = builder_string(&plan, "x");
    /* Something mounted over the file. */
    shell("mount --bind %s/canary /proc/self/attr/exec 2>/dev/null || true", host);
    run("true");
    CHECK(outcome.report.state == REPORT_FAILED, "%s", why());

    prepare("true");
    builder_mount(&plan, "proc", "/proc", NULL);
    op = builder_path(&plan, PLAN_WRITE, "self/comm");
    op->slot[0] = PLAN_SLOT_PROC;
    op->str[1] = builder_string(&plan, "renamed");
    builder_op(&plan, PLAN_PIVOT);
    run("echo fine");
    CHECK(succeeded(), "%s", why());
}

static void test_working_directory(void)
{
    char path[64];
    for (int i = 3; i < 24; i++) {
        prepare("true");
        builder_mount(&plan, "proc", "/proc", NULL);
        builder_op(&plan, PLAN_PIVOT);
        snprintf(path, sizeof path, i % 2 ? "/proc/self/fd/%d" : "/proc/self/fd/%d/../..", i);
        builder_path(&plan, PLAN_CHDIR, path)->flags = PLAN_CHDIR_CREATE;
        run("pwd");
        CHECK(WEXITSTATUS(outcome.status) == 1 && outcome.report.state == REPORT_FAILED &&
                  plan.ops[outcome.report.op].code == PLAN_CHDIR,
              "%s", why());
    }
    prepare("ln -s $H/made link");
    builder_op(&plan, PLAN_PIVOT);
    builder_path(&plan, PLAN_CHDIR, "/link/x")->flags = PLAN_CHDIR_CREATE;
    builder_path(&plan, PLAN_CHDIR, "/absent")->flags = PLAN_CHDIR_RETRY;
    run("test \"$(readlink -f /link/x)\" = \"$(pwd -P)\" && echo inside");
    CHECK(succeeded() && !strcmp(outcome.output, "inside\n"), "%s", why());
    CHECK(is_host_unharmed(), "the host is changed");

    prepare("true");
    builder_op(&plan, PLAN_PIVOT);
    builder_path(&plan, PLAN_CHDIR, "/absent")->errnos[0] = ENOENT;
    builder_path(&plan, PLAN_CHDIR, "/tmp")->flags = PLAN_CHDIR_RETRY;
    run("pwd");
    CHECK(succeeded() && !strcmp(outcome.output, "/tmp\n"), "%s", why());
}

/* The image's executable is the runtime's handle on itself, or leads through one. */
static void test_executables(void)
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {
        {"/absent", ENOENT}, {"/etc", EISDIR}, {"/etc/passwd", EACCES}, {"/etc/passwd/x", ENOTDIR}, {"/fifo", EACCES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prepare("mkfifo -m 777 fifo");
        builder_op(&plan, PLAN_PIVOT);
        builder_exec(&plan, cases[i].path, (const char *const[]){"x", NULL});
        run_plan(&plan, CONTAINER, &outcome);
        CHECK(failed_in(PLAN_LOOKUP, cases[i].error, FAULT_NO_EXECUTABLE), "%s: %s", cases[i].path, why());
    }
    prepare("printf '#!/bin/none\\n' >script && printf 'garbage' >garbage && chmod 755 script garbage");
    builder_op(&plan, PLAN_PIVOT);
    builder_exec(&plan, "/script", (const char *const[]){"x", NULL});
    run_plan(&plan, CONTAINER, &outcome);
    CHECK(WEXITSTATUS(outcome.status) == 255 && !strcmp(outcome.output, "exec /script: no such file or directory\n") &&
              outcome.report.state == REPORT_FAILED && outcome.report.error == ENOENT,
          "%s", why());
    prepare("printf 'garbage' >garbage && chmod 755 garbage");
    builder_op(&plan, PLAN_PIVOT);
    builder_exec(&plan, "/garbage", (const char *const[]){"x", NULL});
    run_plan(&plan, CONTAINER, &outcome);
    CHECK(WEXITSTATUS(outcome.status) == 255 && !strcmp(outcome.output, "exec /garbage: exec format error\n"), "%s", why());

    prepare("ln -s /proc/self/exe self");
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_PIVOT);
    builder_exec(&plan, "/self", (const char *const[]){"x", "7", NULL});
    run_plan(&plan, CONTAINER, &outcome);
    CHECK(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 1 && !outcome.output[0], "%s", why());
}

/* What the kernel says about an option reaches the report. */
static void test_option_errors(void)
{
    prepare("true");
    builder_mount(&plan, "tmpfs", "/mnt", "sise=64k");
    expect("an unknown option", PLAN_MOUNT_FS, EINVAL, FAULT_NONE);
    CHECK(strstr(outcome.report.detail, "nknown parameter 'sise'"), "%s", why());
    CHECK(!strcmp(stage_syscall_name(outcome.report.call), "fsconfig"), "%s", why());

    prepare("true");
    builder_mount(&plan, "tmpfs", "/mnt", "size=many");
    expect("a bad value", PLAN_MOUNT_FS, EINVAL, FAULT_NONE);
    CHECK(strstr(outcome.report.detail, "size"), "%s", why());

    prepare("true");
    builder_mount(&plan, "nosuchfs", "/mnt", NULL);
    expect("an unknown file system", PLAN_MOUNT_FS, ENODEV, FAULT_NONE);

    /* Tolerated, with something else instead. */
    prepare("true");
    builder_mount(&plan, "nosuchfs", "/mnt", NULL)->errnos[2] = ENODEV;
    builder_mount(&plan, "tmpfs", "/mnt", NULL)->flags = PLAN_FALLBACK;
    builder_mount(&plan, "nosuchfs", "/mnt", NULL)->flags = 0;
    plan.ops[plan.op_count - 1].errnos[0] = ENODEV;
    builder_mount(&plan, "tmpfs", "/other", NULL)->errnos[0] = EPERM;
    builder_mount(&plan, "nosuchfs", "/mnt", NULL)->flags = PLAN_FALLBACK;
    builder_op(&plan, PLAN_PIVOT);
    run("echo started");
    CHECK(succeeded(), "%s", why());
}

/* The stage by itself, as anything in a container may start it. */
static void test_garbage_arguments(void)
{
    static const char *const arguments[][3] = {
        {NULL}, {"stage", NULL}, {"stage", "", NULL}, {"stage", "0", NULL}, {"stage", "1", NULL}, {"stage", "x", NULL},
        {"stage", "-1", NULL}, {"stage", "99999999999999999999", NULL}, {"stage", "7", NULL}, {"stage", "7x", NULL},
    };
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            int junk = memfd_create("junk", MFD_ALLOW_SEALING);
            (void)!write(junk, "APUS", 4);
            (void)!ftruncate(junk, 4096);
            if (i % 2)
                fcntl(junk, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
            dup2(junk, 7);
            execv(getenv("STAGE"), (char *const *)(uintptr_t)arguments[i]);
            _exit(126);
        }
        int status;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "case %zu: %x", i, status);
    }
}

static int tests(void)
{
    test_plain_targets();
    test_targets();
    test_in_proc();
    test_links_stay_inside();
    test_null();
    test_devices();
    test_symlinks();
    test_console();
    test_write();
    test_working_directory();
    test_executables();
    test_option_errors();
    test_garbage_arguments();
    return FINISH();
}

int main(void)
{
    return run_tests(tests);
}
