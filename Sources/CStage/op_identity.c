/* Who the process is, and what it may do. */
#include "internal.h"

#include <linux/capability.h>
#include <linux/prctl.h>

long stage_bound(struct stage *stage, const struct plan_op *op)
{
    for (unsigned capability = 0; capability < 64; capability++) {
        if (op->num[0] >> capability & 1)
            continue;
        long result = SYS(stage, prctl, PR_CAPBSET_DROP, capability);
        /* Without CAP_SETPCAP nothing can be dropped, and what is not there need not be. */
        if (result == -EPERM) {
            long there = SYS(stage, prctl, PR_CAPBSET_READ, capability);
            result = there == 0 || there == -EINVAL ? there : result;
        }
        if (result == -EINVAL)
            break; /* the kernel knows no more */
        if (result < 0)
            return result;
    }
    return 0;
}

long stage_identity(struct stage *stage, const struct plan_op *op)
{
    uint32_t uid = (uint32_t)op->num[0], gid = (uint32_t)op->num[1];
    /* It is who turns his back on root that loses them (capabilities(7)); exec has cleared the flag. */
    bool keep = uid != 0;
    long result = keep ? SYS(stage, prctl, PR_SET_KEEPCAPS, 1) : 0;
    if (result >= 0 && !(op->flags & PLAN_IDENTITY_KEEP_GROUPS))
        result = SYS(stage, setgroups, op->len, stage_string(stage, op->str[0]));
    if (result == -EPERM && op->flags & PLAN_IDENTITY_MAY_KEEP_GROUPS)
        result = 0;
    if (result >= 0)
        result = SYS(stage, setresgid, gid, gid, gid);
    if (result >= 0)
        result = SYS(stage, setresuid, uid, uid, uid);
    if (result >= 0 && keep)
        result = SYS(stage, prctl, PR_SET_KEEPCAPS, 0);
    return result;
}

long stage_caps(struct stage *stage, const struct plan_op *op)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (unsigned i = 0; i < 2; i++) {
        data[i].effective = (uint32_t)(op->num[0] >> 32 * i);
        data[i].permitted = (uint32_t)(op->num[1] >> 32 * i);
        data[i].inheritable = (uint32_t)(op->num[2] >> 32 * i);
    }
    long result = SYS(stage, capset, &header, data);
    if (result >= 0)
        result = SYS(stage, prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned capability = 0; result >= 0 && capability < 64; capability++)
        if (op->num[3] >> capability & 1)
            result = SYS(stage, prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    return result;
}
