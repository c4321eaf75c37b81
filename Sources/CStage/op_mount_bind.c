#include "internal.h"

static long source_tree(struct stage *stage, const struct plan_op *op)
{
    unsigned recursive = op->flags & PLAN_MOUNT_RECURSIVE ? AT_RECURSIVE : 0;
    if (op->slot[0] < 0)
        return SYS(stage, open_tree, AT_FDCWD, stage_string(stage, op->str[1]),
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
    int slot = stage_slot(stage, (unsigned)op->slot[0]);
    long tree = stage_copy_tree(stage, slot, recursive);
    /* A detached mount, as the runtime makes them with ID maps, can be copied since Linux 6.15: use it up. */
    if (tree == -EINVAL)
        tree = SYS(stage, fcntl, slot, F_DUPFD_CLOEXEC, 0);
    return tree;
}

/* The target, of the kind that the source is. */
static long open_target(struct stage *stage, const struct plan_op *op, int tree)
{
    struct statx source, status;
    const char *path = stage_string(stage, op->str[0]);
    long result = stage_stat(stage, tree, &source);
    if (result < 0)
        return result;
    bool directory = stage_is_directory(&source);
    struct stage_target target = {.path = path,
                                  .create = directory ? STAGE_CREATE_DIRECTORY : STAGE_CREATE_FILE,
                                  .plain = op->flags & PLAN_MOUNT_PLAIN_TARGET};
    long found = stage_resolve(stage, stage_slot(stage, PLAN_SLOT_ROOT), &target);
    if (target.plain && found == -ELOOP)
        return stage_fault(stage, FAULT_LINK_TARGET, 0, path);
    if (found < 0)
        return found;
    result = stage_stat(stage, (int)found, &status);
    if (result >= 0 && directory && !stage_is_directory(&status))
        result = stage_fault(stage, FAULT_NOT_DIRECTORY, ENOTDIR, path);
    else if (result >= 0 && !directory && stage_is_directory(&status))
        result = stage_fault(stage, FAULT_IS_DIRECTORY, EISDIR, path);
    else if (result >= 0 && !(op->flags & PLAN_MOUNT_PROC_CHILD))
        result = stage_refuse_proc(stage, (int)found, path);
    if (result < 0) {
        stage_close(found);
        return result;
    }
    return found;
}

static long bind(struct stage *stage, const struct plan_op *op, int tree, int target)
{
    /* Before 5.12 attributes are given afterwards, to the upper mount only; that is no reason to do less. */
    bool afterwards = false;
    if (op->num[1]) {
        long result = stage_set_attributes(stage, tree, op->num[1], AT_RECURSIVE);
        if (result < 0)
            return result;
    }
    if (op->num[0]) {
        long result = stage_set_attributes(stage, tree, op->num[0], 0);
        afterwards = result == -ENOSYS;
        if (result < 0 && !afterwards)
            return result;
    }
    long result = stage_attach(stage, tree, target, stage_string(stage, op->str[0]), 0);
    if (result >= 0 && afterwards)
        result = stage_remount_attributes(stage, tree, op->num[0]);
    if (result >= 0 && op->num[2])
        result = stage_set_propagation(stage, tree, op->num[2]);
    return result;
}

long stage_mount_bind(struct stage *stage, const struct plan_op *op)
{
    long tree = source_tree(stage, op);
    if (tree < 0)
        return tree;
    long result = open_target(stage, op, (int)tree);
    if (result >= 0) {
        long target = result;
        result = bind(stage, op, (int)tree, (int)target);
        stage_close(target);
    }
    stage_close(tree);
    return result;
}
