#include "internal.h"

/* For file systems that have no option to label them with (mqueue). */
long stage_label(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]), *label = stage_string(stage, op->str[1]);
    long directory = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_RDONLY | O_DIRECTORY);
    if (directory < 0)
        return directory;
    /* With its NUL, as setfilecon(3) has it. */
    long result = SYS(stage, fsetxattr, directory, "security.selinux", label, stage_length(label) + 1, 0);
    stage_close(directory);
    return result;
}
