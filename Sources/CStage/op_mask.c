#include "internal.h"

static bool is_absent(long result)
{
    return result == -ENOENT || result == -ENOTDIR;
}

/* EINVAL if there is none: what it was attached to may have been removed meanwhile, by who shares the file system. */
static long copy_attached(struct stage *stage, int *attached)
{
    long copy = *attached < 0 ? -EINVAL : stage_copy_tree(stage, *attached, 0);
    if (copy == -EINVAL) {
        stage_close(*attached);
        *attached = -1;
    }
    return copy;
}

/*
 * The container's own null device, to be bound. It is the device that is bound and not a name, so it is checked. What is
 * bound once is copied for the next file.
 */
static long null_tree(struct stage *stage)
{
    long copy = copy_attached(stage, &stage->null);
    if (copy != -EINVAL)
        return copy;
    const char *path = "/dev/null";
    struct statx found;
    long null = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | O_NOFOLLOW);
    if (null == -ENOENT || null == -ENOTDIR || null == -ELOOP)
        return stage_fault(stage, FAULT_NOT_NULL, 0, path);
    if (null < 0)
        return null;
    long result = stage_stat(stage, (int)null, &found);
    if (result >= 0 && !stage_is_device(&found, S_IFCHR, 1, 3))
        result = stage_fault(stage, FAULT_NOT_NULL, 0, path);
    if (result >= 0)
        result = stage_copy_tree(stage, (int)null, 0);
    stage_close(null);
    return result;
}

static long make_empty(struct stage *stage, const char *inodes, const char *label)
{
    long context = SYS(stage, fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (context < 0)
        return context;
    long result = stage_configure_string(stage, (int)context, "source", "tmpfs");
    if (result >= 0)
        result = stage_configure_string(stage, (int)context, "nr_blocks", "1");
    if (result >= 0)
        result = stage_configure_string(stage, (int)context, "nr_inodes", inodes);
    if (result >= 0 && label[0])
        result = stage_configure_string(stage, (int)context, "context", label);
    if (result >= 0)
        result = stage_configure(stage, (int)context, MS_RDONLY, "", 0);
    if (result >= 0)
        result = stage_configure_command(stage, (int)context, FSCONFIG_CMD_CREATE);
    if (result >= 0)
        result = SYS(stage, fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    stage_close(context);
    return result;
}

/* Every masked directory shows the same empty file system. A detached mount cannot be copied, an attached one can. */
static long empty_tree(struct stage *stage, const char *label)
{
    long copy = copy_attached(stage, &stage->mask);
    if (copy != -EINVAL)
        return copy;
    long tree = make_empty(stage, "1", label);
    if (tree == -EINVAL || tree == -ENOSPC) /* Ubuntu's 5.4 wants an inode more */
        tree = make_empty(stage, "2", label);
    return tree;
}

long stage_mask(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    struct statx found;
    long target = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH);
    if (target < 0)
        return is_absent(target) ? 0 : target;
    long result = stage_stat(stage, (int)target, &found);
    if (result < 0) {
        stage_close(target);
        return result;
    }
    bool directory = stage_is_directory(&found);
    long tree = directory ? empty_tree(stage, stage_string(stage, op->str[1])) : null_tree(stage);
    if (tree < 0) {
        stage_close(target);
        return tree;
    }
    result = stage_attach(stage, (int)tree, 0, (int)target, path, 0);
    stage_close(target);
    int *kept = directory ? &stage->mask : &stage->null;
    if (result >= 0 && *kept < 0)
        *kept = (int)tree;
    else
        stage_close(tree);
    return result;
}

long stage_readonly(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    long target = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH);
    if (target < 0)
        return is_absent(target) ? 0 : target;
    long tree = stage_copy_tree(stage, (int)target, AT_RECURSIVE);
    if (tree < 0) {
        stage_close(target);
        return tree;
    }
    uint64_t read_only = PLAN_ATTRS(MOUNT_ATTR_RDONLY, 0);
    long change = stage_set_attributes(stage, (int)tree, read_only, 0, 0);
    long result = change < 0 && change != -ENOSYS ? change : stage_attach(stage, (int)tree, 0, (int)target, path, 0);
    if (result >= 0 && change == -ENOSYS)
        result = stage_remount_attributes(stage, (int)tree, read_only);
    stage_close(target);
    stage_close(tree);
    return result;
}
