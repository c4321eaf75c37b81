/* One op by itself: the operands that its opcode has, and no others. */
#include "internal.h"

#include <linux/capability.h>

#define NAMESPACES                                                                                            \
    (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | \
     CLONE_NEWTIME)
#define ATTRIBUTES                                                                                            \
    (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME |      \
     MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)
#define SUPER_FLAGS                                                                                           \
    (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_POSIXACL | MS_LAZYTIME |         \
     MS_I_VERSION)
#define MAX_GROUPS 65536
#define MAX_NODE_WORDS 512 /* as many as the kernel looks at */
#define MAX_FILTER 4096
#define MAX_STRINGS (1u << 20)

enum operand {
    UNUSED,    /* 0 */
    TEXT,      /* a string, may be none */
    SOME_TEXT, /* a string, not empty */
    BLOB,      /* checked by its opcode */
};

enum slot_use { NO_SLOT, SLOT, MAYBE_SLOT };

struct shape {
    uint16_t flags;
    uint8_t str[4];
    uint8_t slot;    /* slot[0] */
    uint8_t numbers; /* how many of num[], from the first on */
    bool len;
    bool sync; /* talks to the runtime */
};

static const struct shape shapes[PLAN_OPCODES] = {
    [PLAN_SETNS] = {.slot = SLOT, .numbers = 1},
    [PLAN_CLONE] = {.slot = MAYBE_SLOT, .numbers = 1, .sync = true},
    [PLAN_SYNC] = {.flags = PLAN_SYNC_PASSING, .numbers = 1, .sync = true},
    [PLAN_CALL] = {.numbers = 4},
    [PLAN_KEYRING] = {.str = {TEXT}, .numbers = 1},
    [PLAN_LOOPBACK] = {0},
    [PLAN_WRITE] = {.str = {SOME_TEXT, TEXT}, .slot = SLOT},
    [PLAN_PROPAGATE] = {.str = {SOME_TEXT}, .numbers = 1},
    [PLAN_ISOLATE] = {.str = {SOME_TEXT}},
    [PLAN_ROOTFS] = {.flags = PLAN_ROOTFS_PLAIN, .str = {SOME_TEXT}},
    [PLAN_MOUNT_FS] = {.flags = PLAN_MOUNT_PLAIN_TARGET | PLAN_MOUNT_COPY_MODE | PLAN_MOUNT_LEGACY |
                                PLAN_MOUNT_PROC_CHILD | PLAN_MOUNT_COPY_UP,
                       .str = {SOME_TEXT, SOME_TEXT, TEXT, BLOB},
                       .numbers = 3,
                       .len = true},
    [PLAN_MOUNT_BIND] = {.flags = PLAN_MOUNT_PLAIN_TARGET | PLAN_MOUNT_RECURSIVE | PLAN_MOUNT_PROC_CHILD |
                                  PLAN_MOUNT_COPY_MODE | PLAN_MOUNT_COPY_UP | PLAN_MOUNT_SOURCE_LINK |
                                  PLAN_MOUNT_TARGET_LINK | PLAN_MOUNT_REMAKE_LINK,
                         .str = {SOME_TEXT, TEXT},
                         .slot = MAYBE_SLOT,
                         .numbers = 3},
    [PLAN_REMOUNT] = {.flags = PLAN_REMOUNT_SUPER,
                      .str = {SOME_TEXT, UNUSED, UNUSED, BLOB},
                      .numbers = 3,
                      .len = true},
    [PLAN_REPROPAGATE] = {.str = {SOME_TEXT}, .numbers = 1},
    [PLAN_UNMOUNT] = {.str = {SOME_TEXT}},
    [PLAN_LABEL] = {.str = {SOME_TEXT, SOME_TEXT}},
    [PLAN_DEVICE] = {.str = {SOME_TEXT}, .numbers = 3},
    [PLAN_SYMLINK] = {.flags = PLAN_SYMLINK_REPLACE, .str = {SOME_TEXT, SOME_TEXT}},
    [PLAN_DIRECTORY] = {.str = {SOME_TEXT}, .numbers = 1},
    [PLAN_MASK] = {.str = {SOME_TEXT, TEXT}},
    [PLAN_READONLY] = {.str = {SOME_TEXT}},
    [PLAN_CONSOLE] = {.str = {SOME_TEXT, TEXT}, .numbers = 2, .sync = true},
    [PLAN_PIVOT] = {0},
    [PLAN_MOVE_ROOT] = {0},
    [PLAN_CHROOT] = {0},
    [PLAN_MEMORY_POLICY] = {.str = {BLOB}, .numbers = 1, .len = true},
    [PLAN_LIMIT] = {.numbers = 3},
    [PLAN_HOSTNAME] = {.flags = PLAN_HOSTNAME_DOMAIN, .str = {TEXT}},
    [PLAN_SIGNALS] = {0},
    [PLAN_CLOEXEC] = {.numbers = 1},
    [PLAN_CHDIR] = {.flags = PLAN_CHDIR_CREATE | PLAN_CHDIR_RETRY, .str = {SOME_TEXT}},
    [PLAN_STDIO] = {.flags = PLAN_STDIO_KEEP_OWNER, .numbers = 1},
    [PLAN_BOUND] = {.numbers = 1},
    [PLAN_IDENTITY] = {.flags = PLAN_IDENTITY_KEEP_GROUPS | PLAN_IDENTITY_MAY_KEEP_GROUPS, .str = {BLOB}, .numbers = 2, .len = true},
    [PLAN_CAPS] = {.numbers = 4},
    [PLAN_SECCOMP] = {.str = {BLOB}, .numbers = 1, .len = true},
    [PLAN_HOME] = {.str = {BLOB}, .numbers = 1, .len = true},
    [PLAN_LOOKUP] = {.str = {BLOB}, .len = true},
    [PLAN_STRIP] = {0},
    [PLAN_FIFO] = {.slot = SLOT},
    [PLAN_EXEC] = {.str = {BLOB, BLOB, BLOB}, .numbers = 3},
    [PLAN_DONE] = {0},
};

static const char *verify_slot(const struct plan_header *plan, int32_t slot, enum slot_use use)
{
    if (slot == -1)
        return use == SLOT ? "an op lacks its slot" : 0;
    if (use == NO_SLOT)
        return "an op has a slot that its opcode does not use";
    if (slot < 0 || slot >= PLAN_SLOTS)
        return "an op's slot does not exist";
    if (plan->slots[slot] < 0 && slot != PLAN_SLOT_ROOT)
        return "an op's slot is empty";
    return 0;
}

static const char *verify_shape(const struct plan_header *plan, const struct plan_op *op, const char *arena)
{
    const struct shape *shape = &shapes[op->code];
    if (op->flags & ~(shape->flags | PLAN_FALLBACK))
        return "an op has a flag that its opcode does not know";
    if (op->reserved)
        return "a reserved field of an op is not 0";
    for (unsigned i = 0; i < 4; i++) {
        if (shape->str[i] == UNUSED && op->str[i])
            return "an op has a string that its opcode does not use";
        if (shape->str[i] == SOME_TEXT && (op->str[i] >= plan->arena_size || !arena[op->str[i]]))
            return "an op lacks a string";
        if (stage_strings_end(arena, plan->arena_size, op->str[i], shape->str[i] == BLOB ? 0 : 1) == STAGE_OUTSIDE)
            return "a string is not inside the arena";
        if (i >= shape->numbers && op->num[i])
            return "an op has a number that its opcode does not use";
    }
    if (!shape->len && op->len)
        return "an op has a length that its opcode does not use";
    if (shape->sync && plan->slots[PLAN_SLOT_SYNC] < 0)
        return "an op talks to the runtime, and there is no socket";
    const char *wrong = verify_slot(plan, op->slot[0], shape->slot);
    return wrong ? wrong : verify_slot(plan, op->slot[1], NO_SLOT);
}

/* `count` things of `size` bytes at an operand. */
static bool is_inside(const struct plan_header *plan, uint32_t offset, uint64_t count, uint64_t size)
{
    return offset && offset < plan->arena_size && offset % size == 0 && count <= (plan->arena_size - offset) / size;
}

static bool is_propagation(uint64_t flags)
{
    flags &= ~(uint64_t)MS_REC;
    return flags == MS_SHARED || flags == MS_PRIVATE || flags == MS_SLAVE || flags == MS_UNBINDABLE;
}

static bool are_attributes(uint64_t attributes)
{
    return !(((uint32_t)attributes | (uint32_t)(attributes >> 32)) & ~(uint32_t)ATTRIBUTES);
}

static bool are_options(const struct plan_header *plan, const struct plan_op *op, const char *arena)
{
    if (op->len == 0)
        return true;
    if (!is_inside(plan, op->str[3], op->len, 1))
        return false;
    uint32_t at = op->str[3], end = at + op->len;
    while (at < end) {
        char kind = arena[at++];
        if (kind != PLAN_OPTION_FLAG && kind != PLAN_OPTION_STRING)
            return false;
        if (at >= end || !arena[at])
            return false;
        at = stage_strings_end(arena, end, at, kind == PLAN_OPTION_STRING ? 2 : 1);
        if (at == STAGE_OUTSIDE)
            return false;
    }
    return true;
}

static const char *verify_call(const struct plan_op *op)
{
    static const uint8_t arguments[] = {
#define PLAN_CALL(name, arguments) arguments,
#include "calls.def"
#undef PLAN_CALL
    };
    if (op->num[0] >= PLAN_CALLS)
        return "CALL of an unknown system call";
    for (unsigned i = arguments[op->num[0]]; i < 3; i++)
        if (op->num[i + 1])
            return "CALL with more arguments than the system call has";
    return 0;
}

static const char *verify_device(const struct plan_op *op)
{
    uint64_t type = op->num[0] & S_IFMT;
    if ((type != S_IFCHR && type != S_IFBLK && type != S_IFIFO) || op->num[0] & ~(uint64_t)(S_IFMT | 07777))
        return "DEVICE of a wrong type or mode";
    return op->num[1] > UINT32_MAX ? "DEVICE with a number that does not fit" : 0;
}

static const char *verify_exec(const struct plan_header *plan, const struct plan_op *op, const char *arena)
{
    if (op->flags || op->errnos[0] || op->errnos[1] || op->errnos[2] || op->errnos[3])
        return "EXEC tolerates an errno or is a fallback";
    if (op->num[0] > INT32_MAX || op->num[1] == 0 || op->num[1] > MAX_STRINGS || op->num[2] > MAX_STRINGS)
        return "EXEC with a number out of range";
    uint32_t argv_end = stage_strings_end(arena, plan->arena_size, op->str[0], op->num[1]);
    uint32_t envp_end = stage_strings_end(arena, plan->arena_size, op->str[1], op->num[2]);
    if (!op->str[0] || argv_end == STAGE_OUTSIDE || (op->num[2] && !op->str[1]) || envp_end == STAGE_OUTSIDE)
        return "EXEC's strings are not inside the arena";
    uint64_t pointers = op->num[1] + op->num[2] + 2;
    if (!is_inside(plan, op->str[2], pointers, sizeof(uint64_t)))
        return "EXEC's pointer arrays are not inside the arena, or not aligned";
    uint64_t room_end = op->str[2] + pointers * sizeof(uint64_t);
    if ((op->str[2] < argv_end && room_end > op->str[0]) || (op->str[2] < envp_end && room_end > op->str[1]))
        if (op->num[2] || op->str[2] < argv_end)
            return "EXEC's pointer arrays lie on its strings";
    return 0;
}

const char *stage_verify_op(const struct plan_header *plan, const struct plan_op *op, const char *arena)
{
    if (op->code == PLAN_NONE || op->code >= PLAN_OPCODES)
        return "an op has no known opcode";
    const char *wrong = verify_shape(plan, op, arena);
    if (wrong)
        return wrong;
    switch (op->code) {
    case PLAN_SETNS:
        return !op->num[0] || op->num[0] & ~(uint64_t)NAMESPACES ? "SETNS of an unknown namespace" : 0;
    case PLAN_CLONE:
        return op->num[0] & ~(uint64_t)NAMESPACES ? "CLONE with more than namespaces" : 0;
    case PLAN_SYNC:
        return op->num[0] > INT32_MAX ? "SYNC with a number that does not fit" : 0;
    case PLAN_CALL:
        return verify_call(op);
    case PLAN_KEYRING:
        return op->num[0] > UINT32_MAX ? "KEYRING with permissions that do not fit" : 0;
    case PLAN_PROPAGATE:
    case PLAN_REPROPAGATE:
        return is_propagation(op->num[0]) ? 0 : "a propagation is none";
    case PLAN_MOUNT_FS:
        if (!are_attributes(op->num[0]) || (op->num[1] && !is_propagation(op->num[1])) ||
            op->num[2] & ~(uint64_t)SUPER_FLAGS)
            return "MOUNT_FS with an unknown flag";
        return are_options(plan, op, arena) ? 0 : "MOUNT_FS with malformed options";
    case PLAN_MOUNT_BIND:
        if ((op->slot[0] == -1) == (arena[op->str[1]] == 0))
            return "MOUNT_BIND without a source, or with two";
        if (op->slot[0] != -1 && op->flags & (PLAN_MOUNT_RECURSIVE | PLAN_MOUNT_SOURCE_LINK | PLAN_MOUNT_REMAKE_LINK))
            return "MOUNT_BIND of a mount with a flag for a path";
        if (!are_attributes(op->num[0]) || !are_attributes(op->num[1]) ||
            (op->num[2] && !is_propagation(op->num[2])))
            return "MOUNT_BIND with an unknown flag";
        return 0;
    case PLAN_REMOUNT:
        if (!are_attributes(op->num[0]) || op->num[2] & ~(uint64_t)SUPER_FLAGS || op->num[1])
            return "REMOUNT with an unknown flag";
        if (!(op->flags & PLAN_REMOUNT_SUPER) && (op->num[2] || op->len || op->str[3]))
            return "REMOUNT with options, but not of the super block";
        return are_options(plan, op, arena) ? 0 : "REMOUNT with malformed options";
    case PLAN_DEVICE:
        return verify_device(op);
    case PLAN_DIRECTORY:
        return op->num[0] > 07777 ? "DIRECTORY with a wrong mode" : 0;
    case PLAN_CONSOLE:
        return op->num[0] > UINT16_MAX || op->num[1] > UINT16_MAX ? "CONSOLE of a size that does not fit" : 0;
    case PLAN_CLOEXEC:
        return op->num[0] > INT32_MAX ? "CLOEXEC with a number that does not fit" : 0;
    case PLAN_STDIO:
        return op->num[0] >= UINT32_MAX ? "STDIO with no valid uid" : 0;
    case PLAN_IDENTITY:
        if (op->num[0] >= UINT32_MAX || op->num[1] >= UINT32_MAX)
            return "IDENTITY with no valid uid or gid";
        if (op->flags & (PLAN_IDENTITY_KEEP_GROUPS | PLAN_IDENTITY_MAY_KEEP_GROUPS) && (op->len || op->str[0]))
            return "IDENTITY with groups that it need not set";
        return op->len > MAX_GROUPS || (op->len && !is_inside(plan, op->str[0], op->len, sizeof(uint32_t)))
                   ? "IDENTITY's groups are not inside the arena, not aligned, or too many"
                   : 0;
    case PLAN_MEMORY_POLICY:
        return op->num[0] > INT32_MAX || op->len > MAX_NODE_WORDS ||
                       (op->len && !is_inside(plan, op->str[0], op->len, sizeof(uint64_t)))
                   ? "MEMORY_POLICY's nodes are not inside the arena, not aligned, or too many"
                   : 0;
    case PLAN_LIMIT:
        return op->num[0] > INT32_MAX ? "LIMIT of a resource that does not fit" : 0;
    case PLAN_SECCOMP:
        return op->num[0] > UINT32_MAX || !op->len || op->len > MAX_FILTER ||
                       !is_inside(plan, op->str[0], op->len, 8 /* struct sock_filter */)
                   ? "SECCOMP's filter is not inside the arena, not aligned, or too long"
                   : 0;
    case PLAN_HOME:
        return op->num[0] >= UINT32_MAX || op->len < 2 || !is_inside(plan, op->str[0], op->len, 1)
                   ? "HOME has no room"
                   : 0;
    case PLAN_LOOKUP:
        return op->len && (!op->str[0] ||
                              stage_strings_end(arena, plan->arena_size, op->str[0], op->len) == STAGE_OUTSIDE)
                   ? "LOOKUP's paths are not inside the arena"
                   : 0;
    case PLAN_EXEC:
        return verify_exec(plan, op, arena);
    default:
        return 0;
    }
}
