/*
 * The resolver in hostile trees, by itself: what it finds, what it makes, and that nothing is ever made outside.
 * Includes the stage's own headers, which are the kernel's; so <fcntl.h> stays out.
 */
#define _GNU_SOURCE
#include "internal.h"

#include "check.h"

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* <sys/mount.h>, <stdio.h> and <sys/stat.h> quarrel with the kernel's headers. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int mkdir(const char *, unsigned);
int open(const char *, int, ...);
unsigned umask(unsigned);

#define EXCHANGE 2

static char top[64], root_path[96], outside[96];
static struct plan_header plan;
static struct stage_report report;
static struct stage stage = {.plan = &plan, .report = &report, .mask = -1, .null = -1, .inherited_umask = -1,
                             .parent.directory = -1};
static int root;

static void shell(const char *command)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "cd %s && %s", root_path, command);
    if (system(whole))
        errx(2, "%s: failed", command);
}

static long resolve(const char *path, enum stage_create create, bool plain)
{
    struct stage_target target = {.path = path, .create = create, .plain = plain};
    return stage_resolve(&stage, root, &target);
}

/* Where a descriptor leads, below the root; "?" if not below it. */
static const char *name_of(long descriptor)
{
    static char name[4096];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%ld", descriptor);
    ssize_t length = readlink(link, name, sizeof name - 1);
    name[length > 0 ? length : 0] = 0;
    size_t skip = strlen(root_path);
    return strncmp(name, root_path, skip) ? "?" : name[skip] ? name + skip : "/";
}

#define LEADS(path, create, expected)                                                    \
    do {                                                                                 \
        long found = resolve(path, create, false);                                       \
        CHECK(found >= 0, "%s: %ld", path, found);                                       \
        if (found >= 0)                                                                  \
            CHECK(!strcmp(name_of(found), expected), "%s leads to %s", path, name_of(found)); \
        stage_close(found);                                                              \
    } while (0)
#define FAILS(path, create, plain, error)                                                \
    do {                                                                                 \
        long found = resolve(path, create, plain);                                       \
        CHECK(found == -error, "%s: %ld", path, found);                                  \
        stage_close(found);                                                              \
    } while (0)

static bool is_empty(const char *directory)
{
    char command[256];
    snprintf(command, sizeof command, "[ -z \"$(ls -A %s)\" ]", directory);
    return system(command) == 0;
}

static void test_finding(void)
{
    shell("mkdir -p a/b/c && touch a/file && ln -s /a/b abs && ln -s ../../../../../../a/b a/up && ln -s loop loop");
    LEADS("/", STAGE_EXISTING, "/");
    LEADS("/a/b/c", STAGE_EXISTING, "/a/b/c");
    LEADS("a/./b//c/", STAGE_EXISTING, "/a/b/c");
    LEADS("/abs/c", STAGE_EXISTING, "/a/b/c");
    LEADS("/a/up/c", STAGE_EXISTING, "/a/b/c");
    LEADS("/../../../..", STAGE_EXISTING, "/");
    LEADS("/a/b/../../../../a", STAGE_EXISTING, "/a");
    FAILS("/absent", STAGE_EXISTING, false, ENOENT);
    FAILS("/a/file/x", STAGE_EXISTING, false, ENOTDIR);
    FAILS("/loop", STAGE_EXISTING, false, ELOOP);
    FAILS("/loop/x", STAGE_CREATE_DIRECTORY, false, ELOOP);
}

static void test_making(void)
{
    LEADS("/n/e/w", STAGE_CREATE_DIRECTORY, "/n/e/w");
    LEADS("/n/f", STAGE_CREATE_FILE, "/n/f");
    LEADS("/n/g/h/f", STAGE_CREATE_FILE, "/n/g/h/f");
    shell("[ -d n/e/w ] && [ -f n/f ] && [ -f n/g/h/f ] && [ $(stat -c %a n/e) = 755 ] && [ $(stat -c %a n/f) = 644 ]");
    FAILS("/a/file/x", STAGE_CREATE_DIRECTORY, false, ENOTDIR);
    FAILS("/a/file/x/y", STAGE_CREATE_FILE, false, ENOTDIR);
    /* ".." after something that is not there yet */
    LEADS("/m/../o", STAGE_CREATE_DIRECTORY, "/o");
    shell("[ -d m ]");
    LEADS("/../../p/../../../q", STAGE_CREATE_DIRECTORY, "/q");

    char name[300] = "/";
    memset(name + 1, 'x', 256);
    FAILS(name, STAGE_CREATE_DIRECTORY, false, ENAMETOOLONG);
    char path[9000];
    memset(path, 'y', sizeof path);
    for (size_t i = 0; i < sizeof path; i += 10)
        path[i] = '/';
    path[sizeof path - 1] = 0;
    FAILS(path, STAGE_CREATE_DIRECTORY, false, ENAMETOOLONG);
    path[4095] = 0;
    long found = resolve(path, STAGE_CREATE_DIRECTORY, false);
    CHECK(found >= 0, "%ld", found);
    stage_close(found);
}

static void test_dangling_links(void)
{
    char command[1024];
    snprintf(command, sizeof command,
             "ln -s %s/absolute dangling && ln -s ../../../../../../..%s/relative updangling && "
             "ln -s second first && ln -s /third/../fourth second && ln -s %s/file filelink && "
             "mkdir sub && ln -s ../s2/deep sub/l && ln -s / self && ln -s self/./self/ring ring1",
             outside, outside, outside);
    shell(command);
    char inside[128];
    snprintf(inside, sizeof inside, "%s/absolute/x", outside);
    LEADS("/dangling/x", STAGE_CREATE_DIRECTORY, inside);
    snprintf(inside, sizeof inside, "%s/relative", outside);
    LEADS("/updangling", STAGE_CREATE_DIRECTORY, inside);
    LEADS("/first/x", STAGE_CREATE_DIRECTORY, "/fourth/x");
    snprintf(inside, sizeof inside, "%s/file", outside);
    LEADS("/filelink", STAGE_CREATE_FILE, inside);
    LEADS("/sub/l/x", STAGE_CREATE_FILE, "/s2/deep/x");
    LEADS("/ring1/x", STAGE_CREATE_DIRECTORY, "/ring/x");
    CHECK(is_empty(outside), "something was made outside");

    /* A ring of links that are all there, but end in nothing. */
    shell("ln -s /r2/x r1 && ln -s /r1/y r2");
    long found = resolve("/r1/z", STAGE_CREATE_DIRECTORY, false);
    CHECK(found == -ELOOP || found == -ENAMETOOLONG, "%ld", found);
}

static void test_plain(void)
{
    FAILS("/abs", STAGE_EXISTING, true, ELOOP);
    FAILS("/abs/c", STAGE_CREATE_DIRECTORY, true, ELOOP);
    FAILS("/dangling", STAGE_CREATE_DIRECTORY, true, ELOOP);
    FAILS("/sub/l/proc", STAGE_CREATE_DIRECTORY, true, ELOOP);
    long found = resolve("/plain/proc", STAGE_CREATE_DIRECTORY, true);
    CHECK(found >= 0 && !strcmp(name_of(found), "/plain/proc"), "%ld", found);
    stage_close(found);
}

static void test_magic_links(void)
{
    char target[128], path[64];
    snprintf(target, sizeof target, "%s/proc", root_path);
    mkdir(target, 0755);
    if (mount("proc", target, "proc", 0, NULL))
        err(2, "proc");
    int host = open(outside, O_RDONLY | O_DIRECTORY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", host);
    FAILS(path, STAGE_EXISTING, false, ELOOP);
    FAILS(path, STAGE_CREATE_DIRECTORY, false, ELOOP);
    snprintf(path, sizeof path, "/proc/self/fd/%d/new", host);
    FAILS(path, STAGE_CREATE_DIRECTORY, false, ELOOP);
    FAILS("/proc/self/root/new", STAGE_CREATE_DIRECTORY, false, ELOOP);
    FAILS("/proc/self/cwd/new", STAGE_CREATE_FILE, false, ELOOP);
    long found = resolve("/proc/new", STAGE_CREATE_DIRECTORY, false);
    CHECK(found < 0, "made in procfs");
    close(host);
    CHECK(is_empty(outside), "something was made outside");
}

static void test_parent(void)
{
    char base[NAME_MAX + 1];
    plan.slots[PLAN_SLOT_ROOT] = root;
    long found = stage_parent(&stage, "/dev/null/", base);
    CHECK(found >= 0 && !strcmp(base, "null") && !strcmp(name_of(found), "/dev"), "%ld %s", found, base);
    CHECK(stage_leave(&stage) == 0 && !strcmp(name_of(found), "?"), "closed");
    found = stage_parent(&stage, "top", base);
    CHECK(found >= 0 && !strcmp(base, "top") && !strcmp(name_of(found), "/"), "%ld %s", found, base);
    CHECK(stage_leave(&stage) == 0 && !strcmp(name_of(found), "/"), "the root stays open");
    CHECK(stage_parent(&stage, "/a/..", base) == -EINVAL, "the parent of ..");
    CHECK(stage_parent(&stage, "/", base) == -EINVAL, "the parent of /");
    CHECK(stage_parent(&stage, "", base) == -EINVAL, "the parent of nothing");
}

/* Another container that shares the volume. */
static volatile bool racing;
static char race_a[128], race_b[128];
static unsigned long exchanges;

static void *exchange(void *unused)
{
    (void)unused;
    while (racing) {
        syscall(SYS_renameat2, AT_FDCWD, race_a, AT_FDCWD, race_b, EXCHANGE);
        exchanges++;
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void race_once(unsigned i, unsigned long *made)
{
    char path[128];
    snprintf(path, sizeof path, i & 4 ? "/vol/a/n%u/x/../y" : "/vol/a/n%u/x", i);
    long found = resolve(path, i & 1 ? STAGE_CREATE_FILE : STAGE_CREATE_DIRECTORY, i % 7 == 0);
    if (found >= 0) {
        *made += 1;
        if (!strcmp(name_of(found), "?"))
            CHECK(false, "%s leads outside", path);
    }
    stage_close(found);
}

enum { PATIENCE = 100 };

static void test_race(double seconds)
{
    /* The link leads by its text to a directory that exists outside; and inside, where the same path dangles. */
    char command[512];
    snprintf(command, sizeof command, "mkdir -p vol/a && ln -s %s vol/b", outside);
    shell(command);
    snprintf(race_a, sizeof race_a, "%s/vol/a", root_path);
    snprintf(race_b, sizeof race_b, "%s/vol/b", root_path);
    racing = true;
    pthread_t thread;
    pthread_create(&thread, NULL, exchange, NULL);
    unsigned long made = 0;
    unsigned i = 0;
    /* A machine that is slow, or busy with others, takes longer to come to a race. */
    for (double end = now() + seconds; now() < end || (made <= 100 && now() < end + PATIENCE); i++)
        race_once(i, &made);
    racing = false;
    pthread_join(thread, NULL);
    printf("%u walks, %lu made something, against %lu exchanges\n", i, made, exchanges);
    CHECK(made > 100 && exchanges > 100, "no race: %lu made, %lu exchanges", made, exchanges);
    CHECK(is_empty(outside), "something was made outside");
}

/* How many mounts there are outside the root. */
static unsigned mounts_outside(void)
{
    char line[4096], point[4096];
    unsigned count = 0;
    FILE *table = fopen("/proc/self/mountinfo", "r");
    while (fgets(line, sizeof line, table))
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && strncmp(point, root_path, strlen(root_path)))
            count++;
    fclose(table);
    return count;
}

static void test_mount_race(double seconds)
{
    char arena[256] = {0};
    snprintf(arena + 8, 64, "/vol/a/mnt");
    snprintf(arena + 96, 128, "%s/source", top);
    mkdir(arena + 96, 0755);
    stage.arena = arena;
    plan.slots[PLAN_SLOT_PROC] = open("/proc", O_PATH | O_DIRECTORY);
    struct plan_op op = {.code = PLAN_MOUNT_BIND, .slot = {-1, -1}, .str = {8, 96}};
    unsigned before = mounts_outside();
    racing = true;
    exchanges = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, exchange, NULL);
    unsigned mounted = 0, escaped = 0, other = 0;
    unsigned turn = 0;
    for (double end = now() + seconds;
         now() < end || ((mounted <= 10 || escaped <= 10) && now() < end + PATIENCE);) {
        /* By the whole path, by the directory that is held, and by the directory that is left. */
        long result = turn++ % 4 ? stage_mount_bind(&stage, &op) : stage_leave(&stage);
        if (result >= 0)
            mounted++;
        else if (result == -STAGE_FAULT && report.fault == FAULT_ESCAPED)
            escaped++;
        else
            other++;
        if ((mounted + escaped) % 64 == 0 && mounted + escaped)
            CHECK(mounts_outside() == before, "a mount outside");
    }
    racing = false;
    pthread_join(thread, NULL);
    stage_leave(&stage);
    printf("%u mounted, %u exchanged meanwhile, %u failed, against %lu exchanges\n", mounted, escaped, other,
           exchanges);
    CHECK(mounts_outside() == before, "a mount outside");
    CHECK(mounted > 10 && escaped > 10, "no race");
    CHECK(is_empty(outside), "something was made outside");
}

static char bind_arena[16][512];

/* Bind /source in the directory that stands for the host. */
static long bind_on(const char *path)
{
    /* A plan's paths stay, and so must the last ones. */
    static unsigned turn;
    char *arena = bind_arena[turn++ % 16];
    snprintf(arena + 8, 64, "%s", path);
    snprintf(arena + 96, 128, "%s/source", top);
    mkdir(arena + 96, 0755);
    stage.arena = arena;
    struct plan_op op = {.code = PLAN_MOUNT_BIND, .slot = {-1, -1}, .str = {8, 96}};
    return stage_mount_bind(&stage, &op);
}

static long tmpfs_by_mount_on(const char *path)
{
    static char arena[256];
    snprintf(arena + 8, 64, "%s", path);
    snprintf(arena + 96, 32, "tmpfs");
    stage.arena = arena;
    struct plan_op op = {
        .code = PLAN_MOUNT_FS, .slot = {-1, -1}, .str = {8, 96, 96, 0}, .flags = PLAN_MOUNT_LEGACY};
    return stage_mount_fs(&stage, &op);
}

static unsigned mounts_on(const char *path)
{
    char line[4096], point[4096];
    unsigned count = 0;
    FILE *table = fopen("/proc/self/mountinfo", "r");
    while (fgets(line, sizeof line, table))
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && !strncmp(point, root_path, strlen(root_path)) &&
            !strcmp(point + strlen(root_path), path))
            count++;
    fclose(table);
    return count;
}

/* Several mounts in a row in one directory, which is held open for them. */
static void test_entries(void)
{
    CHECK(stage_leave(&stage) == 0, "left nothing");
    CHECK(bind_on("/row/d/1") >= 0 && stage.parent.directory < 0, "the first in a missing directory");
    CHECK(bind_on("/row/d/2") >= 0 && stage.parent.directory >= 0 && stage.parent.mounted, "the second");
    CHECK(bind_on("/row/d/2") >= 0 && bind_on("/row/d/3/") >= 0, "on a mount, and by another spelling");
    CHECK(stage.parent.directory < 0, "the other spelling is a path of its own");
    CHECK(mounts_on("/row/d/1") == 1 && mounts_on("/row/d/2") == 2 && mounts_on("/row/d/3") == 1, "mounts");

    shell("ln -s d row/cover; ln -s 5 row/d/dangling; mkdir row/d/4");
    CHECK(bind_on("/row/d/4") >= 0 && bind_on("/row/d/1") >= 0 && stage.parent.directory >= 0, "two more");
    CHECK(bind_on("/row/d/dangling") >= 0 && stage.parent.directory < 0, "a link is followed by the whole path");
    CHECK(mounts_on("/row/d/5") == 1 && mounts_on("/row/d/dangling") == 0, "where it leads");
    CHECK(bind_on("/row/d/4") >= 0 && bind_on("/row/d/1") >= 0 && bind_on("/row/cover") >= 0, "a link to the directory");
    CHECK(mounts_on("/row/d") == 1, "which is covered now");
    CHECK(bind_on("/row/d/6") >= 0 && bind_on("/row/d/7") >= 0 && stage_leave(&stage) == 0, "in what covers it");
    shell("[ -d row/d/7 ] && [ ! -e row/d/4 ]");
    CHECK(bind_on("/row/d/6") >= 0 && bind_on("/row/d/7") >= 0 && stage.parent.directory >= 0, "two in a row");
    CHECK(tmpfs_by_mount_on("/row/d/8") >= 0 && stage.parent.directory < 0, "mount(2) finds its own by the whole path");
    CHECK(mounts_on("/row/d/8") == 1 && stage.one_by_one, "and so has everything to be found from then on");
    stage.one_by_one = false;
    char command[256];
    snprintf(command, sizeof command, "rmdir %s/source/? 2>/dev/null; true", top);
    shell(command);
}

static void test_exchanged_parent(void)
{
    shell("mkdir -p swap/d/1 swap/d/2 swap/d/3");
    CHECK(bind_on("/swap/d/1") >= 0 && bind_on("/swap/d/2") >= 0 && stage.parent.directory >= 0, "two mounts");
    shell("mv swap/d swap/e && mkdir -p swap/d/3");
    CHECK(bind_on("/swap/d/3") >= 0 && mounts_on("/swap/e/3") == 1, "a mount in what was the directory");
    CHECK(stage_leave(&stage) == -STAGE_FAULT && report.fault == FAULT_ESCAPED, "nobody has noticed");
    CHECK(stage.parent.directory < 0 && stage_leave(&stage) == 0, "left");

    shell("mkdir -p swap/f/1 swap/f/2 && mkdir swap/g");
    CHECK(bind_on("/swap/f/1") >= 0 && bind_on("/swap/f/2") >= 0, "two mounts");
    shell("mv swap/f swap/h && ln -s h swap/f");
    CHECK(bind_on("/swap/g") >= 0 || report.fault != FAULT_ESCAPED, "a link to the same directory leads to the mounts");
    CHECK(bind_on("/swap/h/1") >= 0 && bind_on("/swap/h/2") >= 0, "two mounts");
    shell("mv swap/h swap/i");
    CHECK(bind_on("/swap/g") == -STAGE_FAULT && report.fault == FAULT_ESCAPED, "the next path is gone on with");

    shell("ln -s h linked");
    CHECK(bind_on("/rooted") >= 0 && stage.parent.directory == root, "in the root itself");
    CHECK(bind_on("/linked") >= 0 && stage_leave(&stage) == 0 && mounts_on("/h") == 1, "by a link in the root");

    stage.one_by_one = true;
    shell("mkdir -p one/1 one/2");
    CHECK(bind_on("/one/1") >= 0 && bind_on("/one/2") >= 0 && stage.parent.directory < 0, "one by one");
    stage.one_by_one = false;
}

static int run_tests(double seconds)
{
    /* What the tests mount is theirs, and goes with them. */
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        err(2, "unshare");
    umask(0);
    snprintf(root_path, sizeof root_path, "%s/root", top);
    snprintf(outside, sizeof outside, "%s/outside", top);
    mkdir(root_path, 0755);
    mkdir(outside, 0755);
    for (int i = 0; i < PLAN_SLOTS; i++)
        plan.slots[i] = -1;
    root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        err(2, "%s", root_path);

    test_finding();
    test_making();
    test_dangling_links();
    test_plain();
    test_magic_links();
    test_parent();
    test_race(seconds);
    test_mount_race(seconds);
    test_entries();
    test_exchanged_parent();
    return FINISH();
}

int main(int count, char **arguments)
{
    strcpy(top, "/tmp/stage-resolve.XXXXXX");
    if (!mkdtemp(top))
        err(2, "%s", top);
    pid_t child = fork();
    if (child == 0)
        exit(run_tests(count > 1 ? atof(arguments[1]) : 3));
    int status;
    waitpid(child, &status, 0);
    execlp("sh", "sh", "-c", "rm -rf --one-file-system \"$1\"; exit $2", "sh", top,
           WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "0" : "1", NULL);
    return 1;
}
