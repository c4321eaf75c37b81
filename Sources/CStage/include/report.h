/*
 * The page that the stage shares with the runtime: where it is, and what went wrong.
 *
 * It is written before each step, because afterwards it may be too late: a seccomp filter may forbid
 * write(2), and a process killed by SIGSYS or by the OOM killer says nothing more. Whoever reads it
 * treats it as hostile.
 */
#ifndef APUS_REPORT_H
#define APUS_REPORT_H

#include <stdint.h>

#define REPORT_SIZE 4096
#define REPORT_DETAIL 2048

/*
 * If the plan is PLAN_TIMED, numbers of 64 bits follow the page: what the processor's counter (counter.h) was when
 * each op began, 0 if it was left out, and at last when the op failed that the plan ended with.
 */
#define REPORT_TIMES(op_count) (8 * ((uint64_t)(op_count) + 1))

enum report_state {
    REPORT_FRESH = 0,   /* the stage has not begun */
    REPORT_RUNNING = 1, /* in op `op` */
    REPORT_FAILED = 2   /* op `op` failed with `error` or `fault` */
};

/*
 * What is wrong where no errno says it. `detail` names the object. Where an errno comes close it is given too,
 * and the plan may tolerate it: EEXIST with WRONG_DEVICE and WRONG_LINK, ENOTDIR, EISDIR, and LOOKUP's answer.
 * With the others `error` is 0, and no plan can go on.
 */
enum report_fault {
    FAULT_NONE = 0,
    FAULT_PLAN,           /* the plan does not verify; `detail` says why */
    FAULT_ESCAPED,        /* a mount's target was exchanged while it was being mounted */
    FAULT_NOT_DIRECTORY,  /* the target exists and is no directory */
    FAULT_IS_DIRECTORY,   /* the target is a directory and the source is a file */
    FAULT_LINK_TARGET,    /* proc or sysfs on something that is no real directory */
    FAULT_IN_PROC,        /* a mount inside procfs that is not on the list of allowed ones */
    FAULT_NOT_NULL,       /* /dev/null of the container is not the null device */
    FAULT_WRONG_DEVICE,   /* a node exists and is another device */
    FAULT_WRONG_LINK,     /* a link exists with other content */
    FAULT_CWD_OUTSIDE,    /* the working directory is not below the root: a breakout */
    FAULT_NOT_PROC,       /* the file to be written is not on procfs */
    FAULT_NO_EXECUTABLE,  /* LOOKUP found nothing; `error` is the last answer */
    FAULT_NOT_MOUNT,      /* what is to be unmounted is no mount; `error` is EINVAL */
    FAULT_TOO_DEEP,       /* directories too deep in one another to be copied */
    FAULT_RUNTIME_GONE    /* the runtime closed the socket before it said "go" */
};

struct stage_report {
    uint32_t state;
    uint32_t op;     /* index into the plan */
    uint32_t call;   /* number of the system call that failed; UINT32_MAX if it was none */
    int32_t error;   /* errno */
    uint32_t fault;
    uint32_t length; /* of detail, bytes */
    int32_t listener; /* descriptor of the seccomp listener in the stage, -1 before SECCOMP has made one */
    uint32_t taken;   /* the runtime's one word here: 1 when it has passed the listener on */
    char detail[REPORT_DETAIL];
};

_Static_assert(sizeof(struct stage_report) <= REPORT_SIZE, "the report is one page");

#endif
