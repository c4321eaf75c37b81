/*
 * Keeps libcap from asking the kernel anything when a program starts.
 *
 * libcap has a constructor (_libcap_initialize in cap_alloc.o) that looks for the kernel's last capability
 * by bisection with prctl(PR_CAPBSET_READ). It would run at each start of each verb, most of which have
 * nothing to do with capabilities, and the runtime only ever uses libcap's names.
 *
 * The constructor's two calls that matter are in another object of libcap.a, cap_proc.o. Defined here, they
 * are found before the archive is searched, so that cap_proc.o is not linked at all: the search ends at
 * once without an answer, and libcap falls back to the number of capabilities that it was built with, all
 * of which cap_from_name(3) then knows.
 *
 * A future libcap whose names need more of cap_proc.o will fail to link, with these two as duplicates. The
 * symbols are hidden: a program linked with libcap.so keeps the library's own.
 */
#include <sys/capability.h>

#pragma GCC visibility push(hidden)

int cap_get_bound(cap_value_t capability) {
    (void)capability;
    return -1;
}

void cap_set_syscall(long int (*three)(long int, long int, long int, long int),
                     long int (*six)(long int, long int, long int, long int, long int, long int, long int)) {
    (void)three;
    (void)six;
}

#pragma GCC visibility pop
