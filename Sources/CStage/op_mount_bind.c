#include "internal.h"

static long source_tree(struct stage *stage, const struct plan_op *op)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    flags |= op->flags & PLAN_MOUNT_RECURSIVE ? AT_RECURSIVE : 0;
    flags |= op->flags & PLAN_MOUNT_SOURCE_LINK ? AT_SYMLINK_NOFOLLOW : 0;
    if (op->slot[0] >= 0)
        return SYS(stage, fcntl, stage_slot(stage, (unsigned)op->slot[0]), F_DUPFD_CLOEXEC, 0);
    return SYS(stage, open_tree, AT_FDCWD, stage_string(stage, op->str[1]), flags);
}

/* The target, of the kind that the source is; `source` is a link where links are not followed. */
static long open_target(struct stage *stage, const struct plan_op *op, const struct statx *source,
                        struct stage_target *target)
{
    bool directory = stage_is_directory(source);
    target->path = stage_string(stage, op->str[0]);
    target->create = directory ? STAGE_CREATE_DIRECTORY : STAGE_CREATE_FILE;
    target->plain = op->flags & PLAN_MOUNT_PLAIN_TARGET;
    /* What a mounted link leads to says nothing of the mount: it has to be looked up as what it is. */
    target->link = op->flags & PLAN_MOUNT_TARGET_LINK || S_ISLNK(source->stx_mode);
    long found = stage_resolve(stage, stage_slot(stage, PLAN_SLOT_ROOT), target);
    if (target->plain && found == -ELOOP)
        return stage_fault(stage, FAULT_LINK_TARGET, 0, target->path);
    if (found < 0)
        return found;
    long result = stage_target_status(stage, (int)found, target);
    if (result >= 0 && directory && !stage_is_directory(&target->status))
        result = stage_fault(stage, FAULT_NOT_DIRECTORY, ENOTDIR, target->path);
    else if (result >= 0 && !directory && stage_is_directory(&target->status))
        result = stage_fault(stage, FAULT_IS_DIRECTORY, EISDIR, target->path);
    else if (result >= 0 && !(op->flags & PLAN_MOUNT_PROC_CHILD))
        result = stage_refuse_proc(stage, (int)found, &target->status, target->path);
    if (result < 0) {
        stage_close(found);
        return result;
    }
    return found;
}

/* What of the covered directory shows in the new mount's root. */
static long look_alike(struct stage *stage, const struct plan_op *op, int tree, int found,
                       const struct stage_target *target)
{
    long result = 0;
    if (!target->created && op->flags & PLAN_MOUNT_COPY_MODE)
        result = stage_change_mode(stage, tree, target->status.stx_mode & 07777);
    if (!target->created && result >= 0 && op->flags & PLAN_MOUNT_COPY_UP)
        result = stage_copy_up(stage, found, tree);
    return result;
}

/* Propagation that can be set together with the attributes: what is attached to a shared mount becomes shared. */
static uint64_t early_propagation(const struct stage *stage, const struct plan_op *op)
{
    return stage->one_by_one || op->num[2] & (MS_SHARED | MS_UNBINDABLE) ? 0 : op->num[2];
}

static long bind(struct stage *stage, const struct plan_op *op, int tree, const struct statx *source, int target,
                 bool link)
{
    /* Before 5.12 attributes are given afterwards, to the upper mount only; that is no reason to do less. */
    bool afterwards = false;
    uint64_t propagation = op->num[2], early = early_propagation(stage, op), kind = early & ~(uint64_t)MS_REC;
    bool alone = op->slot[0] < 0 && !(op->flags & PLAN_MOUNT_RECURSIVE);
    if (op->num[1]) {
        bool both = alone || early & MS_REC;
        long result = stage_set_attributes(stage, tree, op->num[1], both ? kind : 0, AT_RECURSIVE);
        if (result < 0)
            return result;
        if (both && early)
            propagation = early = kind = 0;
    }
    if (op->num[0]) {
        bool both = alone || !(early & MS_REC);
        long result = stage_set_attributes(stage, tree, op->num[0], both ? kind : 0, 0);
        afterwards = result == -ENOSYS;
        if (result < 0 && !afterwards)
            return result;
        if (both && early && !afterwards)
            propagation = 0;
    }
    long result =
        stage_attach(stage, tree, source, target, stage_string(stage, op->str[0]), link ? O_NOFOLLOW : 0);
    if (result < 0)
        return result;
    if (afterwards)
        result = stage_remount_attributes(stage, tree, op->num[0]);
    if (result >= 0 && propagation)
        result = stage_set_propagation(stage, tree, propagation);
    return result < 0 ? stage_undo_mount(stage, tree, result) : 0;
}

/* The same link as the source, if that is one. */
static long remake_link(struct stage *stage, const struct plan_op *op, bool *link)
{
    char content[PATH_MAX];
    long length = SYS(stage, readlinkat, AT_FDCWD, stage_string(stage, op->str[1]), content, sizeof content - 1);
    *link = length >= 0;
    if (!*link)
        return length == -EINVAL ? 0 : length;
    content[length] = 0;
    return stage_make_link(stage, stage_string(stage, op->str[0]), content, false);
}

long stage_mount_bind(struct stage *stage, const struct plan_op *op)
{
    if (op->flags & PLAN_MOUNT_REMAKE_LINK) {
        bool link;
        long result = remake_link(stage, op, &link);
        if (result < 0 || link)
            return result;
    }
    long tree = source_tree(stage, op);
    if (tree < 0)
        return tree;
    struct statx source;
    struct stage_target target = {0};
    long result = stage_stat(stage, (int)tree, &source);
    if (result >= 0)
        result = open_target(stage, op, &source, &target);
    if (result >= 0) {
        long found = result;
        result = look_alike(stage, op, (int)tree, (int)found, &target);
        if (result >= 0)
            result = bind(stage, op, (int)tree, &source, (int)found, target.link);
        stage_close(found);
    }
    stage_close(tree);
    return result;
}
