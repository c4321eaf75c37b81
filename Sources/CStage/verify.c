/*
 * Whether a plan can be run: every offset inside, every string terminated, every opcode, flag and slot known.
 * The stage runs nothing of a plan that does not pass.
 */
#include "internal.h"

#define ARENA_ALIGNMENT 8 /* so that offsets of aligned blobs are aligned addresses */

uint32_t stage_strings_end(const char *arena, uint32_t size, uint32_t offset, uint64_t count)
{
    if (offset >= size)
        return STAGE_OUTSIDE;
    for (; count; count--) {
        while (offset < size && arena[offset])
            offset++;
        if (offset >= size)
            return STAGE_OUTSIDE;
        offset++;
    }
    return offset;
}

static const char *verify_header(const struct plan_header *plan, size_t size)
{
    if (plan->magic != PLAN_MAGIC)
        return "it does not begin with the plan's magic number";
    if (plan->version != PLAN_VERSION)
        return "its version is another";
    if (plan->size != size)
        return "its size is not what its header says";
    if (plan->flags & ~PLAN_TIMED)
        return "it has a flag that is none";
    if (plan->op_count == 0)
        return "it has no ops";
    if (plan->op_offset < sizeof *plan || plan->op_offset % _Alignof(struct plan_op))
        return "its ops begin at a wrong place";
    uint64_t ops_end = plan->op_offset + (uint64_t)plan->op_count * sizeof(struct plan_op);
    if (plan->arena_offset < ops_end || plan->arena_offset % ARENA_ALIGNMENT)
        return "its arena begins at a wrong place";
    if ((uint64_t)plan->arena_offset + plan->arena_size > size)
        return "its arena ends outside of it";
    if (plan->arena_size == 0 || ((const char *)plan)[plan->arena_offset])
        return "its arena does not begin with NUL";
    for (unsigned i = 0; i < PLAN_SLOTS; i++)
        if (plan->slots[i] != -1 && plan->slots[i] <= 2)
            return "a slot is none of -1 and the numbers from 3 on";
    if (plan->slots[PLAN_SLOT_REPORT] < 0)
        return "it has no report";
    return 0;
}

/* What an op needs of those before it. */
static const char *verify_order(const struct plan_header *plan, const struct plan_op *ops)
{
    bool root = plan->slots[PLAN_SLOT_ROOT] >= 0, executable = false;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &ops[i];
        bool last = i + 1 == plan->op_count;
        if ((op->code == PLAN_EXEC || op->code == PLAN_DONE) != last)
            return "EXEC or DONE is not its last op, or there is more than one";
        if (op->flags & PLAN_FALLBACK) {
            bool tolerant = false;
            for (size_t e = 0; i && e < sizeof op->errnos; e++)
                tolerant |= ops[i - 1].errnos[e] != 0;
            if (!tolerant)
                return "a fallback comes after an op that tolerates no errno";
        }
        switch (op->code) {
        case PLAN_ROOTFS:
            root = true;
            break;
        case PLAN_LOOKUP:
            executable = true;
            break;
        case PLAN_EXEC:
            if (!executable)
                return "EXEC without LOOKUP before it";
            break;
        case PLAN_MOUNT_FS:
        case PLAN_MOUNT_BIND:
        case PLAN_REMOUNT:
        case PLAN_REPROPAGATE:
        case PLAN_UNMOUNT:
        case PLAN_DEVICE:
        case PLAN_SYMLINK:
        case PLAN_DIRECTORY:
        case PLAN_MASK:
        case PLAN_READONLY:
        case PLAN_CONSOLE:
        case PLAN_PIVOT:
        case PLAN_MOVE_ROOT:
        case PLAN_CHROOT:
            if (!root)
                return "an op in the root comes before ROOTFS";
            break;
        default:
            break;
        }
    }
    return 0;
}

const char *stage_verify(const void *bytes, size_t size)
{
    const struct plan_header *plan = bytes;
    if (size < sizeof *plan || size > PLAN_MAX_SIZE || (uintptr_t)bytes % ARENA_ALIGNMENT)
        return "it is too short, too long, or not aligned";
    const char *wrong = verify_header(plan, size);
    if (wrong)
        return wrong;
    const struct plan_op *ops = (const void *)((const char *)bytes + plan->op_offset);
    const char *arena = (const char *)bytes + plan->arena_offset;
    for (uint32_t i = 0; i < plan->op_count; i++)
        if ((wrong = stage_verify_op(plan, &ops[i], arena)))
            return wrong;
    return verify_order(plan, ops);
}
