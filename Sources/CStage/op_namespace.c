#include "internal.h"

#include <asm/ioctls.h>

long stage_setns(struct stage *stage, const struct plan_op *op)
{
    if (!op->num[0] || op->num[0] & CLONE_NEWNS)
        stage->one_by_one = true;
    return SYS(stage, setns, stage_slot(stage, (unsigned)op->slot[0]), op->num[0]);
}

/* The child's half: on only when the runtime has been told of it, so that no message overtakes that one. */
static long await_parent(const int wait[2])
{
    char told = 0;
    long result;
    stage_close(wait[1]);
    do
        result = RAW3(__NR_read, wait[0], &told, 1);
    while (result == -EINTR);
    while (result != 1)
        RAW1(__NR_exit_group, 1); /* the parent has said what is wrong */
    stage_close(wait[0]);
    return 0;
}

long stage_clone(struct stage *stage, const struct plan_op *op)
{
    int32_t pidfd = -1;
    int wait[2];
    struct clone_args arguments = {
        .flags = op->num[0] | CLONE_PARENT | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
    };
    if (op->slot[0] >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)stage_slot(stage, (unsigned)op->slot[0]);
    }
    long result = SYS(stage, pipe2, wait, O_CLOEXEC);
    if (result < 0)
        return result;
    long child = SYS(stage, clone3, &arguments, sizeof arguments);
    if (child == 0)
        return await_parent(wait);
    stage_close(wait[0]);
    if (child > 0)
        child = stage_send(stage, PLAN_MSG_CHILD, (int32_t)child, pidfd);
    stage_close(pidfd);
    if (child < 0) {
        stage_close(wait[1]);
        return child;
    }
    /* From here on the report is the child's. */
    RAW3(__NR_write, wait[1], "", 1);
    for (;;)
        RAW1(__NR_exit_group, 0);
}

/* The fourth field of KEYCTL_DESCRIBE's "type;uid;gid;permissions;description". */
static bool parse_permissions(const char *text, uint32_t *permissions)
{
    for (int field = 0; field < 3; field++) {
        while (*text && *text != ';')
            text++;
        if (!*text++)
            return false;
    }
    const char *start = text;
    *permissions = 0;
    for (; *text && *text != ';'; text++) {
        uint32_t digit;
        if (*text >= '0' && *text <= '9')
            digit = (uint32_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            digit = (uint32_t)(*text - 'a' + 10);
        else
            return false;
        *permissions = *permissions << 4 | digit;
    }
    return text != start && text - start <= 8;
}

long stage_keyring(struct stage *stage, const struct plan_op *op)
{
    enum { JOIN_SESSION_KEYRING = 1, SETPERM = 5, DESCRIBE = 6 };
    const char *name = op->str[0] ? stage_string(stage, op->str[0]) : 0;
    long keyring = SYS(stage, keyctl, JOIN_SESSION_KEYRING, name);
    if (keyring < 0 || op->num[0] == 0)
        return keyring;
    char description[512];
    long length = SYS(stage, keyctl, DESCRIBE, keyring, description, sizeof description - 1);
    if (length < 0)
        return length;
    description[(size_t)length < sizeof description ? (size_t)length : sizeof description - 1] = 0;
    uint32_t permissions;
    if (!parse_permissions(description, &permissions))
        return -EPROTO;
    return SYS(stage, keyctl, SETPERM, keyring, permissions | (uint32_t)op->num[0]);
}

long stage_loopback(struct stage *stage, const struct plan_op *op)
{
    (void)op;
    enum { UNIX = 1, DATAGRAM = 2, GET_FLAGS = 0x8913, SET_FLAGS = 0x8914, UP = 1 };
    struct {
        char name[16];
        int16_t flags;
        char padding[22];
    } request = {.name = "lo"};
    /* Any socket carries these requests, and this family is always there. */
    long socket = SYS(stage, socket, UNIX, DATAGRAM | O_CLOEXEC, 0);
    if (socket < 0)
        return socket;
    long result = SYS(stage, ioctl, socket, GET_FLAGS, &request);
    if (result >= 0 && !(request.flags & UP)) {
        request.flags |= UP;
        result = SYS(stage, ioctl, socket, SET_FLAGS, &request);
    }
    stage_close(socket);
    return result;
}
