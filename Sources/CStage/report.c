#include "internal.h"

/* Out of line: a hundred and fifty calls of it make up most of the stage. */
long stage_syscall(struct stage *stage, long number, long a, long b, long c, long d, long e, long f)
{
    stage->report->call = (uint32_t)number;
    return raw_syscall6(number, a, b, c, d, e, f);
}

void stage_close(long descriptor)
{
    if (descriptor >= 0)
        RAW1(__NR_close, descriptor);
}

void stage_detail(struct stage *stage, const char *text, size_t length)
{
    struct stage_report *report = stage->report;
    uint32_t used = report->length < REPORT_DETAIL ? report->length : REPORT_DETAIL;
    if (length > REPORT_DETAIL - used)
        length = REPORT_DETAIL - used;
    stage_copy(report->detail + used, text, length);
    report->length = used + (uint32_t)length;
}

long stage_fault(struct stage *stage, enum report_fault fault, int error, const char *detail)
{
    struct stage_report *report = stage->report;
    report->fault = fault;
    report->call = UINT32_MAX;
    report->length = 0;
    stage_detail(stage, detail, stage_length(detail));
    return error ? -error : -STAGE_FAULT;
}
