/*
 * The stage's main program: `stage N`, where N is the descriptor of a sealed plan.
 *
 * It is in every container as /proc/self/exe and may be started there by anybody with anything. Whoever
 * brings no plan gets exit status 1 and no word; whoever brings one gets what he could have done himself.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "bytes.h"
#include "ckernel.h"
#include "file_types.h"
#include "stage.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS (F_LINUX_SPECIFIC_BASE + 10)
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#define F_SEAL_WRITE 0x0008
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static long parse_descriptor(const char *text)
{
    long number = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || (number = number * 10 + (*text - '0')) > INT32_MAX)
            return -1;
    }
    return number;
}

static bool is_mapped(long address)
{
    return address >= 0 || address < -4095;
}

/* Map the whole file if it has a size the caller can do with. */
static void *map(int file, size_t least, size_t most, int protection, int flags, size_t *size)
{
    struct statx status;
    if (RAW5(__NR_statx, file, "", AT_EMPTY_PATH, STATX_SIZE | STATX_TYPE, &status) < 0)
        return 0;
    if (!S_ISREG(status.stx_mode) || status.stx_size < least || status.stx_size > most)
        return 0;
    long address = RAW6(__NR_mmap, 0, status.stx_size, protection, flags, file, 0);
    *size = (size_t)status.stx_size;
    return is_mapped(address) ? (void *)address : 0;
}

/* A private copy: no one can change it any more, and the stage writes pointers into it. */
static struct plan_header *open_plan(int file, size_t *size)
{
    long seals = RAW2(__NR_fcntl, file, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return 0;
    return map(file, sizeof(struct plan_header), PLAN_MAX_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, size);
}

static struct stage_report *open_report(struct plan_header *plan, size_t *size)
{
    int file = plan->slots[PLAN_SLOT_REPORT];
    if (plan->magic != PLAN_MAGIC || plan->version != PLAN_VERSION || file <= 2)
        return 0;
    struct stage_report *report =
        map(file, REPORT_SIZE, REPORT_SIZE + PLAN_MAX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, size);
    if (report) {
        RAW1(__NR_close, file);
        plan->slots[PLAN_SLOT_REPORT] = -1;
    }
    return report;
}

static void refuse(struct stage_report *report, const char *why)
{
    size_t length = stage_length(why);
    stage_copy(report->detail, why, length);
    report->length = (uint32_t)length;
    report->call = UINT32_MAX;
    report->error = 0;
    report->fault = FAULT_PLAN;
    report->state = REPORT_FAILED;
}

static int run(int file)
{
    size_t size, room;
    struct plan_header *plan = open_plan(file, &size);
    if (!plan)
        return 1;
    RAW1(__NR_close, file);
    /* Verified as it came, and before that no slot but the report's is looked at. */
    const char *wrong = stage_verify(plan, size);
    struct stage_report *report = open_report(plan, &room);
    if (!report)
        return 1;
    if (!wrong && room != REPORT_SIZE + (plan->flags & PLAN_TIMED ? REPORT_TIMES(plan->op_count) : 0))
        wrong = "its report is too short or too long";
    if (wrong) {
        refuse(report, wrong);
        return 1;
    }
    for (unsigned i = 0; i < PLAN_SLOTS; i++)
        if (plan->slots[i] >= 0)
            RAW3(__NR_fcntl, plan->slots[i], F_SETFD, FD_CLOEXEC);
    return stage_run(plan, report);
}

/* Called by start.S with the stack as the kernel has left it: the count of arguments, and the arguments. */
__attribute__((noreturn)) void stage_main(const long *stack)
{
    RAW2(__NR_prctl, PR_SET_DUMPABLE, 0);
    RAW2(__NR_prctl, PR_SET_NAME, "apus-stage");
    long count = stack[0];
    const char *const *arguments = (const char *const *)(const void *)(stack + 1);
    long file = count == 2 ? parse_descriptor(arguments[1]) : -1;
    int status = file > 2 ? run((int)file) : 1;
    for (;;)
        RAW1(__NR_exit_group, status);
}
