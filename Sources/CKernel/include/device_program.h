/* bpf(2) for programs that guard a cgroup's devices. glibc has no function for it. */
#ifndef APUS_DEVICE_PROGRAM_H
#define APUS_DEVICE_PROGRAM_H

#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* A descriptor of the loaded program, or -1. The log may be NULL; the verifier's words come back in it. */
static inline int apus_device_program_load(const void *instructions, uint32_t count, char *log,
                                           uint32_t log_size)
{
    /* What the kernel asks about are the licences of helper functions; the program calls none. */
    static const char license[] = "Apache-2.0";
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t)(uintptr_t)instructions;
    attr.insn_cnt = count;
    attr.license = (uint64_t)(uintptr_t)license;
    attr.log_buf = (uint64_t)(uintptr_t)log;
    attr.log_size = log_size;
    attr.log_level = log ? 1 : 0;
    return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
}

/* Beside other programs, or in place of the one given; -1 is none. */
static inline int apus_device_program_attach(int cgroup, int program, int replaced)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (replaced >= 0) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)replaced;
    }
    return (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr);
}

static inline int apus_device_program_detach(int cgroup, int program)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return (int)syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr);
}

/* The IDs of the programs on this cgroup, its ancestors' left out; `count` is the room, then the number. */
static inline int apus_device_program_query(int cgroup, uint32_t *ids, uint32_t *count)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.query.target_fd = (uint32_t)cgroup;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attr.query.prog_cnt = *count;
    int result = (int)syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr);
    *count = attr.query.prog_cnt;
    return result;
}

static inline int apus_device_program_open(uint32_t id)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_id = id;
    return (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
}

/* Lifts the limit on locked memory and says what it was; -1 without the right to. */
static inline int apus_raise_memory_lock(struct rlimit *old)
{
    const struct rlimit raised = {RLIM_INFINITY, RLIM_INFINITY};
    return getrlimit(RLIMIT_MEMLOCK, old) == 0 ? setrlimit(RLIMIT_MEMLOCK, &raised) : -1;
}

static inline void apus_restore_memory_lock(const struct rlimit *old)
{
    (void)setrlimit(RLIMIT_MEMLOCK, old);
}

#endif
