/* bpf(2) for programs that guard a cgroup's devices. glibc has no function for it. */
#ifndef APUS_DEVICE_PROGRAM_H
#define APUS_DEVICE_PROGRAM_H

#include <stdint.h>

/* A descriptor of the loaded program, or -1. The log may be NULL; the verifier's words come back in it. */
int apus_device_program_load(const void *instructions, uint32_t count, char *log, uint32_t log_size);

/* Beside other programs, or in place of the one given; -1 is none. */
int apus_device_program_attach(int cgroup, int program, int replaced);
int apus_device_program_detach(int cgroup, int program);

/* The IDs of the programs on this cgroup, its ancestors' left out; `count` is the room, then the number. */
int apus_device_program_query(int cgroup, uint32_t *ids, uint32_t *count);
int apus_device_program_open(uint32_t id);

/* Lifts the limit on locked memory and says what it was; -1 without the right to. */
int apus_raise_memory_lock(uint64_t *soft, uint64_t *hard);
void apus_restore_memory_lock(uint64_t soft, uint64_t hard);

#endif
