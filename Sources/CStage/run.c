#include "internal.h"

#include "counter.h"

static stage_step *const steps[PLAN_OPCODES] = {
    [PLAN_SETNS] = stage_setns,
    [PLAN_CLONE] = stage_clone,
    [PLAN_SYNC] = stage_sync,
    [PLAN_CALL] = stage_call,
    [PLAN_KEYRING] = stage_keyring,
    [PLAN_LOOPBACK] = stage_loopback,
    [PLAN_WRITE] = stage_write,
    [PLAN_PROPAGATE] = stage_propagate,
    [PLAN_ISOLATE] = stage_isolate,
    [PLAN_ROOTFS] = stage_rootfs,
    [PLAN_MOUNT_FS] = stage_mount_fs,
    [PLAN_MOUNT_BIND] = stage_mount_bind,
    [PLAN_REMOUNT] = stage_remount,
    [PLAN_REPROPAGATE] = stage_repropagate,
    [PLAN_LABEL] = stage_label,
    [PLAN_DEVICE] = stage_device,
    [PLAN_SYMLINK] = stage_symlink,
    [PLAN_DIRECTORY] = stage_directory,
    [PLAN_UNMOUNT] = stage_unmount,
    [PLAN_MASK] = stage_mask,
    [PLAN_READONLY] = stage_readonly,
    [PLAN_CONSOLE] = stage_console,
    [PLAN_PIVOT] = stage_pivot,
    [PLAN_MOVE_ROOT] = stage_move_root,
    [PLAN_CHROOT] = stage_chroot,
    [PLAN_MEMORY_POLICY] = stage_memory_policy,
    [PLAN_LIMIT] = stage_limit,
    [PLAN_HOSTNAME] = stage_hostname,
    [PLAN_SIGNALS] = stage_signals,
    [PLAN_CLOEXEC] = stage_cloexec,
    [PLAN_CHDIR] = stage_chdir,
    [PLAN_STDIO] = stage_stdio,
    [PLAN_BOUND] = stage_bound,
    [PLAN_IDENTITY] = stage_identity,
    [PLAN_CAPS] = stage_caps,
    [PLAN_SECCOMP] = stage_filter,
    [PLAN_HOME] = stage_home,
    [PLAN_LOOKUP] = stage_lookup,
    [PLAN_STRIP] = stage_strip,
    [PLAN_FIFO] = stage_fifo,
    [PLAN_EXEC] = stage_exec,
    [PLAN_DONE] = stage_done,
};
_Static_assert(PLAN_OPCODES == 43, "every opcode has its step");

/* The steps that go on in stage.parent. They mount on nothing but a target that was resolved. */
static bool stays(const struct plan_op *op)
{
    switch (op->code) {
    case PLAN_MOUNT_FS:
    case PLAN_MOUNT_BIND:
    case PLAN_DEVICE:
    case PLAN_SYMLINK:
    case PLAN_DIRECTORY:
        return true;
    default:
        return false;
    }
}

/* Exit statuses; the second is what callers expect where exec itself fails. */
enum { FAILED = 1, NOT_EXECED = 255 };

static bool is_tolerated(const struct plan_op *op, long error)
{
    for (size_t i = 0; i < sizeof op->errnos; i++)
        if (op->errnos[i] && op->errnos[i] == error)
            return true;
    return false;
}

int stage_run(struct plan_header *plan, struct stage_report *report)
{
    struct stage stage = {
        .plan = plan,
        .report = report,
        .arena = (char *)plan + plan->arena_offset,
        .mask = -1,
        .null = -1,
        .parent.directory = -1,
        /* Modes in the plan are meant as they are. */
        .inherited_umask = (int)RAW1(__NR_umask, 0),
    };
    const struct plan_op *ops = (const void *)((const char *)plan + plan->op_offset);
    uint64_t *times = plan->flags & PLAN_TIMED ? (void *)((char *)report + REPORT_SIZE) : 0;
    bool failed = false;
    report->listener = -1;
    report->taken = 0;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &ops[i];
        if (op->flags & PLAN_FALLBACK && !failed)
            continue;
        if (times)
            times[i] = apus_counter();
        stage.op = report->op = i;
        report->call = UINT32_MAX;
        report->error = 0;
        report->fault = FAULT_NONE;
        report->length = 0;
        report->state = REPORT_RUNNING;
        long result = stays(op) ? 0 : stage_leave(&stage);
        if (result >= 0)
            result = steps[op->code](&stage, op);
        failed = result < 0;
        if (!failed || is_tolerated(op, -result))
            continue;
        if (times)
            times[plan->op_count] = apus_counter();
        report->error = result == -STAGE_FAULT ? 0 : (int32_t)-result;
        report->state = REPORT_FAILED;
        return op->code == PLAN_EXEC ? NOT_EXECED : FAILED;
    }
    return FAILED;
}
