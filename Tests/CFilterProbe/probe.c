#include "filter_probe.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct page {
    int setup;
    struct probe_result result;
};

static long native(uint32_t number, const uint64_t a[6]) {
    return syscall((long)number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long int80(uint32_t number, const uint64_t a[6]) {
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"((long)number), "b"(a[0]), "c"(a[1]), "d"(a[2])
                     : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
#else
    (void)number;
    (void)a;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

int probe_filter(const void *instructions, unsigned short count, unsigned flags, enum probe_entry entry,
                 uint32_t number, const uint64_t arguments[6], struct probe_result *result) {
    struct page *page = mmap(0, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    page->setup = -1;
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        munmap(page, sizeof *page);
        return error;
    }
    if (child == 0) {
        struct rlimit none = {0, 0};
        struct sock_fprog program = {count, (struct sock_filter *)instructions};
        setrlimit(RLIMIT_CORE, &none);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) {
            page->setup = errno;
            _exit(1);
        }
        page->setup = 0;
        errno = 0;
        long value = entry == PROBE_INT80 ? int80(number, arguments) : native(number, arguments);
        page->result.value = value;
        page->result.error = value == -1 ? errno : 0;
        page->result.returned = 1;
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    *result = page->result;
    result->status = status;
    int setup = page->setup;
    munmap(page, sizeof *page);
    return setup;
}
