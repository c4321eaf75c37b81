#include "internal.h"

#define BUSY_ATTEMPTS 5

static void pause_100ms(void)
{
    struct {
        int64_t seconds, nanoseconds;
    } time = {0, 100000000};
    RAW4(__NR_clock_nanosleep, 1 /* CLOCK_MONOTONIC */, 0, &time, 0);
}

/* Writers that are about to go make a mount busy for a moment. */
static long change(struct stage *stage, int mount, uint64_t attributes)
{
    long result = -EBUSY;
    for (int i = 0; i < BUSY_ATTEMPTS && result == -EBUSY; i++) {
        if (i)
            pause_100ms();
        result = stage_set_attributes(stage, mount, attributes, 0, 0);
        if (result == -ENOSYS)
            result = stage_remount_attributes(stage, mount, attributes);
    }
    return result;
}

static long change_super(struct stage *stage, const struct plan_op *op, int mount)
{
    long context = SYS(stage, fspick, mount, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (context < 0)
        return context;
    /* As with mount(2), what is not said to be read-only is not. */
    long result = 0;
    if (!(op->num[2] & MS_RDONLY))
        result = SYS(stage, fsconfig, context, FSCONFIG_SET_FLAG, "rw", 0, 0);
    if (result >= 0)
        result = stage_configure(stage, (int)context, op->num[2], stage_string(stage, op->str[3]), op->len);
    for (int i = 0; result >= 0 && i < BUSY_ATTEMPTS; i++) {
        if (i)
            pause_100ms();
        result = stage_configure_command(stage, (int)context, FSCONFIG_CMD_RECONFIGURE);
        if (result != -EBUSY)
            break;
        if (i + 1 < BUSY_ATTEMPTS)
            result = 0;
    }
    stage_close(context);
    return result;
}

long stage_remount(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    long mount = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH);
    if (mount < 0)
        return mount;
    long result = 0;
    if (op->num[0]) {
        result = change(stage, (int)mount, op->num[0]);
        uint64_t kept;
        if (result == -EPERM && stage_keep_locked(stage, (int)mount, op->num[0], &kept) >= 0)
            result = change(stage, (int)mount, kept);
    }
    if (result >= 0 && op->flags & PLAN_REMOUNT_SUPER)
        result = change_super(stage, op, (int)mount);
    stage_close(mount);
    return result;
}

long stage_repropagate(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]);
    long mount = stage_open_in(stage, stage_slot(stage, PLAN_SLOT_ROOT), path, O_PATH);
    if (mount < 0)
        return mount;
    long result = stage_set_propagation(stage, (int)mount, op->num[0]);
    stage_close(mount);
    return result;
}
