/* Steps of whole plans that have to do with processes and namespaces rather than files. Runs as root. */
#define _GNU_SOURCE
#include "check.h"
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A plan that stays with the host's files. */
static void begin_on_host(void)
{
    begin();
    plan.op_count -= 1;
}

static void test_isolate(void)
{
    for (int round = 0; round < 2; round++) {
        char path[128];
        begin_on_host();
        shell("mkdir -p %s/x && mount -t tmpfs x %s/x && mkdir -p %s/x/a/b && mount --make-shared %s/x", host, host, host,
              host);
        plan.op_count = 1; /* nor is the mount made a slave */
        snprintf(path, sizeof path, "%s/x/a/b", host);
        builder_path(&plan, PLAN_ISOLATE, path);
        builder_exec(&plan, "/bin/busybox", (const char *const[]){"grep", "host/x", "/proc/self/mountinfo", NULL});
        deny_call(round ? SYS_mount_setattr : -1, ENOSYS);
        run_plan(&plan, CLONE_NEWNS, &outcome);
        deny_call(-1, 0);
        CHECK(succeeded() && strstr(outcome.output, "/host/x rw,relatime - tmpfs"), "%s", why());
        shell("grep -q 'host/x rw,relatime shared:' /proc/self/mountinfo && umount %s/x", host);
    }
}

static void test_fifo(void)
{
    char path[128];
    begin();
    snprintf(path, sizeof path, "%s/fifo", host);
    mkfifo(path, 0600);
    plan.slots[PLAN_SLOT_FIFO] = open(path, O_RDWR);
    builder_op(&plan, PLAN_PIVOT);
    builder_op(&plan, PLAN_SYNC)->num[0] = 1;
    builder_op(&plan, PLAN_IDENTITY)->num[0] = 1000;
    builder_op(&plan, PLAN_STRIP);
    builder_op(&plan, PLAN_FIFO)->slot[0] = PLAN_SLOT_FIFO;
    fflush(stdout);
    pid_t starter = fork();
    if (starter == 0) {
        alarm(10);
        usleep(100000);
        (void)!write(open(path, O_WRONLY), "0", 1);
        _exit(0);
    }
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    run("echo started");
    clock_gettime(CLOCK_MONOTONIC, &after);
    close(plan.slots[PLAN_SLOT_FIFO]);
    CHECK(succeeded() && !strcmp(outcome.output, "started\n"), "%s", why());
    long waited = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    CHECK(waited >= 90, "waited %ld ms", waited);
    waitpid(starter, NULL, 0);
}

static void test_namespaces(void)
{
    int uts = open("/proc/self/ns/uts", O_RDONLY);
    for (int right = 0; right < 2; right++) {
        begin();
        plan.slots[PLAN_SLOT_FREE] = uts;
        struct plan_op *op = builder_op(&plan, PLAN_SETNS);
        op->slot[0] = PLAN_SLOT_FREE;
        op->num[0] = right ? CLONE_NEWUTS : CLONE_NEWNET;
        builder_op(&plan, PLAN_PIVOT);
        run("hostname");
        char name[128] = "";
        gethostname(name, sizeof name - 1);
        strcat(name, "\n");
        if (right)
            CHECK(succeeded() && !strcmp(outcome.output, name), "%s", why());
        else
            CHECK(failed_in(PLAN_SETNS, EINVAL, FAULT_NONE), "%s", why());
    }
    close(uts);
}

static void test_keyring(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    struct plan_op *op = builder_path(&plan, PLAN_KEYRING, "_ses.test");
    op->num[0] = 0x80008;
    op->errnos[0] = ENOSYS;
    builder_op(&plan, PLAN_PIVOT);
    run("! test -e /proc/keys || grep _ses.test /proc/keys");
    CHECK(succeeded(), "%s", why());
    /* KEY_USR_SEARCH and KEY_OTH_SEARCH on top of what a session keyring has, 3f1b0000. */
    if (access("/proc/keys", F_OK) == 0)
        CHECK(strstr(outcome.output, "3f1b0008") || strstr(outcome.output, "3f3b0008"), "%s", outcome.output);
}

static void test_memory_policy(void)
{
    /* MPOL_BIND to the first node, which every machine has, and to one that none has. */
    for (int node = 0; node < 2; node++) {
        begin();
        builder_mount(&plan, "proc", "/proc", NULL);
        builder_op(&plan, PLAN_PIVOT);
        struct plan_op *op = builder_op(&plan, PLAN_MEMORY_POLICY);
        op->num[0] = 2;
        op->len = 1;
        op->str[0] = builder_blob(&plan, &(uint64_t){node ? 1ull << 63 : 1}, sizeof(uint64_t));
        run("cat /proc/self/numa_maps");
        if (node)
            CHECK(failed_in(PLAN_MEMORY_POLICY, EINVAL, FAULT_NONE), "%s", why());
        else
            CHECK(succeeded() && strstr(outcome.output, " bind:0 "), "%s", why());
    }
}

static void test_limit(void)
{
    for (int round = 0; round < 2; round++) {
        begin();
        builder_op(&plan, PLAN_PIVOT);
        struct plan_op *op = builder_op(&plan, PLAN_LIMIT);
        op->num[0] = RLIMIT_NOFILE;
        op->num[1] = round ? 100 : 99;
        op->num[2] = round ? 99 : 100;
        run("ulimit -Sn; ulimit -Hn");
        if (round)
            CHECK(failed_in(PLAN_LIMIT, EINVAL, FAULT_NONE), "%s", why());
        else
            CHECK(succeeded() && !strcmp(outcome.output, "99\n100\n"), "%s", why());
    }
}

/* Nobody answers, and the stage goes on. */
static void test_passing_sync(void)
{
    begin();
    builder_op(&plan, PLAN_PIVOT);
    struct plan_op *op = builder_op(&plan, PLAN_SYNC);
    op->num[0] = SYNC_NO_ANSWER;
    op->flags = PLAN_SYNC_PASSING;
    run("echo on");
    CHECK(succeeded() && !strcmp(outcome.output, "on\n"), "%s", why());
}

static void test_capabilities(void)
{
    begin();
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_PIVOT);
    builder_op(&plan, PLAN_BOUND)->num[0] = 0x21;
    struct plan_op *op = builder_op(&plan, PLAN_IDENTITY);
    op->num[0] = op->num[1] = 1000;
    op = builder_op(&plan, PLAN_CAPS);
    op->num[0] = 0x20;
    op->num[1] = op->num[2] = 0x21;
    op->num[3] = 0x1;
    run("grep -E 'Cap|Groups|Uid' /proc/self/status");
    CHECK(succeeded(), "%s", why());
    CHECK(strstr(outcome.output, "Uid:\t1000\t1000\t1000\t1000\nGroups:\t \nCapInh:\t0000000000000021\n"
                                 "CapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:\t0000000000000021\n"
                                 "CapAmb:\t0000000000000001\n"),
          "%s", outcome.output);

    /* More than there is. */
    begin();
    builder_op(&plan, PLAN_PIVOT);
    op = builder_op(&plan, PLAN_CAPS);
    op->num[0] = 1;
    run("true");
    CHECK(failed_in(PLAN_CAPS, EPERM, FAULT_NONE), "%s", why());
    CHECK(!strcmp(stage_syscall_name(outcome.report.call), "capset"), "%s", why());
}

/* Killed by a filter, a stage can say nothing; the page has said it before. */
static void test_killed(void)
{
    uint64_t kill_all = 0x0000000000000006ull; /* BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD */
    begin();
    builder_op(&plan, PLAN_PIVOT);
    struct plan_op *op = builder_op(&plan, PLAN_SECCOMP);
    op->str[0] = builder_blob(&plan, &kill_all, sizeof kill_all);
    op->len = 1;
    run("echo started");
    const struct stage_report *report = &outcome.report;
    CHECK(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGSYS, "%s", why());
    CHECK(report->state == REPORT_RUNNING && plan.ops[report->op].code == PLAN_LOOKUP, "%s", why());
    CHECK(!strcmp(stage_syscall_name(report->call), "statx"), "%s", why());
}

static char fifo[128];

/* Again and again while the stage waits, and then let it go. */
static void overrun(pid_t stage, int report)
{
    struct stage_report *page = mmap(NULL, REPORT_SIZE, PROT_READ, MAP_SHARED, report, 0);
    for (int i = 0; i < 5000 && plan.ops[page->op].code != PLAN_FIFO; i++)
        usleep(1000);
    for (int i = 0; i < 3; i++, usleep(10000))
        kill(stage, SIGXCPU);
    int writer = open(fifo, O_WRONLY | O_NONBLOCK);
    (void)!write(writer, "0", 1);
    close(writer);
    munmap(page, REPORT_SIZE);
}

/* SIGXCPU is for the container's process, whatever the stage takes of its time. */
static void test_overrun(void)
{
    snprintf(fifo, sizeof fifo, "%s/fifo", host);
    for (int dies = 0; dies < 2; dies++) {
        begin_on_host();
        mkfifo(fifo, 0600);
        plan.slots[PLAN_SLOT_FIFO] = open(fifo, O_RDWR);
        builder_op(&plan, PLAN_FIFO)->slot[0] = PLAN_SLOT_FIFO;
        const char *script = dies ? "kill -XCPU $$" : "echo started";
        builder_exec(&plan, "/bin/busybox", (const char *const[]){"sh", "-c", script, NULL});
        run_beside = overrun;
        run_plan(&plan, CLONE_NEWNS, &outcome);
        run_beside = NULL;
        close(plan.slots[PLAN_SLOT_FIFO]);
        if (dies)
            CHECK(WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) == SIGXCPU, "%s", why());
        else
            CHECK(succeeded() && !strcmp(outcome.output, "started\n"), "%s", why());
    }
}

static int tests(void)
{
    test_isolate();
    test_fifo();
    test_namespaces();
    test_keyring();
    test_memory_policy();
    test_limit();
    test_passing_sync();
    test_capabilities();
    test_killed();
    test_overrun();
    return FINISH();
}

int main(void)
{
    close_range(3, ~0u, 0);
    return run_tests(tests);
}
