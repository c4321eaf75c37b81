/* The filter of the process's system calls. */
#include "internal.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/* Some seconds; the runtime needs far less than a millisecond, for it has connected to the agent before. */
#define PATIENCE (1u << 28)

static void pause_processor(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    __asm__ volatile("");
#endif
}

/*
 * Show the listener, and wait without any system call: the filter may send each of them to an agent that does not
 * have the listener yet, and refuse or kill for each.
 */
static long show_listener(struct stage *stage, int32_t listener)
{
    struct stage_report *report = stage->report;
    __atomic_store_n(&report->listener, listener, __ATOMIC_RELEASE);
    for (uint32_t i = 0; !__atomic_load_n(&report->taken, __ATOMIC_ACQUIRE); i++) {
        if (i == PATIENCE)
            return stage_fault(stage, FAULT_RUNTIME_GONE, 0, "");
        pause_processor();
    }
    stage_close(listener);
    return 0;
}

long stage_filter(struct stage *stage, const struct plan_op *op)
{
    struct sock_fprog program = {.len = (unsigned short)op->len, .filter = (void *)(stage->arena + op->str[0])};
    long result = SYS(stage, seccomp, SECCOMP_SET_MODE_FILTER, op->num[0], &program);
    if (result >= 0 && op->num[0] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        return show_listener(stage, (int32_t)result);
    if (result > 0 && op->num[0] & SECCOMP_FILTER_FLAG_TSYNC)
        return -ESRCH; /* a thread that did not follow */
    return result;
}
