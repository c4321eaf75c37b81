/*
 * Which code a program runs, in the order in which it first does:
 *
 *   executed LOW HIGH OUTPUT PROGRAM [ARGUMENT...]
 *
 * Appends to OUTPUT, in hexadecimal, each address between LOW and HIGH that an instruction is at.
 * The program is taken instruction by instruction, its children are not. Ends with the program's status.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define POSITION offsetof(struct user_regs_struct, rip)
#else
#error "where is the instruction pointer?"
#endif

enum { TROUBLE = 125 };

static int fail(const char *what) {
    perror(what);
    return TROUBLE;
}

int main(int count, char **words) {
    if (count < 5) {
        fprintf(stderr, "usage: executed LOW HIGH OUTPUT PROGRAM [ARGUMENT...]\n");
        return TROUBLE;
    }
    unsigned long low = strtoul(words[1], NULL, 16), high = strtoul(words[2], NULL, 16);
    FILE *output = fopen(words[3], "ae");
    char *seen = high > low ? calloc(high - low, 1) : NULL;
    if (!output || !seen)
        return fail(words[3]);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(words[4], words + 4);
        perror(words[4]);
        _exit(TROUBLE);
    }
    int status, signal = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return fail("fork");
    while (WIFSTOPPED(status)) {
        if (ptrace(PTRACE_SINGLESTEP, child, 0, (long)signal) < 0 || waitpid(child, &status, 0) < 0)
            return fail("ptrace");
        signal = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
        unsigned long position = (unsigned long)ptrace(PTRACE_PEEKUSER, child, POSITION, 0);
        if (position < low || position >= high || seen[position - low])
            continue;
        seen[position - low] = 1;
        fprintf(output, "%lx\n", position);
    }
    if (fclose(output))
        return fail(words[3]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
