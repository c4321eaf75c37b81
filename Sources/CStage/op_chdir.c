#include "internal.h"

static long open_directory(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    long root = SYS(stage, openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return root;
    long found = stage_open_in(stage, (int)root, path, O_PATH | O_DIRECTORY);
    if (found == -ENOENT && op->flags & PLAN_CHDIR_CREATE) {
        struct stage_target target = {.path = path, .create = STAGE_CREATE_DIRECTORY};
        found = stage_resolve(stage, (int)root, &target);
    }
    stage_close(root);
    return found;
}

/* A descriptor of a host directory, should one have been left open, must not become the way out. */
static long check_inside(struct stage *stage, const char *path)
{
    char where[PATH_MAX];
    long result = SYS(stage, getcwd, where, sizeof where);
    if (result < 0)
        return result;
    return where[0] == '/' ? 0 : stage_fault(stage, FAULT_CWD_OUTSIDE, 0, path);
}

long stage_chdir(struct stage *stage, const struct plan_op *op)
{
    if (op->flags & PLAN_CHDIR_RETRY && !stage->cwd_pending)
        return 0;
    stage->cwd_pending = true;
    long found = open_directory(stage, op);
    if (found < 0)
        return found;
    long result = SYS(stage, fchdir, found);
    stage_close(found);
    if (result >= 0)
        result = check_inside(stage, stage_string(stage, op->str[0]));
    if (result >= 0)
        stage->cwd_pending = false;
    return result;
}
