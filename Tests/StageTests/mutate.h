/* What the stage would read of a plan that passes, read here, so that a sanitizer sees it. */
#ifndef STAGE_TESTS_MUTATE_H
#define STAGE_TESTS_MUTATE_H

#include <stdlib.h>
#include <string.h>

#include "stage.h"

static volatile size_t stage_tests_sink;

static const char *touch_strings(const char *at, uint64_t count)
{
    for (; count; count--) {
        size_t length = strlen(at);
        stage_tests_sink += length;
        at += length + 1;
    }
    return at;
}

static void touch_bytes(char *at, size_t length)
{
    memset(at, at[0], length);
}

/* `plan` is the whole of a block of its own. Answers whether it verified. */
static int verify_and_touch(struct plan_header *plan, size_t size)
{
    if (stage_verify(plan, size))
        return 0;
    char *arena = (char *)plan + plan->arena_offset;
    const struct plan_op *ops = (void *)((char *)plan + plan->op_offset);
    for (uint32_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &ops[i];
        if (op->slot[0] >= 0)
            stage_tests_sink += (size_t)plan->slots[op->slot[0]];
        stage_tests_sink += strlen(plan_opcode_name(op->code));
        switch (op->code) {
        case PLAN_CALL:
            stage_tests_sink += strlen(plan_call_name((uint32_t)op->num[0]));
            break;
        case PLAN_IDENTITY:
            if (op->len)
                stage_tests_sink += ((uint32_t *)(void *)(arena + op->str[0]))[op->len - 1];
            break;
        case PLAN_SECCOMP:
            stage_tests_sink += ((uint64_t *)(void *)(arena + op->str[0]))[op->len - 1];
            break;
        case PLAN_LOOKUP:
            touch_strings(arena + op->str[0], op->len);
            break;
        case PLAN_EXEC:
            touch_strings(arena + op->str[0], op->num[1]);
            touch_strings(arena + op->str[1], op->num[2]);
            ((char **)(void *)(arena + op->str[2]))[op->num[1] + op->num[2] + 1] = NULL;
            break;
        case PLAN_HOME:
            touch_bytes(arena + op->str[0], op->len - 1);
            arena[op->str[0] + op->len - 1] = 0;
            break;
        case PLAN_MOUNT_FS:
        case PLAN_REMOUNT:
            for (const char *at = arena + op->str[3], *end = at + op->len; at < end;)
                at = touch_strings(at + 1, *at == PLAN_OPTION_STRING ? 2 : 1);
            /* fall through */
        default:
            for (unsigned s = 0; s < 3; s++)
                touch_strings(arena + op->str[s], 1);
        }
    }
    return 1;
}

#endif
