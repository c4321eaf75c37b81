/* Packets to the runtime and back. */
#include "internal.h"

#include <asm/socket.h>
#include <linux/socket.h>

/* The kernel's own layout of <sys/socket.h>'s structures; its headers do not give them away. */
struct message_header {
    void *name;
    int32_t name_length;
    struct message_vector *vector;
    size_t vector_count;
    void *control;
    size_t control_length;
    unsigned flags;
};
struct message_vector {
    const void *base;
    size_t length;
};
struct control {
    size_t length; /* of header and data */
    int32_t level;
    int32_t type;
    int32_t descriptor;
};
#define CONTROL_LENGTH (offsetof(struct control, descriptor) + sizeof(int32_t))
#define STAGE_SOL_SOCKET 1
#define STAGE_SCM_RIGHTS 1
#define STAGE_MSG_NOSIGNAL 0x4000

static long answer(struct stage *stage, long result)
{
    if (result == -EPIPE || result == -ECONNRESET)
        return stage_fault(stage, FAULT_RUNTIME_GONE, 0, "");
    return result < 0 ? result : 0;
}

long stage_send(struct stage *stage, enum plan_message_kind kind, int32_t value, int descriptor)
{
    struct plan_message message = {.kind = kind, .value = value};
    struct message_vector vector = {&message, sizeof message};
    struct control control = {CONTROL_LENGTH, STAGE_SOL_SOCKET, STAGE_SCM_RIGHTS, descriptor};
    struct message_header header = {.vector = &vector, .vector_count = 1};
    if (descriptor >= 0) {
        header.control = &control;
        header.control_length = sizeof control;
    }
    long result;
    do
        result = SYS(stage, sendmsg, stage_slot(stage, PLAN_SLOT_SYNC), &header, STAGE_MSG_NOSIGNAL);
    while (result == -EINTR);
    return answer(stage, result);
}

/*
 * By write(2) and read(2), as a seccomp filter that is already loaded is expected to let them pass. Should
 * nobody be there to read, SIGPIPE ends the stage, and nobody is there to miss it.
 */
long stage_sync(struct stage *stage, const struct plan_op *op)
{
    int socket = stage_slot(stage, PLAN_SLOT_SYNC);
    struct plan_message message = {.kind = PLAN_MSG_SYNC, .value = (int32_t)op->num[0]};
    long result = answer(stage, stage_write_all(stage, socket, &message, sizeof message));
    if (result < 0 || op->flags & PLAN_SYNC_PASSING)
        return result;
    result = stage_read(stage, socket, &message, sizeof message);
    if (result == 0)
        return stage_fault(stage, FAULT_RUNTIME_GONE, 0, "");
    if (result < 0)
        return answer(stage, result);
    if (result != sizeof message || message.kind != PLAN_MSG_GO || message.value != (int32_t)op->num[0])
        return -EPROTO;
    return 0;
}
