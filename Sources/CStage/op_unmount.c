#include "internal.h"

long stage_unmount(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    /* A mount may cover a link, and a link may lead to a mount. */
    long mount = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH | O_NOFOLLOW);
    if (mount < 0)
        return mount;
    struct statx found, root;
    long result = stage_stat(stage, (int)mount, &found);
    if (result >= 0 && S_ISLNK(found.stx_mode) && !(found.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
        stage_close(mount);
        mount = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH);
        result = mount < 0 ? mount : stage_stat(stage, (int)mount, &found);
    }
    if (result >= 0)
        result = stage_stat(stage, stage_slot(stage, PLAN_SLOT_ROOT), &root);
    if (result >= 0 && (!(found.stx_attributes & STATX_ATTR_MOUNT_ROOT) || found.stx_mnt_id == root.stx_mnt_id))
        result = stage_fault(stage, FAULT_NOT_MOUNT, EINVAL, path);
    if (result >= 0)
        result = stage_unmount_descriptor(stage, (int)mount);
    stage_close(mount);
    return result;
}

long stage_done(struct stage *stage, const struct plan_op *op)
{
    (void)stage, (void)op;
    for (;;)
        RAW1(__NR_exit_group, 0);
}
