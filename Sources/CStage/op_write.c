#include "internal.h"

long stage_write(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]), *value = stage_string(stage, op->str[1]);
    int below = stage_slot(stage, (unsigned)op->slot[0]);
    uint64_t how = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
    long file = stage_openat2(stage, below, path, O_WRONLY | O_NOFOLLOW, how);
    if (file < 0)
        return file;
    long result = 0;
    if (op->slot[0] == PLAN_SLOT_PROC) {
        result = stage_magic(stage, (int)file);
        if (result >= 0 && result != PROC_SUPER_MAGIC)
            result = stage_fault(stage, FAULT_NOT_PROC, 0, path);
    }
    if (result >= 0)
        result = stage_write_all(stage, (int)file, value, stage_length(value));
    stage_close(file);
    return result;
}
