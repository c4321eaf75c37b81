/* What the parts of the floor share: floor.c makes the child, floor_container.c is in it. */
#pragma once
#include "ckernel.h"

#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <stdbool.h>

#define SIGCHLD 17
#define CGROUPS "/sys/fs/cgroup/"

/* bundles.py makes the bundles of these shapes. */
enum shape { spec, engine, large };

struct filter {
    struct sock_fprog program;
};

char *text(char *to, const char *from);
void must(long result, const char *what);
void guard_devices(long cgroup);
void load(struct filter *filter, const char *path);
__attribute__((noreturn)) void become_container(enum shape shape, const char *bundle, const char *cgroup,
                                                const char *filter, char **environment);
__attribute__((noreturn)) void become_process(enum shape shape, const struct filter *filter, char **environment);
