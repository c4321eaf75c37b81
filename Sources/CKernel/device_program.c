#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "device_program.h"

#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int apus_device_program_load(const void *instructions, uint32_t count, char *log, uint32_t log_size)
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

int apus_device_program_attach(int cgroup, int program, int replaced)
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

int apus_device_program_detach(int cgroup, int program)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.target_fd = (uint32_t)cgroup;
    attr.attach_bpf_fd = (uint32_t)program;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return (int)syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr);
}

int apus_device_program_query(int cgroup, uint32_t *ids, uint32_t *count)
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

int apus_device_program_open(uint32_t id)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_id = id;
    return (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
}

int apus_raise_memory_lock(uint64_t *soft, uint64_t *hard)
{
    struct rlimit old;
    const struct rlimit raised = {RLIM_INFINITY, RLIM_INFINITY};
    if (getrlimit(RLIMIT_MEMLOCK, &old) != 0)
        return -1;
    *soft = old.rlim_cur;
    *hard = old.rlim_max;
    return setrlimit(RLIMIT_MEMLOCK, &raised);
}

void apus_restore_memory_lock(uint64_t soft, uint64_t hard)
{
    const struct rlimit old = {soft, hard};
    (void)setrlimit(RLIMIT_MEMLOCK, &old);
}
