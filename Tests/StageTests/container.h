/* A busybox container to try plans in. */
#ifndef STAGE_TESTS_CONTAINER_H
#define STAGE_TESTS_CONTAINER_H

#include <sched.h>

#include "builder.h"

#define CONTAINER (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)

/* The root file system, fresh for each plan, and an empty directory beside it that stands for the host. */
extern char root[64], host[64];
extern struct builder plan;
extern struct outcome outcome;

/* Run the tests in a mount namespace of their own, and tidy up. Answers an exit status. */
int run_tests(int (*tests)(void));
/* A fresh root and a plan that has entered it. */
void begin(void);
/* The usual mounts, and devices. */
void populate(void);
struct plan_op *device(const char *path, unsigned mode, dev_t number);
/* End the plan with this script, and run it. */
void run(const char *script);
bool succeeded(void);
/* Whether the plan failed in the op of that code, with that errno and fault. */
bool failed_in(enum plan_opcode code, int error, enum report_fault fault);
/* What happened, for a failed check. */
const char *why(void);
void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
