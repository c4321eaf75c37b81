/* Mounts by descriptor. */
#include "internal.h"

#include <asm/statfs.h>

long stage_copy_tree(struct stage *stage, int descriptor, unsigned recursive)
{
    return SYS(stage, open_tree, descriptor, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
}

/* The status of what the path leads to now. */
static long look_again(struct stage *stage, const char *path, int open_flags, struct statx *seen)
{
    const char *name = stage_entry(stage, path);
    if (name) {
        stage->parent.mounted = path;
        stage->parent.op = stage->op;
        return SYS(stage, statx, stage->parent.directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                   STATX_BASIC_STATS | STATX_MNT_ID, seen);
    }
    long found = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | open_flags);
    if (found < 0)
        return found;
    long result = stage_stat(stage, (int)found, seen);
    stage_close(found);
    return result;
}

static long check_mount(struct stage *stage, int mount, const struct statx *mounted, const char *path, int open_flags)
{
    struct statx status, seen;
    long result = 0;
    if (!mounted) {
        result = stage_stat(stage, mount, &status);
        mounted = &status;
    }
    if (result < 0)
        return result;
    result = look_again(stage, path, open_flags, &seen);
    if (result == -ENOENT || result == -ENOTDIR || result == -ELOOP || result == -EAGAIN)
        return stage_fault(stage, FAULT_ESCAPED, 0, path);
    if (result < 0)
        return result;
    if (!(mounted->stx_mask & seen.stx_mask & STATX_MNT_ID))
        return -ENOSYS;
    if (mounted->stx_mnt_id != seen.stx_mnt_id || mounted->stx_ino != seen.stx_ino)
        return stage_fault(stage, FAULT_ESCAPED, 0, path);
    return 0;
}

long stage_attach(struct stage *stage, int tree, const struct statx *mounted, int target, const char *path,
                  int open_flags)
{
    long result =
        SYS(stage, move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (result < 0)
        return result;
    result = check_mount(stage, tree, mounted, path, open_flags);
    return result < 0 ? stage_undo_mount(stage, tree, result) : 0;
}

long stage_refuse_proc(struct stage *stage, int target, const struct statx *status, const char *path)
{
    /* One mount is held open from beginning to end, so that its number stays its own. */
    bool in_root = stage->root_mount && status->stx_mnt_id == stage->root_mount;
    if (in_root && stage->root_is_plain)
        return 0;
    long magic = stage_magic(stage, target);
    if (magic == PROC_SUPER_MAGIC)
        return stage_fault(stage, FAULT_IN_PROC, 0, path);
    if (magic < 0)
        return magic;
    if (in_root)
        stage->root_is_plain = true;
    return 0;
}

long stage_mount_on(struct stage *stage, const char *source, int target, const char *type, uint64_t flags,
                    const void *data)
{
    struct stage_descriptor_path path = stage_descriptor_path(target);
    long here = SYS(stage, openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0)
        return here;
    long result = SYS(stage, fchdir, stage_slot(stage, PLAN_SLOT_PROC));
    if (result >= 0) {
        result = SYS(stage, mount, source, path.text, type, flags, data);
        RAW1(__NR_fchdir, here);
    }
    stage_close(here);
    return result;
}

long stage_unmount_descriptor(struct stage *stage, int mount)
{
    struct stage_descriptor_path path = stage_descriptor_path(mount);
    long here = SYS(stage, openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0)
        return here;
    long result = SYS(stage, fchdir, stage_slot(stage, PLAN_SLOT_PROC));
    if (result >= 0) {
        result = SYS(stage, umount2, path.text, 2 /* MNT_DETACH */);
        RAW1(__NR_fchdir, here);
    }
    stage_close(here);
    return result;
}

long stage_undo_mount(struct stage *stage, int mount, long result)
{
    uint32_t call = stage->report->call;
    stage_unmount_descriptor(stage, mount);
    stage->report->call = call;
    return result;
}

long stage_set_attributes(struct stage *stage, int mount, uint64_t attributes, uint64_t propagation,
                          unsigned recursive)
{
    struct mount_attr change = {
        .attr_set = attributes & UINT32_MAX, .attr_clr = attributes >> 32, .propagation = propagation};
    return SYS(stage, mount_setattr, mount, "", AT_EMPTY_PATH | recursive, &change, sizeof change);
}

/* One attribute in its three spellings; statfs(2)'s are those of ST_* in <sys/statvfs.h>. */
static const struct {
    uint32_t attribute, statfs, flag;
} spellings[] = {
    {MOUNT_ATTR_RDONLY, 1, MS_RDONLY},
    {MOUNT_ATTR_NOSUID, 2, MS_NOSUID},
    {MOUNT_ATTR_NODEV, 4, MS_NODEV},
    {MOUNT_ATTR_NOEXEC, 8, MS_NOEXEC},
    {MOUNT_ATTR_NOATIME, 0x400, MS_NOATIME},
    {MOUNT_ATTR_NODIRATIME, 0x800, MS_NODIRATIME},
    {MOUNT_ATTR_NOSYMFOLLOW, 0x2000, MS_NOSYMFOLLOW},
};
#define STATFS_RELATIME 0x1000

/* The attributes a mount has. */
static long attributes_of(struct stage *stage, int mount, uint32_t *attributes)
{
    struct statfs found;
    long result = SYS(stage, fstatfs, mount, &found);
    if (result < 0)
        return result;
    *attributes = 0;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if ((unsigned long)found.f_flags & spellings[i].statfs)
            *attributes |= spellings[i].attribute;
    if (!(*attributes & MOUNT_ATTR_NOATIME) && !((unsigned long)found.f_flags & STATFS_RELATIME))
        *attributes |= MOUNT_ATTR_STRICTATIME;
    return 0;
}

long stage_keep_locked(struct stage *stage, int mount, uint64_t attributes, uint64_t *kept)
{
    uint32_t present;
    long result = attributes_of(stage, mount, &present);
    if (result < 0)
        return result;
    uint32_t set = (uint32_t)attributes, clear = (uint32_t)(attributes >> 32);
    if (clear & MOUNT_ATTR__ATIME) {
        set &= ~(uint32_t)MOUNT_ATTR__ATIME;
        clear &= ~(uint32_t)MOUNT_ATTR__ATIME;
    }
    *kept = PLAN_ATTRS(set, clear & ~present);
    return 0;
}

long stage_remount_attributes(struct stage *stage, int mount, uint64_t attributes)
{
    uint32_t present;
    long result = attributes_of(stage, mount, &present);
    if (result < 0)
        return result;
    uint32_t wanted = (present & ~(uint32_t)(attributes >> 32)) | (uint32_t)attributes;
    uint64_t flags = MS_REMOUNT | MS_BIND;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (wanted & spellings[i].attribute)
            flags |= spellings[i].flag;
    if (!(wanted & MOUNT_ATTR_NOATIME))
        flags |= wanted & MOUNT_ATTR_STRICTATIME ? MS_STRICTATIME : MS_RELATIME;
    return stage_mount_on(stage, 0, mount, 0, flags, 0);
}

long stage_set_propagation(struct stage *stage, int mount, uint64_t propagation)
{
    unsigned recursive = propagation & MS_REC ? AT_RECURSIVE : 0;
    if (propagation & MS_SHARED)
        stage->one_by_one = true;
    long result = stage_set_attributes(stage, mount, 0, propagation & ~(uint64_t)MS_REC, recursive);
    if (result == -ENOSYS)
        result = stage_mount_on(stage, 0, mount, 0, propagation, 0);
    return result;
}
