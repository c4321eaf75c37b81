/* What the files of the stage share. Nothing of this is seen outside of it. */
#ifndef APUS_STAGE_INTERNAL_H
#define APUS_STAGE_INTERNAL_H

#include "ckernel.h"
#include "stage.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "bytes.h"
#include "file_types.h"

/* Kernel headers as old as 5.10's lack these. */
#ifndef STATX_MNT_ID /* Linux 5.8 */
#define STATX_MNT_ID 0x00001000U
#endif
#ifndef MOUNT_ATTR__ATIME
#define MOUNT_ATTR__ATIME 0x00000070
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

/* The directory of the last path in PLAN_SLOT_ROOT (parent.c). */
struct stage_parent {
    const char *path;    /* or null */
    size_t length;       /* of the directory's own part of it, with the last slash */
    int directory;       /* O_PATH, or -1 */
    const char *mounted; /* what was mounted in it at last, or null */
    uint32_t op;         /* by this step */
};

/* A plan that is being run. */
struct stage {
    struct plan_header *plan;
    struct stage_report *report;
    char *arena;
    uint32_t executable; /* what LOOKUP found: offset into the arena, 0 is none */
    int mask, null;      /* the empty tmpfs and the null device of MASK, attached, or -1 */
    int inherited_umask; /* to be restored before exec, or -1 if the plan has set one */
    bool cwd_pending;    /* the last CHDIR failed */
    bool one_by_one;     /* mounts may spread, or others may use them: each is finished before the next */
    bool root_is_plain;  /* no procfs */
    uint64_t root_mount; /* that of PLAN_SLOT_ROOT; 0 is unknown */
    uint32_t op;         /* the step */
    struct stage_parent parent;
};

/* One step. The answer is negative if it failed: an errno, or -STAGE_FAULT with the fault in the report. */
typedef long stage_step(struct stage *stage, const struct plan_op *op);

/* Stands for an errno where only a fault says what is wrong. No plan can tolerate it. */
#define STAGE_FAULT 4095

enum stage_syscall_number {
#define STAGE_SYSCALL(name) STAGE_NR_##name = __NR_##name,
#include "syscall_list.h"
#undef STAGE_SYSCALL
};

/*
 * A system call that the report names: before it is made, since a filter may kill the process for it.
 * Calls that merely clean up are made with RAW0…RAW6, so that the report keeps the one that failed.
 */
#define SYS(stage, name, ...) SYS_PADDED(stage, STAGE_NR_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_PADDED(stage, number, a, b, c, d, e, f, ...) \
    stage_syscall(stage, number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* report.c */
long stage_syscall(struct stage *stage, long number, long a, long b, long c, long d, long e, long f);

static inline const char *stage_string(const struct stage *stage, uint32_t offset)
{
    return stage->arena + offset;
}

static inline int stage_slot(const struct stage *stage, unsigned slot)
{
    return stage->plan->slots[slot];
}

/* Close without a word; no descriptor is fine. */
void stage_close(long descriptor);

/* Say what is wrong and on what object; the answer is what a step returns: -error, or -STAGE_FAULT for 0. */
long stage_fault(struct stage *stage, enum report_fault fault, int error, const char *detail);
/* Add to the report's detail. */
void stage_detail(struct stage *stage, const char *text, size_t length);

/* descriptor.c */

/* "self/fd/N", relative to procfs. */
struct stage_descriptor_path {
    char text[32];
};
struct stage_descriptor_path stage_descriptor_path(int descriptor);
/* Open what an O_PATH descriptor stands for. */
long stage_reopen(struct stage *stage, int descriptor, int flags);
long stage_stat(struct stage *stage, int descriptor, struct statx *found);
/* The magic number of the file system the descriptor is on, or a negative errno. */
long stage_magic(struct stage *stage, int descriptor);
bool stage_is_directory(const struct statx *found);
bool stage_is_device(const struct statx *found, uint32_t type, uint32_t major, uint32_t minor);
/* The permission bits of what an O_PATH descriptor stands for. */
long stage_change_mode(struct stage *stage, int descriptor, uint32_t mode);
/* A whole read or write that signals do not cut short. */
long stage_read(struct stage *stage, int descriptor, void *bytes, size_t length);
long stage_write_all(struct stage *stage, int descriptor, const void *bytes, size_t length);

/* resolve.c */

enum stage_create { STAGE_EXISTING, STAGE_CREATE_DIRECTORY, STAGE_CREATE_FILE };

struct stage_target {
    const char *path;
    enum stage_create create; /* what to make where nothing is, with the directories above it (0755) */
    bool plain;               /* refuse symbolic links anywhere in the path: -ELOOP */
    bool link;                /* a link as the last component is the target itself */
    bool created;             /* out */
    bool known;               /* out: the status is there already */
    struct statx status;      /* of what was found (stage_target_status) */
};

/* openat2(2), tried again a bounded number of times while renames disturb it. */
long stage_openat2(struct stage *stage, int directory, const char *path, int flags, uint64_t resolve);
/* Open an existing path, all links and ".." kept inside `root`. */
long stage_open_in(struct stage *stage, int root, const char *path, int flags);
/* An O_PATH descriptor for a target inside `root`. */
long stage_resolve(struct stage *stage, int root, struct stage_target *target);
long stage_target_status(struct stage *stage, int found, struct stage_target *target);
/* Make what the target is to be; fine if something is there already. */
long stage_make(struct stage *stage, int directory, const char *name, struct stage_target *target);
/*
 * The directory that holds the last component of a path in PLAN_SLOT_ROOT, made if missing; `base` gets its name.
 * It is stage.parent's, and not to be closed.
 */
long stage_parent(struct stage *stage, const char *path, char base[NAME_MAX + 1]);

/* parent.c */

#define STAGE_ELSEWHERE (-4094) /* no errno */
/* The target as an entry of the last path's directory, or STAGE_ELSEWHERE; another path's directory is left for this one's. */
long stage_resolve_entry(struct stage *stage, struct stage_target *target);
/* The name of the path in the directory that is open, or null if that is not its directory. */
const char *stage_entry(const struct stage *stage, const char *path);
/* The path's directory is the last path's from now on. */
void stage_enter(struct stage *stage, const char *path, long directory);
/* Close the directory, and see that its path leads to it still if something was mounted in it: else FAULT_ESCAPED. */
long stage_leave(struct stage *stage);

/* attach.c */

/*
 * Attach the detached mount, of status `mounted` if that is not null, to the O_PATH target, then look the path up
 * again: it must lead to the mount.
 */
long stage_attach(struct stage *stage, int tree, const struct statx *mounted, int target, const char *path,
                  int open_flags);
/* A copy of the mount (with AT_RECURSIVE, of all below it too) from what the descriptor stands for on. */
long stage_copy_tree(struct stage *stage, int descriptor, unsigned recursive);
/* A target inside procfs: FAULT_IN_PROC. */
long stage_refuse_proc(struct stage *stage, int target, const struct statx *status, const char *path);
/* mount_setattr(2); `attributes` as PLAN_ATTRS says, propagation MS_* without MS_REC, `recursive` AT_RECURSIVE or 0. */
long stage_set_attributes(struct stage *stage, int mount, uint64_t attributes, uint64_t propagation,
                          unsigned recursive);
/* The same by mount(2), for kernels before 5.12: the mount must be attached. */
long stage_remount_attributes(struct stage *stage, int mount, uint64_t attributes);
/* The attributes without those to be cleared that are set now, which a user namespace may have locked. */
long stage_keep_locked(struct stage *stage, int mount, uint64_t attributes, uint64_t *kept);
/* Propagation flags (MS_*), on an attached mount. */
long stage_set_propagation(struct stage *stage, int mount, uint64_t propagation);
/* mount(2) on what a descriptor stands for. */
long stage_mount_on(struct stage *stage, const char *source, int target, const char *type, uint64_t flags,
                    const void *data);

/* umount2(2) of what a descriptor stands for, and all below it. */
long stage_unmount_descriptor(struct stage *stage, int mount);
/* The same of a mount that has come out wrong; answers `result`, which the report goes on to tell. */
long stage_undo_mount(struct stage *stage, int mount, long result);

/* op_copy_up.c: what the directory `covered` holds, into the root of `mount`. */
long stage_copy_up(struct stage *stage, int covered, int mount);

/* op_node.c: a link at `path` in the root; FAULT_WRONG_LINK if something else is there and stays. */
long stage_make_link(struct stage *stage, const char *path, const char *content, bool replace);

/* fscontext.c */

/* Set the super block's flags and options, and read the kernel's words into the report if one is refused. */
long stage_configure(struct stage *stage, int context, uint64_t flags, const char *options, size_t length);
long stage_configure_string(struct stage *stage, int context, const char *key, const char *value);
long stage_configure_command(struct stage *stage, int context, unsigned command);

/* message.c */

/* Send a packet, with a descriptor unless that is -1. FAULT_RUNTIME_GONE if nobody is there. */
long stage_send(struct stage *stage, enum plan_message_kind kind, int32_t value, int descriptor);

/* run.c, each named after its opcode. */
stage_step stage_setns, stage_clone, stage_sync, stage_call, stage_keyring, stage_loopback, stage_write,
    stage_propagate, stage_isolate, stage_rootfs, stage_mount_fs, stage_mount_bind, stage_remount,
    stage_repropagate, stage_unmount, stage_label, stage_device, stage_symlink, stage_directory, stage_mask, stage_readonly,
    stage_console, stage_pivot, stage_move_root, stage_chroot, stage_memory_policy, stage_limit, stage_hostname,
    stage_signals, stage_cloexec, stage_chdir, stage_stdio, stage_bound, stage_identity, stage_caps, stage_filter,
    stage_home, stage_lookup, stage_strip, stage_fifo, stage_exec, stage_done;

/* verify.c and verify_op.c */

/* The end of the `count` NUL-terminated strings that lie in a row from `offset` on. */
#define STAGE_OUTSIDE UINT32_MAX /* they leave the arena */
uint32_t stage_strings_end(const char *arena, uint32_t size, uint32_t offset, uint64_t count);
const char *stage_verify_op(const struct plan_header *plan, const struct plan_op *op, const char *arena);

#endif
