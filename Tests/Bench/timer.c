/*
 * Runs commands and tells what they took: a small program between the bench and the runtimes, because starting a
 * process from Python costs as much as a container, and because a child's peak of memory begins with its parent's.
 *
 *   timer OUTPUT     OUTPUT takes the commands' standard output and error
 *
 * A request on standard input is three 32-bit numbers and then arguments, each ended by a zero byte; the answer is a
 * struct answer. Processes whose parents end become the timer's and are reaped as they end, as an engine would.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS = 64, BYTES = 8192, WIDTH = 64 };

/* total commands of which `width` run at a time; `@` in an argument becomes the command's number. */
struct request {
    uint32_t bytes, total, width;
};

struct answer {
    int64_t nanoseconds, user, system, peak, minor_faults, major_faults, blocks_read, failed, status;
};

static int nothing, output;
static sigset_t of_caller;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t microseconds(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

static pid_t start(char **arguments)
{
    pid_t pid = vfork();
    if (pid)
        return pid;
    sigprocmask(SIG_SETMASK, &of_caller, NULL);
    dup2(nothing, 0);
    dup2(output, 1);
    dup2(output, 2);
    execve(arguments[0], arguments, environ);
    _exit(127);
}

static void numbered(char *const *from, char **to, char *room, uint32_t number)
{
    for (; *from; from++, to++) {
        *to = room;
        for (const char *letter = *from; *letter; letter++)
            room += *letter == '@' ? sprintf(room, "%u", number) : (*room = *letter, 1);
        *room++ = 0;
    }
    *to = NULL;
}

static struct answer measure(char **arguments, uint32_t total, uint32_t width)
{
    struct answer answer = {0};
    pid_t running[WIDTH] = {0};
    char *own[ARGUMENTS + 1], room[2 * BYTES];
    uint32_t started = 0, ended = 0;
    int64_t begun = now();
    while (ended < total) {
        for (uint32_t slot = 0; slot < width && started < total; slot++) {
            if (running[slot])
                continue;
            numbered(arguments, own, room, started++);
            running[slot] = start(own);
        }
        int status;
        struct rusage used;
        pid_t pid = wait4(-1, &status, 0, &used);
        for (uint32_t slot = 0; slot < width; slot++) {
            if (pid <= 0 || running[slot] != pid)
                continue;
            running[slot] = 0;
            ended++;
            answer.nanoseconds = now() - begun;
            answer.user += microseconds(used.ru_utime);
            answer.system += microseconds(used.ru_stime);
            answer.peak = used.ru_maxrss > answer.peak ? used.ru_maxrss : answer.peak;
            answer.minor_faults += used.ru_minflt;
            answer.major_faults += used.ru_majflt;
            answer.blocks_read += used.ru_inblock;
            answer.failed += status != 0;
            answer.status = status ? status : answer.status;
        }
    }
    return answer;
}

static void take(void *to, size_t length)
{
    for (char *next = to; length;) {
        ssize_t got = read(0, next, length);
        if (got <= 0)
            exit(got < 0);
        next += got;
        length -= (size_t)got;
    }
}

int main(int count, char **given)
{
    if (count != 2 || (output = open(given[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
        return 2;
    nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, &of_caller);
    int deaths = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (;;) {
        struct pollfd wait[] = {{.fd = 0, .events = POLLIN}, {.fd = deaths, .events = POLLIN}};
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return 1;
        struct signalfd_siginfo told;
        while (read(deaths, &told, sizeof told) > 0)
            ;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (!(wait[0].revents & (POLLIN | POLLHUP)))
            continue;
        struct request request;
        static char bytes[BYTES];
        char *arguments[ARGUMENTS + 1], *next = bytes;
        take(&request, sizeof request);
        if (request.bytes > BYTES || request.width > WIDTH)
            return 2;
        take(bytes, request.bytes);
        size_t found = 0;
        for (; next < bytes + request.bytes && found < ARGUMENTS; next += strlen(next) + 1)
            arguments[found++] = next;
        arguments[found] = NULL;
        struct answer answer = measure(arguments, request.total, request.width);
        if (write(1, &answer, sizeof answer) != sizeof answer)
            return 1;
    }
}
