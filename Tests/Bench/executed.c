/*
 * Which functions a program runs, in the order in which it first does:
 *
 *   executed ENTRIES OUTPUT PROGRAM [ARGUMENT...]
 *
 * ENTRIES has the functions' addresses in hexadecimal, sorted, one a line; those that were run are appended to OUTPUT.
 * Each gets a breakpoint, which goes when it is reached. A child that shares the program's memory meets them too: it is
 * followed until it executes another. Ends with the program's status.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "what does a breakpoint look like?"
#endif

enum { TROUBLE = 125, BREAKPOINT = 0xcc };

/* What lies between the first entry and the last: as it is, and with the breakpoints. */
static struct {
    unsigned long low, size;
    unsigned char *original, *patched;
} code;

static int fail(const char *what) {
    perror(what);
    return TROUBLE;
}

static int read_entries(const char *path, unsigned long **entries, size_t *count) {
    FILE *input = fopen(path, "re");
    if (!input)
        return -1;
    unsigned long entry;
    for (size_t room = *count = 0; fscanf(input, "%lx", &entry) == 1; (*entries)[(*count)++] = entry)
        if (*count == room && !(*entries = realloc(*entries, (room = room * 2 + 1024) * sizeof entry)))
            return -1;
    fclose(input);
    errno = ENODATA;
    return *count > 1 ? 0 : -1;
}

static int set_breakpoints(pid_t child, const unsigned long *entries, size_t count) {
    code.low = entries[0];
    code.size = entries[count - 1] - entries[0] + 1;
    code.original = malloc(code.size);
    code.patched = malloc(code.size);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (!code.original || !code.patched || memory < 0 ||
        pread(memory, code.original, code.size, (off_t)code.low) != (ssize_t)code.size)
        return -1;
    memcpy(code.patched, code.original, code.size);
    for (size_t i = 0; i < count; i++)
        code.patched[entries[i] - code.low] = BREAKPOINT;
    ssize_t written = pwrite(memory, code.patched, code.size, (off_t)code.low);
    close(memory);
    return written == (ssize_t)code.size ? 0 : -1;
}

/* Whether the process stands behind one of our breakpoints. Then that is noted, taken away and stepped back over. */
static int pass(pid_t pid, FILE *output) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0)
        return 0;
    unsigned long place = registers.rip - 1, position = place - code.low;
    if (position >= code.size || code.patched[position] != BREAKPOINT || code.original[position] == BREAKPOINT)
        return 0;
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, pid, place, 0);
    if (errno)
        return 0;
    if ((word & 0xff) == BREAKPOINT) {
        fprintf(output, "%lx\n", place);
        ptrace(PTRACE_POKETEXT, pid, place, (word & ~0xffL) | code.original[position]);
    }
    registers.rip = place;
    return ptrace(PTRACE_SETREGS, pid, 0, &registers) == 0;
}

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: executed ENTRIES OUTPUT PROGRAM [ARGUMENT...]\n");
        return TROUBLE;
    }
    unsigned long *entries = NULL;
    size_t entry_count;
    if (read_entries(words[1], &entries, &entry_count) < 0)
        return fail(words[1]);
    FILE *output = fopen(words[2], "ae");
    if (!output)
        return fail(words[2]);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(words[3], words + 3);
        perror(words[3]);
        _exit(TROUBLE);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return fail("fork");
    if (!WIFSTOPPED(status))
        return TROUBLE;
    const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, child, 0, options) < 0 || set_breakpoints(child, entries, entry_count) < 0)
        return fail("breakpoints");
    ptrace(PTRACE_CONT, child, 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0)
            return fail("waitpid");
        if (!WIFSTOPPED(status)) {
            if (pid == child)
                break;
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_EXEC) {
            ptrace(PTRACE_DETACH, pid, 0, 0);
            continue;
        }
        /* A child begins with a stop of ours. */
        if (event || (signal == SIGSTOP && pid != child) || (signal == SIGTRAP && pass(pid, output)))
            signal = 0;
        ptrace(PTRACE_CONT, pid, 0, signal);
    }
    if (fclose(output))
        return fail(words[2]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
