/*
 * The processor's counter, which goes on at one rate on all of its cores.
 *
 * What the stage takes its times by: reading it is no system call, so that no seccomp filter can forbid it, and no
 * time namespace moves it (time_namespaces(7): all of CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW and CLOCK_BOOTTIME are
 * moved). Its rate and its zero are nobody's business: who reads two of them beside a clock can tell the rest.
 */
#ifndef APUS_COUNTER_H
#define APUS_COUNTER_H

#include <stdint.h>

static inline uint64_t apus_counter(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#elif defined(__riscv) && __riscv_xlen == 64
    uint64_t count;
    __asm__ volatile("rdtime %0" : "=r"(count));
    return count;
#else
#error "which counter this architecture has is not known yet"
#endif
}

#endif
