#include "floor.h"

#include <linux/bpf.h>

/* The devices that every container has, and mknod of any, as the runtimes' programs allow them when nothing is asked for. */
void guard_devices(long cgroup)
{
    enum { ALLOW = 17 };
#define INSTRUCTION(code, to, from, jump, value) {code, to, from, jump, value}
#define EQUAL(where, register, value) INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, register, 0, ALLOW - (where)-1, value)
    static const struct bpf_insn program[] = {
        INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0), /* access << 16 | type */
        EQUAL(1, 2, BPF_DEVCG_ACC_MKNOD << 16 | BPF_DEVCG_DEV_CHAR),
        EQUAL(2, 2, BPF_DEVCG_ACC_MKNOD << 16 | BPF_DEVCG_DEV_BLOCK),
        INSTRUCTION(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
        INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 10, BPF_DEVCG_DEV_CHAR),
        INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0), /* major */
        INSTRUCTION(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 8, 0), /* minor */
        EQUAL(7, 3, 136),
        INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 4, 5),
        INSTRUCTION(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 5, 1),
        INSTRUCTION(BPF_JMP | BPF_JGT | BPF_K, 4, 0, 4, 9),
        INSTRUCTION(BPF_JMP | BPF_JGE | BPF_K, 4, 0, 5, 3),
        INSTRUCTION(BPF_JMP | BPF_JA, 0, 0, 2, 0),
        EQUAL(13, 4, 0),
        EQUAL(14, 4, 2),
        INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
        INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
        INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
        INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = sizeof program / sizeof *program,
                                 .insns = (unsigned long)program, .license = (unsigned long)"Apache-2.0"};
    long loaded = RAW3(__NR_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    must(loaded, "load of the device rules");
    attributes = (union bpf_attr){.target_fd = (unsigned)cgroup, .attach_bpf_fd = (unsigned)loaded, .attach_type = BPF_CGROUP_DEVICE};
    must(RAW3(__NR_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes), "attach of the device rules");
}
