/* Things made in the root: nodes, links, directories. */
#include "internal.h"

static bool is_same_node(const struct statx *found, const struct plan_op *op)
{
    uint32_t type = (uint32_t)op->num[0] & S_IFMT, device = (uint32_t)op->num[1];
    if (type == S_IFIFO)
        return S_ISFIFO(found->stx_mode);
    /* dev_t as mknod(2) takes it: twelve bits of major between eight and twelve of minor. */
    return stage_is_device(found, type, device >> 8 & 0xfff, (device & 0xff) | (device >> 12 & 0xfff00));
}

static bool is_dressed(const struct statx *found, const struct plan_op *op)
{
    return (found->stx_mode & 07777) == (op->num[0] & 07777) && found->stx_uid == (uint32_t)op->num[2] &&
           found->stx_gid == (uint32_t)(op->num[2] >> 32);
}

/* Mode and owner of a node that has been found to be the right one, by its descriptor. */
static long dress(struct stage *stage, const struct plan_op *op, int node, const struct statx *found)
{
    uint32_t mode = (uint32_t)op->num[0] & 07777;
    uint32_t uid = (uint32_t)op->num[2], gid = (uint32_t)(op->num[2] >> 32);
    long result = 0;
    if (found->stx_uid != uid || found->stx_gid != gid)
        result = SYS(stage, fchownat, node, "", uid, gid, AT_EMPTY_PATH);
    if (result >= 0 && (found->stx_mode & 07777) != mode)
        result = stage_change_mode(stage, node, mode);
    return result;
}

long stage_device(struct stage *stage, const struct plan_op *op)
{
    char base[NAME_MAX + 1];
    const char *path = stage_string(stage, op->str[0]);
    long parent = stage_parent(stage, path, base);
    if (parent < 0)
        return parent;
    long result = SYS(stage, mknodat, parent, base, op->num[0], op->num[1]);
    if (result < 0 && result != -EEXIST)
        return result;
    struct statx found;
    if (result >= 0) {
        result = SYS(stage, statx, parent, base, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
                     &found);
        if (result >= 0 && is_same_node(&found, op) && is_dressed(&found, op))
            return 0;
    }
    long node = SYS(stage, openat, parent, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (node < 0)
        return node;
    result = stage_stat(stage, (int)node, &found);
    if (result >= 0)
        result = is_same_node(&found, op) ? dress(stage, op, (int)node, &found)
                                          : stage_fault(stage, FAULT_WRONG_DEVICE, EEXIST, path);
    stage_close(node);
    return result;
}

/* Whether the link that is there says `content`. */
static bool is_same_link(struct stage *stage, int parent, const char *base, const char *content)
{
    char present[PATH_MAX];
    long length = SYS(stage, readlinkat, parent, base, present, sizeof present - 1);
    if (length < 0)
        return false;
    present[length] = 0;
    return stage_equal(present, content);
}

long stage_make_link(struct stage *stage, const char *path, const char *content, bool replace)
{
    char base[NAME_MAX + 1];
    long parent = stage_parent(stage, path, base);
    if (parent < 0)
        return parent;
    long result = SYS(stage, symlinkat, content, parent, base);
    if (result == -EEXIST && is_same_link(stage, (int)parent, base, content)) {
        result = 0;
    } else if (result == -EEXIST && replace) {
        result = SYS(stage, unlinkat, parent, base, 0);
        if (result >= 0)
            result = SYS(stage, symlinkat, content, parent, base);
    } else if (result == -EEXIST) {
        result = stage_fault(stage, FAULT_WRONG_LINK, EEXIST, path);
    }
    return result;
}

long stage_symlink(struct stage *stage, const struct plan_op *op)
{
    return stage_make_link(stage, stage_string(stage, op->str[0]), stage_string(stage, op->str[1]),
                           op->flags & PLAN_SYMLINK_REPLACE);
}

long stage_directory(struct stage *stage, const struct plan_op *op)
{
    struct stage_target target = {.path = stage_string(stage, op->str[0]), .create = STAGE_CREATE_DIRECTORY};
    long found = stage_resolve(stage, stage_slot(stage, PLAN_SLOT_ROOT), &target);
    if (found < 0)
        return found;
    long result = stage_target_status(stage, (int)found, &target);
    if (result >= 0 && !stage_is_directory(&target.status))
        result = stage_fault(stage, FAULT_NOT_DIRECTORY, ENOTDIR, target.path);
    else if (result >= 0 && target.created && (target.status.stx_mode & 07777) != op->num[0])
        result = stage_change_mode(stage, (int)found, (uint32_t)op->num[0]);
    stage_close(found);
    return result;
}
