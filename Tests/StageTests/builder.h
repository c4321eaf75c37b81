/* Plans for tests, built op by op, and a way to run them as the runtime does. */
#ifndef STAGE_TESTS_BUILDER_H
#define STAGE_TESTS_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include "stage.h"

struct builder {
    struct plan_op ops[128];
    uint32_t op_count;
    char arena[1 << 16];
    uint32_t arena_size;
    int32_t slots[PLAN_SLOTS];
    uint32_t flags;       /* of the plan */
    uint32_t report_size; /* 0 is what the flags ask for */
};

void builder_begin(struct builder *builder);
/* Offsets into the arena. */
uint32_t builder_string(struct builder *builder, const char *text);
uint32_t builder_blob(struct builder *builder, const void *bytes, size_t length);
uint32_t builder_room(struct builder *builder, size_t length);
/* Strings in a row; `texts` ends with a null pointer. */
uint32_t builder_strings(struct builder *builder, const char *const *texts);
/* A new op, with no operands yet. */
struct plan_op *builder_op(struct builder *builder, enum plan_opcode code);
/* MOUNT_FS; `options` is "key=value,key", and may be null. */
struct plan_op *builder_mount(struct builder *builder, const char *type, const char *target, const char *options);
struct plan_op *builder_bind(struct builder *builder, const char *source, const char *target);
struct plan_op *builder_path(struct builder *builder, enum plan_opcode code, const char *path);
/* LOOKUP and EXEC. */
void builder_exec(struct builder *builder, const char *path, const char *const *argv);
/* The plan in one block, from malloc(3). */
struct plan_header *builder_finish(const struct builder *builder, size_t *size);

/* A system call that answers with an errno in the stages run from here on; -1 for none. */
void deny_call(long number, int error);

/* The rendezvous at which what CLONE has made gets its ID maps. */
#define SYNC_MAP_IDS 1000
/* The one at which nobody answers. */
#define SYNC_NO_ANSWER 1001

/* What came of a plan that has been run. */
struct outcome {
    int status;                 /* as wait(2) gives it */
    int child_status;           /* of what CLONE made; -1 if it made nothing */
    struct stage_report report; /* with detail terminated */
    uint64_t times[129];        /* of a timed plan */
    char output[8192];          /* of standard output and error together */
};

/*
 * Run the plan in a child with `flags` (CLONE_NEW*), through the stage's image at the path in $STAGE, and
 * answer each rendezvous at once. Descriptors for proc, sync and report are added.
 */
void run_plan(struct builder *builder, uint64_t flags, struct outcome *outcome);
/* The same, and hand out the pty's master that the plan sends; -1 if it sends none. */
void run_plan_with_console(struct builder *builder, uint64_t flags, struct outcome *outcome, int *master);

/* What a thread does while the stage runs: `report` is the page's file. It ends with the stage, or before. */
extern void (*run_beside)(pid_t stage, int report);

#endif
