#include "internal.h"

long stage_propagate(struct stage *stage, const struct plan_op *op)
{
    if (op->num[0] & MS_SHARED)
        stage->one_by_one = true;
    return SYS(stage, mount, 0, stage_string(stage, op->str[0]), 0, op->num[0], 0);
}

long stage_isolate(struct stage *stage, const struct plan_op *op)
{
    long here = SYS(stage, openat, AT_FDCWD, stage_string(stage, op->str[0]), O_PATH | O_CLOEXEC);
    if (here < 0)
        return here;
    for (;;) {
        struct statx status, above_status;
        long result = stage_set_propagation(stage, (int)here, MS_PRIVATE);
        if (result != -EINVAL) { /* which says that it is no mount point */
            stage_close(here);
            return result;
        }
        long above = stage_stat(stage, (int)here, &status);
        if (above >= 0)
            above = SYS(stage, openat, here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        stage_close(here);
        if (above < 0)
            return above;
        here = above;
        result = stage_stat(stage, (int)here, &above_status);
        if (result >= 0 && status.stx_ino == above_status.stx_ino && status.stx_mnt_id == above_status.stx_mnt_id)
            result = -EINVAL; /* "/", and no mount: a chroot */
        if (result < 0) {
            stage_close(here);
            return result;
        }
    }
}

long stage_rootfs(struct stage *stage, const struct plan_op *op)
{
    long found = SYS(stage, openat, AT_FDCWD, stage_string(stage, op->str[0]), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (found < 0)
        return found;
    long root = found;
    if (!(op->flags & PLAN_ROOTFS_PLAIN)) {
        root = stage_copy_tree(stage, (int)found, AT_RECURSIVE);
        if (root >= 0) {
            long result =
                SYS(stage, move_mount, root, "", found, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
            if (result < 0) {
                stage_close(root);
                root = result;
            }
        }
        stage_close(found);
    }
    if (root < 0)
        return root;
    stage_close(stage_slot(stage, PLAN_SLOT_ROOT));
    stage->plan->slots[PLAN_SLOT_ROOT] = (int32_t)root;
    struct statx status;
    long result = stage_stat(stage, (int)root, &status);
    stage->root_mount = result >= 0 && status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
    stage->root_is_plain = false;
    return result < 0 ? result : 0;
}
