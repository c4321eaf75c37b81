/* The verifier: good plans pass, each kind of bad one does not, and no plan makes it or the stage read outside. */
#define _GNU_SOURCE
#include "builder.h"
#include "check.h"
#include "mutate.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <linux/mount.h>

static struct builder plan;

/* Every opcode once. */
static void build(void)
{
    builder_begin(&plan);
    plan.slots[PLAN_SLOT_SYNC] = 10;
    plan.slots[PLAN_SLOT_REPORT] = 11;
    plan.slots[PLAN_SLOT_PROC] = 12;
    plan.slots[PLAN_SLOT_FIFO] = 13;
    plan.slots[PLAN_SLOT_FREE] = 14;
    struct plan_op *op = builder_op(&plan, PLAN_SETNS);
    op->slot[0] = PLAN_SLOT_FREE;
    op->num[0] = CLONE_NEWNET;
    builder_op(&plan, PLAN_CLONE)->num[0] = CLONE_NEWPID | CLONE_NEWNS;
    builder_op(&plan, PLAN_SYNC)->num[0] = 1;
    op = builder_op(&plan, PLAN_CALL);
    op->num[0] = PLAN_CALL_setresuid;
    builder_path(&plan, PLAN_KEYRING, "_ses.x")->num[0] = 0x80000;
    builder_op(&plan, PLAN_LOOPBACK);
    op = builder_path(&plan, PLAN_WRITE, "self/oom_score_adj");
    op->str[1] = builder_string(&plan, "7");
    op->slot[0] = PLAN_SLOT_PROC;
    builder_path(&plan, PLAN_PROPAGATE, "/")->num[0] = MS_SLAVE | MS_REC;
    builder_path(&plan, PLAN_ISOLATE, "/rootfs");
    builder_path(&plan, PLAN_ROOTFS, "/rootfs");
    op = builder_mount(&plan, "tmpfs", "/dev", "mode=755,size=64k,huge");
    op->errnos[1] = 1;
    op = builder_bind(&plan, "/src", "/dst");
    op->flags = PLAN_FALLBACK | PLAN_MOUNT_RECURSIVE;
    op->num[0] = PLAN_ATTRS(MOUNT_ATTR_RDONLY, MOUNT_ATTR__ATIME);
    op->num[2] = MS_PRIVATE;
    builder_path(&plan, PLAN_REMOUNT, "/dst")->num[0] = PLAN_ATTRS(MOUNT_ATTR_NOEXEC, 0);
    builder_path(&plan, PLAN_REPROPAGATE, "/dst")->num[0] = MS_SHARED;
    builder_path(&plan, PLAN_LABEL, "/dst")->str[1] = builder_string(&plan, "u:r:t:s0");
    builder_path(&plan, PLAN_UNMOUNT, "/dst");
    builder_path(&plan, PLAN_DEVICE, "/dev/null")->num[0] = S_IFCHR | 0666;
    builder_path(&plan, PLAN_SYMLINK, "/dev/fd")->str[1] = builder_string(&plan, "/proc/self/fd");
    builder_path(&plan, PLAN_DIRECTORY, "/run")->num[0] = 0755;
    builder_path(&plan, PLAN_CONSOLE, "/dev/pts")->str[1] = builder_string(&plan, "/dev/console");
    builder_op(&plan, PLAN_PIVOT);
    builder_path(&plan, PLAN_MASK, "/proc/kcore");
    builder_path(&plan, PLAN_READONLY, "/proc/sys");
    op = builder_op(&plan, PLAN_MEMORY_POLICY);
    op->num[0] = 2;
    op->len = 2;
    op->str[0] = builder_blob(&plan, (uint64_t[]){1, 0}, 16);
    builder_op(&plan, PLAN_LIMIT)->num[0] = 7;
    builder_path(&plan, PLAN_HOSTNAME, "host");
    builder_op(&plan, PLAN_SIGNALS);
    builder_op(&plan, PLAN_CLOEXEC)->num[0] = 3;
    builder_path(&plan, PLAN_CHDIR, "/");
    builder_op(&plan, PLAN_STDIO);
    builder_op(&plan, PLAN_BOUND)->num[0] = 1;
    op = builder_op(&plan, PLAN_IDENTITY);
    op->len = 3;
    op->str[0] = builder_blob(&plan, (uint32_t[]){1, 2, 3}, 12);
    builder_op(&plan, PLAN_CAPS)->num[0] = 1;
    op = builder_op(&plan, PLAN_SECCOMP);
    op->len = 2;
    op->str[0] = builder_blob(&plan, (uint64_t[]){6, 6}, 16);
    op = builder_op(&plan, PLAN_HOME);
    op->len = 64;
    op->str[0] = builder_room(&plan, 64);
    builder_op(&plan, PLAN_FIFO)->slot[0] = PLAN_SLOT_FIFO;
    builder_exec(&plan, "/bin/sh", (const char *const[]){"sh", "-c", "true", NULL});
}

static struct plan_op *find(uint16_t code)
{
    for (uint32_t i = 0; i < plan.op_count; i++)
        if (plan.ops[i].code == code)
            return &plan.ops[i];
    return NULL;
}

static const char *verdict(void)
{
    size_t size;
    struct plan_header *whole = builder_finish(&plan, &size);
    const char *wrong = stage_verify(whole, size);
    free(whole);
    return wrong;
}

/* Spoil a good plan in one place. */
#define REFUSED(change)                                            \
    do {                                                           \
        build();                                                   \
        struct plan_op *op;                                        \
        (void)op;                                                  \
        change;                                                    \
        CHECK(verdict() != NULL, "passes");                        \
    } while (0)
#define OP(code) op = find(code), op

static void test_header(void)
{
    build();
    CHECK(verdict() == NULL, "%s", verdict());
    size_t size;
    struct plan_header *whole = builder_finish(&plan, &size);
#define SPOILED(field, value)                                      \
    do {                                                           \
        struct plan_header saved = *whole;                         \
        whole->field = value;                                      \
        CHECK(stage_verify(whole, size) != NULL, "passes");        \
        *whole = saved;                                            \
    } while (0)
    SPOILED(magic, 0);
    SPOILED(version, PLAN_VERSION + 1);
    SPOILED(size, (uint32_t)size - 1);
    SPOILED(flags, PLAN_TIMED << 1);
    SPOILED(flags, UINT32_MAX);
    whole->flags = PLAN_TIMED;
    CHECK(stage_verify(whole, size) == NULL, "a timed plan");
    whole->flags = 0;
    SPOILED(op_count, 0);
    SPOILED(op_count, UINT32_MAX);
    SPOILED(op_count, whole->op_count + 1);
    SPOILED(op_offset, 0);
    SPOILED(op_offset, whole->op_offset + 4);
    SPOILED(op_offset, UINT32_MAX - 7);
    SPOILED(arena_offset, 8);
    SPOILED(arena_offset, whole->arena_offset + 4);
    SPOILED(arena_offset, UINT32_MAX - 7);
    SPOILED(arena_size, whole->arena_size + 1);
    SPOILED(arena_size, 0);
    SPOILED(arena_size, UINT32_MAX);
    SPOILED(slots[PLAN_SLOT_REPORT], -1);
    SPOILED(slots[PLAN_SLOT_SYNC], -1);
    SPOILED(slots[20], 2);
    SPOILED(slots[20], -2);
    CHECK(stage_verify(whole, sizeof *whole - 1) != NULL, "passes");
    CHECK(stage_verify((char *)whole + 4, size - 4) != NULL, "passes");
    free(whole);
}

static void test_ops(void)
{
    REFUSED(OP(PLAN_SETNS)->code = PLAN_OPCODES);
    REFUSED(OP(PLAN_SETNS)->code = PLAN_NONE);
    REFUSED(OP(PLAN_SETNS)->slot[0] = PLAN_SLOTS);
    REFUSED(OP(PLAN_SETNS)->slot[0] = -2);
    REFUSED(OP(PLAN_SETNS)->slot[0] = -1);
    REFUSED(OP(PLAN_SETNS)->slot[0] = 30);
    REFUSED(OP(PLAN_SETNS)->slot[1] = 3);
    REFUSED(OP(PLAN_SETNS)->num[0] = 0);
    REFUSED(OP(PLAN_SETNS)->reserved = 1);
    REFUSED(OP(PLAN_CLONE)->num[0] |= CLONE_VM);
    REFUSED(OP(PLAN_CLONE)->num[0] |= CLONE_FILES);
    REFUSED(OP(PLAN_MEMORY_POLICY)->str[0]++);
    REFUSED(OP(PLAN_MEMORY_POLICY)->str[0] = 0);
    REFUSED(OP(PLAN_MEMORY_POLICY)->len = 513);
    REFUSED(OP(PLAN_MEMORY_POLICY)->len = 512);
    REFUSED(OP(PLAN_MEMORY_POLICY)->num[0] = UINT32_MAX);
    REFUSED(OP(PLAN_LIMIT)->num[0] = UINT32_MAX);
    REFUSED(OP(PLAN_LIMIT)->num[3] = 1);
    REFUSED(OP(PLAN_SYNC)->flags = PLAN_SYNC_PASSING << 1);
    REFUSED(OP(PLAN_CALL)->num[0] = PLAN_CALLS);
    REFUSED(OP(PLAN_CALL)->num[0] = PLAN_CALL_setsid; op->num[1] = 1);
    REFUSED(OP(PLAN_LOOPBACK)->num[3] = 1);
    REFUSED(OP(PLAN_LOOPBACK)->str[0] = 8);
    REFUSED(OP(PLAN_LOOPBACK)->len = 1);
    REFUSED(OP(PLAN_LOOPBACK)->flags = 1);
    REFUSED(OP(PLAN_WRITE)->str[0] = 0);
    REFUSED(OP(PLAN_WRITE)->str[1] = plan.arena_size);
    REFUSED(OP(PLAN_WRITE)->str[1] = UINT32_MAX);
    REFUSED(plan.arena[plan.arena_size++] = 'x'; OP(PLAN_WRITE)->str[1] = plan.arena_size - 1);
    REFUSED(OP(PLAN_PROPAGATE)->num[0] = 0);
    REFUSED(OP(PLAN_PROPAGATE)->num[0] = MS_BIND);
    REFUSED(OP(PLAN_PROPAGATE)->num[0] = MS_SHARED | MS_PRIVATE);
    REFUSED(OP(PLAN_ROOTFS)->code = PLAN_ISOLATE);
    REFUSED(OP(PLAN_MOUNT_FS)->len--);
    REFUSED(OP(PLAN_MOUNT_FS)->len += 4096);
    REFUSED(OP(PLAN_MOUNT_FS)->len = UINT32_MAX);
    REFUSED(OP(PLAN_MOUNT_FS)->str[3]++);
    REFUSED(OP(PLAN_MOUNT_FS)->str[3] = 0);
    REFUSED(OP(PLAN_MOUNT_FS)->num[0] = MOUNT_ATTR_IDMAP);
    REFUSED(OP(PLAN_MOUNT_FS)->num[2] = MS_BIND);
    REFUSED(OP(PLAN_MOUNT_FS)->flags = PLAN_MOUNT_RECURSIVE);
    REFUSED(OP(PLAN_MOUNT_FS)->errnos[1] = 0); /* and a fallback follows */
    REFUSED(OP(PLAN_MOUNT_BIND)->slot[0] = PLAN_SLOT_FREE);
    REFUSED(OP(PLAN_MOUNT_BIND)->str[1] = 0);
    REFUSED(OP(PLAN_MOUNT_BIND)->str[1] = 0; op->slot[0] = PLAN_SLOT_FREE);
    REFUSED(OP(PLAN_MOUNT_BIND)->str[1] = 0; op->slot[0] = PLAN_SLOT_FREE; op->flags = PLAN_MOUNT_SOURCE_LINK);
    REFUSED(OP(PLAN_MOUNT_BIND)->str[1] = 0; op->slot[0] = PLAN_SLOT_FREE; op->flags = PLAN_MOUNT_REMAKE_LINK);
    build();
    find(PLAN_MOUNT_BIND)->str[1] = 0;
    find(PLAN_MOUNT_BIND)->slot[0] = PLAN_SLOT_FREE;
    find(PLAN_MOUNT_BIND)->flags = PLAN_MOUNT_TARGET_LINK | PLAN_MOUNT_COPY_UP | PLAN_MOUNT_COPY_MODE;
    CHECK(verdict() == NULL, "%s", verdict());
    REFUSED(OP(PLAN_MOUNT_FS)->flags = PLAN_MOUNT_TARGET_LINK);
    build();
    find(PLAN_MOUNT_FS)->num[2] = MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_POSIXACL |
                                  MS_LAZYTIME | MS_I_VERSION;
    CHECK(verdict() == NULL, "%s", verdict());
    REFUSED(OP(PLAN_UNMOUNT)->str[0] = 0);
    REFUSED(OP(PLAN_UNMOUNT)->num[0] = 1);
    REFUSED(OP(PLAN_REMOUNT)->num[2] = MS_RDONLY);
    REFUSED(OP(PLAN_DEVICE)->num[0] = S_IFREG | 0666);
    REFUSED(OP(PLAN_DEVICE)->num[0] = S_IFCHR | 1 << 20);
    REFUSED(OP(PLAN_DEVICE)->num[1] = 1ull << 32);
    REFUSED(OP(PLAN_DIRECTORY)->num[0] = 010000);
    REFUSED(OP(PLAN_CONSOLE)->num[0] = 65536);
    REFUSED(OP(PLAN_CLOEXEC)->num[0] = 1ull << 31);
    REFUSED(OP(PLAN_IDENTITY)->num[0] = UINT32_MAX);
    REFUSED(OP(PLAN_IDENTITY)->num[1] = UINT32_MAX);
    REFUSED(OP(PLAN_IDENTITY)->str[0] += 2);
    REFUSED(OP(PLAN_IDENTITY)->len = 1u << 30);
    REFUSED(OP(PLAN_IDENTITY)->flags = PLAN_IDENTITY_MAY_KEEP_GROUPS);
    REFUSED(OP(PLAN_SECCOMP)->str[0] += 4);
    REFUSED(OP(PLAN_SECCOMP)->len = 4097);
    REFUSED(OP(PLAN_SECCOMP)->len = 0);
    REFUSED(OP(PLAN_HOME)->len = 1);
    REFUSED(OP(PLAN_HOME)->len = UINT32_MAX);
    REFUSED(OP(PLAN_LOOKUP)->len = 10000);
    REFUSED(OP(PLAN_LOOKUP)->code = PLAN_ISOLATE; op->len = 0);
    REFUSED(OP(PLAN_EXEC)->code = PLAN_LOOPBACK);
    REFUSED(OP(PLAN_EXEC)->num[1] = 0);
    REFUSED(OP(PLAN_EXEC)->num[1] = UINT64_MAX);
    REFUSED(OP(PLAN_EXEC)->num[2] = UINT64_MAX - 4);
    REFUSED(OP(PLAN_EXEC)->num[2] = 100000);
    REFUSED(OP(PLAN_EXEC)->str[2] += 4);
    REFUSED(OP(PLAN_EXEC)->str[2] += 8);
    REFUSED(OP(PLAN_EXEC)->str[2] = op->str[0] & ~7u);
    REFUSED(OP(PLAN_EXEC)->errnos[0] = 2);
    REFUSED(OP(PLAN_EXEC)->flags = PLAN_FALLBACK);
    REFUSED(OP(PLAN_SIGNALS)->code = PLAN_EXEC);
    REFUSED(OP(PLAN_SIGNALS)->code = PLAN_DONE);
    REFUSED(builder_op(&plan, PLAN_DONE));
    build();
    plan.op_count--;
    builder_op(&plan, PLAN_DONE);
    CHECK(verdict() == NULL, "%s", verdict());
    REFUSED(plan.op_count--; builder_op(&plan, PLAN_DONE)->num[0] = 1);
    REFUSED(plan.ops[0].flags = PLAN_FALLBACK);

    build();
    find(PLAN_LOOKUP)->len = 0; /* an empty $PATH */
    CHECK(verdict() == NULL, "%s", verdict());
}

static void test_names(void)
{
    CHECK(!strcmp(plan_opcode_name(PLAN_MOUNT_FS), "mount-fs"), "%s", plan_opcode_name(PLAN_MOUNT_FS));
    CHECK(!plan_opcode_name(PLAN_NONE) && !plan_opcode_name(PLAN_OPCODES), "a name for no opcode");
    CHECK(!strcmp(plan_call_name(PLAN_CALL_umask), "umask"), "%s", plan_call_name(PLAN_CALL_umask));
    CHECK(!plan_call_name(PLAN_CALLS) && !plan_call_name(UINT32_MAX), "a name for no call");
    CHECK(!stage_syscall_name(UINT32_MAX), "a name for no system call");
}

/* Deterministic, so that a failure can be looked at again. */
static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state % limit);
}

static void mutate(uint8_t *bytes, size_t size)
{
    static const uint32_t interesting[] = {0, 1, 2, 7, 8, 255, 4096, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
    /* Mostly where the structure is: header and ops. */
    size_t structure = sizeof(struct plan_header) + plan.op_count * sizeof(struct plan_op);
    for (uint32_t i = 1 + random_below(3); i; i--) {
        size_t at = random_below(4) ? random_below((uint32_t)structure) : random_below((uint32_t)size);
        switch (random_below(4)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            bytes[at] = (uint8_t)random_below(256);
            break;
        case 2: {
            uint32_t value = interesting[random_below(sizeof interesting / sizeof *interesting)];
            at &= ~(size_t)3;
            if (at + 4 <= size)
                memcpy(bytes + at, &value, 4);
            break;
        }
        case 3: {
            uint32_t value, change = random_below(64);
            at &= ~(size_t)3;
            if (at + 4 <= size) {
                memcpy(&value, bytes + at, 4);
                value += change - 32;
                memcpy(bytes + at, &value, 4);
            }
            break;
        }
        }
    }
}

static void test_mutations(unsigned rounds)
{
    build();
    size_t size;
    unsigned accepted = 0;
    struct plan_header *good = builder_finish(&plan, &size);
    for (unsigned i = 0; i < rounds; i++) {
        /* A block of exactly the plan's size, for the sanitizer. */
        uint8_t *copy = malloc(size);
        memcpy(copy, good, size);
        mutate(copy, size);
        accepted += (unsigned)verify_and_touch((void *)copy, size);
        free(copy);
    }
    free(good);
    printf("%u mutations, %u still plans\n", rounds, accepted);
    CHECK(accepted > 0 && accepted < rounds, "the mutations are too mild or too wild");
}

static void write_corpus(const char *directory)
{
    build();
    size_t size;
    struct plan_header *whole = builder_finish(&plan, &size);
    char path[4096];
    snprintf(path, sizeof path, "%s/all", directory);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    (void)!write(file, whole, size);
    close(file);
    free(whole);
}

int main(int count, char **arguments)
{
    if (count == 3 && !strcmp(arguments[1], "--corpus")) {
        write_corpus(arguments[2]);
        return 0;
    }
    test_header();
    test_ops();
    test_names();
    test_mutations(count > 1 ? (unsigned)atoi(arguments[1]) : 200000);
    return FINISH();
}
