/* The way out of the stage: find the executable, wait for `start`, exec. */
#include "internal.h"

/* A filter that is older than a system call: none of those here has such an answer of its own. */
static bool is_filtered(long result)
{
    return result == -ENOSYS || result == -EPERM;
}

/* By the one call that every filter allows: whether it is there, and no directory. execve(2) will tell the rest. */
static long check_existing(struct stage *stage, const char *path)
{
    long found = SYS(stage, openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool is_directory = found >= 0;
    if (found == -ENOTDIR)
        found = SYS(stage, openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
    if (found < 0)
        return found;
    stage_close(found);
    return is_directory ? -EISDIR : 0;
}

/* Whether execve(2) would take it, as far as can be told without trying. */
static long check_executable(struct stage *stage, const char *path)
{
    struct statx found;
    long result = SYS(stage, statx, AT_FDCWD, path, 0, STATX_TYPE | STATX_MODE, &found);
    if (is_filtered(result))
        return check_existing(stage, path);
    if (result < 0)
        return result;
    if (stage_is_directory(&found))
        return -EISDIR;
    if (!S_ISREG(found.stx_mode))
        return -EACCES;
    result = SYS(stage, faccessat2, AT_FDCWD, path, 1 /* X_OK */, AT_EACCESS);
    if (is_filtered(result))
        result = SYS(stage, faccessat, AT_FDCWD, path, 1 /* X_OK */);
    return is_filtered(result) ? 0 : result;
}

/* Of several answers the one that says most. */
static int weight(long result)
{
    switch (result) {
    case 0:
    case -ENOENT:
        return 0;
    case -ENOTDIR:
        return 1;
    case -EISDIR:
        return 3;
    case -EACCES:
        return 4;
    default:
        return 2;
    }
}

long stage_lookup(struct stage *stage, const struct plan_op *op)
{
    const char *path = stage_string(stage, op->str[0]), *worst = path;
    long answer = -ENOENT;
    for (uint32_t i = 0; i < op->len; i++, path += stage_length(path) + 1) {
        long result = check_executable(stage, path);
        if (result >= 0) {
            stage->executable = (uint32_t)(path - stage->arena);
            return 0;
        }
        if (weight(result) > weight(answer)) {
            answer = result;
            worst = path;
        }
    }
    return stage_fault(stage, FAULT_NO_EXECUTABLE, (int)-answer, worst);
}

long stage_strip(struct stage *stage, const struct plan_op *op)
{
    (void)op;
    stage_close(stage->mask);
    stage_close(stage->null);
    stage->mask = stage->null = -1;
    for (int slot = 0; slot < PLAN_SLOTS; slot++) {
        if (slot == PLAN_SLOT_FIFO || slot == PLAN_SLOT_SYNC)
            continue;
        stage_close(stage_slot(stage, (unsigned)slot));
        stage->plan->slots[slot] = -1;
    }
    return 0;
}

long stage_fifo(struct stage *stage, const struct plan_op *op)
{
    int fifo = stage_slot(stage, (unsigned)op->slot[0]);
    char go;
    long result;
    /* Its end tells the runtime that the container is created. */
    stage_close(stage_slot(stage, PLAN_SLOT_SYNC));
    stage->plan->slots[PLAN_SLOT_SYNC] = -1;
    do
        result = SYS(stage, read, fifo, &go, 1);
    while (result == -EINTR);
    stage_close(fifo);
    stage->plan->slots[op->slot[0]] = -1;
    return result == 0 ? -EPIPE : result;
}

/* In Go's words, which callers look for. */
static const char *describe(long error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {EPERM, "operation not permitted"},
        {ENOENT, "no such file or directory"},
        {EIO, "input/output error"},
        {E2BIG, "argument list too long"},
        {ENOEXEC, "exec format error"},
        {EAGAIN, "resource temporarily unavailable"},
        {ENOMEM, "cannot allocate memory"},
        {EACCES, "permission denied"},
        {EFAULT, "bad address"},
        {ENOTDIR, "not a directory"},
        {EISDIR, "is a directory"},
        {EINVAL, "invalid argument"},
        {ENFILE, "too many open files in system"},
        {EMFILE, "too many open files"},
        {ETXTBSY, "text file busy"},
        {ENAMETOOLONG, "file name too long"},
        {ENOSYS, "function not implemented"},
        {ELOOP, "too many levels of symbolic links"},
        {ELIBBAD, "accessing a corrupted shared library"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].error == error)
            return texts[i].text;
    return 0;
}

/* The last word goes to the container's own standard error: the runtime may be gone since `create`. */
static void complain(const char *path, long error)
{
    char line[PATH_MAX + 64];
    struct stage_text text = stage_text(line, sizeof line - 1);
    stage_append(&text, "exec ");
    stage_append(&text, path);
    stage_append(&text, ": ");
    if (describe(error)) {
        stage_append(&text, describe(error));
    } else {
        stage_append(&text, "errno ");
        stage_append_number(&text, (uint64_t)error, 10);
    }
    line[text.length++] = '\n';
    RAW3(__NR_write, 2, line, text.length);
}

/* Really closed, since a path may lead through /proc/self/fd while it is being exec'd. */
static void close_all(struct stage *stage, uint64_t first)
{
    for (unsigned slot = 0; slot < PLAN_SLOTS; slot++)
        stage_close(stage_slot(stage, slot));
    stage_close(stage->mask);
    stage_close(stage->null);
    SYS(stage, close_range, first, UINT32_MAX, 0);
}

/* Point `to` at strings that lie in a row, and end with a null pointer. */
static char **point_at(char **to, char *strings, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++, strings += stage_length(strings) + 1)
        *to++ = strings;
    *to++ = 0;
    return to;
}

long stage_exec(struct stage *stage, const struct plan_op *op)
{
    const struct plan_header *plan = stage->plan;
    if (!stage->executable)
        return -ENOENT;
    /* HOME has written into the arena since it was verified. */
    if (stage_strings_end(stage->arena, plan->arena_size, op->str[0], op->num[1]) == STAGE_OUTSIDE ||
        stage_strings_end(stage->arena, plan->arena_size, op->str[1], op->num[2]) == STAGE_OUTSIDE)
        return -EINVAL;
    char **argv = (char **)(void *)(stage->arena + op->str[2]);
    char **envp = point_at(argv, stage->arena + op->str[0], op->num[1]);
    point_at(envp, stage->arena + op->str[1], op->num[2]);
    const char *path = stage_string(stage, stage->executable);

    if (stage->inherited_umask >= 0)
        SYS(stage, umask, stage->inherited_umask);
    close_all(stage, op->num[0]);
    long result = SYS(stage, execve, path, argv, envp);
    complain(path, -result);
    return result;
}
