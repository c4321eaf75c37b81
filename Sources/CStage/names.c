#include "internal.h"

const char *plan_opcode_name(uint32_t code)
{
    static const char *const names[] = {
        [PLAN_NONE] = 0,
#define PLAN_OP(NAME, name) [PLAN_##NAME] = #name,
#include "ops.def"
#undef PLAN_OP
    };
    return code < PLAN_OPCODES ? names[code] : 0;
}

const char *plan_call_name(uint32_t call)
{
    static const char *const names[] = {
#define PLAN_CALL(name, arguments) #name,
#include "calls.def"
#undef PLAN_CALL
    };
    return call < PLAN_CALLS ? names[call] : 0;
}

const char *stage_syscall_name(uint32_t number)
{
    static const struct {
        uint32_t number;
        const char *name;
    } names[] = {
#define STAGE_SYSCALL(name) {__NR_##name, #name},
#include "syscall_list.h"
#undef STAGE_SYSCALL
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return 0;
}
