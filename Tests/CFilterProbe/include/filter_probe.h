#pragma once
#include <stdint.h>

/* What came of a system call made under a filter. */
struct probe_result {
    /* Set if the call came back. */
    int returned;
    long value;
    /* 0, or why it failed. */
    int error;
    /* As waitpid(2) reports the child. */
    int status;
};

enum probe_entry {
    /* The native way. */
    PROBE_NATIVE,
    /* int 0x80 on x86_64, with three arguments. */
    PROBE_INT80,
};

/* Installs `count` instructions in a child and makes one system call there.
 * Answers 0, or a positive errno if the child could not be made or the filter not be installed. */
int probe_filter(const void *instructions, unsigned short count, unsigned flags, enum probe_entry entry,
                 uint32_t number, const uint64_t arguments[6], struct probe_result *result);
