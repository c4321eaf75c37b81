/* What a tmpfs covers copied onto it, links as mounts, detached mounts, and unmounting. Runs as root. */
#define _GNU_SOURCE
#include "check.h"
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/mount.h>

static char *path_of(const char *top, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static struct plan_op *cover(const char *path, const char *options)
{
    struct plan_op *op = builder_mount(&plan, "tmpfs", path, options);
    op->flags = PLAN_MOUNT_COPY_UP | PLAN_MOUNT_COPY_MODE;
    return op;
}

static void test_copy_up(void)
{
    for (int way = 0; way < 3; way++) {
        begin();
        shell("cd %s && mkdir -p var/a/b && echo one >var/a/b/f && chown 5:6 var/a/b/f && chmod 4751 var/a/b/f &&"
              "touch -d @1000000000 var/a/b/f var/a && ln -s /etc/x var/l && mkfifo -m 640 var/p && mknod var/d b 259 70000 &&"
              "truncate -s 1T var/s && chmod 1710 var",
              root);
        builder_mount(&plan, "proc", "/proc", NULL);
        struct plan_op *op = cover("/var", "size=1m");
        if (way == 1)
            op->flags |= PLAN_MOUNT_LEGACY;
        if (way == 2)
            deny_call(SYS_fsopen, ENOSYS);
        builder_op(&plan, PLAN_PIVOT);
        run("cd /var; stat -c '%a %F' . l p; stat -c '%a %u:%g %Y' a/b/f; cat a/b/f; readlink l; stat -c %t:%T d;"
            "stat -c '%s %b' s; stat -c %Y a; stat -f -c %T .");
        deny_call(-1, 0);
        CHECK(succeeded() && !strcmp(outcome.output, "1710 directory\n777 symbolic link\n640 fifo\n4751 5:6 1000000000\none\n"
                                                     "/etc/x\n103:11170\n1099511627776 0\n1000000000\ntmpfs\n"),
              "way %d: %s", way, why());
    }
}

static void test_copy_up_of_nothing(void)
{
    begin();
    shell("mkdir %s/empty", root);
    cover("/empty", NULL);
    cover("/absent", NULL);
    builder_op(&plan, PLAN_PIVOT);
    run("ls -A /empty /absent; stat -f -c %T /empty /absent");
    CHECK(succeeded() && !strcmp(outcome.output, "/absent:\n\n/empty:\ntmpfs\ntmpfs\n"), "%s", why());
}

static void test_copy_up_that_fails(void)
{
    begin();
    shell("mkdir -p %s/var/sub && head -c 200000 /dev/urandom >%s/var/sub/big", root, root);
    cover("/var", "size=64k");
    run("true");
    CHECK(failed_in(PLAN_MOUNT_FS, ENOSPC, FAULT_NONE), "%s", why());
    CHECK(!strcmp(outcome.report.detail, "tmpcopyup: sub/big"), "%s", why());
    begin();
    shell("cd %s && mkdir var && cd var && for i in $(seq 70); do mkdir d && cd d; done", root);
    cover("/var", NULL);
    run("true");
    CHECK(failed_in(PLAN_MOUNT_FS, 0, FAULT_TOO_DEEP), "%s", why());
    begin();
    shell("cd %s && mkdir var && cd var && for i in $(seq 60); do mkdir d && cd d; done", root);
    cover("/var", NULL);
    builder_op(&plan, PLAN_PIVOT);
    run("cd /var; n=0; while cd d 2>/dev/null; do n=$((n + 1)); done; echo $n");
    CHECK(succeeded() && !strcmp(outcome.output, "60\n"), "%s", why());
}

static void test_copy_up_stays_inside(void)
{
    begin();
    shell("echo canary >%s/canary && chmod 600 %s/canary", host, host);
    shell("mkdir -p %s%s && cd %s%s && ln -s %s/canary link && ln -s %s directory && ln -s /../../.. up", root, host, root,
          host, host, host);
    shell("ln -s %s %s/way", host, root);
    cover("/way", NULL);
    builder_op(&plan, PLAN_PIVOT);
    char script[256];
    snprintf(script, sizeof script, "ls /way; stat -f -c %%T %s", host);
    run(script);
    CHECK(succeeded() && !strcmp(outcome.output, "directory\nlink\nup\ntmpfs\n"), "%s", why());
    struct stat status;
    CHECK(stat(path_of(host, "canary"), &status) == 0 && status.st_mode == (S_IFREG | 0600), "the host is changed");
}

static void test_links(void)
{
    begin();
    shell("ln -s /nowhere %s/link; echo file >%s/file", host, host);
    shell("cd %s && mkdir d && echo old >d/old && ln -s d/old way", root);
    builder_bind(&plan, path_of(host, "link"), "/made/link")->flags = PLAN_MOUNT_SOURCE_LINK;
    builder_bind(&plan, path_of(host, "file"), "/way")->flags = PLAN_MOUNT_TARGET_LINK;
    builder_bind(&plan, path_of(host, "link"), "/d/new")->flags = PLAN_MOUNT_REMAKE_LINK;
    builder_bind(&plan, path_of(host, "file"), "/d/bound")->flags = PLAN_MOUNT_REMAKE_LINK | PLAN_MOUNT_SOURCE_LINK;
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_op(&plan, PLAN_PIVOT);
    run("readlink /made/link; readlink /d/new; cat /way /d/old /d/bound; cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\n' ' '");
    CHECK(succeeded() && strstr(outcome.output, "/nowhere\n/nowhere\nfile\nold\nfile\n"), "%s", why());
    CHECK(strstr(outcome.output, "/d/bound /made/link /proc /way "), "%s", why());
    begin();
    shell("ln -s /nowhere %s/link; touch %s/there", host, root);
    builder_bind(&plan, path_of(host, "link"), "/there")->flags = PLAN_MOUNT_REMAKE_LINK;
    run("true");
    CHECK(failed_in(PLAN_MOUNT_BIND, EEXIST, FAULT_WRONG_LINK), "%s", why());
    begin();
    builder_bind(&plan, path_of(host, "absent"), "/there")->flags = PLAN_MOUNT_REMAKE_LINK;
    run("true");
    CHECK(failed_in(PLAN_MOUNT_BIND, ENOENT, FAULT_NONE), "%s", why());
}

/* As the runtime hands over what only it could make. */
static void test_detached(void)
{
    begin();
    shell("mkdir %s/d && echo inner >%s/d/f && mkdir -m 711 %s/covered && echo below >%s/covered/g", host, host, root, root);
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path_of(host, "d"), OPEN_TREE_CLONE);
    plan.slots[PLAN_SLOT_FREE] = tree;
    struct plan_op *op = builder_path(&plan, PLAN_MOUNT_BIND, "/covered");
    op->slot[0] = PLAN_SLOT_FREE;
    op->flags = PLAN_MOUNT_COPY_UP | PLAN_MOUNT_COPY_MODE;
    op->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    builder_op(&plan, PLAN_PIVOT);
    run("stat -c %a /covered; cat /covered/f /covered/g; touch /covered/h");
    close(tree);
    CHECK(strstr(outcome.output, "711\ninner\nbelow\n") && strstr(outcome.output, "Read-only"), "%s", why());
}

static void test_unmount(void)
{
    begin();
    shell("ln -s d/../mnt %s/way; mkdir -p %s/d; ln -s nowhere %s/link", root, root, host);
    builder_mount(&plan, "tmpfs", "/mnt", NULL);
    builder_mount(&plan, "tmpfs", "/mnt/below", NULL);
    builder_mount(&plan, "tmpfs", "/stays", NULL);
    builder_bind(&plan, path_of(host, "link"), "/l")->flags = PLAN_MOUNT_SOURCE_LINK;
    builder_mount(&plan, "proc", "/proc", NULL);
    builder_path(&plan, PLAN_UNMOUNT, "/way");
    builder_path(&plan, PLAN_UNMOUNT, "/l");
    builder_op(&plan, PLAN_PIVOT);
    run("cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\n' ' '");
    CHECK(succeeded() && !strcmp(outcome.output, "/ /proc /stays "), "%s", why());
    static const char *const wrong[] = {"/", "/.", "/d", "/..", "/d/.."};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin();
        shell("mkdir -p %s/d", root);
        builder_path(&plan, PLAN_UNMOUNT, wrong[i]);
        run("true");
        CHECK(failed_in(PLAN_UNMOUNT, EINVAL, FAULT_NOT_MOUNT), "%s: %s", wrong[i], why());
    }
    begin();
    builder_path(&plan, PLAN_UNMOUNT, "/absent");
    run("true");
    CHECK(failed_in(PLAN_UNMOUNT, ENOENT, FAULT_NONE), "%s", why());
}

static void test_done(void)
{
    begin();
    builder_op(&plan, PLAN_DONE);
    run_plan(&plan, CONTAINER, &outcome);
    CHECK(succeeded() && outcome.report.state == REPORT_RUNNING && outcome.report.op == plan.op_count - 1, "%s", why());
}

static int tests(void)
{
    test_copy_up();
    test_copy_up_of_nothing();
    test_copy_up_that_fails();
    test_copy_up_stays_inside();
    test_links();
    test_detached();
    test_unmount();
    test_done();
    return FINISH();
}

int main(void)
{
    close_range(3, ~0u, 0);
    return run_tests(tests);
}
