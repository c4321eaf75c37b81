// Runs a command as an older kernel would: the named system calls answer ENOSYS, in it and its children.
//
//   nosys NAME[,NAME...] COMMAND [ARGUMENT...]
//
// `close_range-cloexec` stands for close_range that knows no CLOSE_RANGE_CLOEXEC (EINVAL, as before 5.11).
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// These have one number on every architecture.
static const struct { const char *name; unsigned number; } known[] = {
    {"open_tree", 428}, {"move_mount", 429}, {"fsopen", 430}, {"fsconfig", 431}, {"fsmount", 432}, {"fspick", 433},
    {"pidfd_open", 434}, {"clone3", 435}, {"close_range", 436}, {"openat2", 437}, {"pidfd_getfd", 438},
    {"faccessat2", 439}, {"epoll_pwait2", 441}, {"mount_setattr", 442}, {"fchmodat2", 452}, {"statmount", 457},
    {"listmount", 458}, {"memfd_create", SYS_memfd_create}, {"pidfd_send_signal", 424}, {"execveat", SYS_execveat},
    {"keyctl", SYS_keyctl}, {"statx", SYS_statx}, {"add_key", SYS_add_key},
};

int main(int argc, char **argv) {
    struct sock_filter code[128];
    unsigned n = 0;
    if (argc < 3) return 125;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (char *name = strtok(argv[1], ","); name; name = strtok(NULL, ",")) {
        if (!strcmp(name, "close_range-cloexec")) {
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 436, 0, 4);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL);
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
            continue;
        }
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i].name, name)) i++;
        if (i == sizeof known / sizeof *known) {
            fprintf(stderr, "nosys: unknown system call %s\n", name);
            return 125;
        }
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    // With privilege no no_new_privs is needed, which the container would inherit.
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
        perror("nosys: seccomp");
        return 125;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 125;
}
