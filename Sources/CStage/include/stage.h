/*
 * The stage's two entry points. Nothing here allocates, formats or calls into libc; both can be linked
 * into a test as well as into the freestanding stage.
 */
#ifndef APUS_STAGE_H
#define APUS_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "report.h"

/*
 * Whether `size` bytes at `plan` are a plan that can be run without reading outside of it.
 * Returns NULL if so, else a sentence that says what is wrong.
 */
const char *stage_verify(const void *plan, size_t size);

/*
 * Run a verified plan. Does not return on success: the last op execs.
 * On failure the report is filled in and the exit status to leave with is returned.
 */
int stage_run(struct plan_header *plan, struct stage_report *report);

/* The name of an opcode ("mount-fs"), or NULL. */
const char *plan_opcode_name(uint32_t code);

/* The name of a system call of CALL ("setsid"), or NULL. */
const char *plan_call_name(uint32_t call);

/* The name of a system call as a report gives it ("move_mount"), or NULL if the stage never makes it. */
const char *stage_syscall_name(uint32_t number);

#endif
