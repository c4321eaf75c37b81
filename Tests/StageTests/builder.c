#define _GNU_SOURCE
#include "builder.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

void builder_begin(struct builder *builder)
{
    memset(builder, 0, sizeof *builder);
    builder->arena_size = 8;
    for (int i = 0; i < PLAN_SLOTS; i++)
        builder->slots[i] = -1;
}

uint32_t builder_blob(struct builder *builder, const void *bytes, size_t length)
{
    builder->arena_size = (builder->arena_size + 7) & ~7u;
    uint32_t offset = builder->arena_size;
    if (offset + length > sizeof builder->arena)
        errx(2, "the test's arena is too small");
    if (bytes)
        memcpy(builder->arena + offset, bytes, length);
    builder->arena_size += (uint32_t)length;
    return offset;
}

uint32_t builder_room(struct builder *builder, size_t length)
{
    return builder_blob(builder, NULL, length);
}

uint32_t builder_string(struct builder *builder, const char *text)
{
    return *text ? builder_blob(builder, text, strlen(text) + 1) : 0;
}

uint32_t builder_strings(struct builder *builder, const char *const *texts)
{
    char row[8192];
    size_t length = 0;
    for (; *texts; texts++)
        length = (size_t)(stpcpy(row + length, *texts) + 1 - row);
    return builder_blob(builder, row, length);
}

struct plan_op *builder_op(struct builder *builder, enum plan_opcode code)
{
    struct plan_op *op = &builder->ops[builder->op_count++];
    memset(op, 0, sizeof *op);
    op->code = (uint16_t)code;
    op->slot[0] = op->slot[1] = -1;
    return op;
}

struct plan_op *builder_path(struct builder *builder, enum plan_opcode code, const char *path)
{
    struct plan_op *op = builder_op(builder, code);
    op->str[0] = builder_string(builder, path);
    return op;
}

struct plan_op *builder_mount(struct builder *builder, const char *type, const char *target, const char *options)
{
    struct plan_op *op = builder_path(builder, PLAN_MOUNT_FS, target);
    char entries[4096];
    size_t length = 0;
    op->str[1] = builder_string(builder, type);
    op->str[2] = builder_string(builder, type);
    char *copy = strdup(options ? options : ""), *rest = copy, *option;
    while ((option = strsep(&rest, ",")) && *option) {
        char *value = strchr(option, '=');
        entries[length++] = value ? PLAN_OPTION_STRING : PLAN_OPTION_FLAG;
        if (value)
            *value++ = 0;
        length = (size_t)(stpcpy(entries + length, option) + 1 - entries);
        if (value)
            length = (size_t)(stpcpy(entries + length, value) + 1 - entries);
    }
    free(copy);
    if (length)
        op->str[3] = builder_blob(builder, entries, length);
    op->len = (uint32_t)length;
    return op;
}

struct plan_op *builder_bind(struct builder *builder, const char *source, const char *target)
{
    struct plan_op *op = builder_path(builder, PLAN_MOUNT_BIND, target);
    op->str[1] = builder_string(builder, source);
    return op;
}

void builder_exec(struct builder *builder, const char *path, const char *const *argv)
{
    struct plan_op *op = builder_path(builder, PLAN_LOOKUP, path);
    op->len = 1;
    op = builder_op(builder, PLAN_EXEC);
    size_t count = 0;
    while (argv[count])
        count++;
    op->str[0] = builder_strings(builder, argv);
    op->str[1] = builder_strings(builder, (const char *const[]){"PATH=/bin", NULL});
    op->num[0] = 3;
    op->num[1] = count;
    op->num[2] = 1;
    op->str[2] = builder_room(builder, (count + 3) * sizeof(char *));
}

struct plan_header *builder_finish(const struct builder *builder, size_t *size)
{
    size_t ops = builder->op_count * sizeof(struct plan_op);
    struct plan_header header = {
        .magic = PLAN_MAGIC,
        .version = PLAN_VERSION,
        .op_count = builder->op_count,
        .op_offset = sizeof header,
        .arena_offset = (uint32_t)(sizeof header + ops),
        .arena_size = builder->arena_size,
        .flags = builder->flags,
    };
    memcpy(header.slots, builder->slots, sizeof header.slots);
    header.size = header.arena_offset + header.arena_size;
    char *plan = malloc(header.size);
    memcpy(plan, &header, sizeof header);
    memcpy(plan + header.op_offset, builder->ops, ops);
    memcpy(plan + header.arena_offset, builder->arena, builder->arena_size);
    *size = header.size;
    return (void *)plan;
}

static int memory_file(const void *bytes, size_t size, unsigned seals)
{
    int file = memfd_create("plan", MFD_ALLOW_SEALING);
    if (file < 0 || (size_t)write(file, bytes, size) != size || fcntl(file, F_ADD_SEALS, seals))
        err(2, "memfd");
    return file;
}

static long denied = -1;
static int denied_error;

void deny_call(long number, int error)
{
    denied = number;
    denied_error = error;
}

static void install_denial(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)denied_error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    if (denied >= 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        _exit(126);
}

/* IDs from 0 on are those from 100000 on. */
static void map_ids(pid_t pid)
{
    static const char *const maps[] = {"uid_map", "gid_map"};
    for (int i = 0; i < 2; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", pid, maps[i]);
        int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, "0 100000 65536", 14) != 14)
            err(2, "%s", path);
        close(file);
    }
}

/* Answers each rendezvous until the stage's end of the socket is gone. */
static void serve(int socket, int output, struct outcome *outcome, int *master)
{
    size_t length = 0;
    pid_t cloned = 0;
    struct pollfd ready[2] = {{.fd = socket, .events = POLLIN}, {.fd = output, .events = POLLIN}};
    while (ready[0].fd >= 0 || ready[1].fd >= 0) {
        poll(ready, 2, -1);
        if (ready[0].revents) {
            struct plan_message message;
            char control[CMSG_SPACE(sizeof(int))];
            struct iovec vector = {&message, sizeof message};
            struct msghdr header = {
                .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
            if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) != sizeof message) {
                ready[0].fd = -1;
                continue;
            }
            struct cmsghdr *attached = CMSG_FIRSTHDR(&header);
            if (attached && message.kind == PLAN_MSG_CONSOLE && master)
                memcpy(master, CMSG_DATA(attached), sizeof *master);
            if (attached && message.kind == PLAN_MSG_CHILD) {
                memcpy(&outcome->child_status, CMSG_DATA(attached), sizeof(int));
                cloned = message.value;
            }
            if (message.kind == PLAN_MSG_SYNC && message.value != SYNC_NO_ANSWER) {
                if (message.value == SYNC_MAP_IDS)
                    map_ids(cloned);
                message.kind = PLAN_MSG_GO;
                (void)!write(socket, &message, sizeof message);
            }
        }
        if (ready[1].revents) {
            ssize_t got = read(output, outcome->output + length, sizeof outcome->output - 1 - length);
            if (got <= 0)
                ready[1].fd = -1;
            else
                length += (size_t)got;
        }
    }
}

void (*run_beside)(pid_t stage, int report);

struct beside {
    pid_t stage;
    int report;
};

static void *start_beside(void *argument)
{
    const struct beside *beside = argument;
    run_beside(beside->stage, beside->report);
    return NULL;
}

void run_plan_with_console(struct builder *builder, uint64_t flags, struct outcome *outcome, int *master)
{
    int sockets[2], output[2];
    memset(outcome, 0, sizeof *outcome);
    outcome->child_status = -1;
    if (master)
        *master = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) || pipe2(output, O_CLOEXEC))
        err(2, "socketpair");
    static const char page[2 * REPORT_SIZE];
    size_t report_size = REPORT_SIZE + (builder->flags & PLAN_TIMED ? REPORT_TIMES(builder->op_count) : 0);
    if (builder->report_size)
        report_size = builder->report_size;
    int report = memory_file(page, report_size, 0);
    int proc = open("/proc", O_PATH | O_DIRECTORY);
    /* As in the runtime, none of the slots is among the first descriptors. */
    builder->slots[PLAN_SLOT_SYNC] = fcntl(sockets[1], F_DUPFD, 3);
    builder->slots[PLAN_SLOT_REPORT] = report;
    builder->slots[PLAN_SLOT_PROC] = proc;
    size_t size;
    struct plan_header *plan = builder_finish(builder, &size);
    int file = memory_file(plan, size, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    free(plan);
    char number[16];
    snprintf(number, sizeof number, "%d", file);

    struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
    fflush(stdout);
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0)
        err(2, "clone3");
    if (child == 0) {
        dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
        dup2(output[1], 1);
        dup2(output[1], 2);
        install_denial();
        execl(getenv("STAGE"), "stage", number, NULL);
        _exit(127);
    }
    close(builder->slots[PLAN_SLOT_SYNC]);
    close(sockets[1]);
    close(output[1]);
    close(proc);
    close(file);
    struct beside beside = {child, report};
    pthread_t thread;
    if (run_beside && pthread_create(&thread, NULL, start_beside, &beside))
        errx(2, "pthread_create");
    serve(sockets[0], output[0], outcome, master);
    waitpid(child, &outcome->status, 0);
    if (run_beside)
        pthread_join(thread, NULL);
    if (outcome->child_status >= 0) { /* its pidfd until here */
        siginfo_t info = {0};
        if (waitid(P_PIDFD, (id_t)outcome->child_status, &info, WEXITED | __WALL))
            err(2, "waitid");
        close(outcome->child_status);
        outcome->child_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    }
    close(sockets[0]);
    close(output[0]);
    if (pread(report, &outcome->report, sizeof outcome->report, 0) != sizeof outcome->report)
        err(2, "report");
    if (pread(report, outcome->times, sizeof outcome->times, REPORT_SIZE) < 0)
        err(2, "times");
    close(report);
    uint32_t length = outcome->report.length;
    outcome->report.detail[length < REPORT_DETAIL ? length : REPORT_DETAIL - 1] = 0;
}

void run_plan(struct builder *builder, uint64_t flags, struct outcome *outcome)
{
    run_plan_with_console(builder, flags, outcome, NULL);
}
